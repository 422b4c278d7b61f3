"""Figures and how they are taken: rounds in turn, waiting for quiet, minimum, median and maximum."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg


@dataclass
class Figure:
    """The values of several rounds. `unit` is what stands behind the number."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    between: str = " / "

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def __str__(self) -> str:
        if not self.values:
            return "—"
        if self.between != " / ":
            return f"{self.between.join(_short(v) for v in self.values)} {self.unit}"
        low, middle, high = (_short(v) for v in (min(self.values), self.median, max(self.values)))
        return f"{low} / {middle} / {high} {self.unit}"


def grouped(value: float) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,.0f}".replace(",", " ")


def _short(value: float) -> str:
    return grouped(value) if abs(value) >= 100 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def say(text: str) -> None:
    """Tell on standard error what the bench is doing; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def _ticks() -> tuple[float, float]:
    with open("/proc/stat", encoding="ascii") as file:
        values = [float(v) for v in file.readline().split()[1:9]]
    return sum(values), values[3] + values[4]


def busy(seconds: float = 0.4) -> float:
    """The share of this machine's processors that is at work, 0 to 1, over the next `seconds`."""
    if not sys.platform.startswith("linux"):
        time.sleep(seconds)
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    total, idle = _ticks()
    time.sleep(seconds)
    total_after, idle_after = _ticks()
    return 1 - (idle_after - idle) / max(1.0, total_after - total)


def quiet(limit: float = 0.15, patience: float = 15) -> float:
    """Wait until less than `limit` of the machine is at work, at most `patience` seconds; answers the last share seen."""
    end = time.monotonic() + patience
    while (share := busy()) > limit and time.monotonic() < end:
        pass
    return share


def rate(
    database_url: str, count_sql: str, last_sql: str, total: int, alive: Callable[[], object], seconds: float = 45
) -> float:
    """Things a second, from the first seen done to the last, by looking into the database.

    `count_sql` counts what is done, `last_sql` is cheap and counts the last one only. Start-up is not part of it. When `seconds` are over,
    what was done until then counts. RuntimeError when nothing was, or when `alive()` says that the process has ended.
    """
    with psycopg.connect(database_url, autocommit=True) as db:

        def number(sql: str) -> int:
            row = db.execute(sql).fetchone()  # type: ignore[call-overload]
            assert row is not None
            return int(row[0])

        def look(sql: str, enough: int, pause: float, end: float) -> int:
            while (seen := number(sql)) < enough and time.monotonic() < end:
                if not alive():
                    raise RuntimeError(f"The process ended; {number(count_sql)} of {total} were handled.")
                time.sleep(pause)
            return seen

        begun = look(count_sql, 1, 0.002, time.monotonic() + seconds)
        start, end = time.perf_counter(), time.monotonic() + seconds
        look(last_sql, 1, 0.005, end)
        done = look(count_sql, total, 0.002, end)
        took = time.perf_counter() - start
        if done <= begun:
            raise RuntimeError(f"{done} of {total} were handled in {seconds:.0f} s.")
        return (done - begun) / took


def percentile(values: Sequence[float], share: float = 0.5) -> float:
    """The value below which `share` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

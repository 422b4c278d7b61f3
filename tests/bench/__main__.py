"""`make bench`: the performance table. Ratios from one run, on this machine, baseline and product in turn.

python -m tests.bench [--rounds N] [--only messages,latency,home,pages,memory] [--profile FOLDER] [--quick]
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench import stack as whole
from tests.bench.against import Baselines
from tests.bench.home import Home, fill
from tests.bench.machine import Machine, machine
from tests.bench.measure import Figure, busy, grouped, quiet, say
from tests.bench.pages import Pages
from tests.bench.processes import tail
from tests.bench.product import Product
from tests.bench.profile import Profiler

PARTS = ("messages", "latency", "home", "pages", "memory")
BUDGET_S = 300.0
PAUSE_S = 0.03  # between the POSTs to the stock chain, which leaves nothing behind that would have to be waited for


@dataclass
class Line:
    """A line of the table: the product's figure, what it is compared with, and the goal for the ratio of the medians."""

    name: str
    ours: Figure
    theirs: Figure | None = None
    goal: float = 0.0
    more_is_better: bool = True
    limit: float | None = None
    note: str = ""

    def ratio(self) -> float | None:
        if self.theirs is None or not self.theirs.values or not self.ours.values or not self.theirs.median:
            return None
        return self.ours.median / self.theirs.median

    def verdict(self) -> str:
        """`met`, or by how much the goal was missed."""
        if not self.ours.values:
            return "not measured"
        if self.limit is not None:
            return (
                "met"
                if max(self.ours.values) <= self.limit
                else f"missed by {max(self.ours.values) - self.limit:.0f} {self.ours.unit}"
            )
        ratio = self.ratio()
        if ratio is None:
            return ""
        met = ratio >= self.goal if self.more_is_better else ratio <= self.goal
        off = self.goal / ratio if self.more_is_better else ratio / self.goal
        return "met" if met else f"missed: {off:.2f} × off"

    def cells(self) -> list[str]:
        sign = "≥" if self.more_is_better else "≤"
        ratio = self.ratio()
        goal = (
            f"≤ {self.limit:.0f} {self.ours.unit}"
            if self.limit is not None
            else f"{sign} {self.goal:g} ×"
            if self.theirs
            else ""
        )
        return [
            self.name,
            str(self.ours),
            str(self.theirs) if self.theirs else "",
            f"{ratio:.2f} ×" if ratio else "",
            goal,
            self.verdict(),
        ]


@dataclass
class Bench:
    """One run of the bench."""

    rounds: int
    parts: tuple[str, ...]
    quick: bool
    profiler: Profiler
    began: float = field(default_factory=time.monotonic)
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    pages_table: list[list[str]] = field(default_factory=list)

    def left(self) -> float:
        """Seconds of the budget that are left."""
        return BUDGET_S - (time.monotonic() - self.began)

    def calm(self) -> None:
        """Wait for quiet, for as long as the budget allows, and remember how quiet it was."""
        self.shares.append(quiet(patience=max(0.0, min(6.0, self.left() / 30))))

    def enough(self, round_: int, last: float, keep: float) -> bool:
        """Whether another round like the last one, and `keep` seconds for what follows, no longer fit."""
        return round_ > 0 and self.left() < last + keep

    # --- the parts ---------------------------------------------------------------------------------------------------

    def messages(self, product: Product, baselines: Baselines) -> None:
        """Messages handled per second and process."""
        ours = Figure("Accord", "/s")
        handler, loop, arrays, spread = (
            Figure("handler", "/s"),
            Figure("loop", "/s"),
            Figure("arrays", "/s"),
            Figure("spread", "/s"),
        )
        scale = 0.3 if self.quick else 1
        product.introduce()
        last = 0.0
        for round_ in range(self.rounds):
            if self.enough(round_, last, 150):
                self.notes.append(f"messages: {round_} rounds, time was short")
                break
            start = time.monotonic()
            say(f"Messages, round {round_ + 1} of {self.rounds}: the stock handler, the bare loop, Accord …")
            self.calm()
            handler.values.append(baselines.handler(int(4000 * scale)))
            loop.values.append(baselines.loop("pipeline", int(12000 * scale)))
            arrays.values.append(baselines.loop("unnest", int(12000 * scale)))
            self.calm()
            ours.values.append(product.throughput(int(8000 * scale)))
            spread.values.append(product.throughput(int(4000 * scale), origins=500, tag="-spread"))
            last = time.monotonic() - start
        self.lines += [
            Line("messages handled a second, full path / stock nameko handler", ours, handler, 2.0),
            Line("the same / bare loop, batches of 100, a statement a message", ours, loop, 0.4),
            Line("  for comparison: the same loop with a statement a table", ours, arrays, 0.4, note="not a goal"),
            Line(
                "  for comparison: offers of 500 senders / stock nameko handler",
                spread,
                handler,
                2.0,
                note="not a goal",
            ),
        ]

    def latency(self, stack: whole.Stack, baselines: Baselines) -> None:
        """Delivery, POST, and commands in flight."""
        tile, post, flight, settled = (
            Figure("tile", "ms"),
            Figure("POST", "ms"),
            Figure("in flight", "/s"),
            Figure("settled", "/s"),
        )
        answered = Figure("answered", "/s")
        pair, chain_post, chain_flight = Figure("pair", "ms"), Figure("chain", "ms"), Figure("chain", "/s")
        scale = 0.3 if self.quick else 1
        last = 0.0
        for round_ in range(self.rounds):
            if self.enough(round_, last, 60):
                self.notes.append(f"delivery and POST: {round_} rounds, time was short")
                break
            start = time.monotonic()
            say(f"Delivery and POST, round {round_ + 1} of {self.rounds}: the bare minimum, the stock chain, Accord …")
            with stack.held_still(), baselines.chain() as chain:
                self.calm()
                chain_post.values.append(chain.one_at_a_time(int(120 * scale), PAUSE_S))
                chain_flight.values.append(chain.in_flight(int(800 * scale)))
                pair.values.append(baselines.pair(int(250 * scale)))
            stack.settle()
            self.calm()
            with self.profiler.watch(
                f"one-{round_}", *stack.pids("gateway", "offers", "offers-relay", "accounts", "contacts")
            ):
                times, arrivals = stack.one_at_a_time(int(60 * scale))
            post.values.append(whole.p50_ms(times))
            tile.values.append(whole.p50_ms(arrivals))
            stack.settle()
            with self.profiler.watch(f"flight-{round_}", *stack.pids(*(p.name for p in stack.programs))):
                first, then, at_last = stack.in_flight(int(400 * scale))
            answered.values.append(first)
            flight.values.append(then)
            settled.values.append(at_last)
            last = time.monotonic() - start
        self.lines += [
            Line("offer committed → tile committed at the other side, p50 / bare minimum", tile, pair, 4.0, False),
            Line("POST of an offer, p50 / stock nameko chain", post, chain_post, 1.5, False),
            Line("offers a second, 16 in flight, all delivered and receipted / chain", flight, chain_flight, 0.5),
            Line("  for comparison: the same until all are answered", answered, chain_flight, 0.5, note="not a goal"),
            Line(
                "  for comparison: until histories, notifications and mails are made",
                settled,
                chain_flight,
                0.5,
                note="not a goal",
            ),
        ]

    def home(self, stack: whole.Stack) -> None:
        """The home list."""
        small, large = stack.businesses[0], stack.businesses[1]
        say("Filling the home lists of two businesses …")
        few, many = (
            fill(stack, small, 1000),
            fill(stack, large, 10_000 if self.quick else 100_000, max(10.0, min(60.0, self.left() - 20))),
        )
        homes = {few: Home(stack, small), many: Home(stack, large)}
        sql, api, api_few = Figure("sql", "ms"), Figure("api", "ms"), Figure("api", "ms")
        for _ in range(self.rounds):
            self.calm()
            with stack.held_still():
                sql.values.append(homes[many].through_sql(60))
            with self.profiler.watch("home", *stack.pids("gateway", "offers")):
                api.values.append(homes[many].through_api(60))
            api_few.values.append(homes[few].through_api(60))
        self.lines += [
            Line(
                f"home list, 50 tiles of {grouped(many)} partnerships, p50 / the same SQL through psycopg",
                api,
                sql,
                6.0,
                False,
            ),
            Line(f"home list at {grouped(many)} partnerships / at {grouped(few)}", api, api_few, 1.5, False),
        ]

    def pages(self, stack: whole.Stack) -> None:
        """Each page, as a browser asks for it."""
        say("Giving a business something of everything …")
        pages, last = Pages(stack), 0.0
        try:
            for round_ in range(self.rounds * 2):
                if self.enough(round_, last, 5):
                    self.notes.append(f"pages: {round_} rounds, time was short")
                    break
                start = time.monotonic()
                say(f"Pages, round {round_ + 1} of {self.rounds * 2} …")
                self.calm()
                with self.profiler.watch(f"pages-{round_}", *stack.pids("gateway")):
                    pages.turn()
                last = time.monotonic() - start
        finally:
            pages.close()
            self.pages_table = pages.rows()

    def memory(self, stack: whole.Stack, idle: dict[str, float]) -> None:
        """Resident memory of each process, idle and at the end."""
        after = stack.resident()
        for name, value in after.items():
            self.lines.append(
                Line(
                    f"memory of {name}: idle, after {stack.sent} offers",
                    Figure(name, "MiB", [idle[name], value], " → "),
                    limit=90.0,
                )
            )

    # --- all of it ---------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Take the figures of the chosen parts."""
        say("Starting PostgreSQL and RabbitMQ …")
        with machine() as servers:
            try:
                self._run(servers)
            except BaseException:
                for log in sorted(servers.folder.glob("*.log")):
                    if log.stem not in {"postgres", "broker"} and (said := tail(servers.folder, log.stem, 600)):
                        say(f"--- {log.stem}\n{said}")
                raise

    def _run(self, servers: Machine) -> None:
        say("Preparing the services …")
        product, baselines = Product(servers, self.profiler), Baselines(servers)
        if "messages" in self.parts:
            self.messages(product, baselines)
        if not {"latency", "home", "pages", "memory"} & set(self.parts):
            return
        if "messages" in self.parts:
            product.empty()
        with ExitStack() as block:
            say("Starting the whole stack …")
            stack = block.enter_context(whole.running(product))
            idle = stack.resident()
            if set(self.parts) - {"messages", "pages"}:
                say("Registering businesses …")
                stack.populate(15 if self.quick else 45)
            if "latency" in self.parts:
                self.latency(stack, baselines)
            elif "home" in self.parts:
                stack.one_at_a_time(15)
            if "home" in self.parts:
                self.home(stack)
            if "pages" in self.parts:
                self.pages(stack)
            if "memory" in self.parts:
                self.memory(stack, idle)
            if stack.unavailable:
                self.notes.append(
                    f"{stack.unavailable} of {stack.sent} offers had to be repeated with the same key (503)."
                )

    def table(self) -> str:
        """The table as plain text."""
        rows = [
            ["figure (minimum / median / maximum)", "Accord", "compared with", "ratio", "goal", ""],
            *(line.cells() for line in self.lines),
        ]
        for line, row in zip(self.lines, rows[1:], strict=True):
            if line.note:
                row[4], row[5] = "", line.note
        text = []
        for one in (rows, self.pages_table):
            if len(one) > 1:
                text += [*aligned(one), ""]
        share = max(self.shares, default=0.0)
        text.append(
            f"{os.cpu_count()} processors, {100 * share:.0f} % of them at work with something else at the worst moment before a figure; "
            f"{time.monotonic() - self.began:.0f} s in all."
        )
        if share > 0.3:
            text.append(
                "The machine was not quiet: ratios are still from one run, but a busy machine punishes what has more processes."
            )
        text += self.notes
        return "\n".join(text)


def aligned(rows: list[list[str]]) -> list[str]:
    """The lines of a table with its head underlined."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def main(arguments: list[str]) -> int:
    """The command line; 0 also when a goal is missed: the bench tells, it does not judge."""
    parser = argparse.ArgumentParser(prog="make bench", description="Prints the performance table.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas: " + ", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="a third of everything: for trying the bench itself")
    parser.add_argument(
        "--profile", type=Path, help="sample the product's processes with py-spy; one summary a process in this folder"
    )
    chosen: Any = parser.parse_args(arguments)
    parts = tuple(part.strip() for part in chosen.only.split(","))
    if not set(parts) <= set(PARTS):
        parser.error(f"There is {', '.join(PARTS)}.")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    bench = Bench(1 if chosen.quick else chosen.rounds, parts, chosen.quick, Profiler(chosen.profile))
    try:
        say(f"The machine is {100 * busy():.0f} % busy with other things.")
        bench.run()
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    except Exception as error:
        # What was measured until then is told.
        traceback.print_exc()
        bench.notes.append(f"The bench broke off: {type(error).__name__}: {error}")
        print(bench.table())
        return 1
    print(bench.table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

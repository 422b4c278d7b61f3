"""Notices when the one loop of a process (eventlet's hub, asyncio's) stands still, and says where (promise R8).

The loop beats twenty times a second; a beat that comes late is a stall. A thread of the operating system looks at the loop meanwhile and
remembers where it stands. What is reported is our own standing still: the time in which the machine let others run is taken off.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from prometheus_client import Counter

log = logging.getLogger("accord.watchdog")

STALL_S = 0.1
BEAT_S = 0.05
LOOK_S = 0.04
FRAMES = 25

STALLS = Counter("accord_hub_stalls_total", "Times the loop of a process stood still for over 100 ms.", ["process"])
STALLED = Counter("accord_hub_stalled_seconds_total", "Seconds for which it stood still then.", ["process"])

Place = list[str]
"""A stack, the innermost call last: `file:line function` each."""


class Watchdog:
    """Watches the loop of the thread that makes it. `beat` is to be called by that loop every `BEAT_S` seconds."""

    def __init__(self, process: str, get_ident: Callable[[], int]) -> None:
        self._process = process
        self._thread = get_ident()
        self._waits = _Waits()
        self._due = time.perf_counter() + BEAT_S
        self._waited, self._used = self._waits.seconds(), time.thread_time()
        self._looks = 0
        self._place: Place | None = None
        STALLS.labels(process)
        STALLED.labels(process)

    def beat(self) -> None:
        """The loop runs. Reports it when it had not, for too long."""
        now, waited, used = time.perf_counter(), self._waits.seconds(), time.thread_time()
        late, place = now - self._due, self._place
        if late > STALL_S:
            seconds = own_share(
                late,
                waited=None if waited is None or self._waited is None else waited - self._waited,
                used=used - self._used,
                looks=self._looks,
            )
            if seconds > STALL_S:
                STALLS.labels(self._process).inc()
                STALLED.labels(self._process).inc(seconds)
                log.warning(
                    "the loop stood still", extra={"seconds": round(seconds, 3), "stack": place or ["(not seen)"]}
                )
        self._waited, self._used = waited, used
        self._looks, self._place = 0, None
        self._due = now + BEAT_S

    def look(self) -> None:
        """From the other thread: where the loop stands, if its beat is overdue. Touches nothing that a loop might hold."""
        if time.perf_counter() - self._due < STALL_S / 2:
            return
        self._looks += 1
        if self._place is None:
            self._place = _place(sys._current_frames().get(self._thread))


def own_share(late: float, *, waited: float | None, used: float, looks: int) -> float:
    """For how long a loop stood still by its own doing, of the `late` seconds for which it did.

    `waited`: for how long its thread was ready to run and the machine ran others, where the system tells. Else: the time it computed
    (`used`), or the time in which another thread of the process could look at it and so could have let it run.
    """
    if waited is not None:
        return max(0.0, late - waited)
    return min(late, max(used, looks * LOOK_S))


class _Waits:
    """For how long this thread has been ready to run without running, as Linux counts it."""

    def __init__(self) -> None:
        try:
            self._file: int | None = os.open("/proc/thread-self/schedstat", os.O_RDONLY | os.O_CLOEXEC)
            os.pread(self._file, 100, 0).split()[1]
        except (OSError, IndexError):
            self._file = None

    def seconds(self) -> float | None:
        """None where the system does not tell."""
        return None if self._file is None else int(os.pread(self._file, 100, 0).split()[1]) / 1e9


def _place(frame: FrameType | None) -> Place:
    found: Place = []
    while frame is not None and len(found) < FRAMES:
        found.append(f"{frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return found[::-1]


def _watch(watchdog: Watchdog, sleep: Callable[[float], None]) -> None:
    while True:
        sleep(LOOK_S)
        watchdog.look()


def watch_hub(process: str) -> Watchdog:
    """Watch eventlet's hub, from a thread that eventlet knows nothing of. Called in the hub's thread, after patching."""
    from eventlet import hubs
    from eventlet.patcher import original

    threads, sleep = original("_thread"), original("time").sleep
    watchdog = Watchdog(process, threads.get_ident)
    hub: Any = hubs.get_hub()

    def beat() -> None:
        watchdog.beat()
        hub.schedule_call_global(BEAT_S, beat)

    hub.schedule_call_global(BEAT_S, beat)
    threads.start_new_thread(_watch, (watchdog, sleep))
    return watchdog


def watch_loop(process: str) -> Watchdog:
    """Watch the running asyncio loop."""
    import threading

    watchdog = Watchdog(process, threading.get_ident)
    loop = asyncio.get_running_loop()

    def beat() -> None:
        watchdog.beat()
        loop.call_later(BEAT_S, beat)

    loop.call_later(BEAT_S, beat)
    threading.Thread(target=_watch, args=(watchdog, time.sleep), name="watchdog", daemon=True).start()
    return watchdog

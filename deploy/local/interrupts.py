"""Being told to stop: by a signal, or by the end of the make that started us."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil


class Stopped(BaseException):
    """We were told to stop (INT, TERM, HUP)."""


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """INT, TERM and HUP raise Stopped where they come."""

    def stop(*_: Any) -> None:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Nothing interrupts this."""
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def make_ended() -> bool:
    """Whether the make that started us is gone or has been interrupted.

    make passes TERM on to us, but it takes for granted that whoever sends it INT sends that to us too: it then waits for us to end. It
    no longer catches INT itself from that moment on, which is what is looked for.
    """
    if sys.platform != "linux":
        return False
    if _MAKE and os.getppid() != _MAKE:
        return True
    return bool(_MAKE) and _CAUGHT and not _catches_interrupts(_MAKE)


def _catches_interrupts(pid: int) -> bool:
    try:
        caught = next(
            line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt:")
        )
        return bool(int(caught.split()[1], 16) & (1 << (signal.SIGINT - 1)))
    except (OSError, StopIteration, ValueError):
        return False


def _parent_make() -> int:
    try:
        parent = os.getppid()
        return parent if psutil.Process(parent).name() in {"make", "gmake"} else 0
    except psutil.Error:
        return 0


_MAKE = _parent_make()
_CAUGHT = bool(_MAKE) and sys.platform == "linux" and _catches_interrupts(_MAKE)

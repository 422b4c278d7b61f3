"""How a nameko process waits for PostgreSQL: asks the socket first, and goes through eventlet's hub only when it has to.

psycopg asks whether the socket is ready twice for each statement of a pipeline, and it nearly always is. `wait_selector` makes a
selector and switches to the hub each time, which costs more than all the rest of a statement.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import eventlet.patcher
import psycopg.waiting
from eventlet.hubs import trampoline
from psycopg.waiting import Ready, Wait

R = TypeVar("R")
_select: Any = eventlet.patcher.original("select")
_READ, _WRITE = _select.POLLIN, _select.POLLOUT


def green_wait(gen: Generator[Any, Any, R], fileno: int, interval: float = 0.0, timeout: float | None = None) -> R:
    """Drive one of psycopg's generators on the connection `fileno` to its end. Takes the place of `psycopg.waiting.wait`."""
    if timeout is not None:
        return psycopg.waiting.wait_selector(gen, fileno, interval, timeout)
    poll = _select.poll()
    try:
        wanted = next(gen)
        while True:
            asked = (_READ if wanted & Wait.R else 0) | (_WRITE if wanted & Wait.W else 0)
            poll.register(fileno, asked)
            found = poll.poll(0)
            if not found:
                if not wanted & Wait.R:
                    trampoline(fileno, write=True)
                elif not wanted & Wait.W:
                    trampoline(fileno, read=True)
                else:
                    # Both, and neither is possible now: the other side reads slowly and says nothing. Look again soon.
                    eventlet.sleep(0.001)
                found = poll.poll(0)
                if not found:
                    continue
            events = found[0][1]
            ready = 0
            if events & ~_WRITE and wanted & Wait.R:
                ready |= Ready.R
            if events & ~_READ and wanted & Wait.W:
                ready |= Ready.W
            wanted = gen.send(Ready(ready))
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]

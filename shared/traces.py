"""Traces: which request a piece of work belongs to (W3C Trace Context), on every log line and in every message.

A trace begins with a request at the gateway and goes with its RPCs into what they say, and into the handlers of these messages on the
same side. What another business says is linked and never joined: its handler begins a trace of its own that names the foreign one.
Ids are random and say nothing. Work that no request caused (receipts, housekeeping) has none.

Spans are measured only where `export` hands them on (`shared/spans.py`); otherwise this is a few random bytes a request.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")

Kind = Literal["server", "client", "consumer", "producer", "internal"]


@dataclass(frozen=True, slots=True)
class Trace:
    """A span of a trace: ids in hex. `linked` is the traceparent of a foreign trace; `flags` is `01` when it is to be exported."""

    id: str
    span: str
    flags: str = "00"
    parent: str = ""
    linked: str = ""

    @property
    def traceparent(self) -> str:
        return f"00-{self.id}-{self.span}-{self.flags}"

    @property
    def linked_id(self) -> str:
        """The id of the foreign trace, or nothing."""
        return self.linked[3:35]


@dataclass(slots=True)
class Span:
    """What was done: for an exporter. Times are nanoseconds since 1970."""

    trace: Trace
    name: str
    kind: Kind
    started: int
    ended: int = 0
    attributes: dict[str, str | int] = field(default_factory=dict)
    failed: bool = False


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)
export: Callable[[Span], None] | None = None
"""Takes each span that has ended and whose trace is sampled, when somebody wants them. Must neither wait nor raise."""


def current() -> Trace | None:
    """The trace this thread or task works for."""
    return _current.get()


def header() -> str | None:
    """The traceparent to send along, or None."""
    trace = _current.get()
    return None if trace is None else trace.traceparent


def read(traceparent: object) -> Trace | None:
    """What a traceparent names, or None when it is not one: whoever wrote it, it is 55 characters of hex or nothing."""
    found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    return None if found is None else Trace(found[1], found[2], found[3])


def begin(linked: Trace | None = None) -> Trace:
    """A new trace, which names the foreign one it was caused by."""
    flags = "01" if export is not None else "00"
    return Trace(secrets.token_hex(16), secrets.token_hex(8), flags, linked=linked.traceparent if linked else "")


def below(trace: Trace) -> Trace:
    """A new span below this one."""
    return Trace(trace.id, secrets.token_hex(8), trace.flags, trace.span, trace.linked)


def continued(traceparent: object, *, foreign: bool) -> Trace | None:
    """The trace in which a message is handled that carries `traceparent`; None when it carries none."""
    found = read(traceparent)
    if found is None:
        return None
    return begin(found) if foreign else below(found)


@contextmanager
def within(trace: Trace | None) -> Iterator[None]:
    """Work for `trace`, or for none, for the time of a block."""
    token = _current.set(trace)
    try:
        yield
    finally:
        _current.reset(token)


def enter(trace: Trace | None) -> None:
    """From now on this thread or task works for `trace`, or for none, to its end."""
    _current.set(trace)


def started(name: str, kind: Kind, trace: Trace | None = None, **attributes: str | int) -> Span:
    """A span that begins now: of `trace`, else below the current one, else of a new trace."""
    if trace is None:
        here = _current.get()
        trace = begin() if here is None else below(here)
    return Span(trace, name, kind, time.time_ns(), attributes=attributes)


def ended(span: Span, *, failed: bool = False) -> None:
    """It has ended: hand it on, if somebody wants it."""
    if export is not None and span.trace.flags == "01":
        span.ended, span.failed = time.time_ns(), failed
        export(span)


@contextmanager
def span(name: str, kind: Kind, trace: Trace | None = None, **attributes: str | int) -> Iterator[Span]:
    """Work within a span for the time of a block. What the block raises makes it a failed one."""
    begun = started(name, kind, trace, **attributes)
    token = _current.set(begun.trace)
    failed = True
    try:
        yield begun
        failed = False
    finally:
        _current.reset(token)
        ended(begun, failed=failed)

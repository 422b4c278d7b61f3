"""The wall clock, in the one form in which it is used: aware, UTC. Rules never ask it; they are told the time."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with `Z`, microseconds only when there are any.

    Raises ValueError for a moment without a time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("A time without a time zone means nothing to the other side.")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")

"""Reminding of an open offer, at most once in 24 hours (BX-01)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.offers.domain.partnership import Partnership
from shared.errors import TooSoon, WrongState

EVERY = timedelta(hours=24)
SLACK = timedelta(hours=1)
"""Two reminders that were sent a day apart may arrive closer together."""


def next_at(p: Partnership) -> datetime | None:
    """From when on we may remind again; None when we have not reminded yet."""
    return None if p.reminded_at is None else p.reminded_at + EVERY


def may_remind(p: Partnership, now: datetime) -> bool:
    """Whether the sender may remind now."""
    again = next_at(p)
    return p.role == "partner" and p.status == "open" and not p.held and (again is None or now >= again)


def reminded(p: Partnership, now: datetime) -> tuple[Partnership, bool]:
    """They remind us; and whether that is worth telling: of an open offer, and not oftener than they may."""
    counts = p.status == "open" and (p.reminded_at is None or now >= p.reminded_at + EVERY - SLACK)
    return (replace(p, reminded_at=now), True) if counts else (p, False)


def remind(p: Partnership, now: datetime) -> Partnership:
    """Remind of our offer. Raises WrongState; TooSoon with the time from which it may be done again."""
    if p.role != "partner":
        raise WrongState("Only the business that sent the offer can remind of it.")
    if p.status != "open":
        raise WrongState(f"There is nothing to remind of any more: the offer is {p.status}.")
    if p.held:
        raise WrongState("The offer has not left yet: they have still to hear that the last one is over.")
    again = next_at(p)
    if again is not None and now < again:
        # The sentence names whole minutes: never one that is still too soon.
        shown = again + timedelta(seconds=59, microseconds=999_999)
        raise TooSoon(
            f"They were reminded less than 24 hours ago. You can remind them again from {shown:%Y-%m-%d %H:%M} UTC.",
            retry_at=again.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        )
    return replace(p, reminded_at=now, sent=p.sent + 1, updated_at=now)

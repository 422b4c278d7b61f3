"""How many offers a business may send in 24 hours, and how many of them may find nobody: those tell who has a login where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from shared.errors import RateLimited

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a business may send in any 24 hours, as accounts says at the door."""

    offers: int = 10_000
    undeliverable: int = 50


def too_many(limits: Limits, oldest: datetime | None, now: datetime) -> RateLimited:
    """The refusal of an offer beyond the limit. `oldest` is when that one was sent whose 24 hours must be over first; None: nothing was."""
    return _refusal(
        f"Your business has sent {limits.offers:,} offers in the last 24 hours, as many as it may.", oldest, now
    )


def too_many_undeliverable(limits: Limits, oldest: datetime | None, now: datetime) -> RateLimited:
    """The refusal of an offer after too many that found nobody."""
    return _refusal(
        f"{limits.undeliverable:,} offers of your business found nobody in the last 24 hours, as many as may. "
        "Make sure of your customers' tenant names and login e-mails.",
        oldest,
        now,
    )


def _refusal(sentence: str, oldest: datetime | None, now: datetime) -> RateLimited:
    left = oldest + DAY - now if oldest is not None else DAY
    seconds = max(1, ceil(left.total_seconds()))
    return RateLimited(f"{sentence} The next one can be sent in {_about(seconds)}.", retry_after=seconds)


def _about(seconds: int) -> str:
    """`3 hours`, `20 minutes`: rounded up."""
    number, unit = (ceil(seconds / 3600), "hour") if seconds > 3600 else (ceil(seconds / 60), "minute")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"

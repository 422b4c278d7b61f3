"""The end of an offer that nobody answered (BX-01). Only the sender's clock expires it: two clocks would decide two things (protocol rule 1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.offers.domain.partnership import Partnership


def waiting(p: Partnership) -> bool:
    """Whether our clock counts: our own offer, still open."""
    return p.role == "partner" and p.status == "open"


def expire(p: Partnership, now: datetime) -> Partnership:
    """The time of our offer is over; unchanged before, and when it is not open any more. One that was held is not told."""
    if not waiting(p) or now < p.expires_at:
        return p
    sent = p.sent if p.held else p.sent + 1
    return replace(p, status="expired", turn=None, turn_since=None, sent=sent, updated_at=now)


def expired(p: Partnership, now: datetime) -> Partnership:
    """Their clock has ended their offer; what we have decided stays."""
    if p.role != "customer" or p.status != "open":
        return p
    return replace(p, status="expired", turn=None, turn_since=None, updated_at=now)

"""Ending a partnership (OE-19): unilateral and final. Both ending it is one end with two authors (protocol rule 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.offers.domain.partnership import RUNNING, Ending, Partnership
from shared.errors import WrongState


def ensure_running(p: Partnership) -> None:
    """Only what runs can be ended. Raises WrongState that says what can be done instead."""
    if p.status == "open":
        instead = "Withdraw it instead." if p.role == "partner" else "Decline it instead."
        raise WrongState(f"The offer has not been accepted, so there is no partnership to end. {instead}")
    if p.status not in RUNNING:
        raise WrongState(f"The partnership has come to its end already: it is {p.status}.")


def end(p: Partnership, ending: Ending) -> Partnership:
    """End it for our side: the tile leaves our home at once. Raises WrongState."""
    ensure_running(p)
    return replace(
        p,
        status="terminated",
        ended_by_us=ending,
        turn=None,
        turn_since=None,
        removed=True,
        sent=p.sent + 1,
        updated_at=ending.at,
    )


def ended(p: Partnership, ending: Ending, now: datetime) -> Partnership:
    """They ended it, maybe without knowing that we had. Unchanged when there is nothing that they could have ended."""
    if p.status not in RUNNING and (p.status != "terminated" or p.ended_by_them is not None):
        return p
    return replace(p, status="terminated", ended_by_them=ending, turn=None, turn_since=None, updated_at=now)

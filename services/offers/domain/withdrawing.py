"""Withdrawing an open offer (BX-01). The proposer shows it at once and yields to whatever the addressee has decided (protocol rule 1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.offers.domain.partnership import Partnership
from shared.errors import WrongState


def ensure_withdrawable(p: Partnership) -> None:
    """Only the sender withdraws, and only while the offer is open. Raises WrongState with the reason."""
    if p.role != "partner":
        raise WrongState("Only the business that sent the offer can withdraw it.")
    if p.status != "open":
        raise WrongState(f"The offer cannot be withdrawn any more: it is {p.status}.")


def withdraw(p: Partnership, now: datetime) -> Partnership:
    """Take our offer back. One that was held is not told, as it had never left. Raises WrongState."""
    ensure_withdrawable(p)
    sent = p.sent if p.held else p.sent + 1
    return replace(p, status="withdrawn", turn=None, turn_since=None, sent=sent, updated_at=now)


def withdrawn(p: Partnership, now: datetime) -> Partnership:
    """They took their offer back; what we have decided stays."""
    if p.role != "customer" or p.status != "open":
        return p
    return replace(p, status="withdrawn", turn=None, turn_since=None, updated_at=now)

"""Accepting and declining an offer. Decided by its addressee alone (protocol rule 1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from services.offers.domain.holding import settled
from services.offers.domain.partnership import Named, Partnership
from shared.errors import WrongState


def ensure_open(p: Partnership) -> None:
    """Only the addressee answers, and only while the offer is open. Raises WrongState with the reason."""
    if p.role != "customer":
        raise WrongState("Only the business that received the offer can answer it.")
    if p.status != "open":
        raise WrongState(f"The offer is not open any more: it is {p.status}.")


def accept(
    p: Partnership,
    *,
    contacts: Collection[str],
    company: str = "",
    logo: str = "",
    by: Named,
    managers: tuple[str, ...],
    now: datetime,
) -> Partnership:
    """Accept with these of the offered contacts, at least one (OE-08). The accepter is our account owner. Raises WrongState.

    It counts also after the offer's time: only the sender's clock expires it. `company` and `logo` are the partner's if it told us of itself.
    """
    ensure_open(p)
    return replace(
        p,
        status="accepted",
        company=company or p.company,
        logo=logo,
        working=len(contacts),
        managers=managers if by.id in managers else (by.id, *managers),
        owner=by,
        owner_told=by.name,
        turn=None,
        turn_since=None,
        sent=p.sent + 1,
        updated_at=now,
    )


def accepted(
    p: Partnership, *, contacts: Collection[str], company: str, logo: str = "", by: Named, now: datetime
) -> Partnership:
    """The addressee accepted: stronger than a withdrawal or our clock, which it had not seen (rule 1)."""
    if not _answerable(p):
        return p
    offered = {c.id for c in p.offered}
    return replace(
        p,
        status="accepted",
        company=company,
        logo=logo,
        working=len(offered & set(contacts)),
        their_owner=by.name,
        turn=None,
        turn_since=None,
        removed=False,
        updated_at=now,
    )


def _answerable(p: Partnership) -> bool:
    """Whether the addressee's decision counts here: decided, undeliverable > withdrawn, expired > open, the first of equals (rule 1).

    What never left has no addressee yet; and whoever has receipted our last word had said theirs before, or never will (rule 9).
    """
    if p.role != "partner" or p.held:
        return False
    return p.status == "open" or (p.status in {"withdrawn", "expired"} and not settled(p))


def decline(p: Partnership, *, reason: str, now: datetime) -> Partnership:
    """Decline the offer (OE-09). Raises WrongState."""
    ensure_open(p)
    return replace(
        p, status="declined", decline_reason=reason, turn=None, turn_since=None, sent=p.sent + 1, updated_at=now
    )


def declined(p: Partnership, *, company: str, reason: str, now: datetime) -> Partnership:
    """The addressee declined; like an acceptance, it counts whatever we did meanwhile."""
    if not _answerable(p):
        return p
    return replace(
        p, status="declined", company=company, decline_reason=reason, turn=None, turn_since=None, updated_at=now
    )


def remove(p: Partnership, now: datetime) -> Partnership:
    """Take a final tile from our home. Raises WrongState while the partnership can still change."""
    if not p.final:
        raise WrongState("Only a partnership that has come to its end can be removed.")
    return p if p.removed else replace(p, removed=True, updated_at=now)

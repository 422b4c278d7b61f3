"""Sending an offer, and what comes of it at the door of the other side."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.offers.domain.partnership import LIVE, Named, Offered, Partnership
from shared.errors import PartnershipExists


def ensure_free(*of_the_pair: Partnership | None) -> None:
    """One live partnership an ordered pair is the sender's matter (rule 5). Raises PartnershipExists."""
    if any(p is not None and p.status in LIVE for p in of_the_pair):
        raise PartnershipExists()


def send(
    *,
    tenant: str,
    id: str,
    customer: str,
    company: str = "",
    logo: str = "",
    email: str,
    message: str,
    sender: Named,
    contacts: tuple[Offered, ...],
    managers: tuple[str, ...],
    expires_at: datetime,
    held: bool = False,
    now: datetime,
) -> Partnership:
    """Our record of an offer we send (OE-06). The sender is the account owner and always one of the managers.

    `company` and `logo` are the customer's name and the digest of its logo if we know them; `held`: it does not leave yet (rule 5).
    """
    return Partnership(
        tenant=tenant,
        id=id,
        role="partner",
        counterpart=customer,
        company=company or customer,
        logo=logo,
        status="open",
        email=email,
        message=message,
        sent_by=sender,
        sent_at=now,
        expires_at=expires_at,
        offered=contacts,
        managers=managers if sender.id in managers else (sender.id, *managers),
        owner=sender,
        owner_told=sender.name,
        turn="theirs",
        turn_since=now,
        held=held,
        sent=0 if held else 1,
        updated_at=now,
    )


def bounce(p: Partnership, now: datetime) -> Partnership:
    """Our offer found nobody (rule 10): stronger than our own withdrawal, weaker than nothing an addressee decided."""
    if p.role != "partner" or p.held or p.status not in {"open", "withdrawn", "expired"}:
        return p
    return replace(p, status="undeliverable", turn=None, turn_since=None, updated_at=now)


def arrive(
    *,
    tenant: str,
    id: str,
    partner: str,
    company: str,
    logo: str = "",
    email: str,
    message: str,
    sender: Named,
    sent_at: datetime,
    expires_at: datetime,
    contacts: tuple[Offered, ...],
    now: datetime,
) -> Partnership:
    """The record of an offer at our door: nobody here sees it before accounts said that it is for somebody (rule 10)."""
    return Partnership(
        tenant=tenant,
        id=id,
        role="customer",
        counterpart=partner,
        company=company,
        logo=logo,
        status="arriving",
        email=email,
        message=message,
        sent_by=sender,
        sent_at=sent_at,
        expires_at=expires_at,
        offered=contacts,
        their_owner=sender.name,
        updated_at=now,
    )


def open_to(p: Partnership, recipient_id: str, now: datetime) -> Partnership:
    """The offer is for somebody here: it lies open, and it is our turn (OE-07). What had come early is handled next."""
    if p.status != "arriving":
        return p
    return replace(
        p, status="open", recipient_id=recipient_id, turn="ours", turn_since=p.sent_at, early=(), updated_at=now
    )


def turn_away(p: Partnership, now: datetime) -> Partnership:
    """The offer is for nobody here. The record stays, unseen: the bounce is remembered, and repeated for whoever offers it again."""
    if p.status not in {"arriving", "bounced"}:
        return p
    return replace(p, status="bounced", early=(), sent=p.sent + 1, updated_at=now)

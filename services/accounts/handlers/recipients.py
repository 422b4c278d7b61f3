"""Accounts' word on offers at the door, and what a decline says of its sender."""

from __future__ import annotations

from datetime import datetime

from services.accounts.domain import audit as trail
from services.accounts.domain import settings
from services.accounts.domain.people import Login, User
from services.accounts.domain.settings import Settings
from services.accounts.handlers import audit
from services.accounts.handlers.logging_in import login_email
from services.accounts.handlers.settings import PARTS, choose
from shared.bus.work import Heard, Work
from shared.contracts.accounts import RecipientFound, RecipientUnknown
from shared.contracts.offers import DeclineGiven, OfferArrived


def looked_at(message: Heard[OfferArrived]) -> list[tuple[type[Login | Settings], str, str]]:
    """The records that `offer_arrived` looks at, so that those of a batch are read at once."""
    return [
        (Login, message.tenant, login_email(message.data.email)),
        (Settings, message.tenant, message.tenant),
    ]


def offer_arrived(work: Work, message: Heard[OfferArrived], now: datetime) -> None:
    """Say whether an offer at the door is for somebody here. Never says which part did not fit (protocol rule 10)."""
    origin, email = message.data.origin, login_email(message.data.email)
    login = work.peek(Login, message.tenant, email)
    user = work.peek(User, message.tenant, login.user_id) if login else None
    chosen = work.peek(Settings, message.tenant, message.tenant)
    found = user is not None and user.active and chosen is not None and settings.wants_offers_of(chosen, origin)
    fact = RecipientFound(origin=origin, user_id=user.id) if found and user else RecipientUnknown(origin=origin)
    work.say(fact, tenant=message.tenant, subject=message.subject)


def decline_given(work: Work, message: Heard[DeclineGiven], now: datetime) -> None:
    """An offer was declined; whoever did it may have wanted no more of that business (BX-09)."""
    before = work.get(Settings, message.tenant, message.tenant) if message.data.block else None
    if before is not None:
        after = choose(work, before, settings.block(before, message.data.partner))
        if after.blocked_tenants != before.blocked_tenants:
            changes = trail.changes(before, after, PARTS)
            audit.note_heard(work, message.tenant, "settings.changed", now, by=message.data.by, changes=changes)

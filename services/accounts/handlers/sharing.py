"""The use cases of profiles: live counterparts are told ours, and our own side hears theirs (OE-20, protocol rule 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.accounts import views
from services.accounts.domain import businesses, counterparts
from services.accounts.domain.businesses import Business
from services.accounts.domain.counterparts import Counterpart, Profile
from shared.bus.work import Heard, Work
from shared.contracts.accounts import HeardAddress, ProfileDue, ProfileReceived, ProfileShared
from shared.contracts.offers import AcceptanceGiven, AcceptanceReceived, EndGiven, EndReceived

_TELL_AT_ONCE = 50


def acceptance_given(work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
    """We accepted an offer: its partner is a live counterpart from now on."""
    _begin(work, message.tenant, message.data.partner, message.subject)


def acceptance_received(work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
    """Our offer was accepted: the customer is a live counterpart from now on."""
    _begin(work, message.tenant, message.data.customer, message.subject)


def partnership_ended(work: Work, message: Heard[EndGiven] | Heard[EndReceived], now: datetime) -> None:
    """A partnership has ended, by whomever: unless there is another with that business, profiles are told no more."""
    before = work.get(Counterpart, message.tenant, message.data.counterpart)
    if before is not None:
        _keep(work, before, counterparts.ended(before, message.subject))


def profile_due(work: Work, message: Heard[ProfileDue], now: datetime) -> None:
    """Tell our profile to live counterparts that have not heard it as it is now, some at a time."""
    business = work.peek(Business, message.tenant, message.tenant)
    page = work.find(Counterpart, message.tenant, where={"live": True}, after=message.data.after, limit=_TELL_AT_ONCE)
    for found in page.items:
        before = work.get(Counterpart, message.tenant, found.id)
        if before is not None:
            _keep(work, before, _tell(work, business, before))
    if page.next is not None:
        work.later(ProfileDue(after=page.next), tenant=message.tenant, subject=message.subject, at=now)


def profile_shared(work: Work, message: Heard[ProfileShared], now: datetime) -> None:
    """Another business tells its profile. It is kept whoever that is: our own offers may still have to tell us of the acceptance."""
    told = message.data
    profile = Profile(
        company=told.company,
        phone=told.phone,
        email=told.email,
        fax=told.fax,
        website=told.website,
        logo=told.logo,
        addresses=tuple(_address(one) for one in told.addresses),
    )
    before = _known(work, message.tenant, message.origin)
    after = counterparts.hear(before, counter=told.counter, profile=counterparts.shown(profile, tenant=message.origin))
    _keep(work, before, _state(work, after))


def _begin(work: Work, tenant: str, other: str, partnership: str) -> None:
    # Locked: a change of the profile at this moment either is told here, or finds this counterpart live afterwards.
    business = work.get(Business, tenant, tenant)
    before = _known(work, tenant, other)
    after = counterparts.began(before, partnership)
    _keep(work, before, _state(work, _tell(work, business, after)))


def _known(work: Work, tenant: str, other: str) -> Counterpart:
    return work.get(Counterpart, tenant, other) or Counterpart(tenant=tenant, id=other)


def _keep(work: Work, before: Counterpart, after: Counterpart) -> None:
    if after is not before:
        work.put(after)


def _tell(work: Work, business: Business | None, counterpart: Counterpart) -> Counterpart:
    """Tell it our profile, unless it has heard just that or is not live."""
    if business is None or not counterparts.to_tell(counterpart, business.counter):
        return counterpart
    work.tell(
        ProfileShared(counter=business.counter, **views.told(business)),
        tenant=counterpart.tenant,
        to=counterpart.id,
        subject=counterpart.tenant,
    )
    return replace(counterpart, told=business.counter)


def _state(work: Work, counterpart: Counterpart) -> Counterpart:
    """State its profile to our own side, unless that knows it or has no live partnership with it."""
    profile = counterparts.to_state(counterpart)
    if profile is None:
        return counterpart
    fact = ProfileReceived(counter=counterpart.counter, **views.told(profile))
    work.say(fact, tenant=counterpart.tenant, subject=counterpart.id)
    return replace(counterpart, stated=counterpart.counter)


def _address(told: HeardAddress) -> businesses.Address:
    return businesses.Address(**{**told.model_dump(), "type": counterparts.known_type(told.type)})

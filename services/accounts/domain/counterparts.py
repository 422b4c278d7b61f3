"""The businesses we are in partnerships with: which of them hear of our profile, and what they tell of theirs (OE-20, protocol rule 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import cast, get_args

from services.accounts.domain.businesses import Address, AddressType
from shared.text import clean

_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+={0,2}")
_WEB = re.compile(r"https?://([^\s/?#@]*@)?[^\s/?#@:]\S*", re.IGNORECASE)
_MAIL = re.compile(r"[^\s@]+@[^\s@]+")
_SHORT, _LINE, _WEB_ADDRESS = 50, 200, 500
NEVER = -1
"""The counter of a profile that was never told or heard; a business begins with 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The profile of another business, as we show it."""

    company: str
    phone: str = ""
    email: str = ""
    fax: str = ""
    website: str = ""
    logo: str = ""
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """What we know of another business; the id is its tenant name. `live` are the partnerships in which we work with it now.

    `told` is the counter of our profile that it was told last. `heard` is the profile it told, with its `counter`; `stated` the counter of
    what our own side knows of that. A business that we have no live partnership with may tell, but our side does not hear of it.
    """

    tenant: str
    id: str
    version: int = 0
    live: tuple[str, ...] = ()
    told: int = NEVER
    heard: Profile | None = None
    counter: int = NEVER
    stated: int = NEVER


def began(counterpart: Counterpart, partnership: str) -> Counterpart:
    """A partnership with it is live."""
    if partnership in counterpart.live:
        return counterpart
    return replace(counterpart, live=(*counterpart.live, partnership))


def ended(counterpart: Counterpart, partnership: str) -> Counterpart:
    """A partnership with it has ended."""
    if partnership not in counterpart.live:
        return counterpart
    return replace(counterpart, live=tuple(one for one in counterpart.live if one != partnership))


def to_tell(counterpart: Counterpart, counter: int) -> bool:
    """Whether it is to hear our profile, which has this counter now."""
    return bool(counterpart.live) and counterpart.told < counter


def hear(counterpart: Counterpart, *, counter: int, profile: Profile) -> Counterpart:
    """Its word on its own profile; an older one, or the same again, changes nothing."""
    if counter <= counterpart.counter:
        return counterpart
    return replace(counterpart, heard=profile, counter=counter)


def to_state(counterpart: Counterpart) -> Profile | None:
    """The profile that our own side does not know of yet, and shall."""
    return counterpart.heard if counterpart.live and counterpart.stated < counterpart.counter else None


def known_type(text: str) -> AddressType:
    """The type of an address as another business names it; one we do not know is Other."""
    return cast(AddressType, text) if text in get_args(AddressType) else "Other"


def shown(told: Profile, tenant: str) -> Profile:
    """What another business told of itself, as it may be shown: nothing longer than ours may be, no link or picture that could do harm.

    Of each type the first address counts, and of several defaults the first.
    """
    addresses: dict[str, Address] = {}
    for one in told.addresses:
        if one.type not in addresses:
            addresses[one.type] = Address(
                type=one.type,
                line1=_cut(one.line1, _LINE),
                line2=_cut(one.line2, _LINE),
                city=_cut(one.city, _LINE),
                state=_cut(one.state, _LINE),
                zip=_cut(one.zip, _SHORT),
                country=_cut(one.country, _LINE),
                default=one.default and not any(other.default for other in addresses.values()),
            )
    return Profile(
        # Nobody is without a name.
        company=_cut(told.company, _LINE) or tenant,
        phone=_cut(told.phone, _SHORT),
        email=told.email if _MAIL.fullmatch(told.email) else "",
        fax=_cut(told.fax, _SHORT),
        website=_web(told.website),
        logo=told.logo if _PICTURE.fullmatch(told.logo) else _web(clean(told.logo, breaks=False)),
        addresses=tuple(addresses.values()),
    )


def _cut(text: str, most: int) -> str:
    return text[:most].strip()


def _web(address: str) -> str:
    """The address when it is one of the web, else nothing: a cut one would lead elsewhere."""
    return address if len(address) <= _WEB_ADDRESS and _WEB.fullmatch(address) else ""

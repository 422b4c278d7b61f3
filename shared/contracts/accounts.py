"""What accounts states: businesses, people, profiles, and its word on who receives an offer."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from shared.contracts.messages import Fact, Number, PeerMessage, Timer, Value
from shared.text import HeardLine, HeardText

Role = Literal["admin", "partnerships", "member"]


class AccountsFact(Fact):
    publisher: ClassVar[str] = "accounts"


class TenantRegistered(AccountsFact):
    """A business has registered. Subject: the tenant name."""

    type: ClassVar[str] = "tenant.registered"
    company: str


class Address(Value):
    """A postal address; a business has at most one of each type, and one default (OE-20)."""

    type: Literal["Billing", "Business", "Private", "Shipping", "Other"]
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    default: bool = False


class ProfileChanged(AccountsFact):
    """The profile of the business, whole, with its counter. Subject: the tenant name."""

    type: ClassVar[str] = "profile.changed"
    counter: int
    company: str
    phone: str = ""
    email: str = ""
    fax: str = ""
    website: str = ""
    logo: str = ""
    addresses: list[Address] = []


class SettingsChanged(AccountsFact):
    """Whose offers the business wants and how long its own stay open, whole. Subject: the tenant name."""

    type: ClassVar[str] = "settings.changed"
    offers_from: Literal["all", "none"] = "all"
    blocked: list[str] = []
    offer_expiry_days: int = 30


class UserChanged(AccountsFact):
    """A person has got a login or it was changed; the whole of it. Subject: the user's id, which is the contact's too."""

    type: ClassVar[str] = "user.changed"
    id: str
    name: str
    email: str
    role: Role
    active: bool


class RecipientFound(AccountsFact):
    """An offer that arrived is meant for this login of ours. Subject: the partnership."""

    type: ClassVar[str] = "recipient.found"
    origin: str
    user_id: str


class RecipientUnknown(AccountsFact):
    """There is no such business here, no such login in it, or it does not want this offer: never said which. Subject: the partnership."""

    type: ClassVar[str] = "recipient.unknown"
    origin: str


class HeardAddress(Value):
    """An address as another business tells it."""

    type: HeardLine
    line1: HeardLine = ""
    line2: HeardLine = ""
    city: HeardLine = ""
    state: HeardLine = ""
    zip: HeardLine = ""
    country: HeardLine = ""
    default: bool = False


def _picture(value: object) -> object:
    """A picture of another business: anything that is too large to be one of ours is none."""
    return value if isinstance(value, str) and len(value) <= 100_000 else ""


class ProfileShared(PeerMessage):
    """The profile of a business, whole, to each live counterpart: a shared value with its counter (protocol rule 7).

    Subject: the tenant that tells.
    """

    publisher: ClassVar[str] = "accounts"
    type: ClassVar[str] = "profile.shared"
    counter: Number
    company: HeardLine
    phone: HeardLine = ""
    email: HeardLine = ""
    fax: HeardLine = ""
    website: HeardText = ""
    logo: Annotated[str, BeforeValidator(_picture)] = ""
    addresses: Annotated[list[HeardAddress], Field(max_length=20)] = []


class ProfileReceived(AccountsFact):
    """The profile of a counterpart, whole, as it told last. Subject: the counterpart's tenant name."""

    type: ClassVar[str] = "profile.received"
    counter: int
    company: str
    phone: str = ""
    email: str = ""
    fax: str = ""
    website: str = ""
    logo: str = ""
    addresses: list[Address] = []


class ProfileDue(Timer):
    """Our profile was changed: tell the live counterparts. Subject: the tenant name. `after`: the last run's cursor."""

    publisher: ClassVar[str] = "accounts"
    type: ClassVar[str] = "profile.due"
    after: str | None = None

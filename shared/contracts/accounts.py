"""What accounts states: businesses, people, profiles, and its word on who receives an offer."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.contracts.messages import Fact, Value

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

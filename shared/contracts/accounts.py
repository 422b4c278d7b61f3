"""What accounts states: businesses, people, profiles, and its word on who receives an offer."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from shared import pictures
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


class PasswordResetRequested(AccountsFact):
    """Somebody may choose a new password by a link in a mail to `email`; only the mailer can make that link. Subject: the user."""

    type: ClassVar[str] = "password_reset.requested"
    id: str
    name: str
    email: str


class PasswordChanged(AccountsFact):
    """A person has another password; `by_mail`: it was chosen by a link in a mail. Subject: the user."""

    type: ClassVar[str] = "password.changed"
    name: str
    email: str
    by_mail: bool


class EmailChangeRequested(AccountsFact):
    """A person wants to log in with `email`, once a link in a mail to it was followed. Subject: the user."""

    type: ClassVar[str] = "email_change.requested"
    id: str
    name: str
    email: str
    before: str


class EmailChanged(AccountsFact):
    """A person logs in with `email` from now on, no longer with `before`. Subject: the user."""

    type: ClassVar[str] = "email.changed"
    name: str
    email: str
    before: str


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
    """A picture of another business: anything that could not be one of ours is none."""
    if not isinstance(value, str) or len(value) > 100_000:
        return ""
    return "" if value.startswith("data:") and pictures.of_url(value) is None else value


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


class PasswordResetDue(Timer):
    """Somebody asked for a new password: mail a link, if there is such a login. Subject: the tenant name.

    Apart from the request, so that its answer takes as long when there is none. `address` and `agent`: where it came from.
    """

    publisher: ClassVar[str] = "accounts"
    type: ClassVar[str] = "password_reset.due"
    email: str
    address: str = ""
    agent: str = ""


class ProfileDue(Timer):
    """Our profile was changed: tell the live counterparts. Subject: the tenant name. `after`: the last run's cursor."""

    publisher: ClassVar[str] = "accounts"
    type: ClassVar[str] = "profile.due"
    after: str | None = None

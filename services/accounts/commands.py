"""The bodies of requests, and what may stand in each field."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from services.accounts.domain import api_keys, businesses, environments, people, settings
from shared import pictures
from shared.calls import Body, Paged, no_doubles
from shared.text import Email, Id, Name, Password, Short, TenantName, clean

_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_ZONES = available_timezones() | {"UTC"}


def _locale(value: str) -> str:
    if not _LOCALE.fullmatch(value):
        raise ValueError("Use a language tag like en or de-AT.")
    return value


def _time_zone(value: str) -> str:
    if value not in _ZONES:
        raise ValueError("Use the name of a time zone like Europe/Vienna.")
    return value


def _web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in value
    except ValueError:
        fits = False
    if value and not fits:
        raise ValueError("Use an address that starts with https:// or http://.")
    return value


def _logo(value: str) -> str:
    # SVG is left out: it can carry scripts, and partners show this picture on their pages.
    if value.startswith("data:") and pictures.of_url(value) is None:
        raise ValueError(
            f"Use a PNG, JPEG, GIF or WebP picture, of at most {pictures.MOST_PIXELS} by {pictures.MOST_PIXELS} pixels."
        )
    if not value.startswith("data:"):
        if len(value) > 500:
            raise ValueError("Use at most 500 characters.")
        _web_address(value)
    return value


def _email_or_empty(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    return "" if isinstance(value, str) and not value.strip() else check(value)


def _preference(value: Any) -> Any:
    fits = value is None or isinstance(value, bool | str) or (isinstance(value, int) and abs(value) <= 2**53)
    if not fits:
        raise ValueError("A preference is a text, a whole number, true or false.")
    if isinstance(value, str) and len(value) > 500:
        raise ValueError("Use at most 500 characters.")
    return value


def _line(value: Any) -> Any:
    return clean(value, breaks=False)


def _text(value: Any) -> Any:
    return clean(value, breaks=True)


def _not_given() -> Any:
    """A field of a change that was left out stays None; a null that was sent is an error."""
    return Field(default=None)


def _moment(value: Any) -> Any:
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError("Use a time like 2027-03-31T12:00:00Z.")


Moment = Annotated[datetime, BeforeValidator(_moment)]
Locale = Annotated[str, AfterValidator(_locale)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Phone = Annotated[str, BeforeValidator(_line), StringConstraints(max_length=50)]
Website = Annotated[str, BeforeValidator(_line), StringConstraints(max_length=500), AfterValidator(_web_address)]
Logo = Annotated[str, BeforeValidator(_line), StringConstraints(max_length=100_000), AfterValidator(_logo)]
EmailOrEmpty = Annotated[Email, WrapValidator(_email_or_empty)]
Credential = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
PreferenceName = Annotated[str, BeforeValidator(_line), StringConstraints(min_length=1, max_length=100)]
PreferenceValue = Annotated[Any, BeforeValidator(_text), AfterValidator(_preference)]
NetworkAddress = Annotated[str, StringConstraints(max_length=100)]


class RegisterTenant(Body):
    """A business and its first admin."""

    tenant: TenantName
    company: Name
    name: Name
    email: Email
    password: Password


class OpenSession(Body):
    """A login. Anything that can be text is taken: a name that cannot exist is as wrong as one that does not.

    `address` is where the request came from, for the limit on failed logins; the gateway fills it in.
    """

    tenant: Credential
    email: Credential
    password: Credential
    address: NetworkAddress | None = None


class CloseSession(Body):
    """The token whose session is to end."""

    token: Any = None


class ChangePassword(Body):
    """The password before and after. `session_id` names the session that stays; the gateway fills it in."""

    old: Credential
    new: Password
    session_id: Id | None = None


class RequestPasswordReset(Body):
    """Whose password is forgotten. Anything that can be text is taken, as at a login."""

    tenant: Credential
    email: Credential


class ResetPassword(Body):
    """The token of a link in a mail, and the new password."""

    token: Credential
    password: Password


class RequestEmailChange(Body):
    """The e-mail somebody wants to log in with, and their password."""

    email: Email
    password: Credential


class FollowLink(Body):
    """The token of a link in a mail."""

    token: Credential


class LookAtLink(Body):
    """The token of a link in a mail, and what it is expected to be for."""

    token: Credential
    purpose: Literal["reset", "email"]


class UpdateMe(Body):
    """What people change of themselves. A preference set to null is forgotten."""

    name: Name = _not_given()
    locale: Locale = _not_given()
    time_zone: TimeZone = _not_given()
    preferences: dict[PreferenceName, PreferenceValue] = Field(
        default_factory=dict, max_length=people.PREFERENCES_LIMIT
    )


class AddressBody(Body):
    """A postal address of the profile."""

    type: businesses.AddressType
    line1: Short = ""
    line2: Short = ""
    city: Short = ""
    state: Short = ""
    zip: Phone = ""
    country: Short = ""
    default: bool = False


class UpdateProfile(Body):
    """What is to be changed of the profile; addresses are replaced as a whole."""

    company: Name = _not_given()
    logo: Logo = _not_given()
    phone: Phone = _not_given()
    email: EmailOrEmpty = _not_given()
    fax: Phone = _not_given()
    website: Website = _not_given()
    addresses: Annotated[list[AddressBody], Field(max_length=20)] = _not_given()

    def changes(self) -> businesses.ProfileChanges:
        """The same for the rules."""
        addresses = (
            None if self.addresses is None else tuple(businesses.Address(**a.model_dump()) for a in self.addresses)
        )
        return businesses.ProfileChanges(**self.model_dump(exclude={"addresses"}), addresses=addresses)


class ListUsers(Paged):
    """A page of the people with a login. `q` is looked for in name and e-mail, without regard to case."""

    q: Short = ""


class CreateUser(Body):
    """A new login. With `contact_id` it is for that contact of the directory; without a password it cannot be used yet."""

    name: Name
    email: Email
    role: people.Role
    password: Password | None = None
    contact_id: Id | None = None


class UpdateUser(Body):
    """What an admin changes of a login."""

    name: Name = _not_given()
    role: people.Role = _not_given()
    active: bool = _not_given()


class GetPeople(Body):
    """The ids of people; services ask for those a request names and for whoever asks, so one may stand there twice."""

    ids: Annotated[list[Id], Field(max_length=500)]
    settings: bool = False


class Reserve(Body):
    """Roles that what has the id `needed_by` is about to give, or was; asked by services of the same side."""

    needed_by: Id


class RoleBody(Body):
    """A role of an environment."""

    id: Id | None = None
    name: Name


class EnvironmentBody(Body):
    """An environment and its roles."""

    id: Id | None = None
    name: Name
    roles: Annotated[list[RoleBody], Field(min_length=1, max_length=environments.ROLES_LIMIT)]


class SetEnvironments(Body):
    """All environments, in the order in which they are shown."""

    items: Annotated[list[EnvironmentBody], Field(min_length=1, max_length=environments.ENVIRONMENTS_LIMIT)]

    def wanted(self) -> list[environments.Wanted]:
        """The same for the rules."""
        return [
            environments.Wanted(
                id=item.id,
                name=item.name,
                roles=tuple(environments.Wanted(id=role.id, name=role.name) for role in item.roles),
            )
            for item in self.items
        ]


class UpdateSettings(Body):
    """What is to be changed of the settings; the list of blocked tenants is replaced as a whole."""

    offer_expiry_days: Annotated[int, Field(ge=1, le=365)] = _not_given()
    offers_from: settings.OfferSenders = _not_given()
    blocked_tenants: Annotated[
        list[TenantName], Field(max_length=settings.BLOCKED_LIMIT), AfterValidator(no_doubles)
    ] = _not_given()


class CreateApiKey(Body):
    """A key of one's own: until a moment, or for a number of days."""

    name: Annotated[Name, Field(max_length=100)]
    scopes: Annotated[list[api_keys.Scope], Field(min_length=1), AfterValidator(no_doubles)]
    expires_at: Moment | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=api_keys.MOST_DAYS)] | None = None

    @field_validator("expires_in_days")
    @classmethod
    def _one_end(cls, value: int | None, others: ValidationInfo) -> int | None:
        if value is not None and others.data.get("expires_at") is not None:
            raise ValueError("Give expires_at or expires_in_days, not both.")
        return value


class ListApiKeys(Paged):
    """A page of API keys."""


class ListSessions(Paged):
    """A page of one's own sessions. `session_id` names the one that asks; the gateway fills it in."""

    session_id: Id | None = None


class EndSessions(Body):
    """All of one's own sessions but `session_id`, which the gateway fills in."""

    session_id: Id | None = None


class ListAudit(Paged):
    """A page of the audit trail; with `action` only those."""

    action: Annotated[list[PreferenceName], Field(max_length=50)] = []

"""Businesses, people, sessions, environments, settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from services.gateway.api.schemas.basics import Email, Given, Id, Name, Page, Password, Role, Shown, TenantName, Time


class NewTenant(Given):
    tenant: TenantName
    company: Name
    name: Name
    email: Email
    password: Password


class User(Shown):
    id: Id
    name: str
    email: str
    role: Role
    active: bool
    locale: str
    time_zone: str


class NewUser(Given):
    name: Name
    email: Email
    role: Role
    password: Password | None = None
    contact_id: Id | None = None


class UserChange(Given):
    name: Name = ""
    role: Role = "member"
    active: bool = True


class UserSearch(Page):
    q: Annotated[str, Field(max_length=200, description="Part of a name or an e-mail.")] = ""


class UserList(Shown):
    items: list[User]
    next: str | None


class Registered(Shown):
    tenant: str
    company: str
    user: User


class Login(Given):
    tenant: Annotated[str, Field(min_length=1, max_length=1000)]
    email: Annotated[str, Field(min_length=1, max_length=1000)]
    password: Annotated[str, Field(min_length=1, max_length=1000, json_schema_extra={"format": "password"})]


class LoggedIn(Shown):
    token: Annotated[str, Field(description="For `Authorization: Bearer`.")]
    expires_at: Time
    user: User


class Session(Shown):
    id: Id
    opened_at: Time
    used_at: Annotated[Time, Field(description="Noted at most once a minute.")]
    expires_at: Annotated[Time, Field(description="At the latest; 12 hours after its last use it ends, too.")]
    address: Annotated[str, Field(description="The network address it was opened from.")]
    user_agent: Annotated[str, Field(description="What the program that opened it called itself.")]
    current: Annotated[bool, Field(description="Whether it is the one that asks.")]


class SessionList(Shown):
    items: list[Session]
    next: str | None


class Me(Shown):
    user: User
    tenant: str
    company: str
    permissions: list[str]
    preferences: dict[str, Any]


class MeChange(Given):
    name: Name = ""
    locale: str = "en"
    time_zone: str = "UTC"
    preferences: dict[str, str | bool | int | None] = {}


class PasswordChange(Given):
    old: str
    new: Password


class PasswordReset(Given):
    tenant: Annotated[str, Field(min_length=1, max_length=1000)]
    email: Annotated[str, Field(min_length=1, max_length=1000)]


class LinkToken(Given):
    token: Annotated[str, Field(min_length=1, max_length=1000, description="The `token` of the link in the mail.")]


class PasswordResetConfirmation(LinkToken):
    password: Password


class EmailChange(Given):
    email: Email
    password: Annotated[str, Field(min_length=1, max_length=1000, json_schema_extra={"format": "password"})]


class AuditSearch(Page):
    action: Annotated[list[str], Field(max_length=50, description="Only these actions.")] = []


class AuditActor(Shown):
    id: Id
    name: Annotated[str, Field(description="As it was then.")]


class AuditEntry(Shown):
    id: Id
    at: Time
    action: Annotated[str, Field(description="`login.succeeded`, `user.deactivated`, …: an open set.")]
    outcome: Annotated[str, Field(description="`done` or `refused`.")]
    title: Annotated[str, Field(description="One sentence.")]
    actor: Annotated[AuditActor | None, Field(description="null for whoever was not logged in.")]
    address: Annotated[str, Field(description="The network address it came from; empty when not known.")]
    user_agent: str
    details: Annotated[dict[str, str], Field(description="What it was about, in words that were right then.")]


class AuditList(Shown):
    items: list[AuditEntry]
    next: str | None


class Limits(Shown):
    offers_per_day: int
    undeliverable_offers_per_day: int


class Settings(Shown):
    offer_expiry_days: int
    offers_from: str
    blocked_tenants: list[str]
    limits: Limits
    version: int


class SettingsChange(Given):
    offer_expiry_days: Annotated[int, Field(ge=1, le=365)] = 30
    offers_from: Literal["all", "none"] = "all"
    blocked_tenants: list[TenantName] = []


class Address(Shown):
    type: Literal["Billing", "Business", "Private", "Shipping", "Other"]
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    default: bool = False


class GivenAddress(Given):
    type: Literal["Billing", "Business", "Private", "Shipping", "Other"]
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    default: bool = False


class Profile(Shown):
    tenant: str
    company: str
    logo: str
    phone: str
    email: str
    fax: str
    website: str
    addresses: list[Address]
    version: int


class ProfileChange(Given):
    company: Name = ""
    logo: str = ""
    phone: str = ""
    email: str = ""
    fax: str = ""
    website: str = ""
    addresses: list[GivenAddress] = []


class EnvironmentRole(Shown):
    id: Id
    name: str


class Environment(Shown):
    id: Id
    name: str
    roles: list[EnvironmentRole]


class Environments(Shown):
    items: list[Environment]
    next: str | None
    version: int


class GivenRole(Given):
    id: Id | None = None
    name: Name


class GivenEnvironment(Given):
    id: Id | None = None
    name: Name
    roles: Annotated[list[GivenRole], Field(min_length=1)]


class GivenEnvironments(Given):
    items: Annotated[list[GivenEnvironment], Field(min_length=1)]

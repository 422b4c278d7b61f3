"""The shapes of the JSON API, for the OpenAPI description only: services judge what they are sent, and answer what they answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(json_schema_extra={"format": "uuid"}, description="A UUIDv7.")]
Time = Annotated[datetime, Field(description="RFC 3339, UTC.")]
Role = Literal["admin", "partnerships", "member"]
Ids = Annotated[list[Id], Field(max_length=200, json_schema_extra={"uniqueItems": True})]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Email = Annotated[str, Field(min_length=1, max_length=254, json_schema_extra={"format": "email"})]
Password = Annotated[str, Field(min_length=10, max_length=200, json_schema_extra={"format": "password"})]
TenantName = Annotated[
    str, Field(min_length=2, max_length=63, pattern="^[a-z][a-z0-9-]*[a-z0-9]$", description="A tenant name.")
]


class Given(BaseModel):
    """What a client sends: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What Accord answers. Bear new fields and new values of open sets."""

    model_config = ConfigDict(extra="allow")


class Nothing(Given):
    """No fields; the body may be left out."""


class Page(Given):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(description="`next` of the page before.")] = ""


# Problems


class FieldProblem(Shown):
    field: Annotated[str, Field(description="Dotted: `items.0.roles`.")]
    message: str


class Problem(Shown):
    """RFC 9457."""

    type: Annotated[str, Field(description="`/problems/<code>`")]
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem]
    retry_at: Annotated[Time | None, Field(description="With `too_soon`: from when on it may be done.")] = None


# Tenants, people, sessions


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
    used_at: Time
    expires_at: Time


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


# Contacts


class NewContact(Given):
    name: Name
    email: Email
    phone: Annotated[str, Field(max_length=50)] = ""
    title: Annotated[str, Field(max_length=200)] = ""


class ContactChange(Given):
    name: Name = ""
    email: Email = ""
    phone: Annotated[str, Field(max_length=50)] = ""
    title: Annotated[str, Field(max_length=200)] = ""


class ImportedContact(NewContact):
    """Somebody whose e-mail is there already is changed; a field that is left out stays as it is then."""


class ContactsImport(Given):
    items: Annotated[list[ImportedContact], Field(min_length=1, max_length=1000)]
    preview: Annotated[bool, Field(description="Only say what would happen.")] = False


class ImportedField(Shown):
    field: str
    before: str
    after: str


class ImportedRow(Shown):
    row: Annotated[int, Field(description="Its place in `items`, from 0.")]
    outcome: Annotated[str, Field(description="`new`, `changed`, `unchanged`, `invalid` or `double`.")]
    contact_id: Id | None
    changes: list[ImportedField]
    errors: Annotated[list[FieldProblem], Field(description="What is wrong with an invalid row.")]
    same_as: Annotated[int | None, Field(description="The row whose e-mail a double repeats.")]


class ContactsImported(Shown):
    items: list[ImportedRow]
    counts: Annotated[dict[str, int], Field(description="How many rows there are of each outcome.")]
    version: Annotated[
        int, Field(description="Of what the good rows do: as `If-Match` it lets happen only what was shown.")
    ]


class ContactSearch(Page):
    q: Annotated[str, Field(max_length=200, description="Part of a name, e-mail or title.")] = ""


class Contact(Shown):
    id: Id
    name: str
    email: str
    phone: str
    title: str
    version: int


class ContactList(Shown):
    items: list[Contact]
    next: str | None


# Partnerships


class NewOffer(Given):
    customer_tenant: TenantName
    customer_email: Email
    message: Annotated[str, Field(min_length=1, max_length=500)]
    contact_ids: Annotated[Ids, Field(min_length=1)]
    manager_ids: Ids = []


class PartnershipSearch(Page):
    status: Annotated[
        list[str],
        Field(description="Statuses; `ended` stands for declined, withdrawn, expired, undeliverable and terminated."),
    ] = []
    role: Annotated[Literal["partner", "customer"], Field(description="Our role.")] = "partner"
    turn: Annotated[Literal["ours", "theirs"], Field(description="Whose turn it is.")] = "ours"
    q: Annotated[str, Field(max_length=200, description="Part of the other business's name.")] = ""
    sort: Literal["-updated_at", "company", "turn_since", "-sent_at"] = "-updated_at"


class Counterpart(Shown):
    tenant: str
    company: str
    logo: Annotated[
        str | None, Field(description="A digest of its logo, which changes with it; null while there is none to show.")
    ]
    profile: dict[str, Any]


class Person(Shown):
    id: Id
    name: str


class Named(Shown):
    name: str


class Owners(Shown):
    ours: Person | None
    theirs: Named | None


class Ended(Shown):
    """`reason` is ours when we ended it, else theirs; `their_reason` is theirs whenever they did."""

    by: Literal["us", "them", "both"]
    reason: str | None
    their_reason: str | None
    at: Time


class OfferedContact(Shown):
    contact_id: Id
    name: str
    title: str


class Partnership(Shown):
    """A partnership as our side sees it; both sides know it by the same id."""

    id: Id
    role: Literal["partner", "customer"]
    counterpart: Counterpart
    status: Annotated[
        str,
        Field(
            description="open, accepted, modified, declined, withdrawn, expired, undeliverable, suspended, terminated."
        ),
    ]
    turn: Literal["ours", "theirs"] | None
    turn_since: Time | None
    delivery: Annotated[str | None, Field(description="queued, delivered, seen, answered.")]
    message: str
    sent_by: Person
    sent_at: Time
    expires_at: Time | None
    customer_email: str
    contacts_count: int
    offered_count: int
    offered: Annotated[list[OfferedContact], Field(description="Whom the offer named.")]
    managers_count: int
    pending_modifications: int
    owners: Owners
    ended: Ended | None
    decline_reason: str | None
    actions: list[str]
    more_actions: list[str]
    version: int
    updated_at: Time


class PartnershipList(Shown):
    items: list[Partnership]
    next: str | None


class PartnershipCounts(Shown):
    total: Annotated[int, Field(description="All on the home list.")]
    ended: Annotated[int, Field(description="With status `ended`, whether on the home list or not.")]
    by_status: dict[str, int]
    by_role: dict[str, int]
    by_turn: dict[str, int]


class RoleGrant(Given):
    environment: Annotated[str, Field(description="Its id or its exact name.")]
    role: Annotated[str, Field(description="Its id or its exact name.")]


class AcceptedContact(Given):
    contact_id: Id
    roles: Annotated[list[RoleGrant], Field(min_length=1, max_length=200)]


class Acceptance(Given):
    contacts: Annotated[list[AcceptedContact], Field(min_length=1, max_length=200)]
    manager_ids: Ids = []
    comment: Annotated[str, Field(max_length=500)] = ""


class Decline(Given):
    reason: Annotated[str, Field(max_length=500)] = ""
    block: Annotated[bool, Field(description="Take no more offers from this business.")] = False


class OfferWithdrawal(Given):
    reason: Annotated[str, Field(max_length=500, description="The other side reads it.")] = ""


class Termination(Given):
    reason: Annotated[str, Field(min_length=1, max_length=500, description="The other side reads it.")]


class GrantedRole(Shown):
    environment: str
    role: str
    environment_id: str
    role_id: str


class Assignment(Shown):
    id: Id
    contact_id: Id
    name: str
    email: Annotated[str | None, Field(description="The customer learns it with the acceptance.")]
    phone: str | None
    title: str | None
    state: Annotated[str, Field(description="offered, accepted, declined, withdrawn, released.")]
    label: Annotated[
        str | None,
        Field(
            description="What a person reads: Offered, Released (we proposed it), Released by Partner, Released by Customer."
        ),
    ]
    roles: Annotated[list[GrantedRole], Field(description="On the customer's side only.")]


class AssignmentList(Shown):
    items: list[Assignment]
    next: str | None


class ModificationSearch(Page):
    state: Annotated[
        list[Literal["pending", "answered", "withdrawn", "void"]], Field(description="Only those in these states.")
    ] = []


class NewModification(Given):
    add_contact_ids: Annotated[Ids, Field(description="People of our directory; only the partner may add.")] = []
    release_contact_ids: Annotated[Ids, Field(description="People who work there now.")] = []
    reason: Annotated[str, Field(min_length=1, max_length=500, description="The other side reads it.")]
    in_reply_to: Annotated[
        Id | None,
        Field(
            description="A proposal of this partnership that this one replies to, such as one whose answer suggested something else."
        ),
    ] = None


class ModificationItem(Shown):
    contact_id: Id
    assignment_id: Id
    name: str
    title: str | None
    action: Literal["add", "release"]
    decision: Annotated[str | None, Field(description="null while open, else accept, decline, withdrawn, void.")]
    comment: str | None


class Modification(Shown):
    """A proposal to add and to release people. Pending while any item is open."""

    id: Id
    partnership_id: Id
    proposed_by: Literal["us", "them"]
    state: Annotated[str, Field(description="pending, answered, withdrawn, void.")]
    reason: str
    items: list[ModificationItem]
    comment: str | None
    suggestion: Annotated[str | None, Field(description="What whoever answered would rather have.")]
    in_reply_to: Id | None
    delivery: Annotated[str | None, Field(description="queued, delivered, seen, answered.")]
    created_at: Time
    created_by: Named
    answered_by: Annotated[Named | None, Field(description="null also for what was decided by itself.")]
    answered_at: Time | None
    actions: Annotated[list[str], Field(description="answer, withdraw: what whoever asks may do now.")]
    version: int


class ModificationList(Shown):
    items: list[Modification]
    next: str | None


class ItemAnswer(Given):
    contact_id: Id
    decision: Literal["accept", "decline"]
    roles: Annotated[
        list[RoleGrant],
        Field(max_length=200, description="Required for each addition that is accepted, and only there."),
    ] = []
    comment: Annotated[str, Field(max_length=500)] = ""


class ModificationAnswer(Given):
    items: Annotated[
        list[ItemAnswer], Field(min_length=1, max_length=200, description="Every item that is still open.")
    ]
    comment: Annotated[str, Field(max_length=500)] = ""
    suggestion: Annotated[str, Field(max_length=500, description="What we would rather have.")] = ""


class NewManagers(Given):
    contact_ids: Annotated[Ids, Field(min_length=1, description="Active users who are not in the team yet.")]


class NewOwner(Given):
    contact_id: Annotated[Id, Field(description="Somebody of our team.")]


class Manager(Shown):
    contact_id: Id
    name: str
    email: str
    owner: bool


class ManagerList(Shown):
    items: list[Manager]
    next: str | None
    version: Annotated[int, Field(description="Of the team, for `If-Match`.")]


class Author(Shown):
    side: Literal["us", "them"]
    name: str


class HistorySearch(Page):
    kind: Annotated[Literal["offer", "contacts", "team", "end"], Field(description="Only what is of this kind.")] = (
        "offer"
    )
    side: Annotated[Literal["us", "them"], Field(description="Only what this side did.")] = "us"


class HistoryEntry(Shown):
    id: Id
    type: str
    at: Time
    by: Author
    title: Annotated[str, Field(description="One sentence.")]
    details: Any
    shared: bool


class History(Shown):
    items: list[HistoryEntry]
    next: str | None


# Notifications


class NotificationSearch(Page):
    unread: Annotated[bool, Field(description="Only those not read yet (true) or read (false).")] = True


class Notification(Shown):
    id: Id
    type: str
    at: Time
    title: str
    text: str
    partnership_id: Id | None
    href: Annotated[str, Field(description="The path of the page it leads to.")]
    read: bool


class NotificationList(Shown):
    items: list[Notification]
    next: str | None
    unread_count: int


class Read(Given):
    ids: Ids | None = None
    all: Literal[True] | None = None


class UnreadCount(Shown):
    unread_count: int


class NotificationPreferences(Shown):
    app: bool
    mail: bool


class GivenNotificationPreferences(Given):
    app: Literal[True] = True
    mail: bool

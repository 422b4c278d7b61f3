"""Partnerships, from the offer to the end."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from services.gateway.api.schemas.basics import Email, Given, Id, Ids, Page, Shown, TenantName, Time


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
    removed: Annotated[
        bool, Field(description="No longer among the tiles of home: it was removed there, or we ended it.")
    ]
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

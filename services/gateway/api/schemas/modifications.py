"""Who is lent, and proposals to change that."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.gateway.api.schemas.basics import Given, Id, Ids, Page, Shown, Time
from services.gateway.api.schemas.partnerships import Named, RoleGrant


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

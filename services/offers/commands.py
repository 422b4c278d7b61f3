"""The bodies of the requests that offers answers, in the form of the public contract."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shared.calls import Body, Ids, Paged, no_doubles
from shared.text import Comment, Email, Id, Name, Reason, Short, TenantName


class SendOffer(Body):
    """`POST /partnerships`."""

    customer_tenant: TenantName
    customer_email: Email
    message: Reason
    contact_ids: Annotated[Ids, Field(min_length=1)]
    manager_ids: Ids = []


class RoleGiven(Body):
    """A role in an environment, each by id or exact name."""

    environment: Name
    role: Name


class AcceptedContact(Body):
    """A contact that is accepted, with at least one role (OE-08)."""

    contact_id: Id
    roles: Annotated[list[RoleGiven], Field(min_length=1, max_length=200), AfterValidator(no_doubles)]


class AcceptOffer(Body):
    """`POST /partnerships/{id}/acceptance`."""

    contacts: Annotated[list[AcceptedContact], Field(min_length=1, max_length=200)]
    manager_ids: Ids = []
    comment: Comment | None = None


class DeclineOffer(Body):
    """`POST /partnerships/{id}/decline`."""

    reason: Comment | None = None
    block: bool = False


class WithdrawOffer(Body):
    """`POST /partnerships/{id}/withdrawal`."""

    reason: Comment | None = None


class EndPartnership(Body):
    """`POST /partnerships/{id}/termination`."""

    reason: Reason


Statuses = Literal[
    "open",
    "accepted",
    "modified",
    "declined",
    "withdrawn",
    "expired",
    "undeliverable",
    "suspended",
    "terminated",
    "ended",
]
Roles = Literal["partner", "customer"]
Turns = Literal["ours", "theirs"]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


# One status may stand without its list. Not a union: its errors would name the branches instead of the field.
OneOrMore = Annotated[list[Statuses] | None, BeforeValidator(_listed)]


class Chosen(Paged):
    """What the home list shows and in which order (OE-01)."""

    status: OneOrMore = None
    role: Roles | None = None
    turn: Turns | None = None
    q: Short | None = None
    sort: Literal["-updated_at", "company", "turn_since", "-sent_at"] = "-updated_at"


class Latest(Body):
    """`get_latest`: in which role of ours."""

    role: Roles


class Standing(Body):
    """`get_standing`: with `change`, may the actor change it?"""

    change: bool = False

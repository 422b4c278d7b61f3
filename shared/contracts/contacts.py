"""What contacts says: details of lent people to contacts of the other side, and what it holds to its own side."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.contracts.messages import Fact, Key, Moment, Number, PeerMessage, Timer, Value
from shared.contracts.offers import Grant, Person
from shared.text import HeardLine, HeardName, HeardText

Action = Literal["add", "release"]
Decision = Literal["accept", "decline"]
Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
"""An id that both sides use, so that it must be one."""


class ContactDetails(Value):
    """A lent person as the customer may know them."""

    id: Key
    name: HeardLine
    email: HeardLine
    phone: HeardLine = ""
    title: HeardLine = ""


class DetailsShared(PeerMessage):
    """Details of the accepted contacts, whole, with a counter (protocol rule 7). Subject: the partnership."""

    publisher: ClassVar[str] = "contacts"
    type: ClassVar[str] = "details.shared"
    counter: Number
    contacts: Annotated[list[ContactDetails], Field(max_length=2000)]


class ProposedItem(Value):
    """One wish of a proposal. A release names the assignment, not only the person (protocol rule 3); an addition makes one of its own."""

    action: Action
    contact_id: Uuid
    assignment_id: Uuid
    name: HeardName
    title: HeardLine = ""


class DecidedItem(Value):
    """What the addressee decided of one item."""

    contact_id: Uuid
    decision: Decision
    comment: HeardText = ""


class ContactsPeer(PeerMessage):
    publisher: ClassVar[str] = "contacts"


class ModificationProposed(ContactsPeer):
    """One side proposes to add and to release people (OE-12 to OE-15). Nothing takes effect before the other accepts. Subject: the partnership."""

    type: ClassVar[str] = "modification.proposed"
    id: Uuid
    reason: HeardText
    proposed_by: Person
    proposed_at: Moment
    items: Annotated[list[ProposedItem], Field(min_length=1, max_length=200)]
    in_reply_to: Uuid | None = None


class ModificationDecided(ContactsPeer):
    """The addressee decided these items (OE-16). Without `decided_by` it decided by itself (protocol rule 2). Subject: the partnership."""

    type: ClassVar[str] = "modification.decided"
    modification_id: Uuid
    decided_by: Person | None
    decided_at: Moment
    items: Annotated[list[DecidedItem], Field(min_length=1, max_length=200)]
    comment: HeardText = ""
    suggestion: HeardText = ""


class ModificationWithdrawn(ContactsPeer):
    """The proposer takes back what was still open in its record; what the addressee decided before counts. Subject: the partnership."""

    type: ClassVar[str] = "modification.withdrawn"
    modification_id: Uuid
    withdrawn_by: Person
    withdrawn_at: Moment
    contact_ids: Annotated[list[Uuid], Field(min_length=1, max_length=200)]


class ContactsFact(Fact):
    publisher: ClassVar[str] = "contacts"


class AssignmentsChanged(ContactsFact):
    """What offers shows of contacts' matter, whole; the newest version counts (protocol rule 8). Subject: the partnership.

    `working`: how many of the partner's people work at the customer now. `pending`: how many proposals have an open item; `to_answer`
    of them wait for us, `awaiting` for the other side, each with the time of the oldest. `last_word`: how far what a person of
    ours proposed, answered or withdrew last has come to them (BX-03), None when there is nothing of the kind.
    """

    type: ClassVar[str] = "assignments.changed"
    version: int
    working: int
    pending: int = 0
    to_answer: int = 0
    to_answer_since: Moment | None = None
    awaiting: int = 0
    awaiting_since: Moment | None = None
    last_word: Literal["queued", "delivered", "seen", "answered"] | None = None


class Wish(Value):
    """An item of a proposal, for those who tell of it."""

    action: Action
    contact_id: str
    name: str
    title: str = ""


class Answered(Wish):
    """An item as it was decided. Roles are the customer's own matter and stand on its side only."""

    decision: Decision
    comment: str = ""
    roles: list[Grant] = []


class Proposal(ContactsFact):
    """What both facts of a proposal say. `counterpart` is the other tenant, `company` its name as far as we know it."""

    modification_id: str
    counterpart: str
    company: str
    by: Person
    at: Moment
    reason: str
    items: list[Wish]
    in_reply_to: str | None = None


class ProposalGiven(Proposal):
    """We proposed a change."""

    type: ClassVar[str] = "proposal.given"


class ProposalReceived(Proposal):
    """They proposed a change; it waits for our answer, unless all of it was decided by itself. When it does not `count`, it came after an end."""

    type: ClassVar[str] = "proposal.received"
    counts: bool = True


class Answer(ContactsFact):
    """What both facts of an answer say. Without `by` it was decided by itself (protocol rule 2); `reason` is the proposal's."""

    modification_id: str
    counterpart: str
    company: str
    by: Person | None
    at: Moment
    items: list[Answered]
    comment: str = ""
    suggestion: str = ""
    reason: str = ""


class AnswerGiven(Answer):
    """We decided items of their proposal."""

    type: ClassVar[str] = "answer.given"


class AnswerReceived(Answer):
    """They decided items of our proposal."""

    type: ClassVar[str] = "answer.received"


class Retraction(ContactsFact):
    """What both facts of a withdrawn proposal say: `items` is what was open for the proposer."""

    modification_id: str
    counterpart: str
    company: str
    by: Person
    at: Moment
    items: list[Wish]


class RetractionGiven(Retraction):
    """We withdrew a proposal."""

    type: ClassVar[str] = "retraction.given"


class RetractionReceived(Retraction):
    """They withdrew a proposal. When it does not `count`, nothing of it was open here any more."""

    type: ClassVar[str] = "retraction.received"
    counts: bool = True


class DetailsDue(Timer):
    """A person was changed: tell whom they are lent to. Subject: the contact. `after`: the last run's cursor."""

    publisher: ClassVar[str] = "contacts"
    type: ClassVar[str] = "details.due"
    after: str | None = None

"""What offers says: to offers of the other side (peer messages) and to the services of its own side (facts).

Facts come in pairs, `given` (we did it) and `received` (they did it). The subject of all is the partnership.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.messages import Fact, Key, Moment, Number, PeerMessage, Timer, Value
from shared.text import HeardLine, HeardName, HeardText

MOST = Field(max_length=200)
"""An offer names at most so many people; each text of a peer message is cleaned and cut to what ours may be."""


class Person(Value):
    """Somebody by id and name."""

    id: Key
    name: HeardName


class OfferedContact(Value):
    """Somebody who is offered. E-mail and phone follow with the acceptance, from contacts to contacts."""

    id: Key
    name: HeardName
    title: HeardLine = ""


class Manager(Value):
    """A partner manager of our own side."""

    id: str
    name: str
    email: str = ""


class Grant(Value):
    """A role in an environment of the customer, each by id and name."""

    environment_id: str
    environment: str
    role_id: str
    role: str


class AcceptedContact(Value):
    """A contact that was accepted, and what it may do at the customer (OE-08)."""

    id: str
    name: str
    roles: list[Grant]


class OffersPeer(PeerMessage):
    publisher: ClassVar[str] = "offers"


class OfferSent(OffersPeer):
    """A partner offers to work together (OE-06)."""

    type: ClassVar[str] = "offer.sent"
    company: HeardLine
    email: HeardLine
    message: HeardText
    sent_by: Person
    sent_at: Moment
    expires_at: Moment
    contacts: Annotated[list[OfferedContact], MOST]


class OfferAccepted(OffersPeer):
    """The customer accepted, with these of the offered contacts; the others are declined (OE-08)."""

    type: ClassVar[str] = "offer.accepted"
    company: HeardLine
    accepted_by: Person
    accepted_at: Moment
    contact_ids: Annotated[list[Key], MOST]
    comment: HeardText = ""


class OfferDeclined(OffersPeer):
    """The customer declined (OE-09)."""

    type: ClassVar[str] = "offer.declined"
    company: HeardLine
    declined_by: Person
    declined_at: Moment
    reason: HeardText = ""


class OfferBounced(OffersPeer):
    """Nobody there: no such business, no such login, or not wanted; never said which (protocol rule 10)."""

    type: ClassVar[str] = "offer.bounced"


class OfferWithdrawn(OffersPeer):
    """The partner takes its open offer back (BX-01). What the customer has decided before it hears of this counts (protocol rule 1)."""

    type: ClassVar[str] = "offer.withdrawn"
    company: HeardLine
    withdrawn_by: Person
    withdrawn_at: Moment
    reason: HeardText = ""


class OfferExpired(OffersPeer):
    """The partner's clock ended its open offer (BX-01); only the sender's clock does (protocol rule 1)."""

    type: ClassVar[str] = "offer.expired"
    expired_at: Moment


class OfferReminded(OffersPeer):
    """The partner reminds of its open offer (BX-01)."""

    type: ClassVar[str] = "offer.reminded"
    company: HeardLine
    reminded_by: Person
    reminded_at: Moment


class PartnershipEnded(OffersPeer):
    """One side ends the partnership, for good (OE-19, protocol rule 4)."""

    type: ClassVar[str] = "partnership.ended"
    company: HeardLine
    ended_by: Person
    ended_at: Moment
    reason: HeardText


class OwnerNamed(OffersPeer):
    """Who is the first point of contact there from now on; all that is told of a team. A shared value with its counter (protocol rule 7).

    An empty name: nobody is, at the moment. `renamed`: the same person, who is called otherwise now.
    """

    type: ClassVar[str] = "owner.named"
    counter: Number
    name: HeardLine
    named_at: Moment
    renamed: bool = False


class OffersFact(Fact):
    publisher: ClassVar[str] = "offers"


class OfferSubmitted(OffersFact):
    """We sent an offer. One that is `held` has not left yet (protocol rule 5): `offer.left` tells when it does."""

    type: ClassVar[str] = "offer.submitted"
    customer: str
    email: str
    message: str
    sent_by: Person
    sent_at: Moment
    expires_at: Moment
    contacts: list[OfferedContact]
    managers: list[Manager]
    held: bool = False


class OfferLeft(OffersFact):
    """An offer of ours that was held back has left: from now on the other side hears of it."""

    type: ClassVar[str] = "offer.left"
    customer: str
    email: str
    message: str
    sent_by: Person
    sent_at: Moment
    contacts: list[OfferedContact]


class OfferArrived(OffersFact):
    """An offer is at the door; accounts is asked whether it is for somebody here. Nobody is told yet."""

    type: ClassVar[str] = "offer.arrived"
    origin: str
    email: str


class OfferReceived(OffersFact):
    """An offer is for us and lies open."""

    type: ClassVar[str] = "offer.received"
    partner: str
    company: str
    message: str
    recipient_id: str
    sent_by: Person
    sent_at: Moment
    expires_at: Moment
    contacts: list[OfferedContact]


class OfferUndeliverable(OffersFact):
    """Our offer found nobody."""

    type: ClassVar[str] = "offer.undeliverable"
    customer: str
    email: str


class AcceptanceGiven(OffersFact):
    """We accepted an offer. Roles are our own matter and never leave our side."""

    type: ClassVar[str] = "acceptance.given"
    partner: str
    company: str
    by: Person
    at: Moment
    contacts: list[AcceptedContact]
    declined: list[Person]
    managers: list[Manager]
    comment: str = ""


class AcceptanceReceived(OffersFact):
    """Our offer was accepted."""

    type: ClassVar[str] = "acceptance.received"
    customer: str
    company: str
    by: Person
    at: Moment
    contacts: list[Person]
    declined: list[Person]
    comment: str = ""


class DeclineGiven(OffersFact):
    """We declined an offer; with `block` we want no more of this partner's (BX-09)."""

    type: ClassVar[str] = "decline.given"
    partner: str
    company: str
    by: Person
    at: Moment
    reason: str = ""
    block: bool = False


class DeclineReceived(OffersFact):
    """Our offer was declined."""

    type: ClassVar[str] = "decline.received"
    customer: str
    company: str
    by: Person
    at: Moment
    reason: str = ""


class WithdrawalGiven(OffersFact):
    """We took our open offer back. Not `told`: it was held back and had never left, so the other side knows nothing of it."""

    type: ClassVar[str] = "withdrawal.given"
    customer: str
    company: str
    by: Person
    at: Moment
    reason: str = ""
    told: bool = True


class WithdrawalReceived(OffersFact):
    """They took their offer back. When it does not `count`, we had answered before we heard of it."""

    type: ClassVar[str] = "withdrawal.received"
    partner: str
    company: str
    by: Person
    at: Moment
    reason: str = ""
    counts: bool = True


class ExpiryGiven(OffersFact):
    """Our offer was not answered in time. `told` as in WithdrawalGiven."""

    type: ClassVar[str] = "expiry.given"
    customer: str
    company: str
    at: Moment
    told: bool = True


class ExpiryReceived(OffersFact):
    """Their offer has expired. When it does not `count`, we had answered before we heard of it."""

    type: ClassVar[str] = "expiry.received"
    partner: str
    company: str
    at: Moment
    counts: bool = True


class ReminderGiven(OffersFact):
    """We reminded them of our open offer."""

    type: ClassVar[str] = "reminder.given"
    customer: str
    company: str
    by: Person
    at: Moment


class ReminderReceived(OffersFact):
    """They remind us of their open offer. When it does not `count`, we had answered before we heard of it."""

    type: ClassVar[str] = "reminder.received"
    partner: str
    company: str
    by: Person
    at: Moment
    counts: bool = True


class EndGiven(OffersFact):
    """We ended the partnership."""

    type: ClassVar[str] = "end.given"
    counterpart: str
    company: str
    by: Person
    at: Moment
    reason: str


class EndReceived(OffersFact):
    """They ended the partnership. When it is not the `first` end, we had ended it before we heard of theirs: one end, two authors."""

    type: ClassVar[str] = "end.received"
    counterpart: str
    company: str
    by: Person
    at: Moment
    reason: str
    first: bool = True


class OwnerReceived(OffersFact):
    """Somebody else is the account owner on their side now, or the same person under another name (`renamed`), or nobody (no name)."""

    type: ClassVar[str] = "owner.received"
    counterpart: str
    company: str
    name: str
    at: Moment
    renamed: bool = False


class PartnershipLookedAt(OffersFact):
    """A person of ours has looked at the partnership: all that the other side has said of it so far is seen (BX-03)."""

    type: ClassVar[str] = "partnership.looked_at"
    at: Moment


class ExpiryDue(Timer):
    """The time of an offer of ours is over, if nobody has answered. Subject: the partnership."""

    publisher: ClassVar[str] = "offers"
    type: ClassVar[str] = "expiry.due"


class NamesDue(Timer):
    """Another business told its name: see to the tiles with it. Subject: its tenant name. `after`: the last run's cursor."""

    publisher: ClassVar[str] = "offers"
    type: ClassVar[str] = "names.due"
    after: str | None = None

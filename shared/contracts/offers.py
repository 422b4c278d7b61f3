"""What offers says: to offers of the other side (peer messages) and to the services of its own side (facts).

Facts come in pairs, `given` (we did it) and `received` (they did it). The subject of all is the partnership.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.messages import Fact, Key, Moment, PeerMessage, Value
from shared.text import HeardLine, HeardText

MOST = Field(max_length=200)
"""An offer names at most so many people; each text of a peer message is cleaned and cut to what ours may be."""


class Person(Value):
    """Somebody by id and name."""

    id: Key
    name: HeardLine


class OfferedContact(Value):
    """Somebody who is offered. E-mail and phone follow with the acceptance, from contacts to contacts."""

    id: Key
    name: HeardLine
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


class OffersFact(Fact):
    publisher: ClassVar[str] = "offers"


class OfferSubmitted(OffersFact):
    """We sent an offer."""

    type: ClassVar[str] = "offer.submitted"
    customer: str
    email: str
    message: str
    sent_by: Person
    sent_at: Moment
    expires_at: Moment
    contacts: list[OfferedContact]
    managers: list[Manager]


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

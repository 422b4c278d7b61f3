"""What happens between kazenor, the partner, and northwind, the customer: the facts, as the services of each side state them."""

from __future__ import annotations

from datetime import timedelta

from shared.contracts.contacts import (
    Answered,
    AnswerGiven,
    AnswerReceived,
    ProposalGiven,
    ProposalReceived,
    RetractionGiven,
    RetractionReceived,
    Wish,
)
from shared.contracts.managers import TeamChanged
from shared.contracts.messages import Fact
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    AcceptedContact,
    DeclineGiven,
    DeclineReceived,
    EndGiven,
    EndReceived,
    ExpiryGiven,
    ExpiryReceived,
    Grant,
    Manager,
    OfferedContact,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
    OwnerReceived,
    Person,
    ReminderGiven,
    ReminderReceived,
    WithdrawalGiven,
    WithdrawalReceived,
)
from tests.support.hearing import START

PARTNERSHIP = "01973f00-0000-7000-8000-000000000001"
ADA = Person(id="01973f00-0000-7000-8000-0000000000a1", name="Ada Lindqvist")
NILS = Person(id="01973f00-0000-7000-8000-0000000000b1", name="Nils Holm")
MIA = OfferedContact(id="01973f00-0000-7000-8000-0000000000c1", name="Mia Berg", title="Consultant")
OLOF = OfferedContact(id="01973f00-0000-7000-8000-0000000000c2", name="Olof Palm")
TO_MANAGE = Manager(id=ADA.id, name=ADA.name, email="ada@kazenor.example")
SENT, ANSWERED = START + timedelta(hours=1), START + timedelta(hours=2)
LATER = START + timedelta(hours=3)

SUBMITTED = OfferSubmitted(
    customer="northwind",
    email="nils@northwind.example",
    message="Shall we?",
    sent_by=ADA,
    sent_at=SENT,
    expires_at=SENT + timedelta(days=30),
    contacts=[MIA, OLOF],
    managers=[TO_MANAGE],
)
RECEIVED = OfferReceived(
    partner="kazenor",
    company="Kazenor Consulting",
    message="Shall we?",
    recipient_id=NILS.id,
    sent_by=ADA,
    sent_at=SENT,
    expires_at=SENT + timedelta(days=30),
    contacts=[MIA, OLOF],
)
UNDELIVERABLE = OfferUndeliverable(customer="northwind", email="nils@northwind.example")
ROLE = Grant(environment_id="e1", environment="Production", role_id="r1", role="Operator")
ACCEPTANCE_GIVEN = AcceptanceGiven(
    partner="kazenor",
    company="Kazenor Consulting",
    by=NILS,
    at=ANSWERED,
    contacts=[AcceptedContact(id=MIA.id, name=MIA.name, roles=[ROLE])],
    declined=[Person(id=OLOF.id, name=OLOF.name)],
    managers=[Manager(id=NILS.id, name=NILS.name, email="nils@northwind.example")],
    comment="Welcome.",
)
ACCEPTANCE_RECEIVED = AcceptanceReceived(
    customer="northwind",
    company="Northwind Traders",
    by=NILS,
    at=ANSWERED,
    contacts=[Person(id=MIA.id, name=MIA.name)],
    declined=[Person(id=OLOF.id, name=OLOF.name)],
    comment="Welcome.",
)
DECLINE_GIVEN = DeclineGiven(
    partner="kazenor", company="Kazenor Consulting", by=NILS, at=ANSWERED, reason="Not this year."
)
DECLINE_RECEIVED = DeclineReceived(
    customer="northwind", company="Northwind Traders", by=NILS, at=ANSWERED, reason="Not this year."
)

WITHDRAWAL_GIVEN = WithdrawalGiven(
    customer="northwind", company="Northwind Traders", by=ADA, at=LATER, reason="Sent by mistake."
)
WITHDRAWAL_RECEIVED = WithdrawalReceived(
    partner="kazenor", company="Kazenor Consulting", by=ADA, at=LATER, reason="Sent by mistake."
)
EXPIRY_GIVEN = ExpiryGiven(customer="northwind", company="Northwind Traders", at=LATER)
EXPIRY_RECEIVED = ExpiryReceived(partner="kazenor", company="Kazenor Consulting", at=LATER)
REMINDER_GIVEN = ReminderGiven(customer="northwind", company="Northwind Traders", by=ADA, at=LATER)
REMINDER_RECEIVED = ReminderReceived(partner="kazenor", company="Kazenor Consulting", by=ADA, at=LATER)
END_GIVEN = EndGiven(
    counterpart="northwind", company="Northwind Traders", by=ADA, at=LATER, reason="The project is over."
)
END_RECEIVED = EndReceived(
    counterpart="kazenor", company="Kazenor Consulting", by=ADA, at=LATER, reason="The project is over."
)
OWNER_RECEIVED = OwnerReceived(counterpart="kazenor", company="Kazenor Consulting", name="Bo Ek", at=LATER)

CHANGE = "01973f00-0000-7000-8000-0000000000d1"
TO_ADD = Wish(action="add", contact_id=OLOF.id, name=OLOF.name, title="Welder")
TO_RELEASE = Wish(action="release", contact_id=MIA.id, name=MIA.name)
PROPOSAL_GIVEN = ProposalGiven(
    modification_id=CHANGE,
    counterpart="northwind",
    company="Northwind Traders",
    by=ADA,
    at=LATER,
    reason="A change of plan.",
    items=[TO_ADD, TO_RELEASE],
)
PROPOSAL_RECEIVED = ProposalReceived(
    **PROPOSAL_GIVEN.model_dump() | {"counterpart": "kazenor", "company": "Kazenor Consulting"}
)
ANSWER_GIVEN = AnswerGiven(
    modification_id=CHANGE,
    counterpart="kazenor",
    company="Kazenor Consulting",
    by=NILS,
    at=LATER,
    items=[
        Answered(**TO_ADD.model_dump(), decision="accept", roles=[ROLE]),
        Answered(**TO_RELEASE.model_dump(), decision="decline", comment="She is needed until June."),
    ],
    comment="Thank you.",
    suggestion="Release her in June.",
    reason="A change of plan.",
)
ANSWER_RECEIVED = AnswerReceived(
    **ANSWER_GIVEN.model_dump(exclude={"items": {"__all__": {"roles"}}})
    | {"counterpart": "northwind", "company": "Northwind Traders"}
)
RELEASED = Answered(**TO_RELEASE.model_dump(), decision="accept")
BY_ITSELF = {
    "by": None,
    "items": [RELEASED, Answered(**TO_ADD.model_dump(), decision="decline")],
    "comment": "",
    "suggestion": "",
}
"""What makes an answer one that was decided without anybody (protocol rule 2)."""
RETRACTION_GIVEN = RetractionGiven(
    modification_id=CHANGE,
    counterpart="northwind",
    company="Northwind Traders",
    by=ADA,
    at=LATER,
    items=[TO_ADD, TO_RELEASE],
)
RETRACTION_RECEIVED = RetractionReceived(
    **RETRACTION_GIVEN.model_dump() | {"counterpart": "kazenor", "company": "Kazenor Consulting"}
)

PAIRS: tuple[tuple[Fact, Fact], ...] = (
    (SUBMITTED, RECEIVED),
    (ACCEPTANCE_GIVEN, ACCEPTANCE_RECEIVED),
    (DECLINE_GIVEN, DECLINE_RECEIVED),
    (WITHDRAWAL_GIVEN, WITHDRAWAL_RECEIVED),
    (WITHDRAWAL_GIVEN, WITHDRAWAL_RECEIVED.model_copy(update={"counts": False})),
    (EXPIRY_GIVEN, EXPIRY_RECEIVED),
    (EXPIRY_GIVEN, EXPIRY_RECEIVED.model_copy(update={"counts": False})),
    (REMINDER_GIVEN, REMINDER_RECEIVED),
    (REMINDER_GIVEN, REMINDER_RECEIVED.model_copy(update={"counts": False})),
    (END_GIVEN, END_RECEIVED),
    (END_GIVEN, END_RECEIVED.model_copy(update={"first": False})),
    (PROPOSAL_GIVEN, PROPOSAL_RECEIVED),
    (ANSWER_GIVEN, ANSWER_RECEIVED),
    (ANSWER_GIVEN.model_copy(update=BY_ITSELF), ANSWER_RECEIVED.model_copy(update=BY_ITSELF)),
    (RETRACTION_GIVEN, RETRACTION_RECEIVED),
    (RETRACTION_GIVEN, RETRACTION_RECEIVED.model_copy(update={"counts": False})),
)
"""What one side did, as both sides' services state it: given there, received here."""

BO = Manager(id="01973f00-0000-7000-8000-0000000000b2", name="Bo Ek", email="bo@northwind.example")
NILS_MANAGES = Manager(id=NILS.id, name=NILS.name, email="nils@northwind.example")


def team(cause: str, *members: Manager, version: int = 2, by: Person | None = NILS, **more: object) -> TeamChanged:
    """What northwind's managers says of its team; the first of `members` is the account owner."""
    owner = Person(id=members[0].id, name=members[0].name) if members else None
    return TeamChanged.model_validate(
        {"version": version, "members": members, "owner": owner, "cause": cause, "by": by, "at": LATER, **more}
    )

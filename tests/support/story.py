"""The facts of an offer from kazenor to northwind, as each side's offers states them."""

from __future__ import annotations

from datetime import timedelta

from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    AcceptedContact,
    DeclineGiven,
    DeclineReceived,
    Grant,
    Manager,
    OfferedContact,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
    Person,
)
from tests.support.hearing import START

PARTNERSHIP = "01973f00-0000-7000-8000-000000000001"
ADA = Person(id="01973f00-0000-7000-8000-0000000000a1", name="Ada Lindqvist")
NILS = Person(id="01973f00-0000-7000-8000-0000000000b1", name="Nils Holm")
MIA = OfferedContact(id="01973f00-0000-7000-8000-0000000000c1", name="Mia Berg", title="Consultant")
OLOF = OfferedContact(id="01973f00-0000-7000-8000-0000000000c2", name="Olof Palm")
TO_MANAGE = Manager(id=ADA.id, name=ADA.name, email="ada@kazenor.example")
SENT, ANSWERED = START + timedelta(hours=1), START + timedelta(hours=2)

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

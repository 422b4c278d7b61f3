"""What offers of another business may say and does not change here."""

from __future__ import annotations

from datetime import timedelta

from shared.bus.deliveries import decode
from shared.contracts import offers as said
from tests.support.hearing import START
from tests.support.saying import Streams
from tests.unit.offers.town import Side, Town


def says(side: Side, message: said.OffersPeer, id: str, origin: str) -> None:
    streams = Streams()
    stream = side.database.streams.get((side.tenant, id, origin, "offers"))
    if stream is not None:
        streams._ends[origin, side.tenant, "offers", id] = (stream.applied, stream.applied_digest)
    body = streams.body(message, tenant=side.tenant, subject=id, origin=origin, time=side.town.now)
    assert side.inbox.handle([decode(body)]).applied == 1


def acceptance(contact: str) -> said.OfferAccepted:
    who = said.Person(id="n", name="Nils")
    return said.OfferAccepted(company="N", accepted_by=who, accepted_at=START, contact_ids=[contact])


def test_an_acceptance_after_the_receipt_of_our_withdrawal_brings_nothing_back() -> None:
    town = Town()
    k = town.kazenor
    mia = k.contact("Mia")
    id = k.send("northwind", town.northwind.admin.email, mia)["id"]
    town.deliver()
    k.withdraw(id)
    town.deliver()
    town.deliver(receipts=True)
    assert k.record(id).confirmed == k.record(id).sent
    says(k, acceptance(mia), id, "northwind")
    assert k.record(id).status == "withdrawn"


def test_what_was_undeliverable_is_not_accepted_afterwards() -> None:
    town = Town()
    k = town.kazenor
    mia = k.contact("Mia")
    id = k.send("northwind", town.northwind.admin.email, mia)["id"]
    says(k, said.OfferBounced(), id, "northwind")
    says(k, acceptance(mia), id, "northwind")
    assert k.record(id).status == "undeliverable"


def test_of_many_reminders_at_once_one_is_worth_telling() -> None:
    town = Town()
    id = town.kazenor.send("northwind", town.northwind.admin.email, town.kazenor.contact("Mia"))["id"]
    town.deliver()
    reminder = said.OfferReminded(company="K", reminded_by=said.Person(id="a", name="Ada"), reminded_at=START)
    for _ in range(3):
        says(town.northwind, reminder, id, "kazenor")
    town.now += timedelta(hours=24)
    says(town.northwind, reminder, id, "kazenor")
    counts = [f.counts for f in town.northwind.said() if isinstance(f, said.ReminderReceived)]
    assert counts == [True, False, False, True]

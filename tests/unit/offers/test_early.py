"""What comes before accounts has said whose the offer is: kept, handled in order, or dropped with the offer."""

from __future__ import annotations

import pytest

from services.offers.domain.early import MOST, keep
from services.offers.domain.partnership import Early
from services.offers.handlers import sending
from shared.bus.work import Heard, Stranger
from shared.contracts import accounts as from_accounts
from shared.contracts import managers as from_managers
from shared.contracts import offers as said
from shared.errors import NotFound
from tests.unit.offers.town import Town

FOUND = from_accounts.RecipientFound(origin="kazenor", user_id="u")
UNKNOWN = from_accounts.RecipientUnknown(origin="kazenor")


@pytest.fixture
def arriving(town: Town) -> str:
    """An offer of which northwind's accounts has said nothing yet."""
    id: str = town.kazenor.send("northwind", "new@northwind.example", town.kazenor.contact("Mia"))["id"]
    town.deliver()
    return id


def test_a_withdrawal_waits_and_follows_the_offer(town: Town, arriving: str) -> None:
    town.kazenor.withdraw(arriving, "Oh")
    town.deliver()
    assert [type(f) for f in town.northwind.said(about=arriving)] == [said.OfferArrived]
    with pytest.raises(NotFound):
        town.northwind.get(arriving)
    town.northwind.hear(FOUND, subject=arriving)
    facts = town.northwind.said(about=arriving)
    assert [type(f) for f in facts[1:]] == [said.OfferReceived, said.WithdrawalReceived]
    assert (facts[-1].counts, facts[-1].reason) == (True, "Oh")
    assert town.northwind.get(arriving)["status"] == "withdrawn"
    assert town.northwind.record(arriving).early == ()


def test_all_that_came_early_is_handled_in_the_order_in_which_it_came(town: Town, arriving: str) -> None:
    town.kazenor.remind(arriving)
    bo = said.Person(id="bo", name="Bo")
    town.kazenor.hear(from_managers.TeamChanged(version=1, members=[], owner=bo), subject=arriving)
    town.wait(town.kazenor.record(arriving).expires_at - town.now)
    town.deliver()
    town.northwind.hear(FOUND, subject=arriving)
    assert [type(f) for f in town.northwind.said(about=arriving)[1:]] == [
        said.OfferReceived,
        said.ReminderReceived,
        said.OwnerReceived,
        said.ExpiryReceived,
    ]
    assert town.statuses(arriving) == ("expired", "expired")
    assert town.northwind.get(arriving)["owners"]["theirs"] == {"name": "Bo"}
    ours, theirs = town.entries(arriving)
    assert ours == theirs and len(ours) == 2


def test_what_came_early_is_dropped_with_an_offer_for_nobody(town: Town, arriving: str) -> None:
    town.kazenor.remind(arriving)
    town.kazenor.withdraw(arriving)
    town.deliver()
    facts = len(town.northwind.said())
    town.northwind.hear(UNKNOWN, subject=arriving)
    record = town.northwind.record(arriving)
    assert (record.status, record.early) == ("bounced", ())
    assert len(town.northwind.said()) == facts
    town.deliver()
    assert town.kazenor.get(arriving)["status"] == "undeliverable"


def test_an_offer_that_was_turned_away_hears_nothing_more_but_answers_its_repetition(town: Town, arriving: str) -> None:
    town.northwind.hear(UNKNOWN, subject=arriving)
    facts = len(town.northwind.said())
    town.kazenor.withdraw(arriving)
    town.deliver()
    record = town.kazenor.record(arriving)
    repeated = said.OfferSent(
        company="Kazenor",
        email=record.email,
        message="Once more",
        sent_by=said.Person(id="a", name="A"),
        sent_at=town.now,
        expires_at=record.expires_at,
        contacts=[],
    )
    town.kazenor.tell(repeated, to="northwind", subject=arriving)
    town.deliver()
    bounces = town.northwind.said("peer", about=arriving)
    assert [type(b) for b in bounces] == [said.OfferBounced, said.OfferBounced]
    assert town.northwind.record(arriving).sent == 2
    assert len(town.northwind.said()) == facts and town.northwind.list(status="ended") == []
    assert sum(isinstance(f, said.OfferUndeliverable) for f in town.kazenor.said()) == 1


def test_the_bounce_is_not_repeated_for_a_third_business(town: Town, arriving: str) -> None:
    town.northwind.hear(UNKNOWN, subject=arriving)
    who = said.Person(id="x", name="X")
    offer = said.OfferSent(
        company="M", email="e", message="m", sent_by=who, sent_at=town.now, expires_at=town.now, contacts=[]
    )
    heard = Heard("northwind", "mallory", arriving, 1, town.now, offer)
    n = town.northwind
    with pytest.raises(Stranger):
        n.run(lambda work, call, now: sending.receive_offer(work, heard, now), n.call(n.admin))
    assert len(n.said("peer", about=arriving)) == 1


def test_a_repeated_offer_that_is_known_here_changes_nothing(town: Town) -> None:
    id, _ = town.offer()
    facts = len(town.northwind.said())
    repeated = said.OfferSent(
        company="Kazenor",
        email="admin@northwind.example",
        message="Once more",
        sent_by=said.Person(id="a", name="A"),
        sent_at=town.now,
        expires_at=town.now,
        contacts=[],
    )
    town.kazenor.tell(repeated, to="northwind", subject=id)
    town.deliver()
    assert town.northwind.get(id)["message"] == "Shall we?"
    assert len(town.northwind.said()) == facts and town.northwind.said("peer", about=id) == []


def test_nobody_can_fill_the_record_of_an_offer_that_nobody_has_taken(town: Town, arriving: str) -> None:
    p = town.northwind.record(arriving)
    for _ in range(MOST + 50):
        p = keep(p, Early("offer.reminded", "{}"))
    for _ in range(3):
        p = keep(p, Early("offer.withdrawn", "{}"))
    assert [e.type for e in p.early] == ["offer.reminded"] * MOST + ["offer.withdrawn"]

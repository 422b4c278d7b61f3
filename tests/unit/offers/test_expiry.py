"""Offers that nobody answers in time: the sender's clock alone ends them."""

from __future__ import annotations

from datetime import timedelta

from services.offers.handlers import expiry
from shared.bus.work import Heard
from shared.contracts import offers as said
from tests.unit.offers.town import VIEWER, Town

MONTH = timedelta(days=30)


def ring(town: Town, id: str) -> None:
    """The timer comes back, whatever time it is."""
    k = town.kazenor
    k.session.run(
        lambda work, call, now: expiry.expiry_due(work, Heard("kazenor", "kazenor", id, 0, now, said.ExpiryDue()), now),
        k.call(k.admin),
    )


def test_an_offer_expires_on_both_sides_when_its_time_is_over(town: Town) -> None:
    id, _ = town.offer()
    town.wait(MONTH - timedelta(seconds=1))
    town.deliver()
    assert town.statuses(id) == ("open", "open")
    town.wait(timedelta(seconds=1))
    assert town.statuses(id) == ("expired", "open")
    town.deliver()
    assert town.statuses(id) == ("expired", "expired")
    ours, theirs = town.kazenor.get(id), town.northwind.get(id)
    assert (ours["turn"], ours["actions"]) == (theirs["turn"], theirs["actions"]) == (None, ["view", "remove"])
    given, received = town.kazenor.said(about=id)[-1], town.northwind.said(about=id)[-1]
    assert isinstance(given, said.ExpiryGiven) and isinstance(received, said.ExpiryReceived)
    assert given.told and received.counts and given.at == received.at == town.now


def test_a_clock_that_rings_too_early_is_set_again(town: Town) -> None:
    id, _ = town.offer()
    ring(town, id)
    assert town.kazenor.get(id)["status"] == "open"
    timers = [row for row in town.kazenor.database.outbox if row.kind == "timer"]
    assert [row.due_at for row in timers] == [town.kazenor.record(id).expires_at] * 2


def test_a_clock_does_nothing_to_what_is_not_open_any_more(town: Town) -> None:
    id = town.accepted()
    before = len(town.kazenor.database.outbox)
    town.wait(MONTH)
    assert town.kazenor.get(id)["status"] == "accepted"
    assert len(town.kazenor.database.outbox) == before


def test_the_customers_own_clock_decides_nothing_and_its_late_acceptance_counts(town: Town) -> None:
    id, (mia, _) = town.offer()
    town.now += MONTH + timedelta(days=1)
    town.northwind.accept(id, {mia: VIEWER})
    town.kazenor.ring()
    assert town.kazenor.get(id)["status"] == "expired"
    town.deliver()
    assert town.statuses(id) == ("accepted", "accepted")
    assert town.northwind.said(about=id)[-1].counts is False
    ours, theirs = town.entries(id)
    assert ours == theirs and [name for name, _ in ours] == ["acceptance", "expiry"]


def test_a_timer_about_what_we_received_decides_nothing(town: Town) -> None:
    id, _ = town.offer()
    n = town.northwind
    town.now += MONTH
    n.session.run(
        lambda work, call, now: expiry.expiry_due(
            work, Heard("northwind", "northwind", id, 0, now, said.ExpiryDue()), now
        ),
        n.call(n.admin),
    )
    assert n.get(id)["status"] == "open"


def test_the_customer_cannot_expire_the_offer_by_a_message(town: Town) -> None:
    id, _ = town.offer()
    town.northwind.tell(said.OfferExpired(expired_at=town.now), to="kazenor", subject=id)
    town.deliver()
    assert town.kazenor.get(id)["status"] == "open"
    assert not any(isinstance(f, said.ExpiryReceived) for f in town.kazenor.said())

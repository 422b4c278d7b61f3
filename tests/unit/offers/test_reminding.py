"""Reminding of an open offer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.clock import iso
from shared.contracts import offers as said
from shared.errors import TooSoon, WrongState
from tests.unit.offers.town import VIEWER, Town

DAY = timedelta(hours=24)


def test_the_first_reminder_goes_at_once_and_reaches_the_other_side(town: Town) -> None:
    id, _ = town.offer()
    shown = town.kazenor.remind(id)
    assert (shown["status"], shown["actions"]) == ("open", ["view", "withdraw"])
    town.deliver()
    given, received = town.kazenor.said(about=id)[-1], town.northwind.said(about=id)[-1]
    assert isinstance(given, said.ReminderGiven) and isinstance(received, said.ReminderReceived)
    assert (given.at, given.by) == (received.at, received.by) and received.counts
    assert town.northwind.get(id)["status"] == "open"


def test_the_next_reminder_waits_for_24_hours_and_the_refusal_says_until_when(town: Town) -> None:
    id, _ = town.offer()
    town.kazenor.remind(id)
    at = town.now
    # A command takes a second here.
    town.now = at + DAY - timedelta(seconds=2)
    with pytest.raises(TooSoon) as refused:
        town.kazenor.remind(id)
    assert refused.value.info["retry_at"] == iso(at + DAY)
    assert f"{at + DAY + timedelta(seconds=59):%Y-%m-%d %H:%M} UTC" in str(refused.value)
    assert town.kazenor.get(id)["actions"] == ["view", "withdraw"]
    town.now = at + DAY - timedelta(seconds=1)
    assert town.kazenor.remind(id)["status"] == "open"
    with pytest.raises(TooSoon):
        town.kazenor.remind(id)
    town.now += DAY
    assert town.kazenor.get(id)["actions"] == ["view", "withdraw", "remind"]


def test_only_the_sender_reminds_and_only_of_what_is_open(town: Town) -> None:
    id, _ = town.offer()
    with pytest.raises(WrongState, match="that sent the offer"):
        town.northwind.remind(id)
    town.kazenor.withdraw(id)
    with pytest.raises(WrongState, match="the offer is withdrawn"):
        town.kazenor.remind(id)


def test_a_reminder_that_crosses_the_answer_does_not_count_and_stands_in_both_histories(town: Town) -> None:
    id, (mia, _) = town.offer()
    town.kazenor.remind(id)
    town.northwind.accept(id, {mia: VIEWER})
    town.deliver()
    assert town.northwind.said(about=id)[-1].counts is False
    ours, theirs = town.entries(id)
    assert ours == theirs and [name for name, _ in ours] == ["acceptance", "reminder"]


def test_the_customer_cannot_remind_by_a_message(town: Town) -> None:
    id, _ = town.offer()
    forged = said.OfferReminded(company="N", reminded_by=said.Person(id="x", name="X"), reminded_at=town.now)
    town.northwind.tell(forged, to="kazenor", subject=id)
    town.deliver()
    assert not any(isinstance(f, said.ReminderReceived) for f in town.kazenor.said())

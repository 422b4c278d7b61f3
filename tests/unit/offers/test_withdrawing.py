"""Withdrawing an open offer, and what the addressee had decided meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.offers.commands import WithdrawOffer
from services.offers.handlers import withdrawing
from shared.contracts import offers as said
from shared.errors import ChangedMeanwhile, NotFound, WrongState
from shared.ids import new_id
from tests.unit.offers.town import VIEWER, Town


def test_a_withdrawn_offer_is_over_on_both_sides(town: Town) -> None:
    id, _ = town.offer()
    shown = town.kazenor.withdraw(id, "Wrong people")
    assert (shown["status"], shown["turn"], shown["turn_since"]) == ("withdrawn", None, None)
    assert shown["actions"] == ["view", "remove"]
    assert town.statuses(id) == ("withdrawn", "open")
    town.deliver()
    theirs = town.northwind.get(id)
    assert (theirs["status"], theirs["turn"], theirs["actions"]) == ("withdrawn", None, ["view", "remove"])
    given, received = town.kazenor.said(about=id)[-1], town.northwind.said(about=id)[-1]
    assert isinstance(given, said.WithdrawalGiven) and isinstance(received, said.WithdrawalReceived)
    assert (given.told, received.counts) == (True, True)
    assert (given.at, given.by, given.reason) == (received.at, received.by, received.reason)
    assert received.reason == "Wrong people"


def test_a_reason_need_not_be_given(town: Town) -> None:
    id, _ = town.offer()
    town.kazenor.withdraw(id)
    town.deliver()
    assert town.northwind.said(about=id)[-1].reason == ""


def test_only_the_sender_withdraws_and_only_what_is_open(town: Town) -> None:
    id, _ = town.offer()
    with pytest.raises(WrongState, match="that sent the offer"):
        town.northwind.withdraw(id)
    with pytest.raises(NotFound):
        town.kazenor.withdraw(new_id())
    town.kazenor.withdraw(id)
    with pytest.raises(WrongState, match="it is withdrawn"):
        town.kazenor.withdraw(id)


def test_what_was_accepted_is_not_withdrawn(town: Town) -> None:
    id = town.accepted()
    with pytest.raises(WrongState, match="it is accepted"):
        town.kazenor.withdraw(id)


def test_what_was_changed_meanwhile_is_not_withdrawn(town: Town) -> None:
    id, _ = town.offer()
    call = town.kazenor.call(town.kazenor.admin, partnership_id=id)
    with pytest.raises(ChangedMeanwhile):
        town.kazenor.run(
            withdrawing.withdraw_offer, replace(call, if_match='"9"'), WithdrawOffer(), person=town.kazenor.admin
        )
    assert town.kazenor.get(id)["status"] == "open"


def test_an_acceptance_that_crosses_the_withdrawal_counts_on_both_sides(town: Town) -> None:
    id, (mia, _) = town.offer()
    town.kazenor.withdraw(id)
    town.northwind.accept(id, {mia: VIEWER})
    town.deliver()
    assert town.statuses(id) == ("accepted", "accepted")
    assert town.northwind.said(about=id)[-1].counts is False
    assert town.kazenor.get(id)["contacts_count"] == 1
    ours, theirs = town.entries(id)
    assert ours == theirs and [name for name, _ in ours] == ["acceptance", "withdrawal"]


def test_a_decline_that_crosses_the_withdrawal_counts_on_both_sides(town: Town) -> None:
    id, _ = town.offer()
    town.kazenor.withdraw(id)
    town.northwind.decline(id, "No")
    town.deliver()
    assert town.statuses(id) == ("declined", "declined")
    ours, theirs = town.entries(id)
    assert ours == theirs and [name for name, _ in ours] == ["decline", "withdrawal"]


def test_a_tile_that_was_removed_comes_back_when_the_offer_had_been_accepted(town: Town) -> None:
    id, (mia, _) = town.offer()
    town.kazenor.withdraw(id)
    town.kazenor.remove(id)
    town.northwind.accept(id, {mia: VIEWER})
    assert town.kazenor.list() == []
    town.deliver()
    assert [p["id"] for p in town.kazenor.list()] == [id]


def test_the_customer_cannot_withdraw_what_was_offered_to_it_by_a_message(town: Town) -> None:
    id, _ = town.offer()
    who = said.Person(id="x", name="X")
    forged = said.OfferWithdrawn(company="Northwind", withdrawn_by=who, withdrawn_at=town.now)
    town.northwind.tell(forged, to="kazenor", subject=id)
    town.deliver()
    assert town.kazenor.get(id)["status"] == "open"
    assert not any(isinstance(f, said.WithdrawalReceived) for f in town.kazenor.said())

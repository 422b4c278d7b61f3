"""Ending a partnership: by either side, by both, and what stands afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from services.offers.commands import EndPartnership
from services.offers.handlers import looking
from shared.clock import iso
from shared.contracts import offers as said
from shared.errors import WrongState
from tests.unit.offers.town import Town

SIDES = [("kazenor", "northwind"), ("northwind", "kazenor")]


@pytest.mark.parametrize(("ender", "other"), SIDES)
def test_either_side_ends_it_and_the_other_keeps_a_tile_to_read(town: Town, ender: str, other: str) -> None:
    id = town.accepted()
    here, there = getattr(town, ender), getattr(town, other)
    shown = here.end(id, "We are done.")
    at = town.now
    assert (shown["status"], shown["turn"], shown["actions"]) == ("terminated", None, ["view", "remove"])
    assert shown["ended"] == {"by": "us", "reason": "We are done.", "their_reason": None, "at": iso(at)}
    assert here.list() == [] and [p["id"] for p in here.list(status="terminated")] == [id]
    town.deliver()
    theirs = there.get(id)
    assert (theirs["status"], theirs["turn"], theirs["actions"]) == ("terminated", None, ["view", "remove"])
    assert theirs["ended"] == {"by": "them", "reason": "We are done.", "their_reason": "We are done.", "at": iso(at)}
    assert theirs["contacts_count"] == 1
    assert [p["id"] for p in there.list()] == [id]
    there.remove(id)
    assert there.list() == []
    given, received = here.said(about=id)[-1], there.said(about=id)[-1]
    assert isinstance(given, said.EndGiven) and isinstance(received, said.EndReceived)
    assert received.first and (given.at, given.by, given.reason) == (received.at, received.by, received.reason)


def test_both_ending_it_is_one_end_with_two_authors(town: Town) -> None:
    id = town.accepted()
    town.kazenor.end(id, "No work left.")
    first = town.now
    town.now += timedelta(minutes=5)
    town.northwind.end(id, "Too dear.")
    town.deliver()
    assert town.statuses(id) == ("terminated", "terminated")
    assert town.kazenor.get(id)["ended"] == {
        "by": "both", "reason": "No work left.", "their_reason": "Too dear.", "at": iso(first),
    }  # fmt: skip
    assert town.northwind.get(id)["ended"] == {
        "by": "both", "reason": "Too dear.", "their_reason": "No work left.", "at": iso(first),
    }  # fmt: skip
    assert town.kazenor.list() == [] and town.northwind.list() == []
    assert not town.kazenor.said(about=id)[-1].first and not town.northwind.said(about=id)[-1].first
    ours, theirs = town.entries(id)
    assert ours == theirs and [name for name, _ in ours] == ["acceptance", "end", "end"]


def test_an_open_offer_is_not_ended_but_withdrawn_or_declined(town: Town) -> None:
    id, _ = town.offer()
    with pytest.raises(WrongState, match="Withdraw it instead"):
        town.kazenor.end(id)
    with pytest.raises(WrongState, match="Decline it instead"):
        town.northwind.end(id)


def test_what_is_over_cannot_be_ended_again(town: Town) -> None:
    id = town.accepted()
    town.kazenor.end(id)
    town.deliver()
    for side in (town.kazenor, town.northwind):
        with pytest.raises(WrongState, match="it is terminated"):
            side.end(id)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_an_end_needs_a_reason_of_1_to_500_characters(reason: str) -> None:
    with pytest.raises(ValidationError):
        EndPartnership(reason=reason)


def test_removing_the_tile_of_our_own_end_changes_nothing_and_is_no_error(town: Town) -> None:
    id = town.accepted()
    version = town.kazenor.end(id)["version"]
    town.kazenor.remove(id)
    assert town.kazenor.get(id)["version"] == version


def test_after_the_end_neighbours_are_refused_changes_and_may_look(town: Town) -> None:
    id = town.accepted()
    k = town.kazenor
    k.end(id)
    call = k.call(k.admin, partnership_id=id)
    assert k.session.read(looking.get_standing, call, False, person=k.admin)["status"] == "terminated"
    with pytest.raises(WrongState, match="has ended"):
        k.session.read(looking.get_standing, call, True, person=k.admin)


@pytest.mark.parametrize("before", ["open", "declined", "withdrawn"])
def test_an_end_of_what_does_not_run_changes_nothing(town: Town, before: str) -> None:
    id, _ = town.offer()
    if before == "declined":
        town.northwind.decline(id)
    if before == "withdrawn":
        town.kazenor.withdraw(id)
    town.deliver()
    who = said.Person(id="x", name="X")
    forged = said.PartnershipEnded(company="N", ended_by=who, ended_at=town.now, reason="r")
    town.northwind.tell(forged, to="kazenor", subject=id)
    facts = len(town.kazenor.said())
    town.deliver()
    assert town.kazenor.get(id)["status"] == before and town.kazenor.get(id)["ended"] is None
    assert len(town.kazenor.said()) == facts


def test_a_second_end_of_the_same_side_does_not_rewrite_the_first(town: Town) -> None:
    id = town.accepted()
    town.northwind.end(id, "First")
    who = said.Person(id="x", name="X")
    forged = said.PartnershipEnded(company="N", ended_by=who, ended_at=town.now, reason="Second")
    town.northwind.tell(forged, to="kazenor", subject=id)
    town.deliver()
    assert town.kazenor.get(id)["ended"]["reason"] == "First"
    assert sum(isinstance(f, said.EndReceived) for f in town.kazenor.said()) == 1

"""The account owner's name: all that the other side learns of a team."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.contracts import managers as from_managers
from shared.contracts import offers as said
from tests.unit.offers.town import VIEWER, Side, Town


def team(side: Side, id: str, version: int, owner: str | None, *members: str) -> None:
    """managers tells of the team of `side`."""
    fact = from_managers.TeamChanged(
        version=version,
        members=[said.Manager(id=m, name=m.title()) for m in members],
        owner=said.Person(id=owner, name=owner.title()) if owner else None,
    )
    side.hear(fact, subject=id)


def names(side: Side, id: str) -> list[tuple[int, str]]:
    return [(m.counter, m.name) for m in side.said("peer", about=id) if isinstance(m, said.OwnerNamed)]


@pytest.mark.parametrize("here", ["kazenor", "northwind"])
def test_the_other_side_learns_who_the_account_owner_is_now(town: Town, here: str) -> None:
    id = town.accepted()
    ours = getattr(town, here)
    theirs = town.northwind if here == "kazenor" else town.kazenor
    team(ours, id, 1, "bo", "bo", "mo")
    assert names(ours, id) == [(1, "Bo")]
    assert ours.get(id)["owners"]["ours"] == {"id": "bo", "name": "Bo"} and ours.get(id)["managers_count"] == 2
    town.deliver()
    assert theirs.get(id)["owners"]["theirs"] == {"name": "Bo"}
    fact = theirs.said(about=id)[-1]
    assert isinstance(fact, said.OwnerReceived) and (fact.counterpart, fact.name) == (ours.tenant, "Bo")
    team(ours, id, 2, "mo", "bo", "mo")
    assert names(ours, id) == [(1, "Bo"), (2, "Mo")]


def test_nothing_is_told_of_the_rest_of_a_team_or_of_a_name_they_know(town: Town) -> None:
    id, _ = town.offer()
    team(town.kazenor, id, 1, "admin", "admin", "bo")
    team(town.kazenor, id, 2, "admin", "admin")
    assert names(town.kazenor, id) == []
    team(town.kazenor, id, 3, "bo", "bo")
    team(town.kazenor, id, 2, "mo", "mo")
    assert names(town.kazenor, id) == [(1, "Bo")]


def test_the_other_side_learns_that_nobody_owns_the_account_for_the_moment(town: Town) -> None:
    id = town.accepted()
    team(town.kazenor, id, 1, None)
    assert town.kazenor.get(id)["owners"]["ours"] is None and town.kazenor.get(id)["managers_count"] == 0
    town.deliver()
    assert town.northwind.get(id)["owners"]["theirs"] is None
    # Also when it is the sender again, whom the offer had named.
    team(town.kazenor, id, 2, "admin", "admin")
    town.deliver()
    assert town.northwind.get(id)["owners"]["theirs"] == {"name": "Admin"}


def test_a_renamed_owner_is_told_as_the_same_person(town: Town) -> None:
    id = town.accepted()
    team(town.kazenor, id, 1, "bo", "bo")
    team(town.kazenor, id, 2, "mo", "mo")
    k = town.kazenor
    renamed = from_managers.TeamChanged(
        version=3, members=[said.Manager(id="mo", name="Moritz")], owner=said.Person(id="mo", name="Moritz")
    )
    k.hear(renamed, subject=id)
    town.deliver()
    told = [(f.name, f.renamed) for f in town.northwind.said(about=id) if isinstance(f, said.OwnerReceived)]
    assert told == [("Bo", False), ("Mo", False), ("Moritz", True)]


def test_nothing_is_told_once_it_is_over_and_the_name_follows_when_it_is_not_after_all(town: Town) -> None:
    id, (mia, _) = town.offer()
    town.kazenor.withdraw(id)
    team(town.kazenor, id, 1, "bo", "bo")
    assert names(town.kazenor, id) == []
    town.northwind.accept(id, {mia: VIEWER})
    town.deliver()
    assert names(town.kazenor, id) == [(1, "Bo")]
    assert town.northwind.get(id)["owners"]["theirs"] == {"name": "Bo"}
    town.kazenor.end(id)
    team(town.kazenor, id, 2, "mo", "mo")
    assert names(town.kazenor, id) == [(1, "Bo")]


def test_the_highest_counter_counts(town: Town) -> None:
    id, _ = town.offer()
    for counter, name in ((2, "Second"), (1, "First"), (2, "Other")):
        town.kazenor.tell(said.OwnerNamed(counter=counter, name=name, named_at=town.now), to="northwind", subject=id)
    town.deliver()
    assert town.northwind.get(id)["owners"]["theirs"] == {"name": "Second"}
    assert sum(isinstance(f, said.OwnerReceived) for f in town.northwind.said(about=id)) == 1


def test_a_change_of_the_owner_is_counted_as_said(town: Town) -> None:
    id, _ = town.offer()
    town.deliver(receipts=True)
    team(town.kazenor, id, 1, "bo", "bo")
    # What is shown is how far the offer has come, which is not set back by what is said beside it.
    assert (town.kazenor.record(id).sent, town.kazenor.get(id)["delivery"]) == (2, "delivered")
    town.deliver(receipts=True)
    town.wait(timedelta(days=30))
    town.deliver(receipts=True)
    assert town.kazenor.record(id).sent == town.kazenor.record(id).confirmed == 3

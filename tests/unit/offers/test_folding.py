"""What offers shows of contacts' matter: the newest fact counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.clock import iso
from shared.contracts import contacts as from_contacts
from tests.support.hearing import START
from tests.unit.offers.town import Side, Town

EARLY, LATE = START - timedelta(hours=2), START - timedelta(hours=1)


def figures(side: Side, id: str, version: int, working: int = 1, **more: Any) -> dict[str, Any]:
    side.hear(from_contacts.AssignmentsChanged(version=version, working=working, **more), subject=id)
    return side.get(id)


@pytest.mark.parametrize(
    ("more", "status", "turn", "since"),
    [
        ({}, "accepted", None, None),
        ({"pending": 1, "to_answer": 1, "to_answer_since": EARLY}, "modified", "ours", EARLY),
        ({"pending": 1, "awaiting": 1, "awaiting_since": LATE}, "modified", "theirs", LATE),
        (
            {"pending": 2, "to_answer": 1, "to_answer_since": LATE, "awaiting": 1, "awaiting_since": EARLY},
            "modified",
            "ours",
            LATE,
        ),
    ],
)
def test_status_and_turn_follow_what_is_pending(town: Town, more: Any, status: str, turn: Any, since: Any) -> None:
    id = town.accepted()
    for side in (town.kazenor, town.northwind):
        shown = figures(side, id, 1, working=3, **more)
        assert (shown["status"], shown["turn"]) == (status, turn)
        assert shown["turn_since"] == (iso(since) if since else None)
        assert (shown["contacts_count"], shown["pending_modifications"]) == (3, more.get("pending", 0))
        assert shown["actions"] == ["edit", "end", "view"]
    assert len(town.kazenor.list(status=status)) == 1 and len(town.kazenor.list(turn=turn)) == 1


def test_an_answer_takes_the_mark_away(town: Town) -> None:
    id = town.accepted()
    figures(town.kazenor, id, 1, pending=1, awaiting=1, awaiting_since=LATE)
    shown = figures(town.kazenor, id, 2, working=2)
    assert (shown["status"], shown["turn"], shown["pending_modifications"]) == ("accepted", None, 0)


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_fact_never_overrides_a_newer(town: Town, version: int) -> None:
    id = town.accepted()
    figures(town.kazenor, id, 2, working=5)
    assert figures(town.kazenor, id, version, working=1, pending=1)["contacts_count"] == 5
    assert town.kazenor.get(id)["status"] == "accepted"


def test_the_tile_moves_up_only_when_something_that_shows_has_changed(town: Town) -> None:
    id = town.accepted()
    before = town.kazenor.get(id)["updated_at"]
    town.now += timedelta(minutes=1)
    assert figures(town.kazenor, id, 1, working=1)["updated_at"] == before
    assert figures(town.kazenor, id, 2, working=2)["updated_at"] == iso(town.now)


def test_how_far_our_last_word_has_come_shows_and_moves_no_tile(town: Town) -> None:
    id = town.accepted()
    figures(town.kazenor, id, 1, pending=1, awaiting=1, awaiting_since=LATE, last_word="queued")
    before = town.kazenor.get(id)
    town.now += timedelta(minutes=1)
    after = figures(town.kazenor, id, 2, pending=1, awaiting=1, awaiting_since=LATE, last_word="seen")
    assert (before["delivery"], after["delivery"]) == ("queued", "seen")
    assert after["updated_at"] == before["updated_at"]


def test_after_the_end_only_the_figures_follow(town: Town) -> None:
    id = town.accepted()
    town.kazenor.end(id)
    shown = figures(town.kazenor, id, 1, working=4, pending=1, to_answer=1, to_answer_since=LATE)
    assert (shown["status"], shown["turn"], shown["contacts_count"]) == ("terminated", None, 4)
    assert shown["actions"] == ["view", "remove"]


def test_while_an_offer_is_open_nobody_works_there(town: Town) -> None:
    id, _ = town.offer()
    shown = figures(town.kazenor, id, 1, working=2, pending=1)
    assert (shown["status"], shown["turn"], shown["contacts_count"]) == ("open", "theirs", 0)


def test_a_modified_partnership_is_ended_like_any_other(town: Town) -> None:
    id = town.accepted()
    figures(town.northwind, id, 1, pending=1, to_answer=1, to_answer_since=LATE)
    town.northwind.end(id)
    town.deliver()
    assert town.statuses(id) == ("terminated", "terminated")

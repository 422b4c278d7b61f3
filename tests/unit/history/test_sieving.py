"""A reader asks the timeline for entries of some kind, or for those of one side, page by page (OE-18)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.history import handlers
from services.history.domain import wording
from services.history.domain.entries import Entry
from services.history.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.bus.work import Work
from shared.calls import Call
from tests.support.hearing import START, Ear


@pytest.fixture
def ear() -> Ear:
    return Ear(MemoryDatabase(), "history", TABLES)


def happened(ear: Ear, *types: str) -> None:
    """Entries of these types, in turn on our side and on theirs; their id is their number."""

    def keep(work: Work, call: Call, now: datetime) -> None:
        for number, type_ in enumerate(types):
            work.add(
                Entry(
                    tenant="kazenor", id=str(number), partnership_id="p", type=type_, at=START + timedelta(minutes=number),
                    side="them" if number % 2 else "us", name="Ada", shared=True, data={},
                )
            )  # fmt: skip

    ear.do(keep, tenant="kazenor", actor="ada")


def read(ear: Ear, **query: Any) -> tuple[list[str], str | None]:
    """The ids of a page and where the next one begins."""
    request = handlers.ListEntries(**query)
    page = ear.do(handlers.list_entries, request, tenant="kazenor", actor="ada", ids={"partnership_id": "p"})
    return [entry["id"] for entry in page["items"]], page["next"]


def read_all(ear: Ear, **query: Any) -> list[str]:
    found, cursor = read(ear, **query)
    while cursor:
        more, cursor = read(ear, **query, cursor=cursor)
        found += more
    return found


def test_every_entry_is_of_exactly_one_kind() -> None:
    for type_ in wording._TITLES:
        kinds = [kind for kind, beginnings in handlers.KINDS.items() if type_.startswith(beginnings)]
        assert len(kinds) == 1, type_


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["6", "5", "4", "3", "2", "1", "0"]),
        ({"kind": "team"}, ["5", "3", "2"]),
        ({"kind": "offer"}, ["1", "0"]),
        ({"kind": "contacts"}, ["4"]),
        ({"kind": "end"}, ["6"]),
        ({"side": "them"}, ["5", "3", "1"]),
        ({"side": "us", "kind": "team"}, ["2"]),
        ({"side": "them", "kind": "end"}, []),
    ],
)
def test_pages_hold_each_entry_that_fits_once_and_the_newest_first(
    query: dict[str, str], ids: list[str], limit: int, ear: Ear
) -> None:
    happened(ear, "offer.sent", "offer.accepted", "team.changed", "owner.named", "modification.proposed", "team.changed", "partnership.ended")  # fmt: skip
    assert read_all(ear, **query, limit=limit) == ids


def test_what_does_not_fit_for_long_is_passed_over_a_bounded_way_at_a_time(ear: Ear) -> None:
    happened(ear, "offer.sent", *["team.changed"] * (handlers.ROUNDS + 5))
    found, cursor = read(ear, kind="offer", limit=1)
    assert (found, cursor is None) == ([], False)
    assert read_all(ear, kind="offer", limit=1) == ["0"]

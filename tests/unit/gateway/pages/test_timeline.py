"""The page of the Partnership History: days, sides, filters, older entries."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.unit.gateway.fake_rpc import FakeRpc
from tests.unit.gateway.pages.story import ID, live, whole

PAGE = f"/partnerships/{ID}/history"


def entry(number: int, **other: Any) -> dict[str, Any]:
    return {
        "id": f"entry-{number}", "type": "offer.sent", "at": f"2026-01-{number:02}T12:00:00Z", "title": f"It was the {number}th.",
        "by": {"side": "us", "name": "Ada"}, "shared": True, "details": {}, **other,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _live(rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    rpc.on("history", "list_entries", {"items": [entry(4), entry(4, id="b", by={"side": "them", "name": "Nils"}, shared=False), entry(3)], "next": None})  # fmt: skip


def test_entries_stand_below_their_day_with_the_side_they_were_done_on(ada: TestClient) -> None:
    answer = ada.get(PAGE)
    whole(answer)
    first, second = answer.text.split('<section class="day"')[1:]
    assert ("4 January" in first, "3 January" in second) == (True, True)
    assert re.findall(r'<li class="(\w+)"', first) == ["ours", "theirs"]
    assert "· Kazenor" in first
    assert "· Northwind Traders · only your side sees this" in first
    assert second.count("only your side sees this") == 0


def test_what_both_sides_know_in_words_of_their_own_is_not_called_private(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("history", "list_entries", {"items": [entry(4, shared=False, known=True)], "next": None})
    assert "only your side sees this" not in ada.get(PAGE).text


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", {"limit": 50}),
        ("?kind=team&side=them&cursor=abc", {"kind": "team", "side": "them", "cursor": "abc", "limit": 50}),
        ("?kind=nonsense&side=x", {"limit": 50}),
    ],
)
def test_what_is_asked_for_is_what_the_address_says(
    query: str, asked: dict[str, Any], ada: TestClient, rpc: FakeRpc
) -> None:
    whole(ada.get(PAGE + query))
    (call,) = rpc.asked("history", "list_entries")
    assert {name: value for name, value in call.items() if name not in {"tenant", "actor", "partnership_id"}} == asked


def test_filters_are_links_that_keep_each_other(ada: TestClient) -> None:
    page = ada.get(f"{PAGE}?kind=team").text
    kinds = page.split('aria-label="Kind"', 1)[1].split("</nav>")[0]
    assert re.findall(r'href="([^"]+)"( aria-current="true")?>([^<]+)', kinds) == [
        (PAGE, "", "Everything"),
        (f"{PAGE}?kind=offer", "", "Offer"),
        (f"{PAGE}?kind=contacts", "", "Contacts"),
        (f"{PAGE}?kind=team", ' aria-current="true"', "Team"),
    ]
    sides = page.split('aria-label="Side"', 1)[1].split("</nav>")[0]
    assert f'{PAGE}?kind=team&amp;side=them">Northwind Traders' in sides


def test_an_end_can_be_looked_for_once_there_is_one(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live(status="terminated", actions=["view"]))
    assert f"{PAGE}?kind=end" in ada.get(PAGE).text


def test_older_entries_are_a_link_that_keeps_the_filters(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("history", "list_entries", {"items": [entry(1)], "next": "abc"})
    assert f'href="{PAGE}?kind=offer&amp;cursor=abc" rel="next"' in ada.get(f"{PAGE}?kind=offer").text


def test_nothing_that_fits_leads_back_to_everything(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("history", "list_entries", {"items": [], "next": None})
    page = ada.get(f"{PAGE}?kind=team").text
    assert "Nothing of this kind has happened" in page
    assert f'<a href="{PAGE}">Show everything</a>' in page

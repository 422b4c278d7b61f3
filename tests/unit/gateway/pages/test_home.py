"""Home with services that answer from a table: what is asked of them, and what a tile says."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.unit.gateway.fake_rpc import FakeRpc
from tests.unit.gateway.pages.story import partnership


def test_home_asks_for_what_the_filters_say(ada: TestClient, rpc: FakeRpc) -> None:
    ada.get("/?q=north&status=ended&role=partner&turn=ours&sort=company&cursor=abc")
    asked = rpc.asked("offers", "list_partnerships")[0]
    chosen = {name: asked[name] for name in ("q", "status", "role", "turn", "sort", "cursor")}
    assert chosen == {
        "q": "north",
        "status": ["ended"],
        "role": "partner",
        "turn": "ours",
        "sort": "company",
        "cursor": "abc",
    }


def test_home_forgets_filters_that_make_no_sense(ada: TestClient, rpc: FakeRpc) -> None:
    assert ada.get("/?status=nonsense&turn=x&role=&sort=zz").status_code == 200
    assert not rpc.asked("offers", "list_partnerships")[0].keys() & {"status", "turn", "role", "sort"}


def test_an_empty_home_says_what_to_do(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "list_partnerships", {"items": [], "next": None})
    page = ada.get("/").text
    assert "No business partners yet" in page
    assert "Add Customer" in page


TILES: list[tuple[dict[str, Any], str, str]] = [
    ({"role": "partner", "turn": "theirs", "delivery": "queued"}, "", "On its way"),
    ({"role": "customer"}, "", ""),
    ({"role": "partner", "status": "undeliverable", "turn": None, "delivery": "queued"}, "No business with", ""),
    ({"role": "partner", "status": "accepted", "turn": None, "delivery": "answered"}, "", "Answered"),
    ({"role": "customer", "status": "modified", "turn": "theirs", "delivery": "seen"}, "", "Seen"),
    ({"role": "partner", "status": "modified", "turn": "ours", "delivery": "answered"}, "", ""),
]


@pytest.mark.parametrize(("more", "alert", "delivery"), TILES)
def test_a_tile_warns_when_something_is_wrong_and_tells_how_our_last_word_fares(
    more: dict[str, Any], alert: str, delivery: str, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", "list_partnerships", {"items": [partnership(**more)], "next": None})
    shown = ada.get("/").text.split('id="tiles"')[1]
    assert ('class="alert"' in shown, alert in shown) == (bool(alert), True)
    assert ('class="delivery"' in shown, delivery in shown) == (bool(delivery), True)


def test_a_tile_that_has_ended_says_when(ada: TestClient, rpc: FakeRpc) -> None:
    ended = {"by": "them", "reason": "Done.", "their_reason": "Done.", "at": "2026-03-01T09:00:00.000Z"}
    for more, told in (
        ({"status": "accepted", "ended": None}, False),
        ({"status": "terminated", "ended": ended}, True),
    ):
        rpc.on("offers", "list_partnerships", {"items": [partnership(turn=None, **more)], "next": None})
        shown = ada.get("/").text.split('id="tiles"')[1]
        assert ('datetime="2026-03-01T09:00:00Z"' in shown) == told


@pytest.mark.parametrize(
    ("status", "told"), [("open", "0 contacts, 2 offered<"), ("declined", "0 contacts<"), ("accepted", "0 contacts<")]
)
def test_a_tile_counts_who_works_there_and_while_it_is_open_who_is_offered(
    status: str, told: str, ada: TestClient, rpc: FakeRpc
) -> None:
    one = partnership(status=status, turn=None, contacts_count=0, offered_count=2)
    rpc.on("offers", "list_partnerships", {"items": [one], "next": None})
    assert told in ada.get("/").text.split('id="tiles"')[1]

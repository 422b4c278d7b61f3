"""The page of the manager team."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import LastManager, NotFound, Refusal, ValidationError
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, FakeRpc
from tests.unit.gateway.pages.story import ID, live, partnership, send, whole

TEAM = f"/partnerships/{ID}/managers"
BEN, CLEO = new_id(), new_id()
MANAGERS = [
    {"contact_id": ADA["id"], "name": "Ada", "email": "ada@kazenor.example", "owner": True},
    {"contact_id": BEN, "name": "Ben", "email": "ben@kazenor.example", "owner": False},
]
USERS = [
    ADA,
    {"id": BEN, "name": "Ben", "email": "ben@kazenor.example", "active": True},
    {"id": CLEO, "name": "Cleo", "email": "cleo@kazenor.example", "active": True},
    {"id": new_id(), "name": "Gone", "email": "gone@kazenor.example", "active": False},
]


@pytest.fixture(autouse=True)
def _team(rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    rpc.on("managers", "list_managers", {"items": MANAGERS, "next": None})
    rpc.on("accounts", "list_users", {"items": USERS, "next": None})


def test_the_team_can_be_changed_from_its_page(ada: TestClient) -> None:
    answer = ada.get(TEAM)
    whole(answer)
    assert f'action="{TEAM}/additions" data-dialog' in answer.text
    assert (
        f'action="{TEAM}/{BEN}/removal" data-dialog><button class="icon-button" aria-label="Remove Ben"' in answer.text
    )
    # Only who is not the owner can be made one.
    assert re.findall(r'name="contact_id" value="([^"]+)"', answer.text) == [BEN]


def test_active_people_who_are_not_in_the_team_can_be_added(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.get(f"{TEAM}/additions")
    whole(answer)
    assert re.findall(r'name="contact_ids" value="([^"]+)"', answer.text) == [CLEO]
    assert "Save" in answer.text
    rpc.on("accounts", "list_users", {"items": USERS[:2], "next": None})
    assert "Everybody with a login is in the team already." in ada.get(f"{TEAM}/additions").text
    rpc.on("offers", "get_partnership", live(status="terminated", actions=["view", "remove"]))
    assert ada.get(f"{TEAM}/additions").status_code == 409


def test_people_are_added_together(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("managers", "add_managers", {"items": MANAGERS, "next": None})
    key = new_id()
    answer = send(ada, TEAM, contact_ids=[CLEO, BEN], idempotency_key=key)
    assert (answer.status_code, answer.headers["location"]) == (303, TEAM)
    (asked,) = rpc.asked("managers", "add_managers")
    assert (asked["partnership_id"], asked["contact_ids"], asked["idempotency_key"]) == (ID, [CLEO, BEN], key)


@pytest.mark.parametrize(
    ("chosen", "refusal"),
    [([], None), ([CLEO], ValidationError.of(("contact_ids.0", "Cleo has no active login.")))],
)
def test_whoever_cannot_be_added_is_told_at_the_list(
    chosen: list[str], refusal: Refusal | None, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("managers", "add_managers", refusal)
    answer = send(ada, TEAM, contact_ids=chosen)
    whole(answer)
    assert 'id="contact_ids-error"' in answer.text
    assert (f'value="{CLEO}" checked' in answer.text) == bool(chosen)


def test_a_release_is_asked_for_by_name_and_done(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("managers", "remove_manager", {})
    answer = ada.get(f"{TEAM}/{BEN}/removal")
    whole(answer)
    assert "Release Partner Manager" in answer.text
    assert "Ben no longer looks after the partnership" in answer.text
    assert "Northwind Traders is not told." in answer.text
    answer = send(ada, f"{TEAM}/{BEN}/removal")
    assert (answer.status_code, answer.headers["location"]) == (303, TEAM)
    (asked,) = rpc.asked("managers", "remove_manager")
    assert (asked["partnership_id"], asked["contact_id"]) == (ID, BEN)


def test_releasing_oneself_as_the_owner_says_who_follows_and_what_is_told(ada: TestClient) -> None:
    page = ada.get(f"{TEAM}/{ADA['id']}/removal").text
    assert "You no longer look after the partnership with Northwind Traders and hear no more of it." in page
    assert "served longest becomes the account owner, and Northwind Traders learns their name" in page
    assert "is not told" not in page


def test_the_last_one_stays_and_it_is_said_why(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("managers", "list_managers", {"items": MANAGERS[:1], "next": None})
    page = ada.get(TEAM).text
    assert "/removal" not in page
    assert "add another manager before you remove the last one" in page
    rpc.on("managers", "remove_manager", LastManager())
    answer = send(ada, f"{TEAM}/{ADA['id']}/removal")
    whole(answer)
    assert "Somebody must look after the partnership" in answer.text


def test_somebody_who_is_not_in_the_team_cannot_be_released(ada: TestClient, rpc: FakeRpc) -> None:
    assert ada.get(f"{TEAM}/{CLEO}/removal").status_code == 404
    rpc.on("managers", "remove_manager", NotFound())
    assert send(ada, f"{TEAM}/{CLEO}/removal").status_code == 404


def test_another_one_becomes_the_account_owner(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("managers", "set_owner", {"items": MANAGERS, "next": None})
    answer = send(ada, f"/partnerships/{ID}/owner", contact_id=BEN)
    assert (answer.status_code, answer.headers["location"]) == (303, TEAM)
    assert rpc.asked("managers", "set_owner")[0]["contact_id"] == BEN
    rpc.on("managers", "set_owner", ValidationError.of(("contact_id", "Ben has left the team.")))
    answer = send(ada, f"/partnerships/{ID}/owner", contact_id=BEN)
    whole(answer)
    assert "Ben has left the team." in answer.text


@pytest.mark.parametrize(
    "found",
    [
        live(status="terminated", actions=["view", "remove"]),
        partnership(),
    ],
    ids=["ended", "an offer that waits for us"],
)
def test_where_there_is_nothing_to_change_the_team_is_only_read(
    found: dict[str, Any], ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", "get_partnership", found)
    answer = ada.get(TEAM)
    whole(answer)
    assert "<form" not in answer.text.split("<main", 1)[1]
    assert "/removal" not in answer.text


def test_a_member_only_reads_the_team(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.as_role("member")
    answer = ada.get(TEAM)
    whole(answer)
    assert "<form" not in answer.text.split("<main", 1)[1]
    assert rpc.asked("accounts", "list_users") == []
    assert ada.get(f"{TEAM}/additions").status_code == 403

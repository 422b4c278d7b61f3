"""The form of environments and roles: rows come and go without a script, and what is held or was changed meanwhile is said (OE-08)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.datastructures import FormData
from starlette.testclient import TestClient

from services.gateway.pages import csrf
from services.gateway.pages.environments import MOST_ENVIRONMENTS, Row, rows_sent
from shared.errors import ChangedMeanwhile, RoleInUse, ValidationError
from tests.unit.gateway.fake_rpc import FakeRpc
from tests.unit.gateway.pages.story import send, whole

PLACES: dict[str, Any] = {
    "items": [
        {"id": "p", "name": "Production", "roles": [{"id": "pv", "name": "Viewer"}, {"id": "po", "name": "Operator"}]},
        {"id": "d", "name": "Development", "roles": [{"id": "dv", "name": "Viewer"}]},
    ],
    "next": None,
    "version": 3,
}


@pytest.fixture(autouse=True)
def places(rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_environments", PLACES)
    rpc.on("accounts", "set_environments", PLACES)


def fields(page: str) -> dict[str, str]:
    """What a browser would send of the form, without its buttons."""
    found = {}
    for element in re.findall(r"<input[^>]*>", page.split("<main")[1]):
        name, value = re.search(r'name="([^"]+)"', element), re.search(r'value="([^"]*)"', element)
        assert name is not None
        assert name[1] not in found
        found[name[1]] = value[1] if value else ""
    del found[csrf.FIELD]
    return found


def saved(rpc: FakeRpc) -> Any:
    (asked,) = rpc.asked("accounts", "set_environments")
    return [(e.get("id"), e["name"], [(r.get("id"), r["name"]) for r in e["roles"]]) for e in asked["items"]]


def test_names_are_changed_and_the_rest_keeps_its_ids(ada: TestClient, rpc: FakeRpc) -> None:
    page = ada.get("/environments")
    whole(page)
    answer = send(ada, "/environments", **{**fields(page.text), "e.0.r.1.name": "Admin", "e.1.name": "Test"})
    assert answer.headers["location"] == "/environments"
    assert saved(rpc) == [("p", "Production", [("pv", "Viewer"), ("po", "Admin")]), ("d", "Test", [("dv", "Viewer")])]
    assert rpc.asked("accounts", "set_environments")[0]["if_match"] == "3"


def test_rows_are_added_and_removed_by_buttons_and_nothing_is_saved_by_that(ada: TestClient, rpc: FakeRpc) -> None:
    entered = fields(ada.get("/environments").text) | {"e.0.name": "Live"}
    for button, value in [
        ("add_role", "0"),
        ("add_environment", "yes"),
        ("remove_role", "0.0"),
        ("remove_environment", "1"),
    ]:
        answer = send(ada, "/environments", **entered, **{button: value})
        whole(answer)
        entered = fields(answer.text)
        assert answer.text.count(" autofocus") == 1
    assert rpc.asked("accounts", "set_environments") == []
    entered |= {"e.0.r.1.name": "Auditor", "e.1.name": "Staging", "e.1.r.0.name": "Tester"}
    send(ada, "/environments", **entered)
    assert saved(rpc) == [("p", "Live", [("po", "Operator"), (None, "Auditor")]), (None, "Staging", [(None, "Tester")])]


def test_a_role_whose_name_was_emptied_is_not_called_new(ada: TestClient) -> None:
    entered = fields(ada.get("/environments").text) | {"e.0.r.1.name": ""}
    assert "A role in Production: Give the role a name" in send(ada, "/environments", **entered).text


def test_new_rows_that_were_left_empty_are_not_meant(ada: TestClient, rpc: FakeRpc) -> None:
    entered = fields(ada.get("/environments").text)
    send(ada, "/environments", **entered, **{"e.0.r.2.name": " ", "e.2.name": "", "e.2.r.0.name": ""})
    assert [len(roles) for _, _, roles in saved(rpc)] == [2, 1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"e.0.name": " "}, "e.0.name"),
        ({"e.0.r.1.name": ""}, "e.0.r.1.name"),
        ({"e.2.name": "Staging"}, "e.2.roles"),
        ({"e.2.r.0.name": "Tester"}, "e.2.name"),
    ],
)
def test_what_is_missing_is_said_where_it_is_missing(
    change: dict[str, str], field: str, ada: TestClient, rpc: FakeRpc
) -> None:
    answer = send(ada, "/environments", **{**fields(ada.get("/environments").text), **change})
    whole(answer)
    assert f'id="{field}-error"' in answer.text
    assert rpc.asked("accounts", "set_environments") == []


@pytest.mark.parametrize(
    ("refused", "field"),
    [("items.1.name", "e.1.name"), ("items.0.roles.1.name", "e.0.r.1.name"), ("items.1.roles", "e.1.roles")],
)
def test_what_accounts_refuses_stands_at_its_row(refused: str, field: str, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "set_environments", ValidationError.of((refused, "This name stands here twice.")))
    answer = send(ada, "/environments", **fields(ada.get("/environments").text))
    whole(answer)
    assert f'id="{field}-error"' in answer.text


@pytest.mark.parametrize("gone", ["role", "environment"])
def test_a_role_that_somebody_holds_is_back_and_says_so(gone: str, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "set_environments", RoleInUse("Somebody holds Viewer in Development.", role_ids=["dv"]))
    entered = fields(ada.get("/environments").text)
    button = {"remove_role": "1.0"} if gone == "role" else {"remove_environment": "1"}
    entered = fields(send(ada, "/environments", **entered, **button).text)
    if gone == "role":
        entered |= {"e.1.r.0.name": "Other"}
    answer = send(ada, "/environments", **entered)
    whole(answer)
    assert 'id="e.1.r.0.name-error"' in answer.text
    assert "Somebody holds Viewer in Development. It can be removed once they have been released" in answer.text
    assert fields(answer.text)["e.1.r.0.id"] == "dv"


def test_a_role_that_is_held_is_back_where_it_stood(ada: TestClient, rpc: FakeRpc) -> None:
    production, development = PLACES["items"]
    production = {**production, "roles": [*production["roles"], {"id": "pa", "name": "Admin"}]}
    rpc.on("accounts", "get_environments", {**PLACES, "items": [production, development]})
    rpc.on("accounts", "set_environments", RoleInUse("Somebody holds Operator in Production.", role_ids=["po"]))
    entered = fields(ada.get("/environments").text)
    entered = fields(send(ada, "/environments", **entered, remove_role="0.1").text)
    entered |= {"e.0.r.2.name": "Auditor"}
    back = fields(send(ada, "/environments", **entered).text)
    names = [value for name, value in back.items() if re.fullmatch(r"e\.0\.r\.\d\.name", name)]
    assert names == ["Viewer", "Operator", "Admin", "Auditor"]
    # A whole environment, too.
    entered = fields(send(ada, "/environments", **fields(ada.get("/environments").text), remove_environment="0").text)
    back = fields(send(ada, "/environments", **entered).text)
    assert (back["e.0.name"], back["e.0.r.0.name"], back["e.1.name"]) == ("Production", "Operator", "Development")


def test_whoever_was_faster_is_not_overwritten_unasked(ada: TestClient, rpc: FakeRpc) -> None:
    entered = fields(ada.get("/environments").text) | {"e.0.name": "Live"}
    rpc.on("accounts", "set_environments", ChangedMeanwhile())
    added = {"id": "s", "name": "Staging", "roles": [{"id": "sv", "name": "Viewer"}]}
    auditor = {"id": "da", "name": "Auditor"}
    development = {**PLACES["items"][1], "roles": [*PLACES["items"][1]["roles"], auditor]}
    rpc.on(
        "accounts", "get_environments", {"items": [PLACES["items"][0], development, added], "next": None, "version": 4}
    )
    answer = send(ada, "/environments", **entered)
    whole(answer)
    for sentence in (
        "Somebody else changed the environments after you opened this page.",
        "Live is called Production there.",
        "Development has the role Auditor, which does not stand here.",
        "There is Staging, which does not stand here.",
    ):
        assert sentence in answer.text
    again = fields(answer.text)
    assert (again["e.0.name"], again["version"]) == ("Live", "4")


def test_others_read_and_change_nothing(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.as_role("partnerships")
    page = ada.get("/environments")
    whole(page)
    assert "Operator" in page.text
    assert "<form" not in page.text.split("<main")[1]
    assert send(ada, "/environments", **{"e.0.name": "x"}).status_code == 403
    assert send(ada, "/environments", add_environment="yes").status_code == 403
    assert rpc.asked("accounts", "set_environments") == []


@pytest.mark.parametrize("value", ["", "99", "-1", "x", "1.99", "9" * 40, "²"])
def test_a_button_that_points_nowhere_changes_nothing(value: str, ada: TestClient) -> None:
    entered = fields(ada.get("/environments").text)
    for button in ("add_role", "remove_role", "remove_environment"):
        answer = send(ada, "/environments", **entered, **{button: value})
        whole(answer)
        if value != "1.99" or button == "remove_role":
            assert fields(answer.text) == entered


def test_rows_come_in_the_order_in_which_they_were_sent() -> None:
    sent = [("e.7.name", "B"), ("e.7.r.4.name", "y"), ("e.2.name", "A"), ("e.7.r.1.name", "x"), ("e.x.name", "?"), ("csrf", "e.1.name")]  # fmt: skip
    assert rows_sent(FormData(sent)) == [Row("", "B", [Row("", "y"), Row("", "x")]), Row("", "A")]
    assert MOST_ENVIRONMENTS == 50

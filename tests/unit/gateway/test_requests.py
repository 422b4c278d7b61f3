"""What reaches the services: the caller, the ids of the path, the body's fields, and nothing that could pretend to be these."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.calls import Body, Call, Empty
from shared.errors import NotFound, ValidationError
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, TOKEN, FakeRpc

ID = new_id()


class Nothing(Empty):
    """A body without fields."""


class Text(Body):
    reason: str = ""


def service(rpc: FakeRpc, name: str, method: str, model: type[Body], *ids: str, anonymous: bool = False) -> None:
    """A service that reads its request as the real ones do."""

    def answer(**kwargs: Any) -> Any:
        call = Call.of(method, kwargs, ids, anonymous=anonymous)
        call.read(model)
        return {"id": ID}

    rpc.on(name, method, answer)


def errors(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_a_request_names_its_caller_and_the_ids_of_its_path(ada: TestClient, rpc: FakeRpc) -> None:
    service(rpc, "offers", "decline_offer", Text, "partnership_id")
    answer = ada.post(f"/api/v1/partnerships/{ID}/decline", json={"reason": "no"})
    assert answer.status_code == 200
    assert answer.json() == {"id": ID}
    assert rpc.asked("offers", "decline_offer") == [
        {"reason": "no", "partnership_id": ID, "tenant": "kazenor", "actor": ADA["id"]}
    ]


@pytest.mark.parametrize("name", ["tenant", "actor", "partnership_id", "idempotency_key", "if_match", "body", "self"])
def test_a_body_cannot_overwrite_the_caller(ada: TestClient, rpc: FakeRpc, name: str) -> None:
    service(rpc, "offers", "decline_offer", Text, "partnership_id")
    answer = ada.post(f"/api/v1/partnerships/{ID}/decline", json={name: "northwind"})
    assert errors(answer) == {name: "This field is not known here."}
    (asked,) = rpc.asked("offers", "decline_offer")
    assert (asked["tenant"], asked["actor"], asked["partnership_id"]) == ("kazenor", ADA["id"], ID)


def test_a_contact_id_that_is_no_part_of_the_path_is_a_field(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "create_user", {"id": ID})
    assert ada.post("/api/v1/users", json={"contact_id": ID}).status_code == 201
    assert rpc.asked("accounts", "create_user")[0]["contact_id"] == ID


@pytest.mark.parametrize(
    "raw", ["[]", '"x"', "1", "null", "{", "", "[" * 100_000, '{"a": NaN}', '{"a": 1e999}', "\xff"]
)
def test_what_is_no_object_is_refused_by_the_service(ada: TestClient, rpc: FakeRpc, raw: str) -> None:
    service(rpc, "offers", "decline_offer", Text, "partnership_id")
    answer = ada.post(
        f"/api/v1/partnerships/{ID}/decline",
        content=raw.encode("latin-1"),
        headers={"Content-Type": "application/json"},
    )
    if raw == "":
        assert answer.status_code == 200
    else:
        assert errors(answer) == {"body": "The body must be a JSON object."}


def test_lone_surrogates_never_reach_a_service(ada: TestClient, rpc: FakeRpc) -> None:
    service(rpc, "offers", "decline_offer", Text, "partnership_id")
    answer = ada.post(
        f"/api/v1/partnerships/{ID}/decline",
        content='{"reason": "a\\ud800b\\ud83d\\ude00", "\\ud800": 1}',
        headers={"Content-Type": "application/json"},
    )
    assert errors(answer) == {"?": "This field is not known here."}
    assert rpc.asked("offers", "decline_offer")[0]["reason"] == "ab\N{GRINNING FACE}"


def test_not_found_comes_before_the_form_of_the_body(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "decline_offer", NotFound())
    url = f"/api/v1/partnerships/{ID}/decline"
    assert ada.post(url, content="[]", headers={"Content-Type": "application/json"}).status_code == 404
    assert ada.post(url, json={}, headers={"Idempotency-Key": "x" * 256}).status_code == 404
    assert ada.post(url + "?page=1", json={}).status_code == 404


def test_a_malformed_id_in_the_path_is_not_found(ada: TestClient, rpc: FakeRpc) -> None:
    for path in ("partnerships/7", f"contacts/{ID.upper()}", "contacts/%00", f"partnerships/{ID}x/history"):
        assert ada.get(f"/api/v1/{path}").status_code == 404
    assert [call for call in rpc.calls if call[1] != "authenticate"] == []


def test_the_media_type_is_judged_after_the_credential_and_before_everything_else(
    ada: TestClient, rpc: FakeRpc
) -> None:
    url = "/api/v1/partnerships/7/decline"
    text = {"Content-Type": "text/plain"}
    assert ada.post(url, content="{}", headers={**text, "Authorization": "Bearer x"}).status_code == 401
    answer = ada.post(url, content="{}", headers=text)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert ada.post(url, content="{}", headers={"Content-Type": "application/json; charset=utf-8"}).status_code == 404
    assert ada.post(url, headers=text).status_code == 404  # no body, no type
    assert (
        ada.post(
            url, content="{}", headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}
        ).status_code
        == 415
    )


def test_a_body_over_one_mebibyte_is_refused_also_when_it_comes_in_chunks(ada: TestClient, rpc: FakeRpc) -> None:
    url = f"/api/v1/partnerships/{ID}/decline"
    service(rpc, "offers", "decline_offer", Text, "partnership_id")
    big = json.dumps({"reason": "x" * (1024 * 1024)}).encode()
    fits = json.dumps({"reason": "x" * (1024 * 1024 - len('{"reason": ""}'))}).encode()
    typed = {"Content-Type": "application/json"}
    assert ada.post(url, content=big, headers=typed).json()["code"] == "too_large"
    pieces = (big[i : i + 65536] for i in range(0, len(big), 65536))
    assert ada.post(url, content=pieces, headers=typed).status_code == 413
    assert len(fits) == 1024 * 1024
    assert ada.post(url, content=fits, headers=typed).status_code == 200


def test_query_parameters_are_handed_on_by_their_kind(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "list_partnerships", {"items": [], "next": None})
    assert ada.get("/api/v1/partnerships?status=open&status=ended&limit=7&q=a%20b").status_code == 200
    (asked,) = rpc.asked("offers", "list_partnerships")
    assert asked == {
        "status": ["open", "ended"],
        "limit": 7,
        "q": "a b",
        "tenant": "kazenor",
        "actor": ADA["id"],
    }
    rpc.on("notifications", "list_notifications", {"items": []})
    ada.get("/api/v1/notifications?unread=true&limit=x")
    (asked,) = rpc.asked("notifications", "list_notifications")
    assert (asked["unread"], asked["limit"]) == (True, "x")


def test_unknown_and_repeated_parameters_are_refused(ada: TestClient, rpc: FakeRpc) -> None:
    service(rpc, "contacts", "list_contacts", Nothing)
    answer = ada.get("/api/v1/contacts?page=2&tenant=northwind&limit=1&limit=2")
    assert set(errors(answer)) == {"page", "tenant", "limit"}
    assert rpc.asked("contacts", "list_contacts")[0]["tenant"] == "kazenor"


def test_parameters_are_refused_where_the_service_does_not_look_at_them(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_me", {"user": ADA})
    assert set(errors(ada.get("/api/v1/me?x=1"))) == {"x"}


def test_what_comes_with_a_command_without_a_body_is_refused_after_what_is_not_there(
    ada: TestClient, rpc: FakeRpc
) -> None:
    url = f"/api/v1/partnerships/{ID}"
    rpc.on("offers", "remove_partnership", NotFound())
    assert ada.delete(url + "?x=1").status_code == 404
    assert ada.request("DELETE", url, json={"y": 1}).status_code == 404
    service(rpc, "offers", "remove_partnership", Nothing, "partnership_id")
    assert set(errors(ada.delete(url + "?x=1"))) == {"x"}
    assert set(errors(ada.request("DELETE", url, json={"y": 1, "tenant": "northwind"}))) == {"y", "tenant"}
    assert set(errors(ada.delete(url, headers={"If-Match": "7"}))) == {"If-Match"}
    assert ada.delete(url).status_code == 204


def test_an_idempotency_key_is_bound_to_credential_and_path(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.tokens["other"] = "kazenor"
    for method in ("accept_offer", "decline_offer"):
        rpc.on("offers", method, {"id": ID})

    def key(path: str, token: str = TOKEN, key: str = "k") -> str:
        ada.post(path, json={}, headers={"Idempotency-Key": key, "Authorization": f"Bearer {token}"})
        found: str = rpc.calls[-1][2]["idempotency_key"]
        return found

    accept, decline = f"/api/v1/partnerships/{ID}/acceptance", f"/api/v1/partnerships/{ID}/decline"
    assert key(accept) == key(accept)
    assert len(key(accept)) == 64
    assert len({key(accept), key(decline), key(accept, key="l")}) == 3


def test_a_key_that_is_too_long_or_empty_is_refused_by_name(ada: TestClient, rpc: FakeRpc) -> None:
    service(rpc, "offers", "decline_offer", Text, "partnership_id")
    url = f"/api/v1/partnerships/{ID}/decline"
    for key in ("x" * 256, ""):
        answer = ada.post(url, json={}, headers={"Idempotency-Key": key})
        assert errors(answer) == {"Idempotency-Key": "A key has 1 to 255 characters."}
    assert ada.post(url, json={}, headers={"Idempotency-Key": "x" * 255}).status_code == 200


def test_if_match_is_handed_on_without_its_quotes(ada: TestClient, rpc: FakeRpc) -> None:
    service(rpc, "contacts", "update_contact", Nothing, "contact_id")
    url = f"/api/v1/contacts/{ID}"
    assert ada.patch(url, json={}, headers={"If-Match": '"7"'}).status_code == 200
    assert rpc.calls[-1][2]["if_match"] == "7"
    assert ada.patch(url, json={}, headers={"If-Match": "*"}).status_code == 200
    assert "if_match" not in rpc.calls[-1][2]
    assert set(errors(ada.patch(url, json={}, headers={"If-Match": "7"}))) == {"If-Match"}


def test_registration_and_login_name_no_caller(anybody: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "register_tenant", {"tenant": "kazenor", "user": ADA})
    answer = anybody.post("/api/v1/tenants", json={"tenant": "kazenor"}, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/api/v1/tenants/current"
    (asked,) = rpc.asked("accounts", "register_tenant")
    assert set(asked) == {"tenant", "idempotency_key"}
    rpc.on("accounts", "open_session", {"token": "t"})
    given = {"tenant": "kazenor", "address": "1.2.3.4", "client": {"address": "1.2.3.4"}}
    anybody.post("/api/v1/sessions", json=given, headers={"Idempotency-Key": "k", "User-Agent": "Firefox"})
    (asked,) = rpc.asked("accounts", "open_session")
    assert asked == {"tenant": "kazenor", "body.address": None, "body.client": None}
    assert rpc.clients[-1] == {"address": "testclient", "agent": "Firefox"}


def test_what_was_created_has_its_address(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "create_contact", {"id": ID, "name": "Zoë"})
    answer = ada.post("/api/v1/contacts", json={"name": "Zoë"})
    assert (answer.status_code, answer.json()) == (201, {"id": ID, "name": "Zoë"})
    assert answer.headers["Location"] == f"/api/v1/contacts/{ID}"


def test_reads_wait_shorter_than_commands(ada: TestClient, rpc: FakeRpc) -> None:
    ada.get("/api/v1/me")
    ada.patch("/api/v1/me", json={})
    assert [round(deadline) for deadline in rpc.deadlines[-2:]] == [2, 5]


def test_the_service_says_which_field(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", ValidationError.of(("contact_ids.0", "This is not an id.")))
    assert errors(ada.post("/api/v1/partnerships", json={})) == {"contact_ids.0": "This is not an id."}

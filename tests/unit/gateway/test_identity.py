"""Who asks: bearer or cookie, on which host, and how long an answer of accounts is believed."""

from __future__ import annotations

import time

import pytest
from starlette.testclient import TestClient

from services.gateway import identity
from services.gateway.app import create_app
from services.gateway.pages import csrf
from shared.errors import Unavailable
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, TOKEN, FakeRpc

ID = new_id()


@pytest.fixture(autouse=True)
def _me(rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_me", {"user": ADA})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("kazenor.localhost:8080", 200),
        ("KAZENOR.localhost", 200),
        ("kazenor.localhost.", 200),
        ("northwind.localhost:8080", 403),
        ("northwind.localhost.:8080", 403),
    ],
)
def test_a_host_that_names_a_tenant_must_agree(ada: TestClient, host: str, status: int) -> None:
    answer = ada.get("/api/v1/me", headers={"Host": host})
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "forbidden"


def test_a_wrong_host_changes_nothing(ada: TestClient, rpc: FakeRpc) -> None:
    assert ada.delete(f"/api/v1/contacts/{ID}", headers={"Host": "northwind.localhost"}).status_code == 403
    assert rpc.asked("contacts", "delete_contact") == []


def test_a_malformed_id_on_a_wrong_host_is_not_found(ada: TestClient) -> None:
    assert ada.get("/api/v1/contacts/7", headers={"Host": "northwind.localhost"}).status_code == 404


def test_accounts_is_asked_once_a_second(ada: TestClient, rpc: FakeRpc, monkeypatch: pytest.MonkeyPatch) -> None:
    ada.get("/api/v1/me")
    ada.get("/api/v1/me")
    assert len(rpc.asked("accounts", "authenticate")) == 1
    monkeypatch.setattr(identity, "KEPT_SECONDS", 0)
    ada.get("/api/v1/me")
    assert len(rpc.asked("accounts", "authenticate")) == 2


@pytest.mark.parametrize("answer", [{}, Unavailable()])
def test_a_logout_holds_from_the_next_request_on(ada: TestClient, rpc: FakeRpc, answer: object) -> None:
    assert ada.get("/api/v1/me").status_code == 200
    rpc.on("accounts", "close_session", answer)
    ada.delete("/api/v1/sessions/current")
    assert rpc.asked("accounts", "close_session")[0]["token"] == TOKEN
    del rpc.tokens[TOKEN]
    assert ada.get("/api/v1/me").status_code == 401


def test_a_change_of_a_user_holds_from_the_next_request_on(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.tokens["other"] = "kazenor"
    ada.get("/api/v1/me", headers={"Authorization": "Bearer other"})
    rpc.on("accounts", "update_user", {})
    ada.patch(f"/api/v1/users/{ID}", json={"active": False})
    del rpc.tokens["other"]
    assert ada.get("/api/v1/me", headers={"Authorization": "Bearer other"}).status_code == 401


def test_a_cookie_needs_the_csrf_token_to_change_something(anybody: TestClient, rpc: FakeRpc) -> None:
    anybody.cookies.set(identity.COOKIE, TOKEN)
    rpc.on("accounts", "update_me", {"user": ADA})
    assert anybody.get("/api/v1/me").status_code == 200
    answer = anybody.patch("/api/v1/me", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    proof = {"X-CSRF-Token": csrf.token(TOKEN)}
    assert anybody.patch("/api/v1/me", json={}, headers=proof).status_code == 200
    assert anybody.patch("/api/v1/me", json={}, headers={**proof, "Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert anybody.patch("/api/v1/me", json={}, headers={"X-CSRF-Token": csrf.token("x")}).status_code == 403
    assert len(rpc.asked("accounts", "update_me")) == 1


def test_a_bearer_needs_no_csrf_token_and_comes_before_a_cookie(ada: TestClient, rpc: FakeRpc) -> None:
    ada.cookies.set(identity.COOKIE, "worthless")
    rpc.on("accounts", "update_me", {"user": ADA})
    assert ada.patch("/api/v1/me", json={}).status_code == 200


def test_logging_out_by_cookie_takes_the_cookie_away(anybody: TestClient, rpc: FakeRpc) -> None:
    anybody.cookies.set(identity.COOKIE, TOKEN)
    rpc.on("accounts", "close_session", {})
    answer = anybody.delete("/api/v1/sessions/current", headers={"X-CSRF-Token": csrf.token(TOKEN)})
    assert answer.status_code == 204
    assert "accord_session=" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(("path", "method"), [("/tenants", "register_tenant"), ("/sessions", "open_session")])
def test_accounts_is_told_where_a_login_or_a_registration_comes_from(
    anybody: TestClient, rpc: FakeRpc, path: str, method: str
) -> None:
    rpc.on("accounts", method, {"tenant": "x"})
    anybody.post(f"/api/v1{path}", json={"tenant": "x", "client": {"address": "192.0.2.1"}})
    (asked,) = rpc.asked("accounts", method)
    assert rpc.clients[-1]["address"] == "testclient"
    # What the body says of it is handed on for refusal only.
    assert asked["body.client"] is None


def test_another_gateway_believes_accounts_for_a_second_at_most(rpc: FakeRpc, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is changed through one gateway holds at the others within that time."""
    assert identity.KEPT_SECONDS <= 1
    with TestClient(create_app(rpc)) as here, TestClient(create_app(rpc)) as there:
        for gateway in (here, there):
            gateway.headers["Authorization"] = f"Bearer {TOKEN}"
            assert gateway.get("/api/v1/me").status_code == 200
        rpc.on("accounts", "close_session", {})
        assert here.delete("/api/v1/sessions/current").status_code == 204
        rpc.tokens.clear()
        assert here.get("/api/v1/me").status_code == 401
        begun = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: begun + identity.KEPT_SECONDS)
        assert there.get("/api/v1/me").status_code == 401

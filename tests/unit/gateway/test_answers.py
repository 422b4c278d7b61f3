"""How refusals, the framework's own errors and defects are answered, and what every answer carries."""

from __future__ import annotations

import json
import logging

import pytest
from starlette.testclient import TestClient

from services.gateway import problems
from shared import errors
from shared.errors import RateLimited, Refusal, TooSoon, Unavailable, WrongState
from tests.unit.gateway.fake_rpc import TOKEN, FakeRpc


def test_a_refusal_is_a_problem_document(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", TooSoon("Wait a day.", retry_at="2030-01-01T00:00:00Z"))
    answer = ada.post("/api/v1/partnerships", json={})
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "/problems/too_soon",
        "title": "Too soon",
        "status": 409,
        "detail": "Wait a day.",
        "code": "too_soon",
        "errors": [],
        "retry_at": "2030-01-01T00:00:00Z",
    }


def test_every_refusal_has_its_status() -> None:
    for cls in errors._all(Refusal):
        if cls.code != "refused":
            assert cls.code in problems.STATUSES, cls


def test_a_refusal_of_a_newer_service_is_a_conflict() -> None:
    class Newer(Refusal):
        code = "newer"

    assert problems.status_of(Newer()) == 409


def test_unavailable_says_when_to_come_back(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "count_partnerships", Unavailable())
    answer = ada.get("/api/v1/partnerships/counts")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    rpc.on("accounts", "open_session", RateLimited(retry_after=33.2))
    answer = ada.post("/api/v1/sessions", json={})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "34")


def test_no_credential_names_the_scheme(anybody: TestClient) -> None:
    for header in (None, "Basic eDp5", "Bearer", "Bearer wrong", "Bearer \xff", "Bearer " + "x" * 2000):
        answer = anybody.get("/api/v1/me", headers={"Authorization": header.encode("latin-1")} if header else {})
        assert answer.status_code == 401
        assert answer.json()["code"] == "not_authenticated"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_unknown_addresses_and_methods_are_problems_too(anybody: TestClient) -> None:
    for path in ("/api/v1/nothing", "/api/v1/me/", "/api/v2/me", "/api/v1"):
        for method in ("GET", "POST"):
            answer = anybody.request(method, path)
            assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json"), path
            assert answer.json()["code"] == "not_found"
    answer = anybody.delete("/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "PATCH"}


def test_a_defect_tells_nothing_but_its_number(ada: TestClient, rpc: FakeRpc, caplog: pytest.LogCaptureFixture) -> None:
    rpc.on("accounts", "get_me", RuntimeError("the secret text"))
    answer = ada.get("/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "the secret text" in caplog.text


def test_every_answer_is_dressed(anybody: TestClient) -> None:
    for path in ("/api/v1/me", "/healthz", "/api/v1/openapi.json", "/api/v1/nothing"):
        headers = anybody.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"]
        assert headers["Permissions-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Request-Id"]
    assert anybody.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert anybody.get("/healthz", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"] != "a b"


def test_the_access_log_has_one_line_without_secrets(
    ada: TestClient, rpc: FakeRpc, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "accord.access")
    rpc.on("contacts", "list_contacts", {"items": []})
    ada.get("/api/v1/contacts?q=whispered")
    (line,) = [vars(record) for record in caplog.records if record.name == "accord.access"]
    assert (line["method"], line["route"], line["status"], line["tenant"]) == ("GET", "/contacts", 200, "kazenor")
    assert TOKEN not in json.dumps(line, default=str)
    assert "whispered" not in json.dumps(line, default=str)


def test_readiness_needs_every_service(anybody: TestClient, rpc: FakeRpc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.health.KEPT_SECONDS", 0)
    assert anybody.get("/healthz").status_code == 200
    assert anybody.get("/readyz").status_code == 200
    rpc.alive.discard("history")
    answer = anybody.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["services"]["history"] is False
    assert "accord_http_seconds" in anybody.get("/metrics").text


def test_a_state_that_forbids_it_says_why(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", WrongState("It has been declined."))
    answer = ada.post("/api/v1/partnerships", json={})
    assert (answer.status_code, answer.json()["detail"]) == (409, "It has been declined.")

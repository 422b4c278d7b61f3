"""Keys for programs on the pages: listed, made and shown once, revoked after a question (BX-13)."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import Forbidden, NotFound, RateLimited, TooMany, ValidationError
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, SESSION, FakeRpc
from tests.unit.gateway.pages.story import send, whole

ID = new_id()
KEY = "accord_kazenor_key"
SCOPES = ["contacts:read", "partnerships:read", "partnerships:write"]


def key(**other: Any) -> dict[str, Any]:
    found = {
        "id": ID,
        "name": "Nightly <export>",
        "scopes": ["contacts:read", "partnerships:write"],
        "user": {"id": ADA["id"], "name": "Ada"},
        "created_at": "2025-03-01T08:00:00Z",
        "expires_at": "2125-03-01T08:00:00Z",
        "last_used_at": None,
        "active": True,
    }
    return found | other


@pytest.fixture(autouse=True)
def _keys(rpc: FakeRpc) -> None:
    rpc.on("accounts", "list_api_keys", {"items": [key()], "next": None})
    rpc.on("accounts", "create_api_key", {**key(), "key": KEY})
    known = {"tenant": "kazenor", "session_id": SESSION, "user": ADA, "company": "Kazenor", "permissions": SCOPES}
    rpc.on("accounts", "authenticate", known)


def test_the_list_says_what_each_key_may_when_it_was_used_and_when_it_ends(ada: TestClient, rpc: FakeRpc) -> None:
    other = key(
        id=new_id(),
        name="Old",
        user={"id": new_id(), "name": "Bob"},
        active=False,
        expires_at="2025-03-02T08:00:00Z",
        last_used_at="2025-03-01T09:00:00Z",
    )
    rpc.on("accounts", "list_api_keys", {"items": [key(), other], "next": "more"})
    answer = ada.get("/api-keys")
    whole(answer)
    page = answer.text
    assert "Nightly &lt;export&gt;" in page and "never used" in page
    assert "May see and change partnerships and see contacts" in page
    assert "Bob" in page and "Expired" in page
    assert f'href="/api-keys/{ID}/revocation"' in page
    assert 'href="/api-keys?cursor=more"' in page


def test_whoever_has_no_key_is_told_what_they_are_for(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "list_api_keys", {"items": [], "next": None})
    answer = ada.get("/api-keys")
    whole(answer)
    page = answer.text
    assert "No API keys yet" in page and "/api/v1/openapi.json" in page


def test_a_key_may_be_given_what_its_maker_may(ada: TestClient) -> None:
    answer = ada.get("/api-keys/new")
    whole(answer)
    page = answer.text
    assert all(f'value="{scope}"' in page for scope in SCOPES)
    assert 'value="settings"' not in page and 'value="contacts:write"' not in page
    assert '<option value="90" selected>' in page


def test_a_new_key_is_shown_once_in_a_field_one_can_select(ada: TestClient, rpc: FakeRpc) -> None:
    form = {
        "name": "Nightly",
        "scopes": ["partnerships:read", "contacts:read"],
        "days": "30",
        "idempotency_key": new_id(),
    }
    answer = send(ada, "/api-keys", **form)
    assert answer.status_code == 200
    whole(answer)
    assert f'value="{KEY}" readonly' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    (asked,) = rpc.asked("accounts", "create_api_key")
    assert asked == {
        "tenant": "kazenor",
        "actor": ADA["id"],
        "name": "Nightly",
        "scopes": ["partnerships:read", "contacts:read"],
        "expires_in_days": 30,
        "idempotency_key": form["idempotency_key"],
    }
    assert KEY not in ada.get("/api-keys").text
    # As accounts answers a repetition: the page was loaded again.
    rpc.on("accounts", "create_api_key", {**key(), "key": None})
    again = send(ada, "/api-keys", **form)
    assert (again.status_code, again.headers["location"]) == (303, "/api-keys")
    assert "cannot be shown again" in ada.get("/api-keys").text


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"scopes": ["contacts:read"], "days": "30"}, "name"),
        ({"name": "Nightly", "days": "30"}, "scopes"),
        ({"name": "Nightly", "scopes": ["contacts:read"], "days": "31"}, "days"),
    ],
)
def test_what_is_missing_is_said_at_its_field_and_nothing_is_made(
    ada: TestClient, rpc: FakeRpc, form: dict[str, Any], field: str
) -> None:
    answer = send(ada, "/api-keys", **form)
    whole(answer)
    assert f'id="{field}-error"' in answer.text
    assert rpc.asked("accounts", "create_api_key") == []


@pytest.mark.parametrize(
    ("refusal", "status", "sentence"),
    [
        (Forbidden("Your role does not include settings."), 403, "Your role does not include settings."),
        (TooMany("You have 50 API keys."), 200, "You have 50 API keys."),
        (RateLimited("Later."), 429, "Later."),
        (ValidationError.of(("scopes.0", "Not this one.")), 200, "Not this one."),
    ],
)
def test_what_accounts_refuses_is_said_with_everything_still_filled_in(
    ada: TestClient, rpc: FakeRpc, refusal: Exception, status: int, sentence: str
) -> None:
    rpc.on("accounts", "create_api_key", refusal)
    answer = send(ada, "/api-keys", name="Nightly", scopes=["partnerships:write"], days="180")
    assert answer.status_code == status and sentence in answer.text
    assert 'value="Nightly"' in answer.text
    assert 'value="partnerships:write" checked' in answer.text
    assert '<option value="180" selected>' in answer.text


def test_a_key_is_revoked_after_a_question(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.get(f"/api-keys/{ID}/revocation")
    whole(answer)
    question = answer.text
    assert "Revoke Nightly &lt;export&gt;?" in question and "It has never been used." in question
    for said in (None, NotFound()):
        rpc.on("accounts", "revoke_api_key", said)
        sent = send(ada, f"/api-keys/{ID}/revocation")
        assert (sent.status_code, sent.headers["Location"]) == (303, "/api-keys")
    assert [one["api_key_id"] for one in rpc.asked("accounts", "revoke_api_key")] == [ID, ID]


def test_the_key_of_somebody_else_is_not_there(ada: TestClient) -> None:
    assert ada.get(f"/api-keys/{new_id()}/revocation").status_code == 404

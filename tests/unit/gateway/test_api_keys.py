"""What an API key may be used for: each endpoint says what it needs of one, and nothing but people who are logged in gets to the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from services.gateway import identity
from services.gateway.api import ROUTES
from services.gateway.api.routing import Route, starlette_routes
from services.gateway.identity import ANY_KEY, NO_KEY
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, SESSION, FakeRpc

SCOPES = ("contacts:read", "contacts:write", "partnerships:read", "partnerships:write", "settings")
KEY = "accord_kazenor_key"
OURS = [route for route in ROUTES if not route.anonymous]
# Nothing of these is for keys: whoever can make credentials, or change whose they are, would get round scopes and ends.
PERSONAL = re.compile(r"/(api-keys|sessions|me/.*|users/.*|password-resets.*|audit.*|notification-preferences)(/.*)?")


@pytest.fixture
def program(anybody: TestClient, rpc: FakeRpc) -> Iterator[TestClient]:
    """A client with an API key of Ada's that has every scope, until `scopes` says otherwise."""
    program_may(rpc, *SCOPES)
    anybody.headers["Authorization"] = f"Bearer {KEY}"
    yield anybody


def program_may(rpc: FakeRpc, *scopes: str) -> None:
    known = {"tenant": "kazenor", "session_id": SESSION, "user": ADA, "company": "Kazenor", "permissions": scopes}
    rpc.on("accounts", "authenticate", lambda token: {**known, "scopes": list(scopes)})


def ask(program: TestClient, route: Route) -> tuple[int, str]:
    """Status and sentence of the refusal; the service behind knows of nothing."""
    answer = program.request(route.method, "/api/v1" + re.sub(r"{\w+}", lambda _: new_id(), route.path))
    return answer.status_code, answer.json()["detail"]


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "KEPT_SECONDS", 0.0)


@pytest.mark.parametrize("route", OURS, ids=name)
def test_every_endpoint_says_what_it_needs_of_an_api_key(route: Route) -> None:
    assert route.scope in {*SCOPES, ANY_KEY, NO_KEY}, f"{name(route)} says nothing: give it a scope, ANY_KEY or NO_KEY"
    if route.scope not in {ANY_KEY, NO_KEY} and route.scope != "settings":
        # Who only looks needs no right to change, and the other way round.
        assert route.scope.endswith(":read" if route.reads else ":write")
    if route.scope == ANY_KEY:
        assert route.reads


@pytest.mark.parametrize(
    "route", [r for r in OURS if PERSONAL.fullmatch(r.path) or (r.path in {"/me", "/users"} and not r.reads)], ids=name
)
def test_what_belongs_to_a_person_alone_is_not_for_keys(route: Route) -> None:
    assert route.scope == NO_KEY


def test_a_key_opens_what_its_scopes_name_and_nothing_else(program: TestClient, rpc: FakeRpc) -> None:
    for route in OURS:
        if route.path == "/events":
            continue
        asked = len(rpc.asked(route.service, route.rpc))
        if route.scope == NO_KEY:
            program_may(rpc, *SCOPES)
            assert ask(program, route) == (403, "API keys cannot be used for this. Log in for it."), name(route)
            assert len(rpc.asked(route.service, route.rpc)) == asked, name(route)
            continue
        if route.scope != ANY_KEY:
            program_may(rpc, *[scope for scope in SCOPES if scope != route.scope])
            assert ask(program, route) == (403, f"This API key lacks the scope {route.scope}."), name(route)
            assert len(rpc.asked(route.service, route.rpc)) == asked, name(route)
        program_may(rpc, *([] if route.scope == ANY_KEY else [route.scope]))
        # The service behind is asked, and knows of nothing.
        assert ask(program, route)[0] == 404, name(route)
        assert len(rpc.asked(route.service, route.rpc)) == asked + 1, name(route)


def test_an_endpoint_that_says_nothing_is_not_for_keys(program: TestClient) -> None:
    (route,) = [route for route in ROUTES if name(route) == "GET /partnerships"]
    silent = replace(route, path="/silent", scope="")
    program.app.router.routes[:0] = starlette_routes([silent])  # type: ignore[attr-defined]
    assert program.get("/silent").status_code == 403


def test_a_key_without_its_scope_hears_no_changes(program: TestClient, rpc: FakeRpc) -> None:
    program_may(rpc, "contacts:write", "settings")
    answer = program.get("/api/v1/events")
    assert (answer.status_code, answer.json()["detail"]) == (403, "This API key lacks the scope partnerships:read.")


def test_what_cannot_be_there_is_not_found_before_a_scope_is_missing(program: TestClient, rpc: FakeRpc) -> None:
    program_may(rpc)
    assert program.get("/api/v1/partnerships/no-id").status_code == 404
    assert program.get(f"/api/v1/partnerships/{new_id()}").status_code == 403


def test_a_key_is_no_login_on_pages_nor_in_a_cookie(program: TestClient) -> None:
    del program.headers["Authorization"]
    program.cookies.set(identity.COOKIE, KEY)
    page = program.get("/", follow_redirects=False)
    assert (page.status_code, page.headers["Location"]) == (303, "/login")
    assert program.get("/api/v1/partnerships").status_code == 401


def test_a_key_agrees_with_its_host(program: TestClient) -> None:
    assert program.get("/api/v1/me", headers={"Host": "northwind.localhost:8080"}).status_code == 403


def test_the_description_names_the_scope_of_each_operation(anybody: TestClient) -> None:
    described = anybody.get("/api/v1/openapi.json").json()
    schemes = described["components"]["securitySchemes"]
    assert (schemes["apiKey"]["type"], schemes["apiKey"]["scheme"]) == ("http", "bearer")
    people = [{"bearer": []}, {"cookie": [], "csrf": []}]
    for route in OURS:
        operation = described["paths"]["/api/v1" + route.path][route.method.lower()]
        needs = operation.get("security", described["security"])
        if route.scope == NO_KEY:
            assert needs == people, name(route)
        else:
            assert needs == [*people, {"apiKey": [] if route.scope == ANY_KEY else [route.scope]}], name(route)


def test_a_key_is_made_once_for_one_idempotency_key(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "create_api_key", {"id": new_id(), "key": KEY})
    answer = ada.post("/api/v1/api-keys", json={"name": "x"}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["key"]) == (201, KEY)
    (asked,) = rpc.asked("accounts", "create_api_key")
    assert asked["idempotency_key"]
    assert answer.headers["Cache-Control"] == "no-store"

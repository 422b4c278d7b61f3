"""Each endpoint beside the main job, as the public contract has it: shapes, refusals in their order, versions, keys, pages of lists."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from services.gateway.api import ROUTES
from shared.ids import new_id
from tests.support.stack import PASSWORD, Business, Stack

OTHER_PASSWORD = "another long password"


@pytest.fixture(scope="module")
def ours(stack: Stack) -> Business:
    return stack.register("ours")


@pytest.fixture(scope="module")
def theirs(stack: Stack) -> Business:
    return stack.register("theirs")


def fields(problem: dict[str, Any]) -> set[str]:
    assert problem["code"] == "validation_error"
    return {error["field"] for error in problem["errors"]}


def log_in(stack: Stack, tenant: str, email: str, password: str = PASSWORD) -> httpx.Response:
    body = {"tenant": tenant, "email": email, "password": password}
    return httpx.post(f"{stack.url}/api/v1/sessions", json=body, timeout=15)


def another(who: Business, token: str) -> Business:
    """The same business, with another login."""
    return Business(who.stack, who.tenant, who.email, who.user, token)


def colleague(stack: Stack, who: Business, name: str, role: str) -> Business:
    """Somebody else of that business, logged in."""
    email = f"{name.lower()}@{who.tenant}.example"
    user = who.post("/users", {"name": name, "email": email, "role": role, "password": PASSWORD}, 201)
    return Business(stack, who.tenant, email, user, log_in(stack, who.tenant, email).json()["token"])


def test_no_endpoint_answers_without_a_credential(stack: Stack) -> None:
    for route in ROUTES:
        if route.anonymous:
            continue
        path = route.path
        for name in route.ids:
            path = path.replace("{" + name + "}", new_id())
        # Not JSON, and more than fits: that comes after the credential.
        answer = httpx.request(route.method, f"{stack.url}/api/v1{path}", headers={"Authorization": "Bearer accord_x"})
        assert answer.status_code == 401, f"{route.method} {route.path}"
        assert answer.json()["code"] == "not_authenticated"
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tenant": "A"}, "tenant"),
        ({"tenant": "admin"}, "tenant"),
        ({"tenant": "xn--abc"}, "tenant"),
        ({"tenant": "ends-"}, "tenant"),
        ({"tenant": 7}, "tenant"),
        ({"password": "short"}, "password"),
        ({"email": "nobody"}, "email"),
        ({"company": " \u0000 "}, "company"),
        ({"name": "x" * 201}, "name"),
        ({"actor": "x"}, "actor"),
        ({"self": "x"}, "self"),
        ({"idempotency_key": "x"}, "idempotency_key"),
        ({"\ud800": 1}, "?"),
    ],
)
def test_a_bad_registration_names_its_field(stack: Stack, change: dict[str, Any], field: str) -> None:
    tenant = f"t{new_id()[-8:]}"
    body = {"tenant": tenant, "company": "C", "name": "N", "email": "n@c.example", "password": PASSWORD, **change}
    # As text of our own, so that a lone surrogate can be sent at all.
    typed = {"Content-Type": "application/json"}
    answer = httpx.post(f"{stack.url}/api/v1/tenants", content=json.dumps(body), headers=typed, timeout=15)
    assert answer.status_code == 422, answer.text
    assert fields(answer.json()) == {field}


def test_a_tenant_name_is_given_out_once_and_a_key_registers_once(stack: Stack, ours: Business) -> None:
    body = {"tenant": ours.tenant, "company": "C", "name": "N", "email": "n@c.example", "password": PASSWORD}
    assert httpx.post(f"{stack.url}/api/v1/tenants", json=body, timeout=15).json()["code"] == "tenant_taken"
    body["tenant"], key = f"t{new_id()[-8:]}", {"Idempotency-Key": new_id()}
    first, second = (httpx.post(f"{stack.url}/api/v1/tenants", json=body, headers=key, timeout=15) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = httpx.post(f"{stack.url}/api/v1/tenants", json=body | {"company": "D"}, headers=key, timeout=15)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_a_wrong_login_never_says_which_part(stack: Stack, ours: Business) -> None:
    wrong = [
        (ours.tenant, "nobody@x.example", PASSWORD),
        (ours.tenant, ours.email, "wrong password"),
        ("nobody-of-that-name", ours.email, PASSWORD),
        ("No Name", "\u0000", PASSWORD),
    ]
    answers = [log_in(stack, *parts) for parts in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


def test_sessions_are_seen_and_ended_by_their_owner_only(stack: Stack, ours: Business, theirs: Business) -> None:
    second = another(ours, log_in(stack, ours.tenant, ours.email).json()["token"])
    newest = second.get("/sessions")["items"][0]
    assert set(newest) >= {"id", "expires_at"}
    theirs.ask("DELETE", f"/sessions/{newest['id']}", 404)
    assert second.get("/me")["tenant"] == ours.tenant
    ours.ask("DELETE", f"/sessions/{newest['id']}", 204)
    second.ask("GET", "/me", 401)
    third = another(ours, log_in(stack, ours.tenant, ours.email).json()["token"])
    third.get("/me")
    third.ask("DELETE", "/sessions/current", 204)
    third.ask("GET", "/me", 401)


def test_people_change_themselves(ours: Business) -> None:
    me = ours.get("/me")
    assert set(me) == {"user", "tenant", "company", "permissions", "preferences"}
    assert set(me["user"]) >= {"id", "name", "email", "role", "active", "locale", "time_zone"}
    changed = ours.ask(
        "PATCH", "/me", body={"locale": "sv", "time_zone": "Europe/Stockholm", "preferences": {"w": True}}
    )
    assert changed == ours.get("/me")
    assert (changed["user"]["locale"], changed["preferences"]) == ("sv", {"w": True})
    for bad in ({"locale": "!"}, {"time_zone": "Mars"}, {"role": "member"}, {"name": None}, {"session_id": new_id()}):
        assert fields(ours.ask("PATCH", "/me", 422, bad)) == set(bad)
    assert fields(ours.ask("GET", "/me?x=1", 422)) == {"x"}


def test_a_new_password_ends_all_other_sessions(stack: Stack) -> None:
    who = stack.register("password")
    other = another(who, log_in(stack, who.tenant, who.email).json()["token"])
    other.get("/me")
    assert fields(who.post("/me/password", {"old": "wrong password", "new": OTHER_PASSWORD}, 422)) == {"old"}
    assert fields(who.post("/me/password", {"old": PASSWORD, "new": "short"}, 422)) == {"new"}
    who.post("/me/password", {"old": PASSWORD, "new": OTHER_PASSWORD}, 204)
    other.ask("GET", "/me", 401)
    who.get("/me")
    assert log_in(stack, who.tenant, who.email).status_code == 401
    assert log_in(stack, who.tenant, who.email, OTHER_PASSWORD).status_code == 201


def test_the_profile_and_the_settings_carry_their_version(ours: Business) -> None:
    profile = ours.get("/tenants/current")
    current, stale = f'"{profile["version"]}"', f'"{profile["version"]}"'
    address = {"type": "Billing", "line1": "1 Road", "city": "Town", "country": "SE", "default": True}
    changed = ours.ask("PATCH", "/tenants/current", body={"phone": "+46 8 2", "addresses": [address]}, If_Match=current)
    assert changed == ours.get("/tenants/current")
    assert changed["addresses"][0]["city"] == "Town"
    problem = ours.ask("PATCH", "/tenants/current", 412, {"phone": "+46 8 3"}, If_Match=stale)
    assert problem["code"] == "changed_meanwhile"
    assert fields(ours.ask("PATCH", "/tenants/current", 422, {"tenant": "x"})) == {"tenant"}
    assert fields(ours.ask("PATCH", "/tenants/current", 422, {"addresses": [{"type": "Moon"}]})) == {"addresses.0.type"}
    assert fields(ours.ask("PATCH", "/tenants/current", 422, {}, If_Match="7")) == {"If-Match"}
    settings = ours.ask("PATCH", "/settings", body={"offer_expiry_days": 20})
    assert settings == ours.get("/settings")
    assert settings["offer_expiry_days"] == 20
    assert fields(ours.ask("PATCH", "/settings", 422, {"offer_expiry_days": 0})) == {"offer_expiry_days"}


def test_an_admin_manages_logins_and_nobody_else_does(stack: Stack, ours: Business, theirs: Business) -> None:
    mia = colleague(stack, ours, "Mia", "member")
    assert mia.get("/me")["user"]["role"] == "member"
    assert ours.get(f"/contacts/{mia.user['id']}")["name"] == "Mia"  # a user made a moment ago is a contact
    again = {"name": "M", "email": mia.email, "role": "member"}
    assert ours.post("/users", again, 409)["code"] == "email_taken"
    # 404 before 403 before 422.
    mia.ask("PATCH", f"/users/{new_id()}", 404, {"nonsense": 1})
    mia.ask("PATCH", f"/users/{ours.user['id']}", 403, {"nonsense": 1})
    mia.post("/users", {"nonsense": 1}, 403)
    theirs.ask("PATCH", f"/users/{mia.user['id']}", 404, {"active": False})
    assert fields(ours.ask("PATCH", f"/users/{mia.user['id']}", 422, {"role": "king"})) == {"role"}
    assert ours.ask("PATCH", f"/users/{mia.user['id']}", body={"active": False})["active"] is False
    mia.ask("GET", "/me", 401)
    assert log_in(stack, ours.tenant, mia.email).status_code == 401
    assert ours.ask("PATCH", f"/users/{ours.user['id']}", 409, {"role": "member"})["code"] == "last_admin"


def test_lists_come_in_pages_and_know_their_parameters(ours: Business) -> None:
    names = [f"Paged {letter}" for letter in "ABC"]
    for name in names:
        ours.contact(name)
    found, cursor = [], ""
    while cursor is not None:
        page = ours.get("/contacts?q=PAGED&limit=2" + (f"&cursor={cursor}" if cursor else ""))
        assert set(page) >= {"items", "next"}
        found += [contact["name"] for contact in page["items"]]
        cursor = page["next"]
    assert found == names
    for path in ("/contacts", "/users", "/partnerships", "/notifications"):
        assert fields(ours.ask("GET", f"{path}?limit=0&foo=1", 422)) >= {"limit"}, path
        assert fields(ours.ask("GET", f"{path}?limit=201", 422)) == {"limit"}, path
        assert fields(ours.ask("GET", f"{path}?limit=many", 422)) == {"limit"}, path
        assert fields(ours.ask("GET", f"{path}?foo=1", 422)) == {"foo"}, path
        assert fields(ours.ask("GET", f"{path}?tenant=x", 422)) == {"tenant"}, path
        assert fields(ours.ask("GET", f"{path}?cursor=%00nonsense", 422)) == {"cursor"}, path
    for name in ("status", "role", "turn", "sort"):
        assert fields(ours.ask("GET", f"/partnerships?{name}=nonsense", 422)) in ({name}, {f"{name}.0"})


def test_the_directory(ours: Business) -> None:
    answer = ours.http.post("/contacts", json={"name": "  Jose\u0301 ", "email": "J@Ours.example"})
    made = answer.json()
    assert answer.headers["Location"] == f"/api/v1/contacts/{made['id']}"
    assert (made["name"], made["email"]) == ("Jos\u00e9", "j@ours.example")
    url, version = f"/contacts/{made['id']}", f'"{made["version"]}"'
    assert ours.get(url) == made
    changed = ours.ask("PATCH", url, body={"title": "Lead"}, If_Match=version)
    assert (changed["title"], ours.get(url)) == ("Lead", changed)
    assert ours.ask("PATCH", url, 412, {"title": "Boss"}, If_Match=version)["code"] == "changed_meanwhile"
    for bad in ({"name": ""}, {"email": "x"}, {"phone": 1}, {"contact_id": made["id"]}, {"tenant": "x"}, {"foo": 1}):
        assert fields(ours.ask("PATCH", url, 422, bad)) == set(bad)
    assert fields(ours.ask("DELETE", url, 422, {"foo": 1})) == {"foo"}
    ours.ask("DELETE", url, 204)
    ours.ask("GET", url, 404)
    assert ours.ask("DELETE", f"/contacts/{ours.user['id']}", 409)["code"] == "contact_in_use"


def test_environments_are_replaced_as_a_whole(stack: Stack) -> None:
    who = stack.register("places")
    before = who.get("/environments")
    assert [one["name"] for one in before["items"]] == ["Production", "Development", "Quality Testing"]
    assert {role["name"] for role in before["items"][0]["roles"]} == {"Viewer", "Operator", "Administrator"}
    wanted = [*before["items"][:1], {"name": "Stage", "roles": [{"name": "Tester"}]}]
    after = who.ask("PUT", "/environments", body={"items": wanted}, If_Match=f'"{before["version"]}"')
    assert after == who.get("/environments")
    assert [one["name"] for one in after["items"]] == ["Production", "Stage"]
    assert fields(who.ask("PUT", "/environments", 422, {"items": []})) == {"items"}
    assert fields(who.ask("PUT", "/environments", 422, [1])) == {"body"}


def test_notifications_are_read_and_preferences_kept(stack: Stack) -> None:
    sender, receiver = stack.register("sender"), stack.register("receiver")
    sent = sender.offer(receiver, sender.contact("Olof"))
    receiver.until(sent["id"], status="open")
    found: dict[str, Any] = {}
    for _ in range(200):
        found = receiver.get("/notifications?unread=true")
        if found["items"]:
            break
    assert found["items"][0]["partnership_id"] == sent["id"]
    sender.post("/notifications/read", {"ids": [found["items"][0]["id"]]}, 404)
    receiver.post("/notifications/read", {"ids": [found["items"][0]["id"]]})
    assert receiver.get("/notifications?unread=true")["items"] == []
    assert receiver.post("/notifications/read", {"all": True})["unread_count"] == 0
    assert fields(receiver.ask("GET", "/notifications?unread=maybe", 422)) == {"unread"}
    chosen = receiver.ask("PUT", "/notification-preferences", body={"mail": False})
    assert chosen == receiver.get("/notification-preferences")
    assert chosen["mail"] is False


def test_the_form_is_judged_in_the_order_of_the_contract(ours: Business) -> None:
    url, typed = f"/partnerships/{new_id()}/decline", {"Content-Type": "text/plain"}
    assert ours.http.post(url, content="{}", headers=typed).status_code == 415
    assert ours.http.post(url, json={"reason": "x" * 1024 * 1024}).status_code == 413
    assert ours.http.post(url, json={"nonsense": 1}).status_code == 404
    assert ours.http.post(url, content="[", headers={"Content-Type": "application/json"}).status_code == 404
    tricky = {"name": {"__type__": "datetime", "__value__": "x"}, "email": "x@y.example"}
    assert fields(ours.post("/contacts", tricky, 422)) == {"name"}
    assert ours.http.get("/nothing").json()["code"] == "not_found"
    assert ours.http.post("/me").json()["code"] == "method_not_allowed"


def test_the_gateway_is_ready_when_all_services_are(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/healthz").status_code == 200
    assert httpx.get(f"{stack.url}/readyz", timeout=10).status_code == 200
    assert "accord_rpc_seconds" in httpx.get(f"{stack.url}/metrics").text
    described = httpx.get(f"{stack.url}/api/v1/openapi.json").json()
    assert "/api/v1/partnerships/{partnership_id}/acceptance" in described["paths"]

"""The pages with services that answer from a table: who gets in, which forms count, what is shown again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.datastructures import FormData
from starlette.routing import BaseRoute
from starlette.testclient import TestClient

from services.gateway.pages import csrf, site
from services.gateway.pages.desk import NOTE, safe_next
from services.gateway.pages.forms import Form
from services.gateway.pages.rooms import Door, Room
from services.gateway.rpc import ServiceFailure
from shared.errors import (
    NotAuthenticated,
    RateLimited,
    TenantTaken,
    Unavailable,
    ValidationError,
)
from tests.unit.gateway.fake_rpc import ADA, TOKEN, FakeRpc
from tests.unit.gateway.pages.story import CONTACT, ID, partnership, send, whole

NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def routes(found: list[BaseRoute]) -> Iterator[APIRoute]:
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        yield from routes(
            getattr(getattr(route, "original_router", route), "routes", []) if not isinstance(route, APIRoute) else []
        )


EVERY = list(routes(site.router().routes))
OPEN = {
    "/login",
    "/register",
    "/password-reset",
    "/password-reset/sent",
    "/password-reset/link",
    "/email-change/link",
}


def somewhere(route: APIRoute) -> str:
    return re.sub(r"{decision}", "decline", re.sub(r"{\w+_id}", ID, route.path))


# Who gets in


def test_there_are_pages() -> None:
    assert len(EVERY) > 25


@pytest.mark.parametrize(
    ("address", "page"),
    [
        (f"/partnerships/{ID}/modifications", f"/partnerships/{ID}/contacts"),
        (f"/partnerships/{ID}/owner", f"/partnerships/{ID}/managers"),
        (f"/partnerships/{ID}/seen", f"/partnerships/{ID}"),
        ("/partnerships", "/partnerships/new"),
        ("/settings/blocked", "/settings"),
        ("/settings/blocked/northwind/removal", "/settings"),
        ("/me/password", "/me"),
        (f"/me/sessions/{ID}/end", "/me"),
        ("/notifications/read?id=1", "/notifications"),
        ("/logout", "/"),
        ("/profile/addresses/a%0d%0aSet-Cookie:x%3f/default", "/profile/addresses/a%0D%0ASet-Cookie%3Ax%3F"),
    ],
)
def test_an_address_that_only_takes_forms_leads_to_the_page_of_its_form(
    address: str, page: str, ada: TestClient, rpc: FakeRpc
) -> None:
    answer = ada.get(address, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, page)
    assert {method for _, method, _ in rpc.calls} <= {"authenticate", "list_notifications"}
    # A page whose form was refused stands there and asks what became of it: it is not led away from what was entered.
    asked = ada.get(address, follow_redirects=False, headers={"X-Accord-Script": "1"})
    assert "x-accord-go" not in asked.headers


def test_every_address_of_a_form_can_be_opened() -> None:
    readable = {route.path for route in EVERY if "GET" in route.methods}
    assert {route.path for route in EVERY} - readable == set()


@pytest.mark.parametrize("route", EVERY, ids=lambda r: f"{sorted(r.methods)[0]} {r.path}")
def test_every_page_but_login_and_registration_needs_a_login(
    route: APIRoute, visitor: TestClient, rpc: FakeRpc
) -> None:
    assert isinstance(route, Door)
    assert isinstance(route, Room) == (route.path not in OPEN)
    if route.path not in OPEN:
        answer = visitor.request(
            sorted(route.methods)[0], somewhere(route), data={} if "POST" in route.methods else None
        )
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
        assert rpc.calls == []


@pytest.mark.parametrize(
    "route", [r for r in EVERY if "POST" in r.methods and isinstance(r, Room)], ids=lambda r: r.path
)
def test_a_form_without_the_token_of_the_session_does_nothing(route: APIRoute, ada: TestClient, rpc: FakeRpc) -> None:
    for token in [None, "", "wrong", csrf.token("another session")]:
        answer = ada.post(somewhere(route), data={} if token is None else {csrf.FIELD: token})
        assert answer.status_code == 403
    assert {method for _, method, _ in rpc.calls} == {"authenticate"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
    ],
)
def test_a_form_from_another_site_does_nothing_even_with_the_token(
    headers: dict[str, str], ada: TestClient, rpc: FakeRpc
) -> None:
    answer = ada.post(
        "/contacts", data={csrf.FIELD: csrf.token(TOKEN), "name": "X", "email": "x@y.example"}, headers=headers
    )
    assert answer.status_code == 403
    assert rpc.asked("contacts", "create_contact") == []


def test_the_session_of_another_business_opens_nothing_on_this_host(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.get("/contacts", headers={"Host": "northwind.localhost:8080"})
    assert answer.status_code == 403
    assert rpc.asked("contacts", "list_contacts") == []


def test_the_login_leads_back_to_where_one_was(visitor: TestClient) -> None:
    assert visitor.get("/contacts?q=a&x=1").headers["location"] == "/login?next=/contacts%3Fq%3Da%26x%3D1"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "",
        None,
        "/\tx",
        "/a\n",
        "/login",
        "/logout",
    ],
)
def test_nobody_is_sent_to_another_host(path: str | None) -> None:
    assert safe_next(path) == "/"


# Logging in


def login(client: TestClient, **fields: str) -> Any:
    """Open the login page and send its form."""
    client.get("/login")
    token = csrf.token(client.cookies[csrf.FORM_COOKIE])
    return client.post(
        "/login",
        data={csrf.FIELD: token, "tenant": "kazenor", "email": "ada@kazenor.example", "password": "x" * 10, **fields},
    )


def test_a_login_sets_a_cookie_that_scripts_and_other_sites_do_not_get(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "open_session", {"token": TOKEN, "expires_at": "2100-01-01T00:00:00Z", "user": ADA})
    answer = login(visitor, next="/contacts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/contacts")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("accord_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie  # this host only
    assert "Secure" not in cookie  # plain http


def test_cookies_are_for_https_only_where_accord_is(
    visitor: TestClient, rpc: FakeRpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCORD_URL", "https://localhost")
    rpc.on("accounts", "open_session", {"token": TOKEN, "expires_at": "2100-01-01T00:00:00Z", "user": ADA})
    page = visitor.get("/login")
    cookie = page.headers["set-cookie"]
    assert "Secure" in cookie
    value = cookie.split(";")[0].split("=", 1)[1]
    body = {csrf.FIELD: csrf.token(value), "tenant": "kazenor", "email": "a@b.example", "password": "x" * 10}
    answer = visitor.post("/login", data=body, headers={"Cookie": f"{csrf.FORM_COOKIE}={value}"})
    assert "Secure" in next(c for c in answer.headers.get_list("set-cookie") if c.startswith("accord_session="))


def test_the_host_says_which_business_a_login_is_for(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "open_session", NotAuthenticated())
    host = {"Host": "northwind.localhost:8080"}
    page = visitor.get("/login", headers=host)
    assert "Tenant name" not in page.text
    value = page.headers["set-cookie"].split(";")[0].split("=", 1)[1]
    body = {csrf.FIELD: csrf.token(value), "tenant": "kazenor", "email": "a@b.example", "password": "x" * 10}
    visitor.post("/login", data=body, headers={**host, "Cookie": f"{csrf.FORM_COOKIE}={value}"})
    assert rpc.asked("accounts", "open_session")[0]["tenant"] == "northwind"


@pytest.mark.parametrize(
    "refusal",
    [
        NotAuthenticated(),
        ValidationError.of(("email", "Enter an e-mail address.")),
        ValidationError.of(("tenant", "x")),
    ],
)
def test_a_wrong_login_does_not_tell_what_was_wrong(refusal: Exception, visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "open_session", refusal)
    answer = login(visitor, password="a secret of mine")
    assert "No login fits these details." in answer.text
    assert "accord_session" not in answer.headers.get("set-cookie", "")
    assert 'value="ada@kazenor.example"' in answer.text
    assert "a secret of mine" not in answer.text


def test_too_many_logins_are_told_so(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "open_session", RateLimited("Too many failed logins. Try again in 9 minutes."))
    answer = login(visitor)
    assert answer.status_code == 429
    assert "Try again in 9 minutes." in answer.text


def test_a_login_without_the_token_of_its_page_opens_nothing_and_keeps_what_was_typed(
    visitor: TestClient, rpc: FakeRpc
) -> None:
    answer = visitor.post("/login", data={"tenant": "kazenor", "email": "ada@kazenor.example", "password": "x" * 10})
    assert answer.status_code == 403
    assert 'value="ada@kazenor.example"' in answer.text
    assert rpc.asked("accounts", "open_session") == []


def test_a_registration_shows_each_mistake_at_its_field_and_keeps_the_rest(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "register_tenant", TenantTaken())
    visitor.get("/register")
    token = csrf.token(visitor.cookies[csrf.FORM_COOKIE])
    body = {
        "company": "Kazenor",
        "tenant": "https://kazenor.accord.example/",
        "name": "Ada",
        "email": "ada@kazenor.example",
        "password": "long enough",
    }
    answer = visitor.post("/register", data={csrf.FIELD: token, **body})
    assert rpc.asked("accounts", "register_tenant")[0]["tenant"] == "kazenor"
    assert 'id="tenant-error"' in answer.text
    assert '<a href="#tenant">' in answer.text
    assert "<title>Error: " in answer.text
    assert 'value="Ada"' in answer.text
    assert "long enough" not in answer.text


def test_on_the_host_of_a_business_no_other_one_is_registered(visitor: TestClient, rpc: FakeRpc) -> None:
    host = {"Host": "northwind.localhost:8080"}
    value = visitor.get("/register", headers=host).headers["set-cookie"].split(";")[0].split("=", 1)[1]
    body = {
        csrf.FIELD: csrf.token(value),
        "company": "K",
        "tenant": "kazenor",
        "name": "Ada",
        "email": "a@b.example",
        "password": "x" * 10,
    }
    page = visitor.post("/register", data=body, headers={**host, "Cookie": f"{csrf.FORM_COOKIE}={value}"})
    assert 'id="tenant-error"' in page.text
    assert rpc.asked("accounts", "register_tenant") == []


def test_logging_out_ends_the_session_and_takes_the_cookie_away(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "close_session", {})
    answer = send(ada, "/logout")
    assert rpc.asked("accounts", "close_session")[0]["token"] == TOKEN
    assert 'accord_session=""' in answer.headers.get_list("set-cookie")[1] + answer.headers.get_list("set-cookie")[0]


# What is shown


PAGES = [
    "/", "/contacts", "/contacts/new", f"/contacts/{ID}", f"/contacts/{ID}/deletion", "/partnerships/new", f"/partnerships/{ID}",
    f"/partnerships/{ID}/acceptance", f"/partnerships/{ID}/decline", f"/partnerships/{ID}/history", "/notifications", "/profile", "/users",
    "/users/new", "/environments", "/settings",
]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_whole_and_keeps_to_itself(path: str, ada: TestClient) -> None:
    whole(ada.get(path))


def test_what_others_wrote_is_text_and_never_markup(ada: TestClient, rpc: FakeRpc) -> None:
    nasty = partnership(
        counterpart={"tenant": "northwind", "company": NASTY, "profile": {}}, message=NASTY, sent_by={"id": ID, "name": NASTY},
        offered=[{"contact_id": CONTACT["id"], "name": NASTY, "title": NASTY}], decline_reason=NASTY,
    )  # fmt: skip
    rpc.on("offers", "get_partnership", nasty)
    rpc.on("offers", "list_partnerships", {"items": [nasty], "next": None})
    rpc.on("contacts", "list_assignments", {"items": [{"contact_id": ID, "name": NASTY, "title": NASTY, "email": NASTY, "phone": NASTY, "state": "accepted", "label": NASTY, "roles": [{"environment": NASTY, "role": NASTY}]}], "next": None})  # fmt: skip
    rpc.on("history", "list_entries", {"items": [{"id": ID, "at": "2026-01-01T00:00:00Z", "title": NASTY, "by": {"side": "them", "name": NASTY}, "shared": True, "details": {"message": NASTY, "unknown": NASTY, "contacts": [{"id": ID, "name": NASTY}]}}], "next": None})  # fmt: skip
    rpc.on("notifications", "list_notifications", {"items": [{"id": ID, "at": "2026-01-01T00:00:00Z", "title": NASTY, "text": NASTY, "partnership_id": ID, "read": False}], "next": None, "unread_count": 1})  # fmt: skip
    rpc.on("contacts", "list_contacts", {"items": [{**CONTACT, "name": NASTY, "email": NASTY}], "next": None})
    for path in ["/", f"/partnerships/{ID}", f"/partnerships/{ID}/history", f"/partnerships/{ID}/acceptance", f"/partnerships/{ID}/decline", "/notifications", f"/contacts?q={NASTY}", "/partnerships/new"]:  # fmt: skip
        text = ada.get(path).text
        assert "&lt;script&gt;" in text, path
        assert "<script>" not in text, path
        assert "<img" not in text, path


def test_a_page_shows_what_it_can_when_others_are_away(ada: TestClient, rpc: FakeRpc) -> None:
    for service, method in [("contacts", "list_assignments"), ("managers", "list_managers"), ("history", "list_entries"), ("notifications", "list_notifications")]:  # fmt: skip
        rpc.on(service, method, Unavailable())
    answer = ada.get(f"/partnerships/{ID}")
    assert answer.status_code == 200
    assert "Shall we?" in answer.text
    assert "cannot be shown at the moment" in answer.text


def test_when_the_owner_is_away_the_page_says_so_and_when_to_try_again(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "list_partnerships", Unavailable())
    answer = ada.get("/?q=x")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["retry-after"]
    assert 'href="/?q=x">Try again' in answer.text


def test_a_defect_of_a_service_is_a_page_and_tells_nothing_of_it(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", ServiceFailure("offers.get_partnership: KeyError: 'secret'"))
    answer = ada.get(f"/partnerships/{ID}")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_an_unknown_address_is_a_page_with_a_way_on(visitor: TestClient) -> None:
    answer = visitor.get("/nowhere/at/all")
    assert answer.status_code == 404
    assert 'href="/"' in answer.text


def test_an_unknown_address_keeps_the_way_around_for_whoever_is_logged_in(ada: TestClient) -> None:
    answer = ada.get("/nowhere")
    assert answer.status_code == 404
    assert 'href="/contacts"' in answer.text


def test_an_unknown_address_of_the_api_is_no_page(visitor: TestClient) -> None:
    assert visitor.get("/api/v1/nowhere").headers["content-type"] == "application/problem+json"


def test_static_files_may_be_kept_as_long_as_their_address_says_which_they_are(visitor: TestClient) -> None:
    page = visitor.get("/login").text
    for address in re.findall(r'"(/static/[^"]+)"', page):
        answer = visitor.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert visitor.get("/static/000000000000/css/accord.css").headers["cache-control"] == "no-cache"
    assert visitor.get("/static/../app.py").status_code == 404


def test_only_what_is_allowed_is_offered(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", partnership(status="accepted", actions=["view"]))
    page = ada.get(f"/partnerships/{ID}").text
    assert "/acceptance" not in page
    assert "/decline" not in page
    assert ada.get(f"/partnerships/{ID}/decline").status_code == 409


def test_a_redirect_says_on_the_next_page_only_what_we_wrote(ada: TestClient) -> None:
    ada.cookies.set(NOTE, "offer-sent")
    assert "Your offer is on its way." in ada.get("/").text
    ada.cookies.set(NOTE, "evil")
    assert "evil" not in ada.get("/").text


def test_a_look_is_told_by_a_post_and_never_by_a_get(ada: TestClient, rpc: FakeRpc) -> None:
    ada.get(f"/partnerships/{ID}")
    assert rpc.asked("offers", "mark_seen") == []
    answer = ada.post(f"/partnerships/{ID}/seen", headers={"X-CSRF-Token": csrf.token(TOKEN)})
    assert answer.status_code == 204
    assert len(rpc.asked("offers", "mark_seen")) == 1


def test_a_form_that_is_too_large_is_refused(ada: TestClient, rpc: FakeRpc) -> None:
    assert send(ada, "/contacts", name="x" * (1024 * 1024)).status_code == 413
    assert rpc.asked("contacts", "create_contact") == []


def test_files_are_no_fields(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.post("/contacts", data={csrf.FIELD: csrf.token(TOKEN)}, files={"name": ("a.txt", b"x")})
    assert answer.status_code == 400
    assert rpc.asked("contacts", "create_contact") == []


def test_a_form_of_very_many_fields_is_read_in_one_go() -> None:
    class Counted(FormData):
        looks = 0

        def getlist(self, key: Any) -> list[Any]:
            self.looks += 1
            return super().getlist(key)

    data = Counted([(f"f{n}", "x") for n in range(1000)] + [("again", "1"), ("again", "2")])
    form = Form.sent({}, data)
    assert (form.values("again"), form.value("f999"), data.looks) == (["1", "2"], "x", 0)

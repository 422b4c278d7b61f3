"""Links in mails: looking at their page does nothing, and a forgotten password is never said to be anybody's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.pages.devices import device, place
from shared.errors import EmailTaken, Forbidden, RateLimited, ValidationError
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import TOKEN, FakeRpc
from tests.unit.gateway.pages.story import whole

TOKEN_OF_LINK = f"reset_kazenor_{new_id()}_{'0' * 64}"
LINK = {"tenant": "kazenor", "email": "ada@kazenor.example", "name": "Ada", "expires_at": "2026-01-02T03:04:05Z"}
DEAD = ValidationError.of(("token", "This link does not work any more."))
RESET, EMAIL = "/password-reset/link", "/email-change/link"


def send(visitor: TestClient, path: str, **fields: str) -> Any:
    """Send a form as somebody who is not logged in, with the token of a page of this visit."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get("/password-reset").text)
    assert found
    return visitor.post(path, data={"csrf_token": found[1], **fields})


def test_the_login_leads_there(visitor: TestClient) -> None:
    assert 'href="/password-reset"' in visitor.get("/login").text
    whole(visitor.get("/password-reset"))


def test_whatever_is_entered_the_answer_is_the_same(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "request_password_reset", {})
    for email in ("ada@kazenor.example", "nobody", "x@y.example"):
        answer = send(visitor, "/password-reset", tenant="https://kazenor.localhost:8080/", email=email)
        assert (answer.status_code, answer.headers["location"]) == (303, "/password-reset/sent")
    assert [asked["tenant"] for asked in rpc.asked("accounts", "request_password_reset")] == ["kazenor"] * 3
    page = visitor.get("/password-reset/sent")
    whole(page)
    assert "If there is such a login" in page.text


def test_nothing_is_asked_for_without_a_business_and_an_email(visitor: TestClient, rpc: FakeRpc) -> None:
    answer = send(visitor, "/password-reset", tenant="", email="")
    whole(answer)
    assert 'id="tenant-error"' in answer.text and 'id="email-error"' in answer.text
    assert rpc.asked("accounts", "request_password_reset") == []
    rpc.on("accounts", "request_password_reset", RateLimited(retry_after=60))
    assert send(visitor, "/password-reset", tenant="kazenor", email="a@b.example").status_code == 429


def test_looking_at_a_link_uses_nothing(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_mailed_link", LINK)
    for path in (RESET, EMAIL):
        page = visitor.get(f"{path}?token={TOKEN_OF_LINK}")
        whole(page)
        assert "ada@kazenor.example" in page.text
    assert {method for _, method, _ in rpc.calls} == {"get_mailed_link"}


@pytest.mark.parametrize("path", [RESET, EMAIL])
def test_a_dead_link_says_so_and_leads_on(visitor: TestClient, rpc: FakeRpc, path: str) -> None:
    rpc.on("accounts", "get_mailed_link", DEAD)
    page = visitor.get(f"{path}?token=x")
    assert (page.status_code, page.text.count("<h1")) == (410, 1)
    assert "This link does not work any more" in page.text


def test_a_link_of_another_business_does_not_work_on_this_host(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_mailed_link", LINK)
    page = visitor.get(f"{RESET}?token={TOKEN_OF_LINK}", headers={"Host": "northwind.localhost:8080"})
    assert page.status_code == 410


def test_a_new_password_leads_to_the_login_with_nobody_logged_in(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_mailed_link", LINK)
    rpc.on("accounts", "reset_password", {})
    short = send(visitor, RESET, token=TOKEN_OF_LINK, password="short")
    assert 'id="password-error"' in short.text
    assert rpc.asked("accounts", "reset_password") == []
    answer = send(visitor, RESET, token=TOKEN_OF_LINK, password="battery staple")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?tenant=kazenor")
    assert "accord_session" not in answer.headers.get("set-cookie", "")
    assert rpc.asked("accounts", "reset_password") == [{"token": TOKEN_OF_LINK, "password": "battery staple"}]


def test_a_link_that_dies_meanwhile_says_so(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_mailed_link", LINK)
    rpc.on("accounts", "reset_password", DEAD)
    send(visitor, RESET, token=TOKEN_OF_LINK, password="battery staple")
    rpc.on("accounts", "get_mailed_link", DEAD)
    assert send(visitor, RESET, token=TOKEN_OF_LINK, password="battery staple").status_code == 410


def test_a_form_from_elsewhere_does_nothing(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_mailed_link", LINK)
    for path in (RESET, EMAIL):
        body = {"token": TOKEN_OF_LINK, "password": "battery staple", "csrf_token": "none"}
        assert visitor.post(path, data=body).status_code == 403
    assert {method for _, method, _ in rpc.calls} == {"get_mailed_link"}


def test_another_email_is_confirmed_logged_in_or_not(visitor: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_mailed_link", LINK)
    rpc.on("accounts", "confirm_email_change", {})
    assert send(visitor, EMAIL, token=TOKEN_OF_LINK).headers["location"] == "/login?tenant=kazenor"
    rpc.on("accounts", "confirm_email_change", EmailTaken())
    taken = send(visitor, EMAIL, token=TOKEN_OF_LINK)
    assert (taken.status_code, "Somebody in this business has this e-mail already" in taken.text) == (200, True)


def test_admins_read_the_audit_trail(ada: TestClient, rpc: FakeRpc) -> None:
    entry = {
        "id": new_id(), "at": "2026-01-02T03:04:05Z", "action": "login.failed", "outcome": "refused", "actor": None,
        "title": "Somebody tried to log in as <b>Ada</b> with a wrong password.", "address": "192.0.2.7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0", "details": {},
    }  # fmt: skip
    rpc.on("accounts", "list_audit", {"items": [entry], "next": "more"})
    page = ada.get("/audit?kind=logins")
    whole(page)
    assert "&lt;b&gt;Ada" in page.text and "Refused" in page.text
    assert "Firefox on Linux · 192.0.2.7" in page.text
    assert "/audit?kind=logins&amp;cursor=more" in page.text
    (asked,) = rpc.asked("accounts", "list_audit")
    assert "login.failed" in asked["action"]
    rpc.on("accounts", "list_audit", Forbidden())
    assert ada.get("/audit").status_code == 403


def test_a_cookie_of_before_the_login_is_not_taken_over(visitor: TestClient, rpc: FakeRpc) -> None:
    """Session fixation: whatever somebody planted, the login brings a token of its own."""
    planted = f"accord_kazenor_{new_id()}_{'1' * 64}"
    rpc.on("accounts", "open_session", {"token": TOKEN, "expires_at": "2099-01-01T00:00:00Z", "user": {}})
    visitor.cookies.set("accord_session", planted)
    answer = send(visitor, "/login", tenant="kazenor", email="a@b.example", password="x")
    assert answer.status_code == 303
    assert f"accord_session={TOKEN}" in answer.headers["set-cookie"]
    assert planted not in str(answer.headers) + str(rpc.asked("accounts", "open_session"))


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
            "Safari on Mac",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8.5.0", "curl"),
        ("python-httpx/0.28", "A Python program"),
        ("SomeBot/1.0 (+http://x)", "SomeBot"),
        ("", ""),
    ],
)
def test_a_program_is_told_in_two_words(agent: str, named: str) -> None:
    assert device(agent) == named
    assert place("", agent) == named

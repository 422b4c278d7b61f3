"""One's own page: name, time zone, preferences, password, sessions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.pages.me import zones
from shared.errors import EmailTaken, NotFound, RateLimited, Unavailable, ValidationError
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, SESSION, FakeRpc
from tests.unit.gateway.pages.story import send, whole

OTHER = new_id()


def oneself(**more: Any) -> dict[str, Any]:
    user = {**ADA, "locale": "en", "time_zone": "UTC"}
    return {"user": user, "tenant": "kazenor", "company": "Kazenor", "permissions": [], "preferences": {}, **more}


@pytest.fixture(autouse=True)
def known(rpc: FakeRpc) -> None:
    at = "2026-01-02T03:04:05Z"
    phone = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
    agents = {SESSION: "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", OTHER: phone}
    sessions = [
        {"id": i, "opened_at": at, "used_at": at, "expires_at": at, "address": "192.0.2.7", "user_agent": agent}
        for i, agent in agents.items()
    ]
    rpc.on("accounts", "get_me", oneself())
    rpc.on("accounts", "list_sessions", {"items": sessions, "next": None})
    rpc.on("accounts", "update_me", oneself())
    rpc.on("notifications", "get_preferences", {"app": True, "mail": True})
    rpc.on("notifications", "set_preferences", {"app": True, "mail": True})


def selected(page: str) -> str:
    return " ".join(re.findall(r"<option[^>]* selected>([^<]+)<", page))


def test_the_page_shows_who_one_is(ada: TestClient, rpc: FakeRpc) -> None:
    page = ada.get("/me")
    whole(page)
    assert selected(page.text) == "As the browser"
    assert page.text.count("This session") == 1
    assert ("Firefox on Windows" in page.text, "Chrome on Android" in page.text) == (True, True)
    assert "192.0.2.7" in page.text
    assert f"/me/sessions/{OTHER}/end" in page.text
    assert f"/me/sessions/{SESSION}/end" not in page.text
    assert len(re.findall(r'role="switch"[^>]* checked', page.text)) == 2


def test_the_page_is_there_when_others_are_away(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("notifications", "get_preferences", Unavailable())
    rpc.on("accounts", "list_sessions", Unavailable())
    page = ada.get("/me")
    whole(page)
    assert 'name="mail"' not in page.text
    send(ada, "/me/preferences", introduction="yes")
    assert rpc.asked("notifications", "set_preferences") == []


def test_name_and_time_zone_are_changed(ada: TestClient, rpc: FakeRpc) -> None:
    answer = send(ada, "/me", name="Ada Vogt", time_zone="Europe/Vienna")
    assert answer.headers["location"] == "/me"
    (asked,) = rpc.asked("accounts", "update_me")
    assert (asked["name"], asked["time_zone"]) == ("Ada Vogt", "Europe/Vienna")
    rpc.on("accounts", "update_me", ValidationError.of(("time_zone", "Use the name of a time zone.")))
    answer = send(ada, "/me", name="Ada Vogt", time_zone="Moon/Sea")
    whole(answer)
    assert 'id="time_zone-error"' in answer.text
    assert 'value="Ada Vogt"' in answer.text


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ("Europe/Vienna", "Vienna"),
        ("America/Argentina/Buenos_Aires", "Argentina, Buenos Aires"),
        ("Etc/UTC", "UTC"),
        ("CET", "CET"),
    ],
)
def test_the_zone_that_was_chosen_is_selected(chosen: str, shown: str, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_me", oneself(user={**ADA, "time_zone": chosen}))
    page = ada.get("/me")
    whole(page)
    assert selected(page.text) == shown


def test_every_zone_that_is_offered_is_taken_by_accounts() -> None:
    from services.accounts.commands import UpdateMe

    for _, places in zones():
        for name, _ in places:
            assert UpdateMe(time_zone=name).time_zone == name


@pytest.mark.parametrize("introduction", [True, False])
@pytest.mark.parametrize("mail", [True, False])
def test_switches_are_kept_as_they_stand(introduction: bool, mail: bool, ada: TestClient, rpc: FakeRpc) -> None:
    on = {name: "yes" for name, value in (("introduction", introduction), ("mail", mail)) if value}
    assert send(ada, "/me/preferences", has_mail="yes", **on).headers["location"] == "/me"
    assert rpc.asked("accounts", "update_me")[0]["preferences"] == {"show_wizard_introduction": introduction}
    assert rpc.asked("notifications", "set_preferences")[0]["mail"] == mail
    rpc.on("accounts", "get_me", oneself(preferences={"show_wizard_introduction": introduction}))
    rpc.on("notifications", "get_preferences", {"app": True, "mail": mail})
    assert len(re.findall(r'role="switch"[^>]* checked', ada.get("/me").text)) == introduction + mail


def test_a_new_password_is_set_and_this_session_stays(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "change_password", {})
    entered = {"old": "the old password", "new": "the new password", "again": "the new password"}
    assert send(ada, "/me/password", **entered).headers["location"] == "/me"
    (asked,) = rpc.asked("accounts", "change_password")
    assert (asked["old"], asked["new"], asked["session_id"]) == ("the old password", "the new password", SESSION)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"old": ""}, "old"), ({"new": "short", "again": "short"}, "new"), ({"again": "another one"}, "again")],
)
def test_a_password_that_will_not_do_is_said_before_anybody_is_asked(
    change: dict[str, str], field: str, ada: TestClient, rpc: FakeRpc
) -> None:
    entered = {"old": "the old password", "new": "the new password", "again": "the new password", **change}
    answer = send(ada, "/me/password", **entered)
    whole(answer)
    assert f'id="{field}-error"' in answer.text
    assert "the old password" not in answer.text
    assert rpc.asked("accounts", "change_password") == []


def test_a_wrong_password_and_too_many_of_them_are_said(ada: TestClient, rpc: FakeRpc) -> None:
    entered = {"old": "a wrong password", "new": "the new password", "again": "the new password"}
    rpc.on("accounts", "change_password", ValidationError.of(("old", "This is not your password.")))
    answer = send(ada, "/me/password", **entered)
    whole(answer)
    assert 'id="old-error"' in answer.text
    rpc.on("accounts", "change_password", RateLimited("Too many failed logins. Try again later."))
    answer = send(ada, "/me/password", **entered)
    assert answer.status_code == 429
    assert "Too many failed logins." in answer.text


def test_a_session_is_ended_also_when_it_has_ended_already(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "revoke_session", {})
    assert send(ada, f"/me/sessions/{OTHER}/end").headers["location"] == "/me"
    assert rpc.asked("accounts", "revoke_session")[0]["session_id"] == OTHER
    rpc.on("accounts", "revoke_session", NotFound())
    assert send(ada, f"/me/sessions/{OTHER}/end").headers["location"] == "/me"


def test_all_other_sessions_are_ended_at_once(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "revoke_sessions", {})
    assert "End all others" in ada.get("/me").text
    assert send(ada, "/me/sessions/end").headers["location"] == "/me"
    assert [asked["session_id"] for asked in rpc.asked("accounts", "revoke_sessions")] == [SESSION]


def test_another_email_is_asked_for_with_the_password(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "request_email_change", {})
    answer = send(ada, "/me/email", email=" ada@new.example ", password="a long secret")
    assert answer.headers["location"] == "/me"
    (asked,) = rpc.asked("accounts", "request_email_change")
    assert (asked["email"], asked["password"]) == ("ada@new.example", "a long secret")


def test_an_email_that_is_taken_is_said_at_its_field(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "request_email_change", EmailTaken())
    answer = send(ada, "/me/email", email="bob@kazenor.example", password="a long secret")
    assert (answer.status_code, 'id="email-error"' in answer.text) == (200, True)
    assert "a long secret" not in answer.text
    assert 'id="password-error"' in send(ada, "/me/email", email="bob@kazenor.example", password="").text

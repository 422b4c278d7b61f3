"""API keys on the whole stack (BX-13): a program does its part with one, and no more."""

from __future__ import annotations

import threading
from typing import Any

import httpx

from tests.support.stack import PASSWORD, Business, Stack, patiently


def key_of(who: Business, *scopes: str, **more: Any) -> tuple[Business, dict[str, Any]]:
    """A program with a new key of somebody's, and what was answered to its making."""
    made = who.post("/api-keys", {"name": "A program", "scopes": list(scopes), **more}, 201)
    return Business(who.stack, who.tenant, who.email, who.user, made["key"]), made


def test_a_program_sends_an_offer_with_a_key_and_does_nothing_its_scopes_do_not_name(stack: Stack) -> None:
    ada, nils = stack.register("programmer"), stack.register("elsewhere")
    program, made = key_of(ada, "partnerships:write", "contacts:read")
    assert program.get("/me")["user"]["id"] == ada.user["id"]
    mia = ada.contact("Mia")
    assert mia in {one["id"] for one in program.get("/contacts")["items"]}
    refused = program.ask("POST", "/contacts", 403, {"name": "Olof", "email": "olof@x.example"})
    assert (refused["code"], refused["detail"]) == ("forbidden", "This API key lacks the scope contacts:write.")
    sent = program.offer(nils, mia)
    assert sent["sent_by"]["id"] == ada.user["id"]
    nils.until(sent["id"], status="open")
    # Not even with every scope: whoever can make keys needs none of them.
    everything, _ = key_of(ada, "partnerships:write", "contacts:write", "settings")
    for method, path, body in (
        ("POST", "/api-keys", {"name": "Another", "scopes": ["settings"]}),
        ("GET", "/sessions", None),
        ("POST", "/me/password", {"old": PASSWORD, "new": "another long password"}),
        ("POST", "/users", {"name": "B", "email": "b@x.example", "role": "admin", "password": PASSWORD}),
    ):
        everything.ask(method, path, 403, body)
    assert everything.ask("PATCH", "/settings", body={"offer_expiry_days": 12})["offer_expiry_days"] == 12
    # It does not name another business, and it is no login on pages.
    assert (
        httpx.get(
            f"{stack.url}/api/v1/me",
            headers={"Authorization": f"Bearer {made['key']}", "Host": f"{nils.tenant}.localhost"},
        ).status_code
        == 403
    )
    page = httpx.get(
        stack.url, headers={"Host": f"{ada.tenant}.localhost:{stack.port}"}, cookies={"accord_session": made["key"]}
    )
    assert page.headers["Location"] == "/login"
    listed = ada.get("/api-keys")["items"]
    assert [one["last_used_at"] is not None for one in listed] == [True, True]
    assert all("key" not in one for one in listed)


def test_a_revoked_key_and_its_stream_end(stack: Stack) -> None:
    ada = stack.register("revoker")
    program, made = key_of(ada, "partnerships:read", expires_in_days=1)
    hello, over = threading.Event(), threading.Event()

    def listen() -> None:
        with program.http.stream("GET", "/events", timeout=60) as stream:
            for line in stream.iter_lines():
                if line == "event: hello":
                    hello.set()
        over.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert hello.wait(15)
    ada.ask("DELETE", f"/api-keys/{made['id']}", 204)
    assert program.ask("GET", "/partnerships", 401)["code"] == "not_authenticated"
    assert over.wait(25), "it goes on with a key that was revoked"
    listener.join(5)


def test_a_key_dies_with_who_made_it_and_is_lowered_with_their_role(stack: Stack) -> None:
    ada = stack.register("boss")
    email = f"bo@{ada.tenant}.example"
    bo = ada.post("/users", {"name": "Bo", "email": email, "role": "partnerships", "password": PASSWORD}, 201)
    login = {"tenant": ada.tenant, "email": email, "password": PASSWORD}
    with httpx.Client(base_url=f"{stack.url}/api/v1", timeout=15) as http:
        token = patiently(http, "POST", "/sessions", login).json()["token"]
    program, _ = key_of(Business(stack, ada.tenant, email, bo, token), "contacts:write")
    program.contact("Mia")
    ada.ask("PATCH", f"/users/{bo['id']}", body={"role": "member"})
    program.ask("POST", "/contacts", 403, {"name": "O", "email": "o@x.example"})
    program.get("/contacts")
    ada.ask("PATCH", f"/users/{bo['id']}", body={"active": False})
    program.ask("GET", "/contacts", 401)
    assert [one["user"]["name"] for one in ada.get("/api-keys")["items"]] == []

"""The stream of events on the whole stack: what the other side does is heard here, by whom it concerns, and by nobody else (BX-10)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from deploy.local.paths import ROOT
from tests.support.pair import VIEWER
from tests.support.servers import free_port, until
from tests.support.stack import PASSWORD, Business, Stack, patiently

ALL = {"part": "all", "partnership_id": None}


class Stream:
    """An open stream, read in a thread of its own."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.hello, self.over = threading.Event(), threading.Event()
        self.heard: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        event = ""
        try:
            for line in self.response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "hello":
                    self.hello.set()
                elif name == "data" and event == "changed":
                    self.heard.append(json.loads(value))
        except (httpx.HTTPError, httpx.StreamError, OSError):
            pass
        finally:
            self.over.set()

    def hears(self, part: str, partnership: str | None = None, seconds: float = 10) -> None:
        """Return once it has heard of this."""
        wanted = {"part": part, "partnership_id": partnership}
        until(lambda: wanted in self.heard, seconds, f"{wanted} among {self.heard}")

    def partnerships(self) -> set[str]:
        return {one["partnership_id"] for one in self.heard if one["partnership_id"]}


@contextmanager
def listening(who: Business, port: int | None = None) -> Iterator[Stream]:
    """What this person hears, from now on."""
    url = f"http://127.0.0.1:{port or who.stack.port}/api/v1/events"
    headers = {"Authorization": f"Bearer {who.token}", "Host": f"{who.tenant}.localhost:{port or who.stack.port}"}
    with httpx.Client(timeout=httpx.Timeout(30, read=60)) as http, http.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200, response.read()
        stream = Stream(response)
        assert stream.hello.wait(10), "no hello"
        yield stream


def colleague(who: Business, name: str, role: str) -> Business:
    """Somebody else of that business, logged in."""
    email = f"{name.lower()}@{who.tenant}.example"
    user = who.post("/users", {"name": name, "email": email, "role": role, "password": PASSWORD}, 201)
    with httpx.Client(base_url=f"{who.stack.url}/api/v1", timeout=15) as http:
        body = {"tenant": who.tenant, "email": email, "password": PASSWORD}
        session = patiently(http, "POST", "/sessions", body)
    assert session.status_code == 201, session.text
    return Business(who.stack, who.tenant, email, user, session.json()["token"])


def test_what_one_side_does_is_heard_on_both_and_by_no_third(stack: Stack) -> None:
    ada, nils, third = (stack.register(name) for name in ("ada", "nils", "third"))
    with ExitStack() as streams:
        hers, his, nobodys = (streams.enter_context(listening(one)) for one in (ada, nils, third))
        contact = ada.contact("Mia Berg")
        hers.hears("directory")
        id = ada.offer(nils, contact)["id"]
        hers.hears("partnership", id)
        hers.hears("history", id)
        his.hears("partnership", id)
        his.hears("notifications")
        nils.until(id, status="open")
        ada.until(id, delivery="delivered")
        del hers.heard[:]
        body = {"contacts": [{"contact_id": contact, "roles": VIEWER}]}
        until(lambda: patiently(nils.http, "POST", f"/partnerships/{id}/acceptance", body).status_code == 200, 20)
        for part in ("partnership", "contacts", "history"):
            hers.hears(part, id)
        hers.hears("notifications")
        # The third heard nothing of it, and could hear all the time.
        third.contact("Lars Holm")
        nobodys.hears("directory")
        assert {one["part"] for one in nobodys.heard} <= {"directory", "business", "all"}


def test_having_looked_is_heard_on_the_other_side(stack: Stack) -> None:
    ada, nils = stack.register("ada"), stack.register("nils")
    id = ada.offer(nils, ada.contact("Eva Lund"))["id"]
    nils.until(id, status="open")
    ada.until(id, delivery="delivered")
    with listening(ada) as hers:
        nils.ask("PUT", f"/partnerships/{id}/seen", 204)
        until(lambda: (ada.partnership(id) or {})["delivery"] == "seen", 20)
        hers.hears("partnership", id)


def test_a_member_hears_of_what_they_manage_from_the_moment_they_do(stack: Stack) -> None:
    ours, theirs = stack.register("ours"), stack.register("theirs")
    bo = colleague(ours, "Bo", "member")
    first = ours.offer(theirs, ours.contact("Mia Berg"))["id"]
    theirs.until(first, status="open")
    with listening(bo) as his, listening(ours) as hers:
        theirs.post(f"/partnerships/{first}/decline", {"reason": "No"})
        hers.hears("partnership", first)
        hers.hears("history", first)
        second = ours.offer(theirs, ours.contact("Olof Palm"), manager_ids=[bo.user["id"]])["id"]
        his.hears("partnership", second)
        his.hears("notifications")
        assert his.partnerships() == {second}
        assert ALL not in his.heard


def test_a_stream_ends_with_its_session(stack: Stack) -> None:
    who = stack.register("gone")
    with listening(who) as stream:
        who.ask("DELETE", "/sessions/current", 204)
        assert stream.over.wait(25), "it goes on without a login"


def test_a_gateway_with_open_streams_stops_at_once(stack: Stack) -> None:
    ada = stack.register("ada")
    port = free_port()
    environment = {**os.environ, **stack.env, "PORT": str(port)}
    gateway = subprocess.Popen([sys.executable, "-m", "services.gateway"], cwd=ROOT, env=environment)
    try:
        until(lambda: _ready(port), 30, "the gateway answers")
        with listening(ada, port) as one, listening(ada, port) as other:
            began = time.monotonic()
            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(20) in {0, -signal.SIGTERM}
            assert time.monotonic() - began < 3, "it waited for its streams"
            assert one.over.wait(5)
            assert other.over.wait(5)
    finally:
        gateway.kill()
        gateway.wait()


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False

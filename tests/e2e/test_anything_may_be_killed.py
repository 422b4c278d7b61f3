"""`kill -9` of any single process while offers are sent: it comes back, no offer is lost or doubled, both sides agree."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from tests.support.servers import until
from tests.support.stack import Business, Stack

OFFERS = 60


def tiles(side: Business) -> dict[str, str]:
    """All partnerships by id, with their status."""
    found: dict[str, str] = {}
    cursor = ""
    while True:
        page = side.get(f"/partnerships?limit=200&status=open&status=ended&status=accepted{cursor}")
        found |= {p["id"]: p["status"] for p in page["items"]}
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


class Killer(threading.Thread):
    """Kills each process of the stack once, one after another, each time waiting until the one before is back."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self.stack = stack
        self.killed: list[str] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            for name in sorted(self.stack.pids):
                before = self.stack.pids[name]
                os.kill(before, signal.SIGKILL)
                self.killed.append(name)
                until(lambda n=name, b=before: self.stack.pids.get(n) not in (None, b), 60, f"{name} is back")  # type: ignore[misc]
        except BaseException as error:
            self.error = error


def send(north: Business, south: Business, contact: str, number: int) -> str:
    """One offer, repeated with its key until it is answered; then declined by the receiver so that the next may be sent."""
    body: dict[str, Any] = {
        "customer_tenant": south.tenant, "customer_email": south.email, "message": f"Offer {number}", "contact_ids": [contact],
        "manager_ids": [],
    }  # fmt: skip
    id = str(insist(north, "/partnerships", body, f"offer-{number}")["id"])
    until(lambda: calm(south, f"/partnerships/{id}").get("status") == "open", 90, f"offer {number} arrives")
    insist(south, f"/partnerships/{id}/decline", {"reason": f"No {number}"}, f"decline-{number}")
    until(lambda: calm(north, f"/partnerships/{id}").get("status") == "declined", 90, f"decline {number} arrives")
    return id


def insist(side: Business, path: str, body: Any, key: str) -> dict[str, Any]:
    """Repeat a request with its key for as long as parts are away. AssertionError for any other answer than success."""
    end = time.monotonic() + 90
    while True:
        answer = calm(side, path, body, key)
        if answer:
            return answer
        assert time.monotonic() < end, f"{path} was not answered"


def calm(side: Business, path: str, body: Any = None, key: str = "") -> dict[str, Any]:
    """The answer, or {} while something is away."""
    try:
        if body is None:
            answer = side.http.get(path)
        else:
            answer = side.http.post(path, json=body, headers={"Idempotency-Key": key})
    except OSError:
        return {}
    except Exception as error:  # httpx: the gateway was killed in the middle of an answer
        assert type(error).__module__.startswith("httpx"), error
        return {}
    assert answer.status_code in (200, 201, 404, 503), f"{path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.status_code in (200, 201) else {}  # type: ignore[no-any-return]


def test_each_process_may_be_killed_while_offers_are_sent(stack: Stack) -> None:
    north, south = stack.register("north"), stack.register("south")
    contact = north.contact("Mia")
    killer = Killer(stack)
    killer.start()
    sent = []
    number = 0
    while number < OFFERS or killer.is_alive():
        sent.append(send(north, south, contact, number))
        number += 1
        assert number < 100 * OFFERS
    killer.join()
    assert killer.error is None, killer.error
    assert len(killer.killed) >= 15, killer.killed
    assert len(set(sent)) == number
    until(lambda: tiles(north) == tiles(south), 60, "both sides agree")
    assert set(tiles(north)) == set(sent), "none lost, none doubled"
    assert set(tiles(north).values()) == {"declined"}

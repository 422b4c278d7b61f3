"""Commands sent without a pause while something is away, each with a key of its own: what was answered, how fast, and what came of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.support.servers import until
from tests.support.stack import Business, Stack

NO_ANSWER = 0


@dataclass
class Asked:
    """One command, and the last status and duration of asking."""

    path: str
    body: dict[str, Any]
    to: Business | None = None
    key: str = field(default_factory=lambda: str(uuid4()))
    status: int = NO_ANSWER
    seconds: float = 0.0
    id: str | None = None


class Load(threading.Thread):
    """Makes contacts, and now and then an offer to the next of `receivers`, until `stop`; then `settle` repeats what was not answered."""

    def __init__(self, sender: Business, receivers: list[Business]) -> None:
        super().__init__(daemon=True)
        self.sender = sender
        self.contact = sender.contact("Mia")
        self.receivers = list(receivers)
        self.asked: list[Asked] = []
        self.last = NO_ANSWER
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            number = len(self.asked)
            asked = Asked("/contacts", {"name": f"Person {number}", "email": f"p{number}@{self.sender.tenant}.example"})
            if self.receivers and number % 5 == 0:
                to = self.receivers.pop()
                offer = {"customer_tenant": to.tenant, "customer_email": to.email, "message": "Shall we?"}
                asked = Asked("/partnerships", {**offer, "contact_ids": [self.contact], "manager_ids": []}, to)
            self.asked.append(asked)
            # An answer of 503 comes with the advice to wait; half a dozen a second are enough of them.
            if self.ask(asked) == 503:
                self._stopping.wait(0.15)

    def ask(self, asked: Asked) -> int:
        began = time.monotonic()
        try:
            answer = self.sender.http.post(asked.path, json=asked.body, headers={"Idempotency-Key": asked.key})
        except httpx.HTTPError:
            asked.status = NO_ANSWER
        else:
            asked.status = answer.status_code
            if answer.status_code == 201:
                asked.id = answer.json()["id"]
        asked.seconds = time.monotonic() - began
        self.last = asked.status
        return asked.status

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def settle(self) -> None:
        """Repeat what was refused, with the same key, until it is answered."""
        for asked in self.asked:
            until(lambda asked=asked: asked.status == 201 or self.ask(asked) == 201, 60, f"{asked} is answered")  # type: ignore[misc]

    def assert_whole(self, seconds: float) -> None:
        """Each contact is there once, and each offer on both sides. The other side has it within `seconds`."""
        contacts = [asked.id for asked in self.asked if asked.to is None]
        offers = {asked.id for asked in self.asked if asked.to is not None}
        assert sorted(contacts, key=str) == sorted(everything(self.sender, "/contacts", "Person "), key=str)
        assert offers == set(everything(self.sender, "/partnerships"))
        assert offers, "nothing was sent"
        end = time.monotonic() + seconds
        for asked in self.asked:
            if asked.to is not None:
                to, id = asked.to, asked.id
                until(
                    lambda to=to, id=id: everything(to, "/partnerships") == [id],
                    max(1, end - time.monotonic()),
                    "it crossed",
                )  # type: ignore[misc]

    def slowest(self, status: int) -> float:
        return max((asked.seconds for asked in self.asked if asked.status == status), default=0.0)


def everything(side: Business, path: str, named: str = "") -> list[str]:
    """The ids of a list, to its end, of those whose name begins so."""
    return [item["id"] for item in side.all(path) if item.get("name", "").startswith(named)]


def pids(stack: Stack) -> dict[str, int]:
    """The processes of Accord itself, without its servers."""
    return {name: pid for name, pid in stack.pids.items() if name not in {"postgres", "broker"}}

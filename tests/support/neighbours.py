"""Answers a service in the names of its neighbours. Speaks AMQP itself: nothing of nameko, no eventlet in the test."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import kombu

from shared.errors import NotFound, Refusal
from shared.ids import new_id

RPC = kombu.Exchange("nameko-rpc", "topic", durable=True)
Answer = Callable[[dict[str, Any]], Any]


class StandIn(threading.Thread):
    """Plays a neighbour: each method is a function of the request, which may raise a Refusal. Silent while `away`."""

    def __init__(self, uri: str, service: str, methods: Mapping[str, Answer]) -> None:
        super().__init__(daemon=True)
        self._uri, self._service, self.methods = uri, service, dict(methods)
        self.away = False
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._ready, self._stopping = threading.Event(), threading.Event()

    def run(self) -> None:
        with kombu.Connection(self._uri) as connection, connection.channel() as channel:
            queue = kombu.Queue(
                f"stand-in-{uuid4()}", RPC, routing_key=f"{self._service}.*", exclusive=True, auto_delete=True
            )

            def hear(body: Any, message: Any) -> None:
                message.ack()
                method = message.delivery_info["routing_key"].partition(".")[2]
                self.asked.append((method, body["kwargs"]))
                answer = None if self.away else _answer(self.methods[method], body["kwargs"])
                # Whoever only tells something has nobody listening for an answer.
                if answer is not None and message.properties.get("reply_to"):
                    connection.Producer(channel).publish(
                        answer,
                        exchange=RPC,
                        routing_key=message.properties["reply_to"],
                        correlation_id=message.properties["correlation_id"],
                        serializer="json",
                    )

            with connection.Consumer(queue, callbacks=[hear], channel=channel):
                self._ready.set()
                while not self._stopping.is_set():
                    with contextlib.suppress(TimeoutError):
                        connection.drain_events(timeout=0.05)

    def __enter__(self) -> StandIn:
        self.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join(5)


def _answer(method: Answer, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"result": method(request), "error": None}
    except Refusal as refused:
        exc = {"exc_type": type(refused).__name__, "exc_args": [refused.detail, refused.info]}
        return {"result": None, "error": {**exc, "exc_path": "", "value": refused.detail}}


class People(dict[tuple[str, str], dict[str, Any]]):
    """The users of a played accounts, by tenant and id."""

    def add(
        self, tenant: str, role: str = "admin", *, active: bool = True, name: str = "Ada Lindqvist", id: str = ""
    ) -> str:
        """A new user; answers the id."""
        id = id or new_id()
        email = f"{name.split()[0].lower()}@{tenant}.example"
        self[tenant, id] = {"id": id, "name": name, "email": email, "role": role, "active": active}
        return id

    def get_people(self, request: dict[str, Any]) -> Any:
        """What accounts.get_people answers."""
        known = [self[request["tenant"], id] for id in request["ids"] if (request["tenant"], id) in self]
        return {"company": request["tenant"].title(), "items": known}


class Standings(dict[tuple[str, str], dict[str, Any]]):
    """The partnerships of a played offers, by tenant and id; each with what get_standing answers."""

    def add(self, tenant: str, partnership: str, role: str, version: int) -> None:
        """A partnership that everybody of the tenant may see."""
        self[tenant, partnership] = {
            "role": role,
            "counterpart": {"tenant": "other", "company": "Other"},
            "status": "open",
            "suspended": False,
            "version": version,
            "revision": 1,
            "managers": [],
            "changes": True,
        }

    def get_latest(self, request: dict[str, Any]) -> Any:
        """What offers.get_latest answers."""
        ours = {id: found for (tenant, id), found in self.items() if tenant == request["tenant"]}
        return {
            "items": [{"id": id, "version": f["version"]} for id, f in ours.items() if f["role"] == request["role"]]
        }

    def get_standing(self, request: dict[str, Any]) -> Any:
        """What offers.get_standing answers."""
        found = self.get((request["tenant"], request["partnership_id"]))
        if found is None:
            raise NotFound()
        return found

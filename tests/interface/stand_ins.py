"""One service as real processes (itself and its relay) on a real broker and database, its neighbours played.

`Desk` asks the service as any program with a broker connection could, and says to it what other services would say.
`StandIn` answers in a neighbour's name. Both speak AMQP themselves: nothing of nameko, no eventlet in the test.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import kombu
import psycopg

from deploy.local.paths import ROOT
from shared.bus import topology
from shared.contracts.messages import Envelope, Message, digest
from shared.errors import NotFound, Refusal, refusal
from shared.ids import new_id
from tests.support.servers import RabbitServer, free_port, prepare, until

_RPC = kombu.Exchange("nameko-rpc", "topic", durable=True)
Answer = Callable[[dict[str, Any]], Any]


class Desk:
    """Speaks to one service."""

    def __init__(self, service: str, environment: Mapping[str, str]) -> None:
        self.service = service
        self.environment = environment
        self._streams: dict[tuple[str, str, str, str], tuple[int, str]] = {}

    def ask(self, method: str, /, seconds: float = 5, **request: Any) -> Any:
        """The answer of the service. Raises its refusal, or AssertionError for anything else."""
        correlation, answers = str(uuid4()), []
        with kombu.Connection(self.environment["ACCORD_AMQP_URI"]) as connection, connection.channel() as channel:
            queue = kombu.Queue(f"test-{correlation}", _RPC, routing_key=correlation, exclusive=True, auto_delete=True)
            with connection.Consumer(queue, callbacks=[lambda b, m: answers.append(b)], no_ack=True, channel=channel):
                connection.Producer(channel).publish(
                    {"args": [], "kwargs": request},
                    exchange=_RPC,
                    routing_key=f"{self.service}.{method}",
                    reply_to=correlation,
                    correlation_id=correlation,
                    serializer="json",
                )
                with contextlib.suppress(TimeoutError):
                    while not answers:
                        connection.drain_events(timeout=seconds)
        assert answers, f"{self.service}.{method} did not answer"
        error = answers[0]["error"]
        if error is None:
            return answers[0]["result"]
        known = refusal(error["exc_type"], *error["exc_args"][:2])
        assert known is not None, error
        raise known

    def say(self, message: Message, *, tenant: str, subject: str, origin: str = "") -> None:
        """Say a fact of `tenant`'s own side, or a peer message of `origin`, under the next number of its stream."""
        origin = origin or tenant
        key = (origin, tenant, message.publisher, subject)
        number, previous = self._streams.get(key, (0, ""))
        body = Envelope(
            id=new_id(),
            type=message.type,
            source=message.publisher,
            subject=subject,
            time=datetime.now(UTC),
            origin=origin,
            destination=tenant,
            sequence=number + 1,
            previous=previous,
            kind=message.kind,
            data=message.model_dump(mode="json"),
        ).model_dump_json()
        self._streams[key] = (number + 1, digest(body))
        if message.kind == "peer":
            uri, exchange = self.environment["ACCORD_PEERS_AMQP_URI"], topology.PEERS
            routing_key = topology.peer_key(tenant, message.publisher, origin)
        else:
            uri, exchange = self.environment["ACCORD_AMQP_URI"], topology.EVENTS
            routing_key = topology.fact_key(message.publisher, message.type)
        with kombu.Connection(uri) as connection:
            connection.Producer(connection.default_channel).publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                content_type=topology.CONTENT_TYPE,
                content_encoding="utf-8",
                mandatory=True,
            )

    def heard(self, publisher: str, subject: str, tenant: str) -> int:
        """How many messages of a fact's stream were said here so far: what offers calls the version of a standing."""
        return self._streams.get((tenant, tenant, publisher, subject), (0, ""))[0]

    def said(self, subject: str, tenant: str) -> list[tuple[str, str, dict[str, Any]]]:
        """What the service has said about a subject: type, destination and data, in order."""
        with psycopg.connect(self.environment[f"ACCORD_{self.service.upper()}_RELAY_DATABASE_URL"]) as connection:
            rows = connection.execute(
                "select type, destination, body from outbox where tenant = %s and subject = %s and kind <> 'timer'"
                " order by id",
                [tenant, subject],
            ).fetchall()
        return [(type_, destination, json.loads(body)["data"]) for type_, destination, body in rows]


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
                f"stand-in-{uuid4()}", _RPC, routing_key=f"{self._service}.*", exclusive=True, auto_delete=True
            )

            def hear(body: Any, message: Any) -> None:
                message.ack()
                method = message.delivery_info["routing_key"].partition(".")[2]
                self.asked.append((method, body["kwargs"]))
                if not self.away:
                    connection.Producer(channel).publish(
                        _answer(self.methods[method], body["kwargs"]),
                        exchange=_RPC,
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

    def add(self, tenant: str, role: str = "admin", *, active: bool = True, name: str = "Ada Lindqvist") -> str:
        """A new user; answers the id."""
        id = new_id()
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
            "managers": [],
        }

    def get_standing(self, request: dict[str, Any]) -> Any:
        """What offers.get_standing answers."""
        found = self.get((request["tenant"], request["partnership_id"]))
        if found is None:
            raise NotFound()
        return found


@contextlib.contextmanager
def running(service: str, databases: Callable[..., dict[str, str]], broker: RabbitServer) -> Iterator[Desk]:
    """The service and its relay as processes, ready; ended when the block is left."""
    environment = {
        **databases(service),
        "CELL": "shared",
        "ACCORD_AMQP_URI": broker.uri(),
        "ACCORD_PEERS_AMQP_URI": broker.peers_uri(),
        "PSYCOPG_WAIT_FUNC": "wait_selector",
    }
    prepare(service, environment)
    broker.empty()
    commands = {
        free_port(): ["shared.bus.run", f"services.{service}.service"],
        free_port(): ["shared.bus.relay", service],
    }
    processes = {
        port: subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, **environment, "ACCORD_HEALTH_PORT": str(port)},
            cwd=ROOT,
        )
        for port, command in commands.items()
    }
    try:
        for port, process in processes.items():
            until(lambda port=port, process=process: _ready(port, process), 20, f"{commands[port]} is ready")  # type: ignore[misc]
        yield Desk(service, environment)
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"{process.args!r} ended"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False

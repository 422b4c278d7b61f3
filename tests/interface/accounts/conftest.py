"""The accounts service as its own process, with a real broker and database; `contacts`, its only neighbour, is played by the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import kombu
import psycopg
import pytest

from deploy.local.paths import ROOT
from shared.bus import topology
from shared.contracts.messages import Envelope, Fact
from shared.errors import Refusal, refusal
from shared.ids import new_id
from tests.support.servers import RabbitServer, prepare, until

FAILURES_OF_AN_ADDRESS = 5
_numbers = count(1)
_RPC = kombu.Exchange("nameko-rpc", "topic", durable=True)


class Accounts:
    """Calls accounts as any program with a broker connection could."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.uri = environment["ACCORD_AMQP_URI"]

    def call(self, method: str, /, seconds: float = 60, **request: Any) -> Any:
        """The answer of `accounts.<method>`. Raises its refusal, or AssertionError for anything else."""
        correlation, answers = str(uuid4()), []
        with kombu.Connection(self.uri) as connection, connection.channel() as channel:
            queue = kombu.Queue(f"test-{correlation}", _RPC, routing_key=correlation, exclusive=True, auto_delete=True)
            with connection.Consumer(
                queue, callbacks=[lambda body, message: answers.append(body)], no_ack=True, channel=channel
            ):
                connection.Producer(channel).publish(
                    {"args": [], "kwargs": request},
                    exchange=_RPC,
                    routing_key=f"accounts.{method}",
                    reply_to=correlation,
                    correlation_id=correlation,
                    serializer="json",
                )
                end = time.monotonic() + seconds
                while not answers:
                    assert time.monotonic() < end, f"accounts.{method} did not answer"
                    try:
                        connection.drain_events(timeout=0.2)
                    except TimeoutError:
                        continue
        error = answers[0]["error"]
        if error is None:
            return answers[0]["result"]
        known = refusal(error["exc_type"], *error["exc_args"][:2])
        assert known is not None, error
        raise known

    def register(self, tenant: str, /, **more: Any) -> Any:
        body = {
            "tenant": tenant,
            "company": tenant.title(),
            "name": "Ada",
            "email": f"ada@{tenant}.example",
            "password": "correct horse",
        }
        return self.call("register_tenant", **body | more)

    def log_in(self, of: str, **more: Any) -> Any:
        body = {"tenant": of, "email": f"ada@{of}.example", "password": "correct horse"}
        return self.call("open_session", **body | more)

    def tell(self, fact: Fact, tenant: str, subject: str, sequence: int = 1) -> None:
        """State a fact of another service as its relay would."""
        envelope = Envelope(
            id=new_id(),
            type=fact.type,
            source=fact.publisher,
            subject=subject,
            time=datetime.now(UTC),
            origin=tenant,
            destination=tenant,
            sequence=sequence,
            kind="fact",
            data=fact.model_dump(mode="json"),
        )
        with kombu.Connection(self.uri) as connection:
            connection.Producer(connection.default_channel).publish(
                envelope.model_dump_json(),
                exchange=topology.EVENTS,
                routing_key=topology.fact_key(fact.publisher, fact.type),
                content_type=topology.CONTENT_TYPE,
                content_encoding="utf-8",
            )

    def said(self, subject: str) -> list[tuple[str, dict[str, Any]]]:
        """What accounts has stated about a subject: type and data."""
        with psycopg.connect(self.environment["ACCORD_ACCOUNTS_RELAY_DATABASE_URL"]) as connection:
            rows = connection.execute(
                "select type, body from outbox where subject = %s order by sequence", [subject]
            ).fetchall()
        return [(type_, json.loads(body)["data"]) for type_, body in rows]


class Contacts(threading.Thread):
    """Plays contacts: `people` are the ids it knows, `held` the roles somebody holds; silent while `away`."""

    def __init__(self, uri: str) -> None:
        super().__init__(daemon=True)
        self.uri = uri
        self.people: set[str] = set()
        self.held: set[str] = set()
        self.away = False
        self.stopping = False

    def _answer(self, method: str, request: dict[str, Any]) -> Any:
        assert request["actor"] == "system"
        if method == "contacts.roles_in_use":
            return {"role_ids": sorted(self.held & set(request["role_ids"]))}
        return {"items": [{"id": one} for one in request["contact_ids"] if one in self.people]}

    def run(self) -> None:
        with kombu.Connection(self.uri) as connection, connection.channel() as channel:
            queue = kombu.Queue("rpc-contacts", _RPC, routing_key="contacts.*", auto_delete=True)

            def heard(body: Any, message: Any) -> None:
                message.ack()
                if not self.away:
                    result = self._answer(message.delivery_info["routing_key"], body["kwargs"])
                    connection.Producer(channel).publish(
                        {"result": result, "error": None},
                        exchange=_RPC,
                        routing_key=message.properties["reply_to"],
                        correlation_id=message.properties["correlation_id"],
                        serializer="json",
                    )

            with connection.Consumer(queue, callbacks=[heard], channel=channel):
                while not self.stopping:
                    try:
                        connection.drain_events(timeout=0.1)
                    except TimeoutError:
                        continue


@pytest.fixture(scope="module")
def accounts(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> Iterator[Accounts]:
    """One process for all tests of a file: each uses businesses of its own."""
    environment = {
        **service_databases("accounts"),
        "CELL": "shared",
        "ACCORD_AMQP_URI": broker.uri(),
        "ACCORD_PEERS_AMQP_URI": broker.peers_uri(),
        "PSYCOPG_WAIT_FUNC": "wait_selector",
        "ACCORD_FAILED_LOGINS_PER_ADDRESS": str(FAILURES_OF_AN_ADDRESS),
    }
    prepare("accounts", environment)
    broker.empty()
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.bus.run", "services.accounts.service"],
        env={**os.environ, **environment},
        cwd=ROOT,
    )
    desk = Accounts(environment)
    try:
        until(lambda: _ready(desk, process), 60, "accounts answers")
        yield desk
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def tenant() -> str:
    """A name nobody has had before."""
    return f"business-{next(_numbers)}"


def _ready(desk: Accounts, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "accounts ended"
    try:
        desk.call("get_settings", 1, tenant="nobody", actor="system")
    except Refusal:
        return True
    except AssertionError:
        return False
    return True


@pytest.fixture
def contacts(accounts: Accounts) -> Iterator[Contacts]:
    neighbour = Contacts(accounts.uri)
    neighbour.start()
    yield neighbour
    neighbour.stopping = True
    neighbour.join(5)

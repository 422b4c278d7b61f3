"""No message disappears silently, and none stops a service (promise R5): poison put straight into the queues of the running services.

What nobody can read goes to the dead queue. What can be read and not be applied is tried on the bus alone, with a service made to choke:
tests/integration/bus/test_consumer.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import amqp
import kombu
import pytest

from deploy.local.paths import ROOT
from services.gateway.rpc import Rpc
from shared.bus import topology
from shared.contracts.messages import Envelope, digest
from shared.contracts.offers import OfferedContact, OfferReminded, OfferSent, Person
from shared.ids import new_id
from tests.chaos.forked import SERVICES, processes
from tests.chaos.reckoning import Books
from tests.chaos.trading import Business, Caller
from tests.support.crashing import Crashes
from tests.support.servers import PostgresServer, RabbitServer, until

NOW = datetime.now(UTC)
ADA = Person(id=new_id(), name="Ada")


class Raw(amqp.Message):
    """A message whose properties are exactly these bytes, whatever a decent client would say to them."""

    raw = b""

    def _serialize_properties(self) -> bytes:
        return self.raw


def text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def with_headers(table: bytes) -> bytes:
    """Our content type, and these headers."""
    return struct.pack(">H", 1 << 15 | 1 << 13) + text(topology.CONTENT_TYPE.encode()) + struct.pack(">I", len(table)) + table  # fmt: skip


def nested(levels: int) -> bytes:
    inner = b""
    for _ in range(levels):
        inner = text(b"x") + b"F" + struct.pack(">I", len(inner)) + inner
    return inner


@dataclass
class Town:
    """A business that is talked to, and whoever talks."""

    environment: dict[str, str]
    books: Books
    broker: RabbitServer
    crashes: Crashes
    business: Business
    folder: Path
    connections: dict[str, Any] = field(default_factory=dict)

    def publish(self, uri: str, exchange: str, key: str | bytes, body: bytes, properties: Any = None) -> None:
        """Publish, and wait until the broker has taken it. `properties`: a dict, or the bytes of all of them."""
        if uri not in self.connections:
            connection = kombu.Connection(self.environment[uri], transport_options={"confirm_publish": True})
            self.connections[uri] = connection.channel()
        message: amqp.Message
        if isinstance(properties, bytes):
            message = Raw(body)
            message.raw = properties
        else:
            message = amqp.Message(
                body, **({"content_type": topology.CONTENT_TYPE} if properties is None else properties)
            )
        self.connections[uri].basic_publish_confirm(message, exchange=exchange, routing_key=key, mandatory=True)

    def to_peers(self, service: str, body: bytes | str, properties: Any = None, *, origin: str = "mallory") -> None:
        """As the relay of another business would."""
        key = f"{self.business.tenant}.{service}.{origin}"
        self.publish("ACCORD_PEERS_AMQP_URI", topology.PEERS, key, _bytes(body), properties)

    def to_queue(self, service: str, body: bytes | str, properties: Any = None) -> None:
        """Straight into the queue of facts, timers and retries."""
        self.publish("ACCORD_AMQP_URI", "", topology.events_queue(service), _bytes(body), properties)

    def depth(self, queue: str, uri: str = "ACCORD_AMQP_URI") -> int:
        with kombu.Connection(self.environment[uri]) as connection:
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body


def said(town: Town, **changes: Any) -> str:
    """An envelope of mallory to offers of our business, with these parts instead."""
    envelope = Envelope(
        id=new_id(), type="offer.sent", source="offers", subject=new_id(), time=datetime.now(UTC), origin="mallory",
        destination=town.business.tenant, sequence=1, kind="peer", data={},
    )  # fmt: skip
    return json.dumps(envelope.model_dump(mode="json") | changes)


def offer(words: str, email: str = "") -> dict[str, Any]:
    """The data of an offer to whoever logs in so."""
    data = OfferSent(
        company="Mallory Ltd", email=email, message=words, sent_by=ADA, sent_at=NOW, expires_at=NOW + timedelta(days=30),
        contacts=[OfferedContact(id=new_id(), name="Mia")],
    )  # fmt: skip
    return data.model_dump(mode="json")


@pytest.fixture(scope="module")
def town(
    service_databases: Callable[..., dict[str, str]],
    postgres_server: PostgresServer,
    broker: RabbitServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("poison")
    crashes = Crashes(folder / "crashes")
    environment = (
        service_databases(*SERVICES) | broker.environment() | crashes.environment | {"ACCORD_BACK_OFF": "0.02"}
    )
    broker.empty()
    with processes(folder, environment):
        tenant = f"well-{new_id()[-8:]}"
        business = Business(Caller(Rpc("")), tenant, f"ada@{tenant}.example")
        town = Town(environment, Books(postgres_server.admin_url), broker, crashes, business, folder)
        ask(town, business.register)
        yield town
    broker.empty()


def ask(town: Town, question: Callable[[], Awaitable[Any]]) -> Any:
    """The answer to something that is asked by RPC."""

    async def main() -> Any:
        rpc = town.business.caller.rpc = Rpc(town.environment["ACCORD_AMQP_URI"], name="poison")
        await rpc.start(10)
        try:
            return await question()
        finally:
            await rpc.stop()

    return asyncio.run(main())


def unreadable(town: Town, source: str) -> list[tuple[bytes | str, Any]]:
    """Bodies and properties of what nobody can take for a message of ours."""
    fine = said(town, source=source)
    times = struct.pack(">Q", 2**63)
    return [
        ("{broken", None),
        ("", None),
        ("[]", None),
        ('{"__type__": "datetime", "__value__": "x"}', None),
        (b"\xff\xfe\x00", None),
        (fine, {"content_type": "application/json"}),
        (fine, {}),
        (fine.encode("utf-16"), {"content_type": topology.CONTENT_TYPE, "content_encoding": "utf-8"}),
        (said(town, source=source, specversion="2.0"), None),
        (said(town, source=source, sequence=2**63), None),
        (said(town, source=source, sequence=-1), None),
        (said(town, source=source, sequence=1.5), None),
        (said(town, source=source, time="-4712-01-01T00:00:00Z"), None),
        (said(town, source=source, time="9999-12-31T23:59:59Z"), None),
        (said(town, source=source, time=10**400), None),
        (said(town, source=source, subject="nul\0"), None),
        (fine.replace('"data"', '"\0data"'), None),
        (said(town, source=source, destination="*"), None),
        (said(town, source=source, kind="order"), None),
        (said(town, source=source, data="[" * 10), None),
        ("[" * 1_000_000, None),
        ('{"data":' * 100_000, None),
        # What the broker takes and its client chokes on: a time that is none, tables in tables, a content type that is no text.
        (fine, with_headers(text(b"t") + b"T" + times)),
        (fine, with_headers(nested(4000))),
        (fine, struct.pack(">H", 1 << 15) + text(b"\xff\xfe")),
    ]


def test_what_cannot_be_read_goes_to_the_dead_queue_of_whoever_it_was_sent_to(town: Town) -> None:
    sent: dict[tuple[str, str], int] = {}
    before = {service: len(town.log(service)) for service in SERVICES}
    for service in topology.SPEAKS_TO_PEERS:
        forged = [
            (said(town, source=service, origin="kazenor"), None),
            (said(town, source=service, destination="kazenor"), None),
            (said(town, source="history"), None),
            (said(town, source=service, kind="fact", origin=town.business.tenant), None),
            (said(town, source=service, kind="timer", origin=town.business.tenant), None),
        ]
        for body, properties in [*unreadable(town, service), *forged]:
            town.to_peers(service, body, properties)
        key = f"{town.business.tenant}.{service}.".encode() + b"\xff\xfe"
        town.publish("ACCORD_PEERS_AMQP_URI", topology.PEERS, key, said(town, source=service).encode())
        sent[topology.peers_dead_queue(service, "shared"), "ACCORD_PEERS_AMQP_URI"] = len(unreadable(town, service)) + len(forged) + 1  # fmt: skip
    huge = said(town, data=offer("") | {"message": "x" * 20_000_000})
    town.to_peers("offers", huge)
    sent[topology.peers_dead_queue("offers", "shared"), "ACCORD_PEERS_AMQP_URI"] += 1
    for service in SERVICES:
        rubbish = unreadable(town, "offers")
        for body, properties in rubbish:
            town.to_queue(service, body, properties)
        # What another business says comes by the other way only.
        key = topology.fact_key(topology.LISTENS[service][0], "offer.sent")
        town.publish("ACCORD_AMQP_URI", topology.EVENTS, key, said(town).encode())
    for service in SERVICES:
        sent[topology.dead_queue(service), "ACCORD_AMQP_URI"] = len(unreadable(town, "offers"))
    for service in SERVICES:
        for other in SERVICES:
            if topology.LISTENS[service][0] in topology.LISTENS[other]:
                sent[topology.dead_queue(other), "ACCORD_AMQP_URI"] += 1
    for (queue, uri), count in sent.items():
        until(lambda q=queue, u=uri, c=count: town.depth(q, u) >= c, 60, f"{count} lie in {queue}")  # type: ignore[misc]
        assert town.depth(queue, uri) == count
    for service in SERVICES:
        assert "lost the broker" not in town.log(service)[before[service] :], (
            "nobody loses the connection over what it cannot read"
        )


def operator(town: Town, *words: str) -> Any:
    """What the operator's tool answers, in JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.ops", *words, "--json"],
        env={**os.environ, **town.environment}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)


def test_what_kills_the_process_is_dead_in_the_end_and_a_thousand_good_messages_behind_it_are_handled(
    town: Town,
) -> None:
    """And when an operator has it taken again, after the fault was repaired, it has its effect."""
    subject, point = new_id(), "message.effect.before"
    first = said(town, subject=subject, data=offer("Poison follows", town.business.email))
    town.to_peers("offers", first)

    def states() -> dict[str, str]:
        found = town.books.rows("offers", "select type, state from inbox where subject = %s", subject)
        return {r["type"]: r["state"] for r in found}

    def tiles(where: str, *parameters: Any) -> int:
        sql = "select count(*) as n from partnerships where tenant = %s and " + where
        return int(town.books.rows("offers", sql, town.business.tenant, *parameters)[0]["n"])

    until(lambda: tiles("id = %s", subject) == 1, 20, "the offer is there")
    reminder = OfferReminded(company="Mallory Ltd", reminded_by=ADA, reminded_at=NOW).model_dump(mode="json")
    lives = town.crashes.hit("offers", point)
    town.crashes.arm("offers", point, about="peer:offer.reminded", stays=True)
    poison = said(town, type="offer.reminded", subject=subject, sequence=2, previous=digest(first), data=reminder)
    town.to_peers("offers", poison)
    for n in range(1000):
        town.to_peers("offers", said(town, data=offer(f"Good {n}", town.business.email)))
    until(lambda: states().get("offer.reminded") == "dead", 60, "it is given up")
    town.crashes.disarm()
    assert 1 < town.crashes.hit("offers", point) - lives <= 6
    until(lambda: tiles("state ->> 'message' like 'Good %%'") == 1000, 120, "the good ones are handled")

    [row] = operator(town, "dead", "list", "--about", subject)
    assert row["type"] == "offer.reminded"
    operator(town, "dead", "replay", row["ref"])
    until(lambda: states().get("offer.reminded") == "applied", 30, "it was taken again")
    assert operator(town, "dead", "list", "--about", subject) == []

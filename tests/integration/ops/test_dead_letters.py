"""Dead letters: looked at without being lost, put back where they died, dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import amqp
import kombu
import pytest

from shared.bus import topology
from shared.ops import letters
from tests.integration.bus.relaying import Ear
from tests.integration.ops.conftest import Ops
from tests.support.servers import RabbitServer, prepare, until

EVENTS, PEERS = topology.events_queue("offers"), topology.peers_queue("offers", "shared")
DEAD = topology.dead_queue("offers")


@pytest.fixture(autouse=True)
def quiet(sample_environment: dict[str, str], broker: RabbitServer) -> None:
    """The queues, empty."""
    broker.empty()


def die(uri: str, exchange: str, key: str, queue: str, body: bytes, **properties: Any) -> None:
    """Say something, and have it refused as a service refuses what it cannot decode."""
    with kombu.Connection(uri) as connection, connection.channel() as channel:
        channel.basic_publish(amqp.Message(body, **properties), exchange=exchange, routing_key=key)
        message = until(lambda: channel.basic_get(queue), 5, f"it is in {queue}")
        channel.basic_reject(message.delivery_tag, requeue=False)


def depth(uri: str, queue: str) -> int:
    with kombu.Connection(uri) as connection, connection.channel() as channel:
        return int(channel.queue_declare(queue, passive=True).message_count)


def listed(ops: Ops, wanted: int) -> list[dict[str, Any]]:
    """What the list shows, once so many have died."""
    return until(lambda: (f := ops("dead", "list", "--json", "--service", "offers").json) and len(f) == wanted and f, 5)


@pytest.fixture
def letter(broker: RabbitServer) -> Iterator[bytes]:
    """A letter of another business that died."""
    body = b'{"no": "envelope", "colour": "\x1b[31mred"}'
    die(
        broker.peers_uri(), topology.PEERS, "northwind.offers.kazenor", PEERS, body,
        content_type="text/plain", message_id="m-1", type="offer.sent",
    )  # fmt: skip
    yield body


def test_looking_loses_nothing_however_often(letter: bytes, ops: Ops, broker: RabbitServer) -> None:
    die(broker.uri(), "", EVENTS, EVENTS, b"\xff\xfe not text")
    for _ in range(letters.WORN + 3):
        found = listed(ops, 2)
    by_place = {f["place"]: f for f in found}
    assert (by_place["peers"]["tenant"], by_place["peers"]["peer"]) == ("northwind", "kazenor")
    assert "text/plain" in by_place["peers"]["error"]
    assert until(lambda: depth(broker.peers_uri(), DEAD) == 1 and depth(broker.uri(), DEAD) == 1, 5)
    with kombu.Connection(broker.uri()) as connection, connection.channel() as channel:
        # RabbitMQ 4 drops what came back twenty times.
        assert channel.basic_get(DEAD).headers.get("x-delivery-count", 0) <= letters.WORN
    shown = ops("dead", "show", by_place["peers"]["ref"]).out
    assert '"no": "envelope"' in shown and "\x1b" not in shown and "\\\\x1b" not in shown
    assert "\\xff\\xfe not text" in ops("dead", "show", by_place["events"]["ref"]).out


def test_a_replayed_letter_goes_back_to_where_it_died_under_the_key_it_had(
    letter: bytes, ops: Ops, broker: RabbitServer
) -> None:
    (found,) = listed(ops, 1)
    assert ops("dead", "replay", found["ref"]).status == 0
    ear = Ear(broker.peers_uri(), PEERS)
    try:
        message = ear.next()
    finally:
        ear.close()
    body = message.body.encode() if isinstance(message.body, str) else message.body
    assert (body, message.delivery_info["routing_key"]) == (letter, "northwind.offers.kazenor")
    assert (message.properties["content_type"], message.properties["message_id"]) == ("text/plain", "m-1")
    assert depth(broker.peers_uri(), DEAD) == 0


@pytest.mark.parametrize("place", ["events", "peers"])
def test_a_letter_that_nobody_takes_back_is_kept(place: str, ops: Ops, broker: RabbitServer) -> None:
    peers = place == "peers"
    uri, queue = (broker.peers_uri(), PEERS) if peers else (broker.uri(), EVENTS)
    die(uri, topology.PEERS if peers else "", "northwind.offers.kazenor" if peers else EVENTS, queue, b"junk")
    (found,) = listed(ops, 1)
    with kombu.Connection(uri) as connection, connection.channel() as channel:
        channel.queue_delete(queue)
    try:
        refused = ops("dead", "replay", found["ref"])
        assert refused.status == 1 and refused.err.count("\n") == 1
        assert until(lambda: depth(uri, DEAD) == 1, 5)
    finally:
        with kombu.Connection(uri) as connection:
            topology.declare(connection, (topology.peers_layout if peers else topology.cell_layout)("offers"))


def test_dropping_takes_one_or_all(letter: bytes, ops: Ops, broker: RabbitServer) -> None:
    for number in range(3):
        die(broker.uri(), "", EVENTS, EVENTS, json.dumps({"number": number}).encode())
    found = listed(ops, 4)
    one = next(f for f in found if f["place"] == "events")
    assert ops("dead", "drop", one["ref"], "--yes").status == 0
    assert one["ref"] not in {f["ref"] for f in listed(ops, 3)}
    assert ops("dead", "drop", one["ref"], "--yes").status == 1
    assert ops("dead", "drop", "--all", "--yes", "--service", "offers").status == 0
    assert ops("dead", "list", "--json", "--service", "offers").json == []
    assert depth(broker.uri(), EVENTS) == 0


def test_all_means_all_of_a_queue_however_many_others_lie_before_them(
    ops: Ops, broker: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "LOOKED_AT", 2)
    for number in range(6):
        body = json.dumps({"number": number, "type": "offer.sent" if number < 3 else "offer.withdrawn"}).encode()
        die(broker.uri(), "", EVENTS, EVENTS, body)
    until(lambda: depth(broker.uri(), DEAD) == 6, 5)
    which = ("--type", "offer.withdrawn", "--service", "offers", "--yes", "--json")
    assert [said["outcome"] for said in ops("dead", "drop", "--all", *which).json] == ["dropped"] * 3
    until(lambda: depth(broker.uri(), DEAD) == 3, 5)


def test_a_dedicated_cell_puts_back_what_others_said_to_it_though_it_may_not_speak_for_them(
    ops: Ops, sample_environment: dict[str, str], broker: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.add_cell("initech", tenants=("initech",))
    own = broker.environment("initech") | {"ACCORD_TENANTS": "initech"}
    prepare("offers", sample_environment | own)
    queue = topology.peers_queue("offers", "initech")
    with kombu.Connection(broker.peers_uri()) as connection, connection.channel() as channel:
        channel.basic_publish(amqp.Message(b"junk"), exchange=topology.PEERS, routing_key="initech.offers.kazenor")
    with kombu.Connection(broker.peers_uri("initech")) as connection, connection.channel() as channel:
        message = until(lambda: channel.basic_get(queue), 5)
        channel.basic_reject(message.delivery_tag, requeue=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    (found,) = listed(ops, 1)
    assert ops("dead", "replay", found["ref"]).status == 0
    ear = Ear(broker.peers_uri("initech"), queue)
    try:
        assert ear.next().delivery_info["routing_key"] == "initech.offers.kazenor"
    finally:
        ear.close()

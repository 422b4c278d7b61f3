"""The relay publishes what was committed, in every weather, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kombu
import psycopg
import pytest

from deploy.local.paths import ROOT
from shared.bus import relay as relaying
from shared.bus import topology
from shared.bus.publisher import Outgoing, Publisher, Verdict
from shared.ids import new_id
from tests.integration.bus.relaying import Ear, Outbox, RelayProcess, document, due_in, text
from tests.servers import PostgresServer, RabbitServer, prepare, until


@pytest.fixture
def environment(services: Callable[..., dict[str, str]]) -> dict[str, str]:
    # Contacts and managers listen to offers: their queues are where its facts can be heard.
    return services("offers", "contacts")


@pytest.fixture
def outbox(environment: dict[str, str]) -> Outbox:
    return Outbox("offers", environment)


@pytest.fixture
def relay(environment: dict[str, str], tmp_path: Path) -> Iterator[RelayProcess]:
    process = RelayProcess("offers", environment, tmp_path / "relay.log")
    yield process
    process.end()


@pytest.fixture
def ear(environment: dict[str, str]) -> Iterator[Callable[[str], Ear]]:
    ears: list[Ear] = []

    def listen(queue: str) -> Ear:
        peers = ".peers." in queue
        ears.append(Ear(environment["ACCORD_PEERS_AMQP_URI" if peers else "ACCORD_AMQP_URI"], queue))
        return ears[-1]

    yield listen
    for one in ears:
        one.close()


def test_a_committed_fact_is_published_word_for_word_and_done(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    body = '{"exactly":  "this", "__type__": 1, "é": "\\u0000"}'
    [id] = outbox.commit(body)
    message = ear("contacts.events.v1").next()
    assert text(message) == body
    assert message.delivery_info["exchange"] == "accord.events"
    assert message.delivery_info["routing_key"] == "offers.offer.submitted"
    assert message.properties == {
        "content_type": "application/vnd.accord.message+json",
        "application_headers": {},
        "delivery_mode": 2,
        "message_id": id,
        "type": "offer.submitted",
    }
    [row] = outbox.sent(id)
    assert row["due_at"] is None
    assert row["attempts"] == 1


def test_a_peer_message_names_both_sides_in_its_routing_key(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    outbox.commit("hello", kind="peer", type="offer.sent", destination="northwind")
    message = ear("offers.peers.v1").next()
    assert topology.parse_peer_key(message.delivery_info["routing_key"]) == ("northwind", "offers", "kazenor")
    assert message.delivery_info["exchange"] == "accord.peers"


def test_a_peer_message_is_sent_again_and_again_until_it_is_receipted(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    heard = ear("offers.peers.v1")
    [id] = outbox.commit("again", kind="peer", destination="northwind")
    for attempt, pause in enumerate([5, 30, 300, 3600, 3600], start=1):
        [row] = outbox.sent(id, attempts=attempt)
        assert due_in(row) == pytest.approx(pause, abs=1)
        assert text(heard.next()) == "again"
        outbox.change("due_at = now()", id)
    outbox.sent(id, attempts=6)
    heard.next()
    outbox.change("due_at = null", id)  # what the service does when a receipt confirms it
    outbox.commit("later", kind="peer", destination="northwind")
    assert heard.bodies(1) == ["later"]
    assert outbox.row(id)["attempts"] == 6


def test_a_receipt_that_comes_while_the_message_is_on_its_way_is_not_overwritten(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    heard = ear("offers.peers.v1")
    with psycopg.connect(outbox.url("owner")) as gate:
        gate.execute("lock table outbox in share mode")  # it can be taken and published, but not yet marked
        gate_id = _commit_before(outbox, gate)
        assert heard.bodies(1) == ["on its way"]
        gate.rollback()
    outbox.sent(gate_id)
    outbox.change("due_at = null", gate_id)
    assert outbox.row(gate_id)["due_at"] is None


def _commit_before(outbox: Outbox, gate: psycopg.Connection[Any]) -> str:
    gate.rollback()
    [id] = outbox.commit("on its way", kind="peer", destination="northwind", due_in=[3600])
    gate.execute("lock table outbox in share mode")
    return id

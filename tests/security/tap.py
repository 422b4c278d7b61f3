"""Hears every message between tenants on a running stack: a user and a queue of its own in the vhost `accord`, for the time of a block."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import kombu

from deploy.local import broker as rabbitmq
from shared.bus import topology
from tests.support.stack import Stack


@dataclass(frozen=True)
class Crossed:
    """One message as it travelled: its key, all its AMQP properties, its exact text."""

    key: str
    properties: dict[str, Any]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        return json.loads(self.body)  # type: ignore[no-any-return]


class Tap:
    """What has crossed so far, by `crossed()`."""

    def __init__(self, channel: Any, queue: str) -> None:
        self._channel, self._queue = channel, queue
        self._heard: list[Crossed] = []

    def crossed(self) -> list[Crossed]:
        while (message := self._channel.basic_get(self._queue, no_ack=True)) is not None:
            body = message.body if isinstance(message.body, bytes) else message.body.encode()
            self._heard.append(Crossed(message.delivery_info["routing_key"], dict(message.properties), body))
        return self._heard


@contextmanager
def tapped(stack: Stack) -> Iterator[Tap]:
    """A tap on `accord.peers.shared`, where all that goes to the shared cell passes."""
    ports = json.loads((stack.folder / "run" / "ports.json").read_text())
    node = rabbitmq.Node(stack.folder / "run" / "broker", ports["broker"], ports["broker-dist"], ports["epmd"])
    name, password = f"tap-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
    node.control("add_user", name, password)
    node.control("set_permissions", "-p", topology.PEERS_VHOST, name, ".*", ".*", ".*")
    try:
        with kombu.Connection(rabbitmq.uri(ports["broker"], name, password, topology.PEERS_VHOST)) as connection:
            channel = connection.channel()
            channel.queue_declare(name, exclusive=True, auto_delete=False)
            channel.queue_bind(name, topology.PEERS_SHARED, "#")
            yield Tap(channel, name)
    finally:
        node.control("delete_user", name)

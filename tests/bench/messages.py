"""Messages as the product's own services would send them, put straight into its queues."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import amqp
import kombu

from shared.bus import topology
from shared.clock import iso, now
from shared.contracts.accounts import TenantRegistered, UserChanged
from shared.contracts.messages import Message
from shared.contracts.offers import OfferedContact, OfferSent, Person
from shared.ids import new_id
from tests.support.servers import until

Letter = tuple[str, str, str]
"""(exchange, routing key, body)"""


def letter(message: Message, *, source: str, subject: str, origin: str, destination: str, sequence: int = 1) -> Letter:
    """A message as it travels; the first of its stream unless another `sequence` is given."""
    head = json.dumps({
        "specversion": "1.0", "id": new_id(), "type": message.type, "source": source, "subject": subject, "time": iso(now()),
        "origin": origin, "destination": destination, "sequence": sequence, "previous": "", "epoch": 1, "kind": message.kind,
    }, ensure_ascii=False)  # fmt: skip
    body = f'{head[:-1]}, "data": {message.model_dump_json()}}}'
    if message.kind == "peer":
        return topology.PEERS, topology.peer_key(destination, source, origin), body
    return topology.EVENTS, topology.fact_key(source, message.type), body


def registration(tenant: str, email: str) -> list[Letter]:
    """What accounts states of a new business with one admin, who reads `email`."""
    user = new_id()
    person = UserChanged(id=user, name="Nils Northwind", email=email, role="admin", active=True)
    return [
        letter(
            TenantRegistered(company="Northwind"), source="accounts", subject=tenant, origin=tenant, destination=tenant
        ),
        letter(person, source="accounts", subject=user, origin=tenant, destination=tenant),
    ]


def offers(count: int, *, origins: Sequence[str], destination: str, email: str) -> Iterable[Letter]:
    """`count` offers of as many partnerships, from these tenants in turn to one, each with two contacts."""
    at = now()
    for n in range(count):
        offer = OfferSent(
            company="Kazenor GmbH", email=email, message="We would like to work with you. " * 3, sent_by=Person(id=new_id(), name="Ada"),
            sent_at=at, expires_at=at + timedelta(days=30),
            contacts=[OfferedContact(id=new_id(), name=name, title="Engineer") for name in ("Bea", "Carl")],
        )  # fmt: skip
        yield letter(
            offer, source="offers", subject=new_id(), origin=origins[n % len(origins)], destination=destination
        )


def publish(uri: str, letters: Iterable[Letter], queue: str) -> int:
    """Publish, and wait until all of it lies in `queue`, which nobody consumes; how many there are."""
    sent = 0
    with kombu.Connection(uri) as connection:
        channel: Any = connection.channel()
        for exchange, key, body in letters:
            message = amqp.Message(body, content_type=topology.CONTENT_TYPE, content_encoding="utf-8", delivery_mode=2)
            channel.basic_publish(message, exchange=exchange, routing_key=key)
            sent += 1
        until(
            lambda: channel.queue_declare(queue, passive=True).message_count >= sent, 30, f"{sent} messages in {queue}"
        )
    return sent

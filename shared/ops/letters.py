"""Dead letters: what a service could not even decode, in the queues `<service>.dead.v1` of the cell and of the vhost in which cells meet.

Looking takes messages out without acknowledging them and gives them all back. They go back into the queue in which they died, and into no other: everybody
else has had them. In the vhost `accord` a cell may not speak in another's name, so there they go through the exchange through which they died.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import amqp
from amqp.exceptions import AMQPError, MessageNacked, NotFound
from kombu.connection import Connection

from shared import settings
from shared.bus import topology
from shared.ops.dead import Filter
from shared.ops.trouble import Trouble, line, missing

LOOKED_AT = 5_000
"""Messages of a queue that are looked through at most for a list."""
HELD = 64 * 1024 * 1024
"""Bytes of bodies that are kept at most while looking; further ones are named, but not shown."""
WORN = 10
"""RabbitMQ 4 drops what was given back twenty times; what was looked at this often is put there anew."""
CONFIRM_S = 10
_KEY = "accord-routing-key"
"""A header of ours in what was put back anew: RabbitMQ's own word about a death need not survive that."""


@dataclass(frozen=True)
class Place:
    """A dead queue, the queue that dies into it, and the exchange through which one gets back there ("" : by the queue's name)."""

    service: str
    uri: str
    queue: str
    origin: str
    exchange: str
    name: str


@dataclass
class Letter:
    """A message in a dead queue."""

    place: Place
    ref: str
    body: bytes
    size: int
    key: str
    died_at: datetime | None
    reason: str
    properties: dict[str, Any] = field(repr=False)
    headers: dict[str, Any] = field(repr=False)
    tag: int

    def row(self) -> dict[str, Any]:
        """What a list shows."""
        said = _peek(self.body)
        parts = self.key.split(".")
        return {
            "ref": self.ref,
            "place": self.place.name,
            "type": self.properties.get("type") or said.get("type"),
            "tenant": parts[0] if self.place.exchange and len(parts) == 3 else said.get("destination"),
            "peer": parts[2] if self.place.exchange and len(parts) == 3 else said.get("origin"),
            "subject": said.get("subject"),
            "sequence": None,
            "received_at": self.died_at,
            "error": f"{self.reason or 'put here by hand'}, {self.size} bytes, {self.properties.get('content_type') or 'no content type'}",
        }

    def fits(self, which: Filter) -> bool:
        row = self.row()
        return (
            (which.tenant is None or row["tenant"] == which.tenant)
            and (which.origin is None or row["peer"] == which.origin)
            and (which.type is None or row["type"] == which.type)
            and (which.subject is None or row["subject"] == which.subject)
            and (not which.refs or self.ref.rpartition("-")[2] in which.refs)
        )


def places(service: str) -> list[Place]:
    """The dead queues of a service. Raises Trouble when a setting is missing."""
    cell = settings.cell()
    try:
        found = [
            Place(
                service,
                settings.amqp_uri(),
                topology.dead_queue(service),
                topology.events_queue(service),
                topology.DEFAULT_EXCHANGE,
                "events",
            )
        ]
        if service in topology.SPEAKS_TO_PEERS:
            found.append(
                Place(
                    service,
                    settings.peers_amqp_uri(),
                    topology.peers_dead_queue(service, cell),
                    topology.peers_queue(service, cell),
                    topology.peers_dead_exchange(cell),
                    "peers",
                )
            )
    except settings.MissingSetting as error:
        raise missing(error) from error
    return found


@contextmanager
def channel(uri: str) -> Iterator[Any]:
    """A channel with confirms, for the time of a block; what was not acknowledged on it goes back. Raises Trouble."""
    connect: Any = Connection  # kombu has no types
    with connect(uri, connect_timeout=5, transport_options={"confirm_publish": True}) as connection:
        try:
            connection.connect()
            with connection.channel() as opened:
                yield opened
        except (OSError, AMQPError) as error:
            raise Trouble(f"The broker at {connection.as_uri()} does not answer: {line(error)}") from error


def depth(opened: Any, queue: str) -> int:
    """How many messages a queue holds that nobody has taken. Raises Trouble for one that is not there."""
    try:
        return int(opened.queue_declare(queue, passive=True).message_count)
    except NotFound as error:
        raise Trouble(
            f"There is no queue {queue}: prepare the service first (python -m shared.bus.prepare)."
        ) from error


def empty(opened: Any, queue: str) -> int:
    """Take everything out of a queue; how much that was. One that is not there is empty."""
    try:
        return int(opened.queue_purge(queue))
    except NotFound:
        return 0


def find(opened: Any, place: Place, which: Filter, limit: int) -> tuple[list[Letter], int]:
    """The oldest letters that fit, still taken out (they go back with the channel), and how many the queue holds in all."""
    total = depth(opened, place.queue)
    found: list[Letter] = []
    held = 0
    for letter in each(opened, place, which, min(total, LOOKED_AT)):
        held += letter.size
        if held > HELD:
            letter.body = letter.body[:1024]
        found.append(letter)
        if len(found) == limit:
            break
    return found, total


def each(opened: Any, place: Place, which: Filter, left: int) -> Iterator[Letter]:
    """The letters that fit among the `left` oldest, one after the other, each once; what is neither replayed nor dropped goes back with the channel."""
    opened.auto_decode = False
    while left:
        message = opened.basic_get(place.queue)
        if message is None:
            break
        letter = _letter(place, message)
        if int(letter.headers.get("x-delivery-count") or 0) >= WORN:
            # It comes once more, at the end, and is not worn then.
            headers = {k: v for k, v in letter.headers.items() if k != "x-delivery-count"} | {_KEY: letter.key}
            _publish(opened, place, place.exchange, place.queue, letter.body, letter.properties, headers)
            opened.basic_ack(letter.tag)
            continue
        left -= 1
        if letter.fits(which):
            yield letter


def replay(opened: Any, letter: Letter) -> str:
    """Put a letter back into the queue in which it died, and take it from here once the broker has confirmed that. What became of it."""
    place = letter.place
    if place.exchange and not _is_key(letter.key):
        return "cannot be replayed: it does not say who spoke to whom; drop it"
    kept = {name: value for name, value in letter.headers.items() if not name.startswith("x-") and name != _KEY}
    if place.exchange:
        # The key says who spoke, so it must be the one it had; our own exchange leads there for as long as this takes.
        opened.queue_bind(place.origin, place.exchange, letter.key)
    try:
        key = letter.key if place.exchange else place.origin
        _publish(opened, place, place.exchange, key, letter.body, letter.properties, kept)
    finally:
        if place.exchange:
            opened.queue_unbind(place.origin, place.exchange, letter.key)
    opened.basic_ack(letter.tag)
    return "replayed"


def drop(opened: Any, letter: Letter) -> str:
    """Take a letter away for good."""
    opened.basic_ack(letter.tag)
    return "dropped"


def _publish(
    opened: Any, place: Place, exchange: str, key: str, body: bytes, properties: dict[str, Any], headers: dict[str, Any]
) -> None:
    """Publish and wait for the confirm. Raises Trouble when the broker does not take it: nothing is lost then."""
    message = amqp.Message(body, **(properties | {"delivery_mode": 2, "application_headers": headers}))
    if not say(opened, exchange, key, message):
        raise Trouble(f"The broker finds no queue for what died in {place.origin}: prepare {place.service} first.")


def say(opened: Any, exchange: str, key: str, message: amqp.Message) -> bool:
    """Publish a message and wait for its confirm. Whether a queue takes it. Raises Trouble when the broker does not answer for it."""
    returned: list[Any] = []

    def back(*what: Any) -> None:
        returned.append(what)

    opened.events["basic_return"].add(back)
    try:
        opened.basic_publish(message, exchange=exchange, routing_key=key, mandatory=True, confirm_timeout=CONFIRM_S)
    except TimeoutError as error:
        raise Trouble(
            "The broker confirms nothing, as with a memory or disk alarm. Try again when that is over."
        ) from error
    except MessageNacked as error:
        raise Trouble("The broker refuses the message: a queue is full. Try again when it is not.") from error
    finally:
        opened.events["basic_return"].discard(back)
    return not returned


def _letter(place: Place, message: Any) -> Letter:
    headers = dict(message.headers or {})
    death: dict[str, Any] = next(iter(headers.get("x-death") or ()), {})
    keys = death.get("routing-keys") or ()
    key = str(headers.get(_KEY) or next(iter(keys), message.delivery_info.get("routing_key") or ""))
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    died_at = death.get("time")
    died_at = died_at.replace(tzinfo=UTC) if isinstance(died_at, datetime) and died_at.tzinfo is None else died_at
    # The broker compares a user id with whoever publishes; an expiry is over.
    gone = {"application_headers", "user_id", "expiration"}
    properties = {name: value for name, value in message.properties.items() if name not in gone}
    named = "\x1f".join([place.queue, key, str(properties.get("message_id")), str(properties.get("content_type"))])
    ref = hashlib.sha256(named.encode() + b"\x1f" + body).hexdigest()[:12]
    return Letter(
        place, f"{place.service}-{ref}", body, len(body), key, died_at, str(death.get("reason") or ""), properties, headers,
        message.delivery_info["delivery_tag"],
    )  # fmt: skip


def _is_key(key: str) -> bool:
    try:
        topology.parse_peer_key(key)
    except ValueError:
        return False
    return True


def _peek(body: bytes) -> dict[str, Any]:
    """What a body says of itself, as far as it can be read: nobody has checked it."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {k: v for k, v in said.items() if isinstance(v, str)} if isinstance(said, dict) else {}

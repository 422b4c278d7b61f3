"""Says messages to a service as the relays of their publishers would: numbered and chained in their streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import kombu

from shared.bus import topology
from shared.contracts.messages import Envelope, Message, digest
from shared.ids import new_id


class Streams:
    """What was said so far."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, str, str, str], tuple[int, str]] = {}

    def body(
        self, message: Message, *, tenant: str, subject: str, origin: str = "", time: datetime | None = None
    ) -> str:
        """The next message of a stream: a fact of `tenant`'s own side, or a peer message of `origin`."""
        origin = origin or tenant
        key = (origin, tenant, message.publisher, subject)
        number, previous = self._ends.get(key, (0, ""))
        body = Envelope(
            id=new_id(),
            type=message.type,
            source=message.publisher,
            subject=subject,
            time=time or datetime.now(UTC),
            origin=origin,
            destination=tenant,
            sequence=number + 1,
            previous=previous,
            kind=message.kind,
            data=message.model_dump(mode="json"),
        ).model_dump_json()
        self._ends[key] = (number + 1, digest(body))
        return body

    def heard(self, publisher: str, subject: str, tenant: str) -> int:
        """How many messages of a fact's stream there are: what offers calls the version of a standing."""
        return self._ends.get((tenant, tenant, publisher, subject), (0, ""))[0]


class Mouth(Streams):
    """Says them on the broker."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__()
        self.environment = environment

    def publish(self, *bodies: str) -> None:
        """Publish messages, in this order, as often as they stand here."""
        for body in bodies:
            said = json.loads(body)
            if said["kind"] == "peer":
                uri, exchange = self.environment["ACCORD_PEERS_AMQP_URI"], topology.PEERS
                routing_key = topology.peer_key(said["destination"], said["source"], said["origin"])
            else:
                uri, exchange = self.environment["ACCORD_AMQP_URI"], topology.EVENTS
                routing_key = topology.fact_key(said["source"], said["type"])
            with kombu.Connection(uri) as connection:
                connection.Producer().publish(
                    body,
                    exchange=exchange,
                    routing_key=routing_key,
                    content_type=topology.CONTENT_TYPE,
                    content_encoding="utf-8",
                    mandatory=True,
                )

    def say(
        self, message: Message, *, tenant: str, subject: str, origin: str = "", time: datetime | None = None
    ) -> None:
        """Say the next message of a stream."""
        self.publish(self.body(message, tenant=tenant, subject=subject, origin=origin, time=time))

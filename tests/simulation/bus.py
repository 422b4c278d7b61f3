"""The virtual bus: the relay of a service, its two queues, and what becomes of the messages in them.

What a relay has to do stands in shared/bus/relay.py and shared/bus/outbox.py; this does the same on the twin, with the product's own `outgoing` and
`receipt`. Nothing here is lost that RabbitMQ keeps: messages between businesses and receipts may be lost, facts and timers may not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.bus import topology
from shared.bus.deliveries import decode
from shared.bus.outbox import ReceiptRow, Row, outgoing, receipt
from shared.bus.publisher import Outgoing as Published
from shared.bus.storage import Changes, Outgoing
from shared.bus.streams import Delivery, Key
from tests.simulation.faults import Database

SENT_AGAIN = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
"""When a peer message is sent again that nobody has receipted; the last holds for all further times."""


@dataclass(slots=True)
class Due:
    """A row of the outbox that is not done."""

    row: Outgoing
    at: datetime
    attempts: int = 0


class Relay:
    """The relay of one service of one business. What it knows stands in the database, so a crash of it forgets nothing."""

    def __init__(self, service: str, database: Database) -> None:
        self.service = service
        self.database = database
        self.due: dict[str, Due] = {}
        self.receipts: dict[Key, None] = {}
        self._unconfirmed: dict[tuple[Key, int], str] = {}

    def copy_of(self, other: Relay) -> None:
        """Begin where another one stands."""
        self.due = {id: replace(due) for id, due in other.due.items()}
        self.receipts, self._unconfirmed = dict(other.receipts), dict(other._unconfirmed)

    def committed(self, changes: Changes) -> None:
        """Note what a transaction has written."""
        for row in changes.outbox:
            self.due[row.id] = Due(row, row.due_at)
            if row.kind == "peer":
                self._unconfirmed[(row.tenant, row.subject, row.destination, row.service), row.sequence] = row.id
        for stream in changes.streams:
            if stream.receipt_due:
                self.receipts[stream.key] = None
        for key, upto in changes.confirmed:
            self._confirm(key, upto)

    def _confirm(self, key: Key, upto: int) -> None:
        while upto > 0 and (id := self._unconfirmed.pop((key, upto), None)) is not None:
            self.due.pop(id, None)
            upto -= 1

    def take(self, now: datetime) -> list[Due]:
        """What is due, in the order in which it goes onto the wire."""
        if not self.due:
            return []
        rows = [due for due in self.due.values() if due.at <= now]
        rows.sort(key=lambda due: (due.at, due.row.id))
        return sorted(rows, key=lambda due: due.row.sequence)

    def message(self, due: Due) -> Published:
        """What travels."""
        r = due.row
        return outgoing(
            self.service,
            Row(r.tenant, r.id, r.kind, r.service, r.subject, r.destination, r.type, r.sequence, r.body),
        )

    def mark(self, sent: Iterable[Due], now: datetime) -> None:
        """Note that the broker has them: what is said to our own side is done, what is said to others waits for its receipt."""
        for due in sent:
            if due.row.kind != "peer":
                self.due.pop(due.row.id, None)
            elif due.row.id in self.due:
                due.at = now + SENT_AGAIN[min(due.attempts, len(SENT_AGAIN) - 1)]
                due.attempts += 1

    def take_receipts(self) -> list[Published]:
        """The receipts that are owed; nobody owes them any more, even when what is taken here gets lost."""
        found = []
        for key in self.receipts:
            stream = replace(self.database.streams[key], receipt_due=False)
            self.database.streams[key] = stream
            row = ReceiptRow(
                stream.tenant, stream.subject, stream.peer, stream.applied, stream.applied_digest,
                stream.seen, stream.sent, stream.parked_type,
            )  # fmt: skip
            found.append(receipt(self.service, row))
        self.receipts.clear()
        return found


@dataclass(slots=True)
class Carried:
    """A message in a queue. `again`: the broker has given it before, and was not told that it was handled."""

    delivery: Delivery
    retry: bool = False
    again: bool = False
    deaths: int = 0

    @property
    def heard(self) -> Delivery:
        if self.again or self.retry:
            return replace(self.delivery, again=self.again, retry=self.retry)
        return self.delivery

    @property
    def name(self) -> str:
        e = self.delivery.envelope
        number = f" {e.sequence}" if e.sequence else ""
        return f"{e.type}{number} {e.subject[-4:]}" + (" again" if self.again else "")


class Broker:
    """What is published, and not yet handled: for each business and service a queue of facts and one of what other businesses say."""

    def __init__(self, homes: tuple[str, ...], services: tuple[str, ...]) -> None:
        self.homes, self.services = homes, services
        self.queues: dict[tuple[str, str, str], list[Carried]] = {}

    def queue(self, tenant: str, service: str, kind: str) -> list[Carried]:
        """The queue of a service: `events` or `peers`."""
        return self.queues.setdefault((tenant, service, kind), [])

    def full(self) -> list[tuple[str, str, str]]:
        """Where something waits."""
        return [key for key, waiting in self.queues.items() if waiting]

    def publish(self, home: str, message: Published) -> None:
        """Put a message that was said in `home` into the queues that are bound; names that nobody hosts go to the last of the homes."""
        if message.exchange == topology.PEERS:
            to, service, _ = route = topology.parse_peer_key(message.key)
            queue = self.queue(to if to in self.homes else self.homes[-1], service, "peers")
            queue.append(Carried(decode(message.body, route=tuple(route))))
        elif message.exchange == topology.EVENTS:
            publisher = message.key.partition(".")[0]
            delivery = decode(message.body)
            for service in self.services:
                if publisher in topology.LISTENS[service]:
                    self.queue(home, service, "events").append(Carried(delivery))
        else:
            # A timer or a retry comes back to the service itself.
            service = message.key.partition(".")[0]
            self.queue(home, service, "events").append(Carried(decode(message.body), retry=True))

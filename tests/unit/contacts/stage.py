"""Contacts of any number of tenants on the in-memory twin: what handlers say is collected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from services.contacts.domain.lending import Partnership
from services.contacts.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.bus.records import Tables
from shared.bus.storage import Outgoing
from shared.bus.unit import Unit
from shared.bus.work import Heard
from shared.calls import Call
from shared.contracts.messages import CATALOGUE, Envelope, Message

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OFFER = "0190f6d4-0000-7000-8000-000000000001"
ADA = "0190f6d4-0000-7000-8000-0000000000a1"
BEN = "0190f6d4-0000-7000-8000-0000000000b2"
STRANGER = "0190f6d4-0000-7000-8000-0000000000ff"


class Stage:
    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.now = START
        self._given = 0

    def do(self, handler: Callable[..., Any], call: Call, *args: Any) -> Any:
        """Run a use case for a person, in a transaction of its own."""
        self.now += timedelta(seconds=1)
        with self.database.transaction((call.tenant,)) as storage:
            unit = Unit(storage, "contacts", Tables(TABLES), self.now)
            result = handler(unit, call, *args, now=self.now)
            unit.commit()
        return result

    def hear(
        self,
        handler: Callable[..., None],
        tenant: str,
        data: Message,
        *,
        subject: str = OFFER,
        origin: str | None = None,
    ) -> None:
        """Let a message arrive, in a transaction of its own."""
        self.now += timedelta(seconds=1)
        with self.database.transaction((tenant,)) as storage:
            unit = Unit(storage, "contacts", Tables(TABLES), self.now)
            handler(unit, Heard(tenant, origin or tenant, subject, 1, self.now, data), self.now)
            unit.commit()

    def said(self) -> list[tuple[Outgoing, Any]]:
        """What was said since the last time, each with its data."""
        new = self.database.outbox[self._given :]
        self._given = len(self.database.outbox)
        found = []
        for row in new:
            envelope = Envelope.model_validate_json(row.body)
            found.append((row, CATALOGUE[envelope.kind, envelope.source, envelope.type].model_validate(envelope.data)))
        return found

    def partnership(self, tenant: str, id: str = OFFER) -> Partnership | None:
        with self.database.transaction((tenant,)) as storage:
            return Unit(storage, "contacts", Tables(TABLES), self.now).peek(Partnership, tenant, id)


def call(tenant: str = "kazenor", **ids: str) -> Call:
    return Call("test", tenant, ADA, ids)

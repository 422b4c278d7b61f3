"""Contacts of any number of tenants on the in-memory twin: what handlers say is collected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from services.contacts.domain.lending import Partnership
from services.contacts.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.bus.storage import Outgoing
from shared.calls import Call
from shared.contracts.messages import Message
from tests.support.hearing import Ear, said

OFFER = "0190f6d4-0000-7000-8000-000000000001"
ADA = "0190f6d4-0000-7000-8000-0000000000a1"
BEN = "0190f6d4-0000-7000-8000-0000000000b2"
STRANGER = "0190f6d4-0000-7000-8000-0000000000ff"


class Stage:
    def __init__(self) -> None:
        self.database = MemoryDatabase()
        self.ear = Ear(self.database, "contacts", TABLES)
        self._given = 0

    def do(self, handler: Callable[..., Any], call: Call, *args: Any) -> Any:
        """Run a use case for a person, a second after the one before."""
        self.ear.now += timedelta(seconds=1)
        return self.ear.session.run(handler, call, *args)

    def hear(
        self, handler: Callable[..., None], tenant: str, data: Message, *, subject: str = OFFER, origin: str = ""
    ) -> None:
        """Let a message arrive."""
        self.ear.hear(handler, data, tenant=tenant, subject=subject, origin=origin)

    def said(self) -> list[tuple[Outgoing, Any]]:
        """What was said since the last time, each with its data."""
        new = self.database.outbox[self._given :]
        self._given = len(self.database.outbox)
        return [(row, said(row)) for row in new]

    def partnership(self, tenant: str, id: str = OFFER) -> Partnership | None:
        return self.do(lambda work, call, now: work.peek(Partnership, tenant, id), call(tenant))


def call(tenant: str = "kazenor", **ids: str) -> Call:
    return Call("test", tenant, ADA, ids)

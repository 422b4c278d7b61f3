"""Lets the use cases of a service hear and do things on any database, one transaction each, without broker or nameko."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.bus.records import Table, Tables
from shared.bus.session import Session
from shared.bus.storage import Database, Outgoing
from shared.bus.work import Heard
from shared.calls import Call
from shared.contracts.messages import CATALOGUE, Envelope, Message

START = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


class Ear:
    """A service's use cases on `database`. Each message is numbered in its stream, and said a second after the one before."""

    def __init__(self, database: Database, service: str, tables: Iterable[Table[Any]]) -> None:
        self.now = START
        self._numbers: dict[tuple[str, str, str], int] = {}
        self.session = Session(database, service, Tables(tables), clock=lambda: self.now)

    def hear(
        self,
        handler: Callable[..., None],
        data: Message,
        *,
        tenant: str,
        subject: str,
        time: datetime | None = None,
        origin: str = "",
    ) -> Heard[Any]:
        """Let a handler hear a fact (or a timer) of `tenant`; answers what it heard."""
        self.now += timedelta(seconds=1)
        key = (tenant, data.publisher, subject)
        self._numbers[key] = self._numbers.get(key, 0) + 1
        heard = Heard(tenant, origin or tenant, subject, self._numbers[key], time or self.now, data)
        self.session.run(lambda work, call, now: handler(work, heard, now), Call("hear", tenant, "system"))
        return heard

    def do(
        self, handler: Callable[..., Any], *args: Any, tenant: str, actor: str, ids: dict[str, str] | None = None
    ) -> Any:
        """The answer of a command or a query."""
        return self.session.run(handler, Call(handler.__name__, tenant, actor, ids or {}), *args)


def said(row: Outgoing) -> Message:
    """What a row of the outbox says."""
    envelope = Envelope.model_validate_json(row.body)
    return CATALOGUE[envelope.kind, envelope.source, envelope.type].model_validate(envelope.data)

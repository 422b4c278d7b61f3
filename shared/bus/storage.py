"""What a transaction needs of whatever keeps the data. PostgreSQL and the in-memory twin both offer it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence, Sized
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from shared.bus.records import Table
from shared.bus.streams import Key, Stream, Waiting
from shared.errors import ValidationError

Subject = tuple[str, str]
"""(tenant, subject)"""
RecordKey = tuple[str, str, str]
"""(table, tenant, id)"""
AGAIN = 200
"""How many messages of a stream the other side gets again at once when it asks for them."""


class Conflict(Exception):
    """Somebody else wrote the same thing first: begin the transaction again."""


class Away(Exception):
    """The database does not answer. Never the fault of a message or a request."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record to read, and whether to lock it."""

    table: Table[Any]
    tenant: str
    id: str
    lock: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """Records of a tenant: equal in columns (or any of a list), containing texts in columns, later than a moment in one."""

    table: Table[Any]
    tenant: str
    where: Mapping[str, Any] = field(default_factory=dict)
    search: Sequence[tuple[str, str]] = ()
    since: tuple[str, datetime] | None = None


@dataclass(slots=True)
class Fetched:
    """What was read at once: the streams of the subjects, the documents of the records, and messages that wait."""

    streams: list[Stream] = field(default_factory=list)
    documents: dict[RecordKey, str] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)


Told = tuple[str, str, str]
"""(tenant, part, about): what readers of a tenant see changed, told to them once it is committed. See `Table.part`."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record to write: `version` is the new one, the stored one must be one less."""

    tenant: str
    id: str
    version: int
    document: str
    columns: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A row of the outbox."""

    tenant: str
    id: str
    kind: str
    service: str
    subject: str
    destination: str
    type: str
    sequence: int
    body: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """The stored answer to a command with an idempotency key."""

    tenant: str
    actor: str
    method: str
    key: str
    fingerprint: str
    text: str


# What a row takes besides its document or body.
_ROW = 400


@dataclass(slots=True)
class Changes:
    """Everything one transaction writes."""

    records: dict[str, tuple[Table[Any], list[Kept]]] = field(default_factory=dict)
    deleted: list[tuple[Table[Any], str, str]] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    outbox: list[Outgoing] = field(default_factory=list)
    inbox: list[Waiting] = field(default_factory=list)
    settled: list[tuple[Key, int, str]] = field(default_factory=list)
    confirmed: list[tuple[Key, int]] = field(default_factory=list)
    again: list[tuple[Key, int]] = field(default_factory=list)
    answer: Answer | None = None
    told: set[Told] = field(default_factory=set)

    @property
    def size(self) -> int:
        """Roughly how many characters will be written."""
        texts = [one.document for _, kept in self.records.values() for one in kept]
        texts += [row.body for row in self.inbox] + [said.body for said in self.outbox]
        lists: tuple[Sized, ...] = (
            texts,
            self.deleted,
            self.streams,
            self.settled,
            self.confirmed,
            self.again,
            self.told,
        )
        answer = len(self.answer.text) if self.answer is not None else 0
        return sum(map(len, texts)) + _ROW * sum(map(len, lists)) + answer


class Storage(Protocol):
    """One transaction."""

    def fetch(
        self,
        subjects: Sequence[Subject],
        wanted: Sequence[Wanted],
        *,
        waiting: Sequence[Subject] = (),
        lock: bool = True,
    ) -> Fetched:
        """Read streams (locked, unless `lock` is off), records and waiting messages at once."""

    def find(self, which: Selection, order: str, after: tuple[Any, str] | None, limit: int) -> list[str]:
        """Documents in keyset order."""

    def count(self, which: Selection, by: str | tuple[str, ...]) -> dict[Any, int]:
        """Number of records by the values of a column, or of several, as a tuple."""

    def answer(self, tenant: str, actor: str, method: str, key: str) -> Answer | None:
        """The stored answer to a command."""

    def applied(self, key: Key) -> int:
        """The number of the last message applied of a stream, without locking it."""

    def heard(self, key: Key, sequence: int) -> set[str]:
        """What another business said under a number of its stream, of what was applied or dropped: the digests."""

    def commit(self, changes: Changes) -> None:
        """Write everything and commit. Raises Conflict when somebody else was first."""


class Database(Protocol):
    """Opens transactions, and tells whether it is there."""

    def transaction(self, tenants: Sequence[str]) -> AbstractContextManager[Storage]:
        """A transaction that sees these tenants only; rolled back unless committed. Raises Away."""

    def ping(self) -> None:
        """Raises Away when the database does not answer."""


def write_cursor(table: Table[Any], order: str, value: Any, id: str) -> str:
    """The cursor that follows the record with this order value and id, in this order of this table."""
    shown = value.isoformat() if isinstance(value, datetime) else value
    text = json.dumps([f"{table.name} {order}", shown, id], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(table: Table[Any], order: str, cursor: str | None) -> tuple[Any, str] | None:
    """What `write_cursor` wrote for the same order of the same table. Raises ValidationError for anything else."""
    if cursor is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(found, list) or len(found) != 3 or found[0] != f"{table.name} {order}":
            raise ValueError(cursor)
        value, id = (_storable(text) for text in found[1:])
        column = order.removeprefix("-")
        if column != "id" and table.columns[column].sql_type == "timestamptz":
            value = datetime.fromisoformat(value).astimezone(UTC).isoformat()
    except (ValueError, OverflowError, RecursionError) as error:
        raise ValidationError.of(("cursor", "Use the value of next from the page before.")) from error
    return value, id


def _storable(text: object) -> str:
    """Text that a database takes: without NUL and halves of characters. Raises ValueError for anything else."""
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(text)
    text.encode()
    return text

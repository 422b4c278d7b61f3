"""What a use case works with: one transaction in which records are read and kept and messages are said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from shared.bus.records import Record
from shared.contracts.messages import Fact, Message, PeerMessage, Timer

R = TypeVar("R", bound=Record)
M_co = TypeVar("M_co", bound=Message, covariant=True)
Json = dict[str, Any]
Search = tuple[str, str] | Sequence[tuple[str, str]]
"""(column, text), or several of them: the column contains the text."""
Since = tuple[str, datetime]
"""(column, moment): the column is later than that moment."""


@dataclass(frozen=True, slots=True)
class Heard(Generic[M_co]):
    """A message as a handler gets it: `tenant` is ours, `origin` who spoke (the other tenant for a peer message, else ours)."""

    tenant: str
    origin: str
    subject: str
    sequence: int
    time: datetime
    data: M_co


class Stranger(Exception):
    """Another tenant speaks of what is between others. The message changes nothing and is dead in the end: an operator sees who forges."""

    def __init__(self, origin: str) -> None:
        super().__init__(f"{origin} speaks of a partnership that is not theirs.")


@dataclass(frozen=True, slots=True)
class Confirmed:
    """News from a receipt: the other side's service has all up to `applied`, a person there has looked at all up to `seen`."""

    tenant: str
    peer: str
    subject: str
    applied: int
    seen: int


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A part of a list, and the cursor of what follows or None."""

    items: list[R]
    next: str | None


class Work(Protocol):
    """One transaction. Records that are read by `get` stay locked until its end; nothing is visible to others before."""

    def get(self, record: type[R], tenant: str, id: str) -> R | None:
        """The record, locked."""

    def get_many(self, record: type[R], tenant: str, ids: Iterable[str]) -> dict[str, R]:
        """Those of these records that are there, by id: read at once, and locked in the order of their ids."""

    def peek(self, record: type[R], tenant: str, id: str) -> R | None:
        """The record without a lock: for what is only looked up."""

    def ahead(self, record: type[Record], tenant: str, id: str) -> None:
        """This record will be peeked at, or how much was said about it: it comes along with whatever is read first."""

    def put(self, record: R) -> R:
        """Keep the record; returns it with the version it is kept under."""

    def add(self, record: R) -> R:
        """Keep a record whose id nobody can have used: like `put`, but nothing is read first, so a batch of new records costs one insert.

        When it is there after all, the transaction begins again, in vain.
        """

    def delete(self, record: type[Record], tenant: str, id: str) -> None:
        """Remove the record, if it is there."""

    def find(
        self,
        record: type[R],
        tenant: str,
        *,
        where: Mapping[str, Any] | None = None,
        search: Search | None = None,
        since: Since | None = None,
        order: str = "id",
        after: str | None = None,
        limit: int = 50,
    ) -> Page[R]:
        """A page of records, by equality (or any of a list) on columns, containing a text, from a moment on, in keyset order. Sees what was
        committed before.

        Raises ValidationError for a malformed cursor.
        """

    def count(
        self,
        record: type[Record],
        tenant: str,
        *,
        by: str | tuple[str, ...],
        where: Mapping[str, Any] | None = None,
        search: Search | None = None,
        since: Since | None = None,
    ) -> dict[Any, int]:
        """How many records there are for each value of a column, or for each tuple of values of several."""

    def say(self, fact: Fact, *, tenant: str, subject: str) -> None:
        """State a fact to the services of the same tenant."""

    def tell(self, message: PeerMessage, *, tenant: str, to: str, subject: str) -> None:
        """Say something to the same service of another tenant."""

    def later(self, timer: Timer, *, tenant: str, subject: str, at: datetime) -> None:
        """Have a timer come back to this service at `at`."""

    def said(self, tenant: str, subject: str) -> int:
        """The number of the last fact this service stated about the subject, those of this transaction included."""

    def mark_seen(self, tenant: str, peer: str, subject: str) -> None:
        """A person has looked at all that this peer said about the subject; the next receipt tells."""

"""The real inbox of one business: put into any state, it is asked what it makes of a delivery. And a small use case to watch it with."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple
from unittest import mock

from shared.bus.deliveries import decode
from shared.bus.inbox import Handler, Inbox
from shared.bus.memory import MemoryDatabase, MemoryStorage
from shared.bus.outbox import ReceiptRow, receipt
from shared.bus.records import Table, Tables
from shared.bus.storage import Changes, Kept
from shared.bus.streams import Delivery, Key, Stream, Waiting
from shared.bus.unit import Unit
from shared.bus.work import Confirmed, Heard, Work
from shared.contracts.messages import Fact, PeerMessage

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
SERVICE = "offers"


class WordSaid(PeerMessage):
    """A word for the other side."""

    publisher: ClassVar[str] = SERVICE
    type: ClassVar[str] = "exploration.word_said"
    word: int


class WordStated(Fact):
    """A word for our own side."""

    publisher: ClassVar[str] = SERVICE
    type: ClassVar[str] = "exploration.word_stated"
    word: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What was heard about a subject: each word with how many we had said by then; how many we said; how many are confirmed."""

    tenant: str
    id: str
    version: int = 0
    words: tuple[tuple[int, int], ...] = ()
    told: int = 0
    confirmed: int = 0


NOTES = Table(Notes, "notes", by_subject=True)
TABLES = Tables([NOTES])

_STREAM = [f.name for f in fields(Stream) if f.name not in {"fresh", "changed"}]
_WAITING = [f.name for f in fields(Waiting)]
_STATE = _WAITING.index("state")


class State(NamedTuple):
    """What the database of a business holds, as values. `retries` are the messages that come back to the inbox from itself."""

    records: tuple[Kept, ...] = ()
    streams: tuple[tuple[Any, ...], ...] = ()
    inbox: tuple[tuple[Any, ...], ...] = ()
    said: tuple[str, ...] = ()
    retries: tuple[str, ...] = ()
    confirmed: tuple[tuple[Key, int], ...] = ()


class Arrival(NamedTuple):
    """A message that arrives; `again` and `retry` as in Delivery."""

    body: str
    again: bool = False
    retry: bool = False


class Choked(Exception):
    """What the use case raises when it fails."""


class Crashed(BaseException):
    """The process has ended: nothing of ours handles that."""


class _Storage(MemoryStorage):
    _database: Database

    def commit(self, changes: Changes) -> None:
        super().commit(changes)
        self._database.commits += 1
        if self._database.commits == self._database.crash_after:
            raise Crashed


class Database(MemoryDatabase):
    """The twin, in a given state. The process ends right after the commit with the number `crash_after`."""

    def __init__(self, state: State, crash_after: int | None = None) -> None:
        super().__init__()
        self.commits, self.crash_after = 0, crash_after
        self._said, self._retries = state.said, state.retries
        self.records["notes"] = {(kept.tenant, kept.id): kept for kept in state.records}
        for values in state.streams:
            stream = as_stream(values)
            self.streams[stream.key] = stream
        for values in state.inbox:
            row = Waiting(*values)
            self.inbox[(row.key, row.sequence, row.id)] = row
        self.confirmed.update(state.confirmed)

    @contextlib.contextmanager
    def transaction(self, tenants: Sequence[str]) -> Iterator[MemoryStorage]:
        yield _Storage(self, tenants)

    @property
    def state(self) -> State:
        said = tuple(row.body for row in self.outbox if row.kind == "peer")
        retries = {*self._retries, *(row.body for row in self.outbox if row.kind == "retry")}
        return State(
            tuple(kept for _, kept in sorted(self.records["notes"].items())),
            tuple(tuple(getattr(s, name) for name in _STREAM) for _, s in sorted(self.streams.items())),
            tuple(tuple(getattr(r, name) for name in _WAITING) for _, r in sorted(self.inbox.items())),
            (*self._said, *said),
            tuple(sorted(retries)),
            tuple(sorted(self.confirmed.items())),
        )


def as_stream(values: tuple[Any, ...]) -> Stream:
    """A stream as the database holds it, to work with."""
    return Stream(**dict(zip(_STREAM, values, strict=True)), fresh=False)


class Station:
    """The inbox of `tenant`, whose use case answers the word `answers`, if any, with a word of its own.

    What its database holds is named by a number, 0 for nothing yet: each state is kept once, and each question answered once.
    """

    def __init__(self, tenant: str, answers: int | None = None) -> None:
        self.tenant, self.answers = tenant, answers
        self._choke: int | None = None
        self._handlers = {
            ("peer", SERVICE, WordSaid.type): Handler(WordSaid, self._hear),
            ("fact", SERVICE, WordStated.type): Handler(WordStated, self._hear),
        }
        self._states: list[State] = []
        self._numbers: dict[State, int] = {}
        self._handled: dict[Hashable, tuple[int, int]] = {}
        self._decoded: dict[Arrival, Delivery] = {}
        self.number(State())

    def number(self, state: State) -> int:
        """The number of a state."""
        if state not in self._numbers:
            self._numbers[state] = len(self._states)
            self._states.append(state)
        return self._numbers[state]

    def __getitem__(self, number: int) -> State:
        return self._states[number]

    # What the business does

    def _hear(self, work: Work, message: Heard[Any], now: datetime) -> None:
        word = message.data.word
        if word == self._choke:
            raise Choked(f"the word {word}")
        notes = work.get(Notes, message.tenant, message.subject) or Notes(tenant=message.tenant, id=message.subject)
        told = notes.told
        if word == self.answers:
            told += 1
            work.tell(WordSaid(word=told), tenant=message.tenant, to=message.origin, subject=message.subject)
        work.put(replace(notes, words=(*notes.words, (word, told)), told=told))

    def _confirmed(self, work: Work, news: Confirmed, now: datetime) -> None:
        notes = work.get(Notes, news.tenant, news.subject) or Notes(tenant=news.tenant, id=news.subject)
        work.put(replace(notes, confirmed=news.applied))

    @functools.cache  # noqa: B019
    def say(self, number: int, to: str, subject: str) -> int:
        """Tell another business the next word."""
        database = Database(self[number])
        with mock.patch("shared.bus.unit.new_id", _ids(self[number])), database.transaction([self.tenant]) as storage:
            unit = Unit(storage, SERVICE, TABLES, NOW)
            notes = unit.get(Notes, self.tenant, subject) or Notes(tenant=self.tenant, id=subject)
            unit.put(replace(notes, told=notes.told + 1))
            unit.tell(WordSaid(word=notes.told + 1), tenant=self.tenant, to=to, subject=subject)
            unit.commit()
        return self.number(database.state)

    # What happens to it

    def handle(
        self, number: int, batch: tuple[Arrival, ...], *, choke: int | None = None, crash_after: int | None = None
    ) -> tuple[int, int]:
        """What the database holds after a batch, and how many commits that took.

        The use case fails at the word `choke`; the process ends right after the commit with the number `crash_after`.
        """
        key = (number, batch, choke, crash_after)
        if key not in self._handled:
            database = Database(self[number], crash_after)
            self._choke = choke
            inbox = Inbox(
                database,
                SERVICE,
                TABLES,
                self._handlers,
                confirmed=self._confirmed,
                clock=lambda: NOW,
                jitter=lambda: 0.0,
            )
            with mock.patch("shared.bus.unit.new_id", _ids(self[number])), contextlib.suppress(Crashed):
                inbox.handle([self.delivery(arrival) for arrival in batch])
            self._handled[key] = self.number(database.state), database.commits
        return self._handled[key]

    def delivery(self, arrival: Arrival) -> Delivery:
        """What the inbox gets."""
        if arrival not in self._decoded:
            self._decoded[arrival] = decode(arrival.body, again=arrival.again, retry=arrival.retry)
        return self._decoded[arrival]

    @functools.cache  # noqa: B019
    def receipts(self, number: int) -> list[tuple[int, str]]:
        """For each receipt that is due: what the database holds once the relay has taken it, and the receipt."""
        due, state = [], self[number]
        for i, values in enumerate(state.streams):
            s = as_stream(values)
            if s.receipt_due:
                row = ReceiptRow(
                    s.tenant, s.subject, s.peer, s.applied, s.applied_digest, s.seen, s.sent, s.parked_type
                )
                s.receipt_due = False
                taken = (*state.streams[:i], tuple(getattr(s, name) for name in _STREAM), *state.streams[i + 1 :])
                with (
                    mock.patch("shared.bus.outbox.new_id", lambda: "receipt"),
                    mock.patch("shared.bus.outbox.now", lambda: NOW),
                ):
                    due.append((self.number(state._replace(streams=taken)), receipt(SERVICE, row).body))
        return due

    # What there is

    @functools.cache  # noqa: B019
    def notes(self, number: int, subject: str) -> Notes:
        """What was heard about a subject."""
        found = (NOTES.load(kept.document) for kept in self[number].records if kept.id == subject)
        return next(found, Notes(tenant=self.tenant, id=subject))

    @functools.cache  # noqa: B019
    def stream(self, number: int, subject: str, peer: str) -> Stream:
        """The stream with `peer` about a subject; an empty one when nothing was said yet."""
        key = (self.tenant, subject, peer, SERVICE)
        return next((as_stream(values) for values in self[number].streams if values[:4] == key), Stream(*key))

    @functools.cache  # noqa: B019
    def waiting(self, number: int) -> list[str]:
        """The states of all messages that are kept because they could not be applied."""
        return [row[_STATE] for row in self[number].inbox if row[_STATE] != "applied"]


def _ids(state: State) -> Callable[[], str]:
    """Ids that are the same each time the same state is left: they stand in digests."""
    numbers = itertools.count(len(state.said) + 1)
    return lambda: f"word-{next(numbers)}"

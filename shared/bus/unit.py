"""The unit of work: what use cases see of a transaction, on whichever storage. Numbers what is said; writes all at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar, cast

from shared import traces
from shared.bus import streams
from shared.bus.records import Record, Table, Tables
from shared.bus.storage import (
    Answer,
    Changes,
    Kept,
    Outgoing,
    RecordKey,
    Selection,
    Storage,
    Subject,
    Wanted,
    read_cursor,
    write_cursor,
)
from shared.bus.streams import Key, Stream, Waiting
from shared.bus.work import Page, Search, Since
from shared.clock import iso
from shared.contracts.messages import Fact, Message, PeerMessage, Timer
from shared.ids import new_id

R = TypeVar("R", bound=Record)


@dataclass(slots=True)
class _Held:
    """A record as this transaction sees it. `base` is the version it was read with."""

    table: Table[Any]
    record: Any
    locked: bool
    base: int
    dirty: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    message: Message
    tenant: str
    destination: str
    subject: str
    at: datetime
    traceparent: str | None


_SAID = 500
"""What a message takes besides its texts."""


class Unit:
    """Implements `Work`. Use cases never see more of it than that Protocol says."""

    def __init__(self, storage: Storage, service: str, tables: Tables, now: datetime, *, reading: bool = False) -> None:
        """`reading`: nothing will be written, so nothing is locked; readers and writers of a subject do not wait for each other."""
        self.storage = storage
        self.reading = reading
        self.service = service
        self.tables = tables
        self.now = now
        self._held: dict[RecordKey, _Held] = {}
        self._streams: dict[Key, Stream] = {}
        self._subjects: set[Subject] = set()
        self._ahead: list[tuple[Table[Any], Subject]] = []
        self._said: list[_Said] = []
        self._deleted: list[tuple[Table[Any], str, str]] = []
        self._more: list[Outgoing] = []
        self.waiting: dict[tuple[Key, int, str], Waiting] = {}
        self._inbox: dict[tuple[Key, int, str], Waiting] = {}
        self._settled: list[tuple[Key, int, str]] = []
        self._confirmed: list[tuple[Key, int]] = []
        self._again: list[tuple[Key, int]] = []
        self.weight = 0
        """Roughly how many characters will be said."""

    # Reading

    def prefetch(
        self, subjects: Iterable[Subject], wanted: Iterable[Wanted] = (), *, waiting: Sequence[Subject] = ()
    ) -> None:
        """Read the streams and records of these subjects, and more records, in one go."""
        ahead, self._ahead = self._ahead, []
        new = sorted({*subjects, *(key for table, key in ahead if table.by_subject)} - self._subjects)
        want = {(w.table.name, w.tenant, w.id): w for w in wanted}
        for table, (tenant, id) in ahead:
            want.setdefault((table.name, tenant, id), Wanted(table, tenant, id, False))
        for table in self.tables.by_subject:
            for tenant, subject in new:
                want.setdefault((table.name, tenant, subject), Wanted(table, tenant, subject, not self.reading))
        missing = [want[key] for key in sorted(want) if key not in self._held]
        if not new and not missing and not waiting:
            return
        fetched = self.storage.fetch(new, missing, waiting=waiting, lock=not self.reading)
        self._subjects.update(new)
        for stream in fetched.streams:
            self._streams[stream.key] = stream
        for w in missing:
            document = fetched.documents.get((w.table.name, w.tenant, w.id))
            record = None if document is None else w.table.load(document)
            self._held[(w.table.name, w.tenant, w.id)] = _Held(
                w.table, record, w.lock, 0 if record is None else record.version
            )
        for row in fetched.waiting:
            self.waiting[(row.key, row.sequence, row.id)] = row

    def _read(self, record: type[R], tenant: str, id: str, *, lock: bool) -> R | None:
        table = self.tables.of(record)
        held = self._held.get((table.name, tenant, id))
        if held is None or (lock and not held.locked and not held.dirty):
            self._held.pop((table.name, tenant, id), None)
            # Streams are locked before the record of the same subject, as a batch does it: no two transactions wait for each other.
            subjects = [(tenant, id)] if table.by_subject and lock else []
            self.prefetch(subjects, [Wanted(table, tenant, id, lock)])
            held = self._held[(table.name, tenant, id)]
        return cast("R | None", held.record)

    def get(self, record: type[R], tenant: str, id: str) -> R | None:
        return self._read(record, tenant, id, lock=True)

    def get_many(self, record: type[R], tenant: str, ids: Iterable[str]) -> dict[str, R]:
        table, wanted = self.tables.of(record), sorted(set(ids))
        for key in ((table.name, tenant, id) for id in wanted):
            held = self._held.get(key)
            if held is not None and not held.locked and not held.dirty:
                del self._held[key]
        subjects = [(tenant, id) for id in wanted] if table.by_subject else []
        self.prefetch(subjects, [Wanted(table, tenant, id) for id in wanted])
        found = {id: self._held[(table.name, tenant, id)].record for id in wanted}
        return {id: one for id, one in found.items() if one is not None}

    def peek(self, record: type[R], tenant: str, id: str) -> R | None:
        return self._read(record, tenant, id, lock=False)

    def ahead(self, record: type[Record], tenant: str, id: str) -> None:
        # Where something is written, what is read first is locked, and nothing else should be.
        if self.reading:
            self._ahead.append((self.tables.of(record), (tenant, id)))

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
        table = self.tables.of(record)
        which = Selection(table, tenant, where or {}, _searches(search), since)
        documents = self.storage.find(which, order, read_cursor(table, order, after), limit + 1)
        items = [table.load(document) for document in documents[:limit]]
        if len(documents) <= limit or not items:
            return Page(items, None)
        column, last = order.removeprefix("-"), items[-1]
        value = last.id if column == "id" else table.columns[column].value(last)
        return Page(items, write_cursor(table, order, value, last.id))

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
        return self.storage.count(Selection(self.tables.of(record), tenant, where or {}, _searches(search), since), by)

    # Writing

    def put(self, record: R) -> R:
        table = self.tables.of(type(record))
        key = (table.name, record.tenant, record.id)
        held = self._held.get(key)
        if held is None or (not held.locked and not held.dirty):
            self._read(type(record), record.tenant, record.id, lock=True)
            held = self._held[key]
        kept: R = table.kept(held.record, replace(record, version=held.base + 1))
        held.record, held.dirty = kept, True
        return kept

    def add(self, record: R) -> R:
        table = self.tables.of(type(record))
        self._held.setdefault((table.name, record.tenant, record.id), _Held(table, None, True, 0))
        if table.by_subject:
            # Nothing was ever said about what is new, either.
            self._subjects.add((record.tenant, record.id))
        return self.put(record)

    def delete(self, record: type[Record], tenant: str, id: str) -> None:
        table = self.tables.of(record)
        self._deleted.append((table, tenant, id))
        self._held[(table.name, tenant, id)] = _Held(table, None, True, 0)

    def say(self, fact: Fact, *, tenant: str, subject: str) -> None:
        self._note(_Said(fact, tenant, tenant, subject, self.now, traces.header()))

    def tell(self, message: PeerMessage, *, tenant: str, to: str, subject: str) -> None:
        if to == tenant:
            raise ValueError("a tenant tells itself nothing: state a fact")
        self._note(_Said(message, tenant, to, subject, self.now, traces.header()))

    def later(self, timer: Timer, *, tenant: str, subject: str, at: datetime) -> None:
        self._said.append(_Said(timer, tenant, tenant, subject, at, traces.header()))

    def _note(self, said: _Said) -> None:
        self._said.append(said)
        # Without writing it out: what is long is a text of its own, a picture or what people wrote.
        self.weight += _SAID + sum(len(value) for value in vars(said.message).values() if isinstance(value, str))

    def said(self, tenant: str, subject: str) -> int:
        self.prefetch([(tenant, subject)])
        stream = self._streams.get((tenant, subject, tenant, self.service))
        mine = sum(1 for s in self._said if isinstance(s.message, Fact) and (s.tenant, s.subject) == (tenant, subject))
        return (stream.sent if stream else 0) + mine

    def mark_seen(self, tenant: str, peer: str, subject: str) -> None:
        self.prefetch([(tenant, subject)])
        stream = self._streams.get((tenant, subject, peer, self.service))
        if stream is not None and stream.seen < stream.applied:
            stream.seen, stream.receipt_due, stream.changed = stream.applied, True, True

    # What the inbox needs besides

    def heard(self, key: Key, sequence: int) -> set[str]:
        """The digests of what was said under a number and applied or dropped, now or before."""
        rows = self._inbox.values()
        now = {r.digest for r in rows if (r.key, r.sequence, r.state) == (key, sequence, "applied")}
        return now | self.storage.heard(key, sequence)

    def stream(self, key: Key) -> Stream:
        """The stream with this key, made when it is not there yet. Its subject must have been fetched."""
        found = self._streams.get(key)
        if found is None:
            found = self._streams[key] = Stream(*key)
        return found

    def keep(self, row: Waiting) -> None:
        """Write a row of the inbox, over the one with its key."""
        self._inbox[(row.key, row.sequence, row.id)] = row
        self.waiting[(row.key, row.sequence, row.id)] = row

    def settle(self, row: Waiting) -> None:
        """Remove a row of the inbox: what it held is done. One that this transaction was going to write is not written."""
        self._inbox.pop((row.key, row.sequence, row.id), None)
        self._settled.append((row.key, row.sequence, row.id))
        self.waiting.pop((row.key, row.sequence, row.id), None)

    def confirm(self, stream: Stream) -> None:
        """All up to what the stream confirms needs not be sent again."""
        self._confirmed.append((stream.key, stream.confirmed))

    def say_again(self, stream: Stream, after: int) -> None:
        """Send what we said after this number once more: the other side asks for it."""
        self._again.append((stream.key, after))

    def retry(self, row: Waiting, at: datetime) -> None:
        """Have a message come back to this service at `at`."""
        self._more.append(
            Outgoing(
                row.tenant,
                new_id(),
                "retry",
                self.service,
                row.subject,
                row.tenant,
                row.type,
                row.sequence,
                row.body,
                at,
            )
        )

    # The end

    def _publish(self, said: _Said) -> Outgoing:
        message, id = said.message, new_id()
        sequence, previous = 0, ""
        stream: Stream | None = None
        if not isinstance(message, Timer):
            stream = self.stream((said.tenant, said.subject, said.destination, self.service))
            sequence, previous = streams.next_number(stream)
        head = json.dumps(
            {
                "specversion": "1.0",
                "id": id,
                "type": message.type,
                "source": self.service,
                "subject": said.subject,
                "time": iso(self.now),
                "origin": said.tenant,
                "destination": said.destination,
                "sequence": sequence,
                "previous": previous,
                "epoch": 1,
                "kind": message.kind,
                **({"traceparent": said.traceparent} if said.traceparent else {}),
            },
            ensure_ascii=False,
        )
        body = f'{head[:-1]}, "data": {message.model_dump_json()}}}'
        if stream is not None:
            streams.note_sent(stream, body)
        return Outgoing(
            said.tenant,
            id,
            message.kind,
            self.service,
            said.subject,
            said.destination,
            message.type,
            sequence,
            body,
            said.at,
        )

    def commit(self, answer: Answer | None = None) -> None:
        """Number and write everything, and commit. Raises Conflict when somebody else was first."""
        if self.reading:
            raise RuntimeError("this unit of work only reads")
        self.prefetch({(s.tenant, s.subject) for s in self._said})
        changes = Changes(
            answer=answer,
            deleted=self._deleted,
            inbox=list(self._inbox.values()),
            settled=self._settled,
            confirmed=self._confirmed,
            again=self._again,
        )
        changes.outbox = [self._publish(said) for said in self._said] + self._more
        for key in sorted(k for k, held in self._held.items() if held.dirty):
            held = self._held[key]
            _, rows = changes.records.setdefault(held.table.name, (held.table, []))
            columns = tuple(c.value(held.record) for c in held.table.columns.values())
            if held.table.part:
                changes.told.add((held.record.tenant, held.table.part, held.table.about(held.record)))
            rows.append(
                Kept(held.record.tenant, held.record.id, held.record.version, held.table.dump(held.record), columns)
            )
        changes.told |= {(tenant, table.part, "") for table, tenant, _ in self._deleted if table.part}
        changes.streams = [self._streams[key] for key in sorted(self._streams) if self._streams[key].changed]
        self.storage.commit(changes)


def _searches(search: Search | None) -> list[tuple[str, str]]:
    if search is None:
        return []
    if isinstance(search, tuple) and len(search) == 2 and isinstance(search[0], str):
        return [search]
    return list(cast("Sequence[tuple[str, str]]", search))

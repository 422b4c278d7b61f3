"""The in-memory twin of PostgreSQL: passes the same tests, and is what rules are tried and simulated on. One thread at a time."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from shared.bus.storage import AGAIN, Answer, Changes, Conflict, Fetched, Kept, Outgoing, Selection, Subject, Wanted
from shared.bus.streams import Key, Stream, Waiting


class MemoryDatabase:
    """Everything in dictionaries. `outbox` holds what a relay would publish."""

    def __init__(self) -> None:
        self.records: dict[str, dict[tuple[str, str], Kept]] = {}
        self.streams: dict[Key, Stream] = {}
        self.outbox: list[Outgoing] = []
        self.inbox: dict[tuple[Key, int, str], Waiting] = {}
        self.answers: dict[tuple[str, str, str, str], Answer] = {}
        self.confirmed: dict[Key, int] = {}

    @contextlib.contextmanager
    def transaction(self, tenants: Sequence[str]) -> Iterator[MemoryStorage]:
        yield MemoryStorage(self, tenants)

    def ping(self) -> None:
        """Always there."""


class MemoryStorage:
    """One transaction on a `MemoryDatabase`; like row-level security it sees only its tenants."""

    def __init__(self, database: MemoryDatabase, tenants: Sequence[str]) -> None:
        self._database = database
        self._tenants = frozenset(tenants)

    def fetch(
        self,
        subjects: Sequence[Subject],
        wanted: Sequence[Wanted],
        *,
        waiting: Sequence[Subject] = (),
        lock: bool = True,
    ) -> Fetched:
        chosen, waits = set(subjects), set(waiting)
        fetched = Fetched()
        for stream in self._database.streams.values():
            if stream.tenant in self._tenants and (stream.tenant, stream.subject) in chosen:
                fetched.streams.append(copy.copy(stream))
        for w in wanted:
            kept = self._database.records.get(w.table.name, {}).get((w.tenant, w.id))
            if kept is not None and w.tenant in self._tenants:
                fetched.documents[(w.table.name, w.tenant, w.id)] = kept.document
        for row in self._database.inbox.values():
            if row.tenant in self._tenants and (row.tenant, row.subject) in waits and row.state != "applied":
                fetched.waiting.append(copy.copy(row))
        return fetched

    def _rows(self, which: Selection) -> list[tuple[Kept, dict[str, Any]]]:
        names, since = list(which.table.columns), which.since
        found = []
        for kept in self._database.records.get(which.table.name, {}).values():
            row = dict(zip(names, kept.columns, strict=True)) | {"id": kept.id}
            if kept.tenant != which.tenant or which.tenant not in self._tenants:
                continue
            if since is not None and row[since[0]] <= since[1]:
                continue
            if all(
                row[c] in v if isinstance(v, list | tuple | set | frozenset) else (v is not None and row[c] == v)
                for c, v in which.where.items()
            ) and all(text in row[c] for c, text in which.search):
                found.append((kept, row))
        return found

    def find(self, which: Selection, order: str, after: tuple[Any, str] | None, limit: int) -> list[str]:
        column, falling = order.removeprefix("-"), order.startswith("-")
        rows = self._rows(which)
        rows.sort(key=lambda r: (r[1][column], r[0].id), reverse=falling)
        if after is not None:
            value = after[0]
            if rows and isinstance(rows[0][1][column], datetime):
                value = datetime.fromisoformat(value)
            mark = (value, after[1])
            rows = [r for r in rows if ((r[1][column], r[0].id) < mark if falling else (r[1][column], r[0].id) > mark)]
        return [kept.document for kept, _ in rows[:limit]]

    def count(self, which: Selection, by: str | tuple[str, ...]) -> dict[Any, int]:
        counts: dict[Any, int] = {}
        for _, row in self._rows(which):
            value = row[by] if isinstance(by, str) else tuple(row[column] for column in by)
            counts[value] = counts.get(value, 0) + 1
        return counts

    def answer(self, tenant: str, actor: str, method: str, key: str) -> Answer | None:
        return self._database.answers.get((tenant, actor, method, key))

    def applied(self, key: Key) -> int:
        stream = self._database.streams.get(key)
        return stream.applied if stream is not None else 0

    def heard(self, key: Key, sequence: int) -> set[str]:
        rows = self._database.inbox.values()
        return {r.digest for r in rows if (r.key, r.sequence, r.state) == (key, sequence, "applied")}

    def commit(self, changes: Changes) -> None:
        d = self._database
        self._check(changes)
        if changes.answer is not None:
            a = changes.answer
            d.answers[(a.tenant, a.actor, a.method, a.key)] = a
        for table, tenant, id in changes.deleted:
            d.records.get(table.name, {}).pop((tenant, id), None)
        for table, rows in changes.records.values():
            for kept in rows:
                d.records.setdefault(table.name, {})[(kept.tenant, kept.id)] = kept
        for stream in changes.streams:
            d.streams[stream.key] = copy.copy(stream)
            d.streams[stream.key].fresh = d.streams[stream.key].changed = False
        for key, sequence, id in changes.settled:
            d.inbox.pop((key, sequence, id), None)
        for row in changes.inbox:
            d.inbox[(row.key, row.sequence, row.id)] = copy.copy(row)
        for key, upto in changes.confirmed:
            d.confirmed[key] = max(upto, d.confirmed.get(key, 0))
        for (tenant, subject, peer, service), after in changes.again:
            d.outbox += [
                o
                for o in {o.id: o for o in d.outbox if o.kind == "peer"}.values()
                if (o.tenant, o.subject, o.destination, o.service) == (tenant, subject, peer, service)
                and after < o.sequence <= after + AGAIN
            ]
        d.outbox.extend(changes.outbox)

    def _check(self, changes: Changes) -> None:
        d = self._database
        a = changes.answer
        if a is not None and (a.tenant, a.actor, a.method, a.key) in d.answers:
            raise Conflict("answered")
        # As the database does it: what is deleted goes before what is kept comes.
        gone = {(table.name, tenant, id) for table, tenant, id in changes.deleted}
        for table, rows in changes.records.values():
            for kept in rows:
                if kept.tenant not in self._tenants:
                    raise PermissionError(f"{kept.tenant} is none of {sorted(self._tenants)}")
                key = (table.name, kept.tenant, kept.id)
                stored = None if key in gone else d.records.get(table.name, {}).get(key[1:])
                if (stored.version if stored else 0) != kept.version - 1:
                    raise Conflict(f"{table.name} {kept.id}")
        for stream in changes.streams:
            if stream.tenant not in self._tenants:
                raise PermissionError(f"{stream.tenant} is none of {sorted(self._tenants)}")
            if stream.fresh and stream.key in d.streams:
                raise Conflict(f"stream {stream.key}")
        for out in changes.outbox:
            if out.tenant not in self._tenants:
                raise PermissionError(f"{out.tenant} is none of {sorted(self._tenants)}")

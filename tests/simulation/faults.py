"""The twin of the database with what can go wrong around a commit: another transaction was first, the database is away, the process dies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from shared.bus.memory import MemoryDatabase, MemoryStorage
from shared.bus.storage import Away, Changes, Conflict, Fetched, Subject, Wanted
from shared.bus.streams import Key


class Killed(BaseException):
    """The process dies here. Not an Exception: nothing in the product may catch it."""


class Stumbled(Exception):
    """A use case fails, this time: something it needed was not there for a moment."""


FAULTS = ("conflict", "away before", "away after", "killed before", "killed after")
"""What may happen around a commit. After it, what was written stands, and nobody was told."""


class Database(MemoryDatabase):
    """A twin that finds streams by their subject, tells what was committed, and carries out one fault at a commit to come."""

    def __init__(self) -> None:
        super().__init__()
        self.by_subject: dict[Subject, list[Key]] = {}
        self.committed: Callable[[Changes], None] = lambda changes: None
        self.fault: str | None = None
        self.commits_before = 0
        self.happened: str | None = None

    def copy_of(self, other: Database) -> None:
        """Hold what another one holds. What is kept is never changed in place, but for streams, which are copied when they are read."""
        self.records = {name: dict(rows) for name, rows in other.records.items()}
        self.streams, self.inbox, self.answers = dict(other.streams), dict(other.inbox), dict(other.answers)
        self.by_subject = {subject: list(keys) for subject, keys in other.by_subject.items()}
        self.outbox, self.confirmed = list(other.outbox), dict(other.confirmed)

    def arm(self, fault: str, commits_before: int = 0) -> None:
        """Let `fault` happen at the next commit, or after some more."""
        self.fault, self.commits_before, self.happened = fault, commits_before, None

    def disarm(self) -> str | None:
        """What has happened since `arm`, if anything; from now on nothing does."""
        happened, self.fault, self.happened = self.happened, None, None
        return happened

    @contextlib.contextmanager
    def transaction(self, tenants: Sequence[str]) -> Iterator[MemoryStorage]:
        yield Storage(self, tenants)


class Storage(MemoryStorage):
    """One transaction on such a twin."""

    _database: Database

    def fetch(
        self,
        subjects: Sequence[Subject],
        wanted: Sequence[Wanted],
        *,
        waiting: Sequence[Subject] = (),
        lock: bool = True,
    ) -> Fetched:
        d = self._database
        if not waiting and not subjects:
            return super().fetch(subjects, wanted, waiting=waiting, lock=lock)
        chosen = [key for subject in dict.fromkeys(subjects) for key in d.by_subject.get(subject, ())]
        # What the twin does, without a look at every stream there is.
        everything, d.streams = d.streams, {key: d.streams[key] for key in chosen}
        try:
            return super().fetch(subjects, wanted, waiting=waiting, lock=lock)
        finally:
            d.streams = everything

    def commit(self, changes: Changes) -> None:
        d = self._database
        fault = None
        if d.fault is not None:
            if d.commits_before == 0:
                fault, d.happened, d.fault = d.fault, d.fault, None
            else:
                d.commits_before -= 1
        if fault == "conflict":
            raise Conflict("simulated")
        if fault == "away before":
            raise Away("simulated")
        if fault == "killed before":
            raise Killed
        super().commit(changes)
        for stream in changes.streams:
            if stream.fresh:
                d.by_subject.setdefault((stream.tenant, stream.subject), []).append(stream.key)
        d.committed(changes)
        if fault == "away after":
            raise Away("simulated")
        if fault == "killed after":
            raise Killed

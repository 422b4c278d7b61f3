"""Part one: whatever happens to the messages on their way, the real inbox hears each stream once and in order.

The network of these worlds forgets nothing: what was ever said may arrive at any time, any number of times, in batches of up to two.
That is every duplication, every order and every late copy; what is lost has just not arrived yet. What is sure to come is only what
production makes sure of: a fact until the inbox has taken it once, a peer message until it is confirmed, and the receipt that a
repeated one makes due. A good end has to be reachable along that alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from shared.contracts.messages import Message
from tests.exploration.search import Found, Move, explore
from tests.exploration.station import NOW, Arrival, Station, WordSaid, WordStated
from tests.support.saying import Streams

KAZENOR, NORTHWIND = "kazenor", "northwind"
Words = tuple[str, int]
"""A subject, and how many words are said about it."""


class Hearing(NamedTuple):
    """What the database holds, and what may still go wrong.

    `taken` are the messages that were acknowledged; `returning` those the broker gives once more because the process ended before it
    acknowledged them; `retries` those the inbox has sent to itself.
    """

    database: int
    taken: frozenset[str]
    returning: frozenset[str]
    retries: tuple[str, ...]
    crashes: int
    chokes: int


class Listening:
    """Streams of one kind that arrive at one business, which may crash in the middle and whose use case may fail."""

    def __init__(self, *streams: Words, kind: str, crashes: int = 0, chokes: int = 0) -> None:
        self.streams, self.kind, self.crashes, self.chokes = streams, kind, crashes, chokes
        self.station = Station(NORTHWIND)
        self.origin = NORTHWIND if kind == "fact" else KAZENOR
        said = Streams()
        self.names: dict[str, str] = {}
        for subject, words in streams:
            for word in range(1, words + 1):
                data: Message = WordStated(word=word) if kind == "fact" else WordSaid(word=word)
                body = said.body(data, tenant=NORTHWIND, subject=subject, origin=self.origin, time=NOW)
                self.names[body] = f"{subject}{word}"

    def explore(self) -> Found:
        start = Hearing(0, frozenset(), frozenset(), (), self.crashes, self.chokes)
        return explore(start, self.moves, self.wrong, good=self.good)

    def moves(self, state: Hearing) -> Iterator[tuple[Move, Hearing]]:
        for bodies in _batches(list(self.names)):
            for flags in itertools.product((False, True), repeat=len(bodies)):
                batch = tuple(Arrival(body, again) for body, again in zip(bodies, flags, strict=True))
                sure = len(batch) == 1 and self._comes(state, batch[0])
                yield from self._arrives(state, batch, sure=sure)
        for body in state.retries:
            batch = (Arrival(body, retry=True),)
            # It stays under way when the relay ends before it has noted that it is sent.
            yield from self._arrives(state, batch, sure=False)
            left = tuple(other for other in state.retries if other != body)
            yield from self._arrives(state._replace(retries=left), batch, sure=True)

    def _comes(self, state: Hearing, one: Arrival) -> bool:
        """Whether this is sure to arrive: a fact until it was taken, a peer message until it is applied."""
        if one.again:
            return one.body in state.returning
        if self.kind == "fact":
            return one.body not in state.taken
        e = self.station.delivery(one).envelope
        return e.sequence > self.station.stream(state.database, e.subject, self.origin).applied

    def _arrives(self, state: Hearing, batch: tuple[Arrival, ...], *, sure: bool) -> Iterator[tuple[Move, Hearing]]:
        names = " and ".join(
            self.names[one.body] + (", redelivered," if one.again else " from the inbox itself" if one.retry else "")
            for one in batch
        )
        done = state._replace(returning=state.returning.difference(one.body for one in batch if one.again))
        if self.kind == "fact":
            done = done._replace(taken=state.taken.union(one.body for one in batch))
        chokes: list[int | None] = [None]
        if state.chokes:
            chokes += sorted({self.station.delivery(one).envelope.data["word"] for one in batch})
        for choke in chokes:
            words = f"{names} arrives" if choke is None else f"{names} arrives, the use case fails at the word {choke}"
            left = state.chokes - (choke is not None)
            after, commits = self.station.handle(state.database, batch, choke=choke)
            yield Move(words, sure and choke is None), self._after(done._replace(chokes=left), after)
            if state.crashes:
                returning = state.returning.union(one.body for one in batch if not one.retry)
                crashed = state._replace(crashes=state.crashes - 1, chokes=left, returning=returning)
                for commit in range(1, commits):
                    after, _ = self.station.handle(state.database, batch, choke=choke, crash_after=commit)
                    yield Move(f"{words}, the process ends after commit {commit}", False), self._after(crashed, after)

    def _after(self, state: Hearing, database: int) -> Hearing:
        """The state after what the inbox did; what it wants to see again is under way from now on, and no part of the database."""
        held = self.station[database]
        if not held.retries:
            return state._replace(database=database)
        retries = tuple(sorted({*state.retries, *held.retries}))
        return state._replace(database=self.station.number(held._replace(retries=())), retries=retries)

    def wrong(self, state: Hearing, quiet: bool) -> str | None:
        for subject, _ in self.streams:
            heard = [word for word, _ in self.station.notes(state.database, subject).words]
            applied = self.station.stream(state.database, subject, self.origin).applied
            if heard != list(range(1, applied + 1)):
                return f"heard {heard} of {subject}, {applied} applied"
        return "a message was given up" if "dead" in self.station.waiting(state.database) else None

    def good(self, state: Hearing) -> bool:
        return (
            all(len(self.station.notes(state.database, subject).words) == words for subject, words in self.streams)
            and not (state.returning or state.retries)
            and not self.station.waiting(state.database)
        )


class Between(NamedTuple):
    """Two businesses that talk: what their databases hold, the receipts under way to each, how many words each may still say."""

    databases: tuple[int, int]
    receipts: tuple[frozenset[str], frozenset[str]]
    words: tuple[int, int]


class Talking:
    """Two businesses tell each other words about one subject, one also in answer; receipts travel beside, and get lost."""

    def __init__(self, words: tuple[int, int], answers: int | None) -> None:
        self.words = words
        self.stations = (Station(KAZENOR), Station(NORTHWIND, answers))
        self._names: dict[str, str] = {}

    def explore(self) -> Found:
        start = Between((0, 0), (frozenset(), frozenset()), self.words)
        return explore(start, self.moves, self.wrong, good=self.good)

    def moves(self, state: Between) -> Iterator[tuple[Move, Between]]:
        for here in (0, 1):
            there = 1 - here
            station, database = self.stations[here], state.databases[here]
            if state.words[here]:
                after = _with(state.databases, here, station.say(database, self.stations[there].tenant, "a"))
                left = _with(state.words, here, state.words[here] - 1)
                yield Move(f"{station.tenant} says a word"), state._replace(databases=after, words=left)
            said = self.stations[there][state.databases[there]].said
            confirmed = self.stations[there].stream(state.databases[there], "a", station.tenant).confirmed
            for bodies in _batches([*said, *sorted(state.receipts[here])]):
                # Any receipt may be lost; only what is not confirmed is sent again.
                sure = len(bodies) == 1 and station.delivery(Arrival(bodies[0])).envelope.sequence > confirmed
                after = _with(state.databases, here, station.handle(database, tuple(map(Arrival, bodies)))[0])
                yield Move(self._reaches(bodies, station.tenant), sure), state._replace(databases=after)
            for taken, body in station.receipts(database):
                name, gone = self._name(body), state._replace(databases=_with(state.databases, here, taken))
                yield Move(f"{name} is lost", False), gone
                under_way = _with(state.receipts, there, state.receipts[there] | {body})
                yield Move(f"{name} is sent", False), gone._replace(receipts=under_way)
                arrived = self.stations[there].handle(state.databases[there], (Arrival(body),))[0]
                after = _with(gone.databases, there, arrived)
                yield Move(f"{name} is sent and reaches {self.stations[there].tenant}"), gone._replace(databases=after)

    def wrong(self, state: Between, quiet: bool) -> str | None:
        for here in (0, 1):
            there = 1 - here
            mine, theirs = self.stations[here], self.stations[there]
            stream = mine.stream(state.databases[here], "a", theirs.tenant)
            heard = theirs.notes(state.databases[there], "a").words
            if [word for word, _ in heard] != list(range(1, len(heard) + 1)):
                return f"{theirs.tenant} heard {[word for word, _ in heard]}"
            if stream.confirmed > len(heard):
                return f"{mine.tenant} has {stream.confirmed} confirmed, {theirs.tenant} has applied {len(heard)}"
            if stream.confirmed and stream.applied < heard[stream.confirmed - 1][1]:
                return (
                    f"{mine.tenant} has {stream.confirmed} confirmed and applied {stream.applied} of the "
                    f"{heard[stream.confirmed - 1][1]} that {theirs.tenant} had said by then"
                )
            if mine.notes(state.databases[here], "a").confirmed != stream.confirmed:
                return f"the use case of {mine.tenant} does not know what is confirmed"
            if "dead" in mine.waiting(state.databases[here]):
                return "a message was given up"
        return None

    def good(self, state: Between) -> bool:
        for here in (0, 1):
            mine, theirs = self.stations[here], self.stations[1 - here]
            stream = mine.stream(state.databases[here], "a", theirs.tenant)
            heard = theirs.notes(state.databases[1 - here], "a").words
            if not len(heard) == stream.confirmed == stream.sent or mine.waiting(state.databases[here]):
                return False
        return not any(state.words)

    def _name(self, body: str) -> str:
        if body not in self._names:
            e = self.stations[0].delivery(Arrival(body)).envelope
            if e.sequence:
                self._names[body] = f"{e.origin}'s word {e.data['word']}"
            else:
                self._names[body] = f"{e.origin}'s receipt (applied {e.data['applied']}, sent {e.data['sent']})"
        return self._names[body]

    def _reaches(self, bodies: tuple[str, ...], tenant: str) -> str:
        key = "".join((*bodies, tenant))
        if key not in self._names:
            self._names[key] = f"{' and '.join(map(self._name, bodies))} reaches {tenant}"
        return self._names[key]


T = TypeVar("T")


def _with(pair: tuple[T, T], place: int, value: T) -> tuple[T, T]:
    return (value, pair[1]) if place == 0 else (pair[0], value)


def _batches(bodies: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every batch of one or two messages; the inbox puts them in order itself, so which comes first makes no difference."""
    yield from ((body,) for body in bodies)
    yield from itertools.combinations_with_replacement(bodies, 2)

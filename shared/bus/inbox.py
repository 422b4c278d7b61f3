"""The inbox: turns whatever the broker delivers (twice, out of order, too early) into streams that are applied once and in order.

A batch is one transaction. When a message of it fails, the batch is undone and each message is tried alone; the one that fails becomes
a row with its attempts, is retried with back-off from there, and is dead after five. Pure but for the storage: the simulator runs it too.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic import ValidationError

from shared import traces
from shared.bus import crash, streams
from shared.bus.records import Tables
from shared.bus.storage import Away, Conflict, Database, Subject, Wanted
from shared.bus.streams import Delivery, Verdict, Waiting
from shared.bus.unit import Unit
from shared.bus.work import Confirmed, Heard
from shared.clock import now
from shared.contracts.messages import CATALOGUE, Envelope, Message, Receipt, digest

ATTEMPTS = 5
BACK_OFF = (0.2, 1.0, 5.0, 30.0)
"""Seconds before the second, third, fourth and fifth attempt; with up to a fifth more, so that not all come at once."""
UNKNOWN_AGAIN = timedelta(minutes=5)
"""How soon a message of an unknown type is looked at again: newer code may have started meanwhile."""
AHEAD = 200
"""How far ahead of its stream a peer message is kept: nobody can fill our memory with what never becomes due."""
_CONFLICTS = 10

log = logging.getLogger(__name__)


class Undecodable(Exception):
    """A message that is not one of ours at all: it goes to the dead queue."""


@dataclass(frozen=True)
class Handler:
    """What is done with one kind of message; `needs` names the records it will ask for, so that a batch reads them all at once."""

    model: type[Message]
    handle: Callable[[Any, Heard[Any], datetime], None]
    needs: Callable[[Heard[Any]], Iterable[tuple[type[Any], str, str]]] | None = None


Listening = tuple[Handler | None, Heard[Any] | ValidationError | None]
"""Who handles a message, and as what it is heard; the error of one that is not what its type promises."""


@dataclass(slots=True)
class Tally:
    """What happened to the messages of a batch."""

    applied: int = 0
    duplicate: int = 0
    parked: int = 0
    failed: int = 0
    dead: int = 0
    forked: int = 0
    receipts: int = 0
    types: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    handled: list[Delivery] = field(default_factory=list)


def decode(
    body: bytes | str, *, again: bool = False, retry: bool = False, route: tuple[str, str, str] | None = None
) -> Delivery:
    """The delivery of a body. `route` is (to, service, from) of the routing key, which alone says who spoke. Raises Undecodable."""
    try:
        text = body if isinstance(body, str) else body.decode()
        envelope = Envelope.model_validate_json(text)
    except (ValidationError, UnicodeDecodeError) as error:
        raise Undecodable(f"not an envelope: {type(error).__name__}") from error
    if route is not None and (envelope.destination, envelope.source, envelope.origin) != route:
        raise Undecodable(
            f"the routing key {'.'.join(route)} does not name {envelope.origin} speaking to {envelope.destination}"
        )
    if route is not None and envelope.kind != "peer":
        raise Undecodable(f"a {envelope.kind} does not come from another business")
    if (envelope.kind == "peer") == (envelope.origin == envelope.destination):
        raise Undecodable("a peer message goes to another tenant, a fact to one's own")
    return Delivery(envelope, text, digest(text), again, retry, _trace(envelope))


def _trace(envelope: Envelope) -> traces.Trace | None:
    """The trace a message is handled in: that of the request on our side which caused it. What another business says, or we ourselves
    have said long before, is only linked."""
    return traces.continued(envelope.traceparent, foreign=envelope.kind != "fact")


class Inbox:
    """The inbox of one service."""

    def __init__(
        self,
        database: Database,
        service: str,
        tables: Tables,
        handlers: Mapping[tuple[str, str, str], Handler],
        *,
        confirmed: Callable[[Any, Confirmed, datetime], None] | None = None,
        clock: Callable[[], datetime] = now,
        jitter: Callable[[], float] = random.random,
        back_off: Sequence[float] = BACK_OFF,
    ) -> None:
        self.database = database
        self.service = service
        self.tables = tables
        self.handlers = handlers
        self.on_confirmed = confirmed
        self.clock = clock
        self.jitter = jitter
        self.back_off = back_off

    def handle(self, deliveries: Sequence[Delivery]) -> Tally:
        """Handle a batch, whole. When this returns, all of it is applied or kept as rows. Raises Away: nothing happened, try again."""
        tally = Tally()
        together, suspects = list(deliveries), []
        if any(d.again for d in deliveries):
            together, suspects = self._note(partial(self._note_started, deliveries))
        if together:
            try:
                self._repeat(lambda: self._apply(together, tally, drain=True))
            except Away:
                raise
            except Exception:
                log.info(
                    "a message of a batch of %d failed: trying each alone", len(together), exc_info=len(together) == 1
                )
                for delivery in sorted(together, key=_order):
                    self._alone(delivery, tally)
        for delivery in suspects:
            self._alone(delivery, tally)
        return tally

    def _repeat(self, step: Callable[[], Any]) -> Any:
        """Do `step`, again when somebody else was first. Raises Conflict when that does not end."""
        for _ in range(_CONFLICTS - 1):
            with contextlib.suppress(Conflict):
                return step()
        return step()

    def _note(self, step: Callable[[], Any]) -> Any:
        """Do what only keeps account of messages, and so can conflict with others for a moment only."""
        try:
            return self._repeat(step)
        except Conflict as error:
            raise Away("conflicts") from error

    # One transaction

    def _apply(self, deliveries: Sequence[Delivery], tally: Tally, *, drain: bool) -> None:
        mine = Tally()
        at = self.clock()
        crash.doing("message", (label(d) for d in deliveries))
        crash.point("dedupe.before")
        subjects = {(d.envelope.destination, d.envelope.subject) for d in deliveries}
        tenants = sorted({tenant for tenant, _ in subjects})
        heard = [self._heard(d) for d in deliveries]
        with self.database.transaction(tenants) as storage:
            unit = Unit(storage, self.service, self.tables, at)
            waiting = sorted({(d.envelope.destination, d.envelope.subject) for d in deliveries if d.again or d.retry})
            unit.prefetch(subjects, self._needs(heard), waiting=waiting)
            self._fetch_waiting(unit, deliveries, set(waiting))
            crash.point("dedupe.after")
            for i in sorted(range(len(deliveries)), key=lambda i: _order(deliveries[i])):
                self._one(unit, deliveries[i], heard[i], mine, at, drain=drain)
            unit.commit()
        for name in ("applied", "duplicate", "parked", "failed", "dead", "forked", "receipts"):
            setattr(tally, name, getattr(tally, name) + getattr(mine, name))
        tally.types += mine.types
        tally.ages += mine.ages
        tally.handled += mine.handled

    def _fetch_waiting(self, unit: Unit, deliveries: Sequence[Delivery], have: set[Subject]) -> None:
        """Rows that wait are read only for streams that have some."""
        more = sorted(
            {
                (d.envelope.destination, d.envelope.subject)
                for d in deliveries
                if d.envelope.sequence and unit.stream(d.key).parked
            }
            - have
        )
        if more:
            unit.prefetch((), waiting=more)

    def _needs(self, heard: Sequence[Listening]) -> list[Wanted]:
        wanted = []
        for handler, message in heard:
            if handler is not None and handler.needs is not None and isinstance(message, Heard):
                wanted += [
                    Wanted(self.tables.of(r), tenant, id, lock=False) for r, tenant, id in handler.needs(message)
                ]
        return wanted

    def _heard(self, delivery: Delivery) -> Listening:
        e = delivery.envelope
        handler = self.handlers.get((e.kind, e.source, e.type))
        if handler is None:
            return None, None
        try:
            data = handler.model.model_validate(e.data)
        except ValidationError as error:
            # Its fault only once it is its turn: until then its place in the stream decides what becomes of it.
            return handler, error
        return handler, Heard(e.destination, e.origin, e.subject, e.sequence, e.time, data)

    @staticmethod
    def _call(unit: Unit, d: Delivery, heard: Listening, at: datetime) -> None:
        handler, message = heard
        if isinstance(message, ValidationError):
            raise message
        if handler is not None and message is not None:
            crash.point("effect.before")
            with contextlib.nullcontext() if d.trace is None else traces.span(d.envelope.type, "consumer", d.trace):
                handler.handle(unit, message, at)
            crash.point("effect.after")

    def _one(
        self,
        unit: Unit,
        d: Delivery,
        heard: Listening,
        tally: Tally,
        at: datetime,
        *,
        drain: bool,
    ) -> None:
        e = d.envelope
        stream = unit.stream(d.key)
        if e.type == Receipt.type and e.kind == "peer":
            receipt = Receipt.model_validate(e.data)
            streams.take_receipt(stream, receipt)
            tally.receipts += 1
            if receipt.wanted:
                unit.say_again(stream, receipt.applied)
            self._settle_receipt(unit, stream, at)
            return
        if e.kind == "timer":
            self._timer(unit, d, heard, tally, at)
            return
        verdict = streams.judge(stream, e.sequence, e.previous, d.digest)
        row = unit.waiting.get((d.key, e.sequence, e.id))
        if verdict is Verdict.DUPLICATE:
            tally.duplicate += 1
            self._again(unit, stream, d, row)
            # Whoever applied it may have ended before it came to what waits behind it; nobody says a fact twice.
            if drain:
                self._drain(unit, stream, tally, at)
        elif verdict is Verdict.FORK:
            self._fork(unit, stream, d, row, tally, at)
        elif verdict is Verdict.GAP:
            # What comes from far ahead is not kept: it comes again, until it is receipted.
            near = e.kind == "fact" or e.sequence <= stream.applied + AHEAD
            if not near:
                log.warning(
                    "%s %s in stream %s is %d ahead: not kept", e.type, e.id, d.key, e.sequence - stream.applied
                )
            if near and (row is None or row.state == "started"):
                self._park(unit, stream, d, row, None)
            tally.parked += 1
            if drain:
                self._drain(unit, stream, tally, at)
        elif row is not None and (row.state == "dead" or (row.state == "failed" and not d.retry and not _due(row, at))):
            # The other side sends again what it has no receipt for; our own attempts follow our own back-off.
            tally.duplicate += 1
        elif heard[0] is None and not self._known(e):
            self._unknown(unit, stream, d, row, at)
            stream.receipt_due = e.kind == "peer" or stream.receipt_due
            tally.parked += 1
        else:
            self._next(unit, stream, d, row, heard, tally, at)
            if drain:
                self._drain(unit, stream, tally, at)

    def _next(
        self, unit: Unit, stream: streams.Stream, d: Delivery, row: Waiting | None, heard: Listening, tally: Tally, at: datetime
    ) -> None:  # fmt: skip
        self._call(unit, d, heard, at)
        streams.advance(stream, d.envelope.sequence, d.digest)
        if stream.parked_type == d.envelope.type:
            stream.parked_type = None
        if row is not None and row.state != "started":
            stream.parked -= 1
        if d.envelope.kind == "peer":
            # Both sides keep both streams.
            unit.keep(_row(d, "applied", row.attempts if row is not None else 0))
            stream.receipt_due = True
            self._settle_receipt(unit, stream, at)
        elif row is not None:
            unit.settle(row)
        tally.applied += 1
        tally.types[d.envelope.type] += 1
        tally.handled.append(d)
        tally.ages.append(max(0.0, (at - d.envelope.time).total_seconds()))

    def _drain(self, unit: Unit, stream: streams.Stream, tally: Tally, at: datetime) -> None:
        """Apply what had come too early and is next now."""
        while stream.parked and (row := _parked_next(unit, stream)) is not None:
            d = _delivery(row)
            heard = self._heard(d)
            if streams.judge(stream, row.sequence, d.envelope.previous, d.digest) is not Verdict.APPLY:
                self._fork(unit, stream, d, row, tally, at)
                return
            if heard[0] is None and not self._known(d.envelope):
                self._unknown(unit, stream, d, row, at)
                return
            self._next(unit, stream, d, row, heard, tally, at)

    def _timer(self, unit: Unit, d: Delivery, heard: Listening, tally: Tally, at: datetime) -> None:
        row = unit.waiting.get((d.key, 0, d.envelope.id))
        self._call(unit, d, heard, at)
        if row is not None:
            unit.settle(row)
        tally.applied += 1
        tally.types[d.envelope.type] += 1
        tally.handled.append(d)

    def _known(self, e: Envelope) -> bool:
        """Facts that this service does not care for pass; what its catalogue does not even know waits for newer code."""
        return e.kind == "fact" and ("fact", e.source, e.type) in CATALOGUE

    def _again(self, unit: Unit, stream: streams.Stream, d: Delivery, row: Waiting | None) -> None:
        if d.envelope.kind == "peer":
            stream.receipt_due, stream.changed = True, True
        if row is not None and row.state == "started":
            if d.envelope.kind == "peer":
                unit.keep(replace(row, state="applied"))
            else:
                unit.settle(row)

    def _park(self, unit: Unit, stream: streams.Stream, d: Delivery, row: Waiting | None, error: str | None) -> Waiting:
        parked = replace(_row(d, "parked", row.attempts if row else 0), error=error)
        unit.keep(parked)
        stream.parked, stream.changed = stream.parked + 1, True
        return parked

    def _unknown(self, unit: Unit, stream: streams.Stream, d: Delivery, row: Waiting | None, at: datetime) -> None:
        """Park what today's code does not know, and look again now and then: nobody says a fact twice to newer code."""
        stream.parked_type, stream.changed = d.envelope.type, True
        words = f"unknown type {d.envelope.type}"
        if row is None or row.state == "started":
            unit.retry(self._park(unit, stream, d, row, words), at + UNKNOWN_AGAIN)
        elif row.error is None:
            unit.keep(replace(row, error=words))
            unit.retry(row, at + UNKNOWN_AGAIN)
        elif d.retry:
            unit.retry(row, at + UNKNOWN_AGAIN)

    def _fork(
        self, unit: Unit, stream: streams.Stream, d: Delivery, row: Waiting | None, tally: Tally, at: datetime
    ) -> None:
        """The same number with other content: kept and reported, never silently ignored. Its repair needs the two-author history."""
        log.error("fork in stream %s at %d: kept as a dead row", d.key, d.envelope.sequence)
        if row is None or row.state in {"started", "parked", "failed"}:
            if row is None or row.state == "started":
                stream.parked += 1
            unit.keep(
                replace(
                    _row(d, "dead", row.attempts if row else 0),
                    error="fork: another message was said under this number",
                )
            )
        stream.forked, stream.changed = True, True
        tally.forked += 1

    def _settle_receipt(self, unit: Unit, stream: streams.Stream, at: datetime) -> None:
        if streams.settle_receipt(stream):
            unit.confirm(stream)
            if self.on_confirmed is not None:
                news = Confirmed(stream.tenant, stream.peer, stream.subject, stream.confirmed, stream.confirmed_seen)
                self.on_confirmed(unit, news, at)

    # Failing

    def _note_started(self, deliveries: Sequence[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """Count a redelivered message as tried before it is handled: its handler may have ended the process.

        Returns what may be handled together, and the suspects: what was counted before is handled alone, what was tried least first,
        so that one deadly message takes no other with it. The broker's own count is of no use: it rises for a whole prefetch window at
        every lost connection.
        """
        crash.doing("note", (label(d) for d in deliveries if d.again))
        subjects = {(d.envelope.destination, d.envelope.subject) for d in deliveries if d.again}
        together: list[Delivery] = []
        suspects: list[tuple[int, Delivery]] = []
        with self.database.transaction(sorted({tenant for tenant, _ in subjects})) as storage:
            unit = Unit(storage, self.service, Tables(()), self.clock())
            unit.prefetch(subjects, waiting=sorted(subjects))
            for d in deliveries:
                row = unit.waiting.get((d.key, d.envelope.sequence, d.envelope.id))
                if not d.again or not self._counts(unit, d):
                    together.append(d)
                elif row is None or (row.state in {"started", "parked"} and row.attempts == 0):
                    unit.keep(_row(d, "started", 1) if row is None else replace(row, attempts=1))
                    together.append(d)
                elif row.state in {"started", "parked"}:
                    suspects.append((row.attempts, d))
                else:
                    together.append(d)
            unit.commit()
        return together, [d for _, d in sorted(suspects, key=lambda s: (s[0], _order(s[1])))]

    def _counts(self, unit: Unit, d: Delivery) -> bool:
        """Whether handling this message now would run its handler."""
        if d.envelope.type == Receipt.type:
            return False
        return d.envelope.sequence == 0 or d.envelope.sequence == unit.stream(d.key).applied + 1

    def _note_again(self, d: Delivery, tally: Tally) -> bool:
        """Count one message as tried, right before it is handled alone. False when that was once too often: it is dead."""
        crash.doing("note", (label(d),))
        subject = (d.envelope.destination, d.envelope.subject)
        with self.database.transaction((subject[0],)) as storage:
            unit = Unit(storage, self.service, Tables(()), self.clock())
            unit.prefetch([subject], waiting=[subject])
            row = unit.waiting.get((d.key, d.envelope.sequence, d.envelope.id))
            if not self._counts(unit, d) or (row is not None and row.state == "failed"):
                return True
            if row is not None and row.state == "dead":
                return False
            row = _row(d, "started", 1) if row is None else replace(row, attempts=row.attempts + 1)
            dead = row.attempts > ATTEMPTS
            if dead:
                if d.envelope.sequence and row.state == "started":
                    stream = unit.stream(d.key)
                    stream.parked, stream.changed = stream.parked + 1, True
                row = replace(row, state="dead", error="it ended the process each time it was handled")
                tally.dead += 1
                tally.failures[d.envelope.type] += 1
            unit.keep(row)
            unit.commit()
        return not dead

    def _alone(self, delivery: Delivery, tally: Tally) -> None:
        """Handle one message in its own transaction, then what it had held up, each in its own."""
        following: Delivery | None = delivery
        while following is not None:
            d, following = following, None
            # A message that was handled before, as far as we know, may end the process: count it first.
            if d.again and not self._note(partial(self._note_again, d, tally)):
                return
            try:
                self._repeat(partial(self._apply, [d], tally, drain=False))
            except Away:
                raise
            except Exception as error:
                with traces.within(d.trace):
                    log.warning(
                        "%s %s about %s failed", d.envelope.type, d.envelope.id, d.envelope.subject, exc_info=True
                    )
                # Also when others kept winning: what is in its own way for ever must not be in everybody's.
                self._note(partial(self._note_failed, d, error, tally))
            else:
                following = self._note(partial(self._following, d))

    def _following(self, d: Delivery) -> Delivery | None:
        if d.envelope.sequence == 0:
            return None
        subject = (d.envelope.destination, d.envelope.subject)
        with self.database.transaction((subject[0],)) as storage:
            unit = Unit(storage, self.service, Tables(()), self.clock())
            unit.prefetch([subject])
            stream = unit.stream(d.key)
            if not stream.parked:
                return None
            unit.prefetch((), waiting=[subject])
            row = _parked_next(unit, stream)
        return None if row is None or row.error is not None else replace(_delivery(row), again=True)

    def _note_failed(self, d: Delivery, error: Exception, tally: Tally) -> None:
        """Keep a failing message as a row, and have it come back after a while; after five attempts it is dead."""
        crash.doing("note", (label(d),))
        at = self.clock()
        subject = (d.envelope.destination, d.envelope.subject)
        with self.database.transaction((subject[0],)) as storage:
            unit = Unit(storage, self.service, Tables(()), at)
            unit.prefetch([subject], waiting=[subject])
            stream = unit.stream(d.key)
            row = unit.waiting.get((d.key, d.envelope.sequence, d.envelope.id))
            # A redelivered message was counted before it was handled.
            attempts = (row.attempts if row is not None else 0) + (
                0 if d.again and row is not None and row.state != "failed" else 1
            )
            dead = attempts >= ATTEMPTS
            due = at + timedelta(
                seconds=self.back_off[min(attempts, len(self.back_off)) - 1] * (1 + 0.2 * self.jitter())
            )
            # What could not be kept as text must not fail once more here.
            words = f"{type(error).__name__}: {error}"[:2000].replace("\x00", "").encode(errors="replace").decode()
            failed = replace(
                _row(d, "dead" if dead else "failed", attempts), error=words, not_before=None if dead else due
            )
            if d.envelope.sequence and (row is None or row.state == "started"):
                stream.parked, stream.changed = stream.parked + 1, True
            unit.keep(failed)
            if not dead:
                unit.retry(failed, due)
            unit.commit()
        tally.failures[d.envelope.type] += 1
        if dead:
            tally.dead += 1
        else:
            tally.failed += 1


def _order(d: Delivery) -> tuple[str, str, str, str, int]:
    return (*d.key, d.envelope.sequence)


def label(d: Delivery) -> str:
    """What a message is called where it is at hand: `peer:offer.sent`."""
    return f"{d.envelope.kind}:{d.envelope.type}"


def _due(row: Waiting, at: datetime) -> bool:
    return row.not_before is None or row.not_before <= at


def _row(d: Delivery, state: str, attempts: int) -> Waiting:
    e = d.envelope
    return Waiting(
        e.destination,
        e.subject,
        e.origin,
        e.source,
        e.sequence,
        e.id,
        e.kind,
        e.type,
        state,
        attempts,
        None,
        None,
        d.digest,
        d.body,
    )


def _delivery(row: Waiting) -> Delivery:
    envelope = Envelope.model_validate_json(row.body)
    return Delivery(envelope, row.body, row.digest, trace=_trace(envelope))


def _parked_next(unit: Unit, stream: streams.Stream) -> Waiting | None:
    """The parked message that is next in its stream. One that failed waits for its own retry, a dead one for a person."""
    for row in unit.waiting.values():
        if row.key == stream.key and row.sequence == stream.applied + 1 and row.state == "parked":
            return row
    return None

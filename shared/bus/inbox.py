"""The inbox: turns whatever the broker delivers (twice, out of order, too early) into streams that are applied once and in order.

A batch is one transaction. When a message of it fails, the batch is undone and each message is tried alone; the one that fails becomes
a row with its attempts, is retried with back-off from there, and is dead after five. Pure but for the storage: the simulator runs it too.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic import ValidationError

from shared import traces
from shared.bus import crash, streams
from shared.bus.attempts import BACK_OFF, Attempts
from shared.bus.deliveries import Tally, delivery_of, label, next_parked, order, row_of
from shared.bus.records import Tables
from shared.bus.storage import Away, Conflict, Database, Subject, Wanted
from shared.bus.streams import Delivery, Verdict, Waiting
from shared.bus.unit import Unit
from shared.bus.work import Confirmed, Heard
from shared.clock import now
from shared.contracts.messages import CATALOGUE, Envelope, Message, Receipt

UNKNOWN_AGAIN = timedelta(minutes=5)
"""How soon a message of an unknown type is looked at again: newer code may have started meanwhile."""
AHEAD = 200
"""How far ahead of its stream a peer message is kept: nobody can fill our memory with what never becomes due."""
SAYS_MUCH = 4 * 1024 * 1024
"""How many characters one transaction of a batch says before the rest of the batch gets the next one."""
_CONFLICTS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handler:
    """What is done with one kind of message; `needs` names the records it will ask for, so that a batch reads them all at once."""

    model: type[Message]
    handle: Callable[[Any, Heard[Any], datetime], None]
    needs: Callable[[Heard[Any]], Iterable[tuple[type[Any], str, str]]] | None = None


Listening = tuple[Handler | None, Heard[Any] | ValidationError | None]
"""Who handles a message, and as what it is heard; the error of one that is not what its type promises."""


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
        self.attempts = Attempts(database, service, clock=clock, jitter=jitter, back_off=back_off)

    def handle(self, deliveries: Sequence[Delivery]) -> Tally:
        """Handle a batch, whole. When this returns, each message is applied, kept as a row, or comes again by itself.

        Raises Away: try the batch again; what was handled already is absorbed then.
        """
        tally = Tally()
        together, suspects = list(deliveries), []
        if any(d.again for d in deliveries):
            together, suspects = self._note(partial(self.attempts.started, deliveries))
        while together:
            try:
                together = self._repeat(partial(self._apply, together, tally, drain=True))
            except Away:
                raise
            except Exception:
                log.info(
                    "a message of a batch of %d failed: trying each alone", len(together), exc_info=len(together) == 1
                )
                for delivery in sorted(together, key=order):
                    self._alone(delivery, tally)
                together = []
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

    def _alone(self, delivery: Delivery, tally: Tally) -> None:
        """Handle one message in its own transaction, then what it had held up, each in its own."""
        following: Delivery | None = delivery
        while following is not None:
            d, following = following, None
            # A message that was handled before, as far as we know, may end the process: count it first.
            if d.again and not self._note(partial(self.attempts.again, d, tally)):
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
                self._note(partial(self.attempts.failed, d, error, tally))
            else:
                following = self._note(partial(self._following, d))

    def _following(self, d: Delivery) -> Delivery | None:
        """What had to wait behind a delivery, and is next now."""
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
            row = next_parked(unit, stream)
        return None if row is None or row.error is not None else replace(delivery_of(row), again=True)

    # One transaction

    def _apply(self, deliveries: Sequence[Delivery], tally: Tally, *, drain: bool) -> list[Delivery]:
        """Handle these in one transaction; the last of them are left, and answered, once it would say very much."""
        mine, left = Tally(), list[Delivery]()
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
            for i in sorted(range(len(deliveries)), key=lambda i: order(deliveries[i])):
                if unit.weight > SAYS_MUCH:
                    left.append(deliveries[i])
                else:
                    self._one(unit, deliveries[i], heard[i], mine, at, drain=drain)
            unit.commit()
        for name in ("applied", "duplicate", "parked", "failed", "dead", "forked", "receipts"):
            setattr(tally, name, getattr(tally, name) + getattr(mine, name))
        tally.types += mine.types
        tally.ages += mine.ages
        tally.handled += mine.handled
        return left

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
            known = stream.forked
            streams.take_receipt(stream, receipt)
            tally.receipts += 1
            if stream.forked and not known:
                log.error("fork in stream %s: the other side has heard what we have not said", d.key)
                tally.forked += 1
            if receipt.wanted:
                unit.say_again(stream, receipt.applied)
            self._settle_receipt(unit, stream, at)
            return
        if e.kind == "timer":
            self._timer(unit, d, heard, tally, at)
            return
        verdict = streams.judge(stream, e.sequence, e.previous, d.digest)
        if verdict is Verdict.DUPLICATE and e.kind == "peer" and self._contradicts(unit, d):
            verdict = Verdict.FORK
        elif verdict is Verdict.FORK and e.kind == "peer" and self._given_up(unit, d):
            verdict = Verdict.DUPLICATE
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
            if near and self._rivals(unit, d):
                self._fork(unit, stream, d, row, tally, at)
                return
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
            unit.keep(row_of(d, "applied", row.attempts if row is not None else 0))
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
        while stream.parked and (row := next_parked(unit, stream)) is not None:
            d = delivery_of(row)
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
        parked = replace(row_of(d, "parked", row.attempts if row else 0), error=error)
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
        # What stands under its id may be another message: what was applied, if a liar says this one.
        mine = row if row is not None and row.digest == d.digest else None
        if mine is not None and mine.state != "dead":
            unit.settle(mine)
            stream.parked -= mine.state != "started"
        if (mine is None or mine.state != "dead") and (d.key, d.envelope.sequence, d.digest) not in unit.waiting:
            dead = row_of(d, "dead", mine.attempts if mine is not None else 0)
            # So it is kept under its digest, and whatever has its id, now or later, in its own place.
            unit.keep(replace(dead, id=d.digest, error="fork: another message was said under this number"))
            stream.parked += 1
        stream.forked, stream.changed = True, True
        tally.forked += 1

    @staticmethod
    def _contradicts(unit: Unit, d: Delivery) -> bool:
        """Whether something else was applied under the number of a message that seems to come again."""
        told = unit.heard(d.key, d.envelope.sequence)
        return bool(told) and d.digest not in told

    @staticmethod
    def _rivals(unit: Unit, d: Delivery) -> bool:
        """Whether another message waits under the number of one that comes too early. The first stays: its turn shows whether it fits."""
        return any(
            (row.key, row.sequence, row.state) == (d.key, d.envelope.sequence, "parked") and row.digest != d.digest
            for row in unit.waiting.values()
        )

    @staticmethod
    def _given_up(unit: Unit, d: Delivery) -> bool:
        """Whether a message that contradicts the stream was dropped by an operator: it comes until it is receipted, and is no news."""
        return d.digest in unit.heard(d.key, d.envelope.sequence)

    def _settle_receipt(self, unit: Unit, stream: streams.Stream, at: datetime) -> None:
        if streams.settle_receipt(stream):
            unit.confirm(stream)
            if self.on_confirmed is not None:
                news = Confirmed(stream.tenant, stream.peer, stream.subject, stream.confirmed, stream.confirmed_seen)
                self.on_confirmed(unit, news, at)


def _due(row: Waiting, at: datetime) -> bool:
    return row.not_before is None or row.not_before <= at

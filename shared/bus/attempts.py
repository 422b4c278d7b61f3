"""How often a message was tried. It is counted in a transaction of its own, so that a handler that fails, or ends the process, undoes nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.bus import crash
from shared.bus.deliveries import Tally, label, order, row_of
from shared.bus.records import Tables
from shared.bus.storage import Database, Storage
from shared.bus.streams import Delivery
from shared.bus.unit import Unit
from shared.contracts.messages import Receipt

ATTEMPTS = 5
BACK_OFF = (0.2, 1.0, 5.0, 30.0)
"""Seconds before the second, third, fourth and fifth attempt; with up to a fifth more, so that not all come at once."""


class Attempts:
    """The attempts of one service's inbox. `jitter` is between 0 and 1; `back_off` the seconds before the second attempt, and so on."""

    def __init__(
        self,
        database: Database,
        service: str,
        *,
        clock: Callable[[], datetime],
        jitter: Callable[[], float],
        back_off: Sequence[float],
    ) -> None:
        self.database = database
        self.service = service
        self.clock = clock
        self.jitter = jitter
        self.back_off = back_off

    def started(self, deliveries: Sequence[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
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
            unit = self._unit(storage)
            unit.prefetch(subjects, waiting=sorted(subjects))
            for d in deliveries:
                row = unit.waiting.get((d.key, d.envelope.sequence, d.envelope.id))
                if not d.again or not self._counts(unit, d):
                    together.append(d)
                elif row is None or (row.state in {"started", "parked"} and row.attempts == 0):
                    unit.keep(row_of(d, "started", 1) if row is None else replace(row, attempts=1))
                    together.append(d)
                elif row.state in {"started", "parked"}:
                    suspects.append((row.attempts, d))
                else:
                    together.append(d)
            unit.commit()
        return together, [d for _, d in sorted(suspects, key=lambda s: (s[0], order(s[1])))]

    def _unit(self, storage: Storage) -> Unit:
        return Unit(storage, self.service, Tables(()), self.clock())

    def _counts(self, unit: Unit, d: Delivery) -> bool:
        """Whether handling this message now would run its handler."""
        if d.envelope.type == Receipt.type:
            return False
        return d.envelope.sequence == 0 or d.envelope.sequence == unit.stream(d.key).applied + 1

    def again(self, d: Delivery, tally: Tally) -> bool:
        """Count one message as tried, right before it is handled alone. False when that was once too often: it is dead."""
        crash.doing("note", (label(d),))
        subject = (d.envelope.destination, d.envelope.subject)
        with self.database.transaction((subject[0],)) as storage:
            unit = self._unit(storage)
            unit.prefetch([subject], waiting=[subject])
            row = unit.waiting.get((d.key, d.envelope.sequence, d.envelope.id))
            if not self._counts(unit, d) or (row is not None and row.state == "failed"):
                return True
            if row is not None and row.state == "dead":
                return False
            row = row_of(d, "started", 1) if row is None else replace(row, attempts=row.attempts + 1)
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

    def failed(self, d: Delivery, error: Exception, tally: Tally) -> None:
        """Keep a failing message as a row, and have it come back after a while; after five attempts it is dead."""
        crash.doing("note", (label(d),))
        at = self.clock()
        subject = (d.envelope.destination, d.envelope.subject)
        with self.database.transaction((subject[0],)) as storage:
            unit = self._unit(storage)
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
                row_of(d, "dead" if dead else "failed", attempts), error=words, not_before=None if dead else due
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

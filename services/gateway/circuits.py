"""Circuits: what is known of each service, so that nobody waits for one that is not there.

A service is away when nobody takes from its queue (the broker knows that at once when its process ends), or when it has left calls
unanswered for a while and then a probe as well (a process that hangs). Its callers then get 503 at once. Probes find out when it is
back; a call of a user is never the one to try.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import Gauge

OPEN = Gauge("accord_circuit_open", "1 while calls to a service fail at once because it is away.", ["service"])

LOOK_EVERY = 0.3
"""Seconds between two looks at who takes from which queue."""
PATIENCE = 1.0
"""Seconds a service may leave calls unanswered before it is probed."""

_log = logging.getLogger(__name__)


class Circuit:
    """What is known of one service. Times are those of `time.monotonic`."""

    def __init__(self, service: str) -> None:
        self.service = service
        self._attended = True
        self._mute = False
        self._unanswered: float | None = None
        OPEN.labels(service).set(0)

    @property
    def open(self) -> bool:
        """Whether calls are in vain now."""
        return self._mute or not self._attended

    def asked(self, now: float) -> None:
        """A call was sent."""
        if self._unanswered is None:
            self._unanswered = now

    def answered(self) -> None:
        """Something came back, whatever it was: the service lives."""
        self._unanswered = None
        self._note(attended=True, mute=False)

    def attended(self, consumers: int) -> None:
        """So many processes take from its queue."""
        self._note(attended=consumers > 0, mute=self._mute)

    def suspicious(self, now: float) -> bool:
        """Whether it should be probed: it has answered nothing for a while although it was asked."""
        return self._mute or (self._unanswered is not None and now - self._unanswered >= PATIENCE)

    def unheard(self, since: float) -> None:
        """A probe that was sent at `since` was not answered in time. It counts unless something else was answered since."""
        if self._unanswered is not None and self._unanswered <= since:
            self._note(attended=self._attended, mute=True)

    def _note(self, *, attended: bool, mute: bool) -> None:
        before = self.open
        self._attended, self._mute = attended, mute
        if self.open != before:
            OPEN.labels(self.service).set(self.open)
            if self.open:
                why = "does not answer" if attended else "is away"
                _log.warning("%s %s: its callers are told at once", self.service, why)
            else:
                _log.info("%s is back", self.service)


class Lookout:
    """Watches the services of `circuits` and tells `gone` of each whose circuit has opened.

    `count(service)` is how many processes take from its queue; `probe(service)` whether it answers.
    """

    def __init__(
        self,
        circuits: Mapping[str, Circuit],
        *,
        count: Callable[[str], Awaitable[int]],
        probe: Callable[[str], Awaitable[bool]],
        gone: Callable[[str], None],
    ) -> None:
        self._circuits = circuits
        self._count, self._probe, self._gone = count, probe, gone
        self._probes: dict[str, asyncio.Task[None]] = {}

    async def look(self) -> None:
        """Look once at every service. Probes go on behind it, at most one a service. Raises what `count` raises."""
        for service, circuit in list(self._circuits.items()):
            circuit.attended(await self._count(service))
            if circuit.open:
                self._gone(service)
            if circuit.suspicious(time.monotonic()) and service not in self._probes:
                self._probes[service] = task = asyncio.create_task(self._try(circuit))
                task.add_done_callback(lambda _, service=service: self._probes.pop(service, None))  # type: ignore[misc]

    async def _try(self, circuit: Circuit) -> None:
        began = time.monotonic()
        if await self._probe(circuit.service):
            circuit.answered()
            return
        circuit.unheard(began)
        if circuit.open:
            self._gone(circuit.service)

    def stop(self) -> None:
        """Leave what is being probed."""
        for task in self._probes.values():
            task.cancel()

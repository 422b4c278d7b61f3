"""Runs use cases: one transaction each, begun again on a conflict, with the stored answer for a repeated key."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.bus import crash
from shared.bus.records import Tables
from shared.bus.storage import Answer, Away, Conflict, Database
from shared.bus.streams import Key
from shared.bus.unit import Unit
from shared.bus.work import Json
from shared.calls import Call
from shared.clock import now
from shared.deadlines import LATEST_S
from shared.errors import IdempotencyKeyReused, Refusal, Unavailable

_TRIES = 8
_POLL = 0.005


class Session:
    """The records of one service, for its commands and queries."""

    def __init__(
        self,
        database: Database,
        service: str,
        tables: Tables,
        *,
        clock: Callable[[], datetime] = now,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.database = database
        self.service = service
        self.tables = tables
        self.clock = clock
        self.pause = pause

    def run(self, handler: Callable[..., Any], call: Call, *args: Any, **more: Any) -> Any:
        """Run `handler(work, call, *args, now=…, **more)` in one transaction and keep its answer under the call's key.

        Raises what the handler refuses; Unavailable when the database is away, others keep winning, or it has become too late.
        """
        tenants = (more.pop("tenant", None) or call.tenant,)
        for attempt in range(_TRIES):
            if attempt:
                self.pause(_POLL * attempt * random.uniform(0.5, 1.5))
            begun = False
            try:
                with self.database.transaction(tenants) as storage:
                    unit = Unit(storage, self.service, self.tables, self.clock())
                    crash.point("effect.before")
                    result = handler(unit, call, *args, now=unit.now, **more)
                    crash.point("effect.after")
                    if time.monotonic() - call.began > LATEST_S:
                        raise Unavailable()
                    begun = True
                    unit.commit(_answer(call, tenants[0], result))
                    return result
            except Refusal:
                # The same request at the same instant may have won, and what it did is now the reason of the refusal.
                answered = self.answered(call, tenant=tenants[0])
                if answered is not None:
                    return answered.result
                raise
            except Conflict:
                answered = self.answered(call, tenant=tenants[0])
                if answered is not None:
                    return answered.result
            except Away as error:
                # Once the commit was begun its outcome is unknown: only the caller, with its key, may repeat. Before, nothing was done,
                # and the pool has thrown its dead connections away meanwhile (fact N10).
                if begun or attempt > 0:
                    raise Unavailable() from error
        raise Unavailable("Too many people change this at the same moment. Try again.")

    def read(
        self, handler: Callable[..., Any], call: Call, *args: Any, after: Stated | None = None, **more: Any
    ) -> Any:
        """Run `handler(work, call, *args, now=…, **more)` without writing; not before this service has heard what was stated, `after`.

        Raises Unavailable when the database is away, or when that was not heard within a second.
        """
        for attempt in (1, 2):
            try:
                with self.database.transaction((call.tenant,)) as storage:
                    if after is None or storage.applied(after.key(call.tenant)) >= after.version:
                        unit = Unit(storage, self.service, self.tables, self.clock(), reading=True)
                        return handler(unit, call, *args, now=unit.now, **more)
            except (Away, Conflict) as error:
                # A read may be repeated: the pool has thrown the dead connections away meanwhile (fact N10).
                if attempt == 2:
                    raise Unavailable() from error
            else:
                break
        assert after is not None
        self.wait_for(call.tenant, after)
        return self.read(handler, call, *args, **more)

    def answered(self, call: Call, *, tenant: str | None = None) -> Answered | None:
        """The stored answer to this call, if it was answered before. Raises IdempotencyKeyReused when the call differs."""
        if call.idempotency_key is None:
            return None
        tenant = tenant or call.tenant
        try:
            with self.database.transaction((tenant,)) as storage:
                found = storage.answer(tenant, call.actor, call.method, call.idempotency_key)
        except (Away, Conflict) as error:
            raise Unavailable() from error
        if found is None:
            return None
        if found.fingerprint != call.fingerprint:
            raise IdempotencyKeyReused()
        return Answered(json.loads(found.text))

    def wait_for(self, tenant: str, *stated: Stated, seconds: float = 1.0) -> None:
        """Wait until this service has heard all that was stated. Raises Unavailable when it has not within `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with self.database.transaction((tenant,)) as storage:
                    heard = all(storage.applied(one.key(tenant)) >= one.version for one in stated)
            except (Away, Conflict) as error:
                raise Unavailable() from error
            if heard:
                return
            if time.monotonic() >= deadline:
                raise Unavailable()
            self.pause(_POLL)


@dataclass(frozen=True, slots=True)
class Stated:
    """That a publisher of our own business has stated `version` facts about a subject."""

    publisher: str
    subject: str
    version: int

    def key(self, tenant: str) -> Key:
        """The stream on which the tenant hears them."""
        return (tenant, self.subject, tenant, self.publisher)


class Answered:
    """A stored answer (which may itself be null)."""

    def __init__(self, result: Json | None) -> None:
        self.result = result


def _answer(call: Call, tenant: str, result: Any) -> Answer | None:
    if call.idempotency_key is None:
        return None
    return Answer(tenant, call.actor, call.method, call.idempotency_key, call.fingerprint, json.dumps(result))

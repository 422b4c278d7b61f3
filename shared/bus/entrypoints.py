"""What a service class is made of: `@command`, `@query`, `@on`, its `Records` and its `Neighbour`s. Used in `service.py` only."""

from __future__ import annotations

import functools
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import eventlet.tpool
import psycopg
from nameko.extensions import DependencyProvider, Entrypoint

from shared import settings, traces
from shared.bus import crash
from shared.bus.consumer import BatchConsumer
from shared.bus.inbox import Handler
from shared.bus.postgres import PostgresDatabase
from shared.bus.records import Table, Tables
from shared.bus.rpc import TRACEPARENT, Neighbour, Rpc
from shared.bus.session import Session
from shared.bus.storage import Away
from shared.bus.work import Confirmed, Heard
from shared.calls import Call
from shared.contracts.messages import Message
from shared.errors import Refusal, Unavailable
from shared.health import MESSAGE_AGE, MESSAGES_FAILED, MESSAGES_HANDLED, RPC_SECONDS

__all__ = ["Neighbour", "Records", "command", "off_hub", "on", "query"]

F = TypeVar("F", bound=Callable[..., Any])
log = logging.getLogger(__name__)
calls = logging.getLogger("accord.calls")


def _end(error: Exception) -> None:
    """This process must not run: say why, as the last thing, and end."""
    print(error, file=sys.stderr, flush=True)
    os._exit(1)


class Records(DependencyProvider):  # type: ignore[misc]
    """The records of a service: gives its methods a `Session`."""

    def __init__(self, service: str, tables: Iterable[Table[Any]]) -> None:
        self.service = service
        self.tables = Tables(tables)
        self.session: Session | None = None

    def setup(self) -> None:
        # Connects at the first use: nothing here may raise while the service starts (fact N7).
        database = PostgresDatabase(settings.database_url(self.service), refuse=_end)
        self.session = Session(database, self.service, self.tables, pause=eventlet.sleep)

    def start(self) -> None:
        # What has not happened yet is 0, and not absent.
        for entrypoint in self.container.entrypoints:
            if isinstance(entrypoint, On) and issubclass(entrypoint.model, Message):
                MESSAGES_HANDLED.labels(self.service, entrypoint.model.type)
                MESSAGES_FAILED.labels(self.service, entrypoint.model.type)
            elif isinstance(entrypoint, Rpc):
                RPC_SECONDS.labels(self.service, entrypoint.method_name, "done")
        MESSAGE_AGE.labels(self.service)
        self.container.spawn_managed_thread(self._greet, identifier="greeting the database")

    def _greet(self) -> None:
        """Meet the database as soon as it is there: a role that must not be used ends this process then, and not at the first request."""
        assert self.session is not None
        pause = 0.2
        while True:
            try:
                self.session.database.ping()
                return
            except Away:
                eventlet.sleep(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, 2.0)
            except Exception:
                # Nothing raises out of here (fact N7).
                log.exception("the database cannot be asked")
                return

    def worker_setup(self, worker_ctx: Any) -> None:
        # Each call is a green thread of its own, and begins without a context.
        traces.enter(traces.read(worker_ctx.data.get(TRACEPARENT)))

    def get_dependency(self, worker_ctx: Any) -> Session:
        assert self.session is not None
        return self.session


def _entrypoint(ids: Sequence[str], *, anonymous: bool, replay: bool) -> Callable[[F], Any]:
    def decorate(method: F) -> Any:
        name = method.__name__

        @functools.wraps(method)
        def entry(self: Any, **request: Any) -> Any:
            span = traces.started(f"{self.name}.{name}", "server")
            with traces.within(span.trace):
                return answer(self, request, span)

        def answer(self: Any, request: dict[str, Any], span: traces.Span) -> Any:
            began, outcome = time.perf_counter(), "error"
            try:
                call = Call.of(name, request, ids, anonymous=anonymous)
                repeatable = replay and call.idempotency_key is not None and not anonymous
                crash.doing("command" if replay else "query", (name,))
                crash.point("dedupe.before")
                if repeatable and (answered := self.records.answered(call)) is not None:
                    outcome = "repeated"
                    return answered.result
                crash.point("dedupe.after")
                try:
                    result = method(self, call)
                except Refusal:
                    # The same request at the same instant may have won, and what it did is why this one was refused at the door.
                    if not repeatable or (answered := self.records.answered(call)) is None:
                        raise
                    outcome = "repeated"
                    return answered.result
                outcome = "done"
                return result
            except Refusal as refused:
                outcome = refused.code
                raise
            except psycopg.Error as error:
                log.exception("%s failed on the database", name)
                raise Unavailable() from error
            finally:
                seconds = time.perf_counter() - began
                RPC_SECONDS.labels(self.name, name, outcome).observe(seconds)
                calls.log(
                    logging.INFO if replay else logging.DEBUG,
                    "called",
                    extra={
                        "method": name,
                        "outcome": outcome,
                        "ms": round(seconds * 1000, 1),
                        "tenant": str(request.get("tenant", ""))[:63],
                        "actor": str(request.get("actor", ""))[:63],
                    },
                )
                traces.ended(span, failed=outcome == "error")

        del entry.__wrapped__  # nameko checks calls against the signature it finds
        return Rpc.decorator(once=replay, expected_exceptions=(Refusal,))(entry)

    return decorate


def command(*ids: str, anonymous: bool = False) -> Callable[[F], Any]:
    """An RPC that changes something. `ids` are the arguments that stand in the path; the method gets the parsed `Call`.

    A repeated idempotency key gives the stored answer. `anonymous`: there is no caller yet.
    """
    return _entrypoint(ids, anonymous=anonymous, replay=True)


def query(*ids: str, anonymous: bool = False) -> Callable[[F], Any]:
    """An RPC that only reads, or may be done twice, like a login: no answer is kept, and one that the broker gives again is carried out."""
    return _entrypoint(ids, anonymous=anonymous, replay=False)


class On(Entrypoint):  # type: ignore[misc]
    """Handles messages of one model, in stream order, each once, in the inbox's transaction."""

    consumer = BatchConsumer()

    def __init__(
        self,
        model: type[Message] | type[Confirmed],
        needs: Callable[[Heard[Any]], Iterable[tuple[type[Any], str, str]]] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.needs = needs

    def setup(self) -> None:
        method = getattr(self.container.service_cls(), self.method_name)
        if self.model is Confirmed:
            self.consumer.confirmed = method
        else:
            self.consumer.register(Handler(self.model, method, self.needs))  # type: ignore[arg-type]

    def stop(self) -> None:
        self.consumer.leave()


def on(
    model: type[Message] | type[Confirmed],
    needs: Callable[[Heard[Any]], Iterable[tuple[type[Any], str, str]]] | None = None,
) -> Callable[[F], F]:
    """Call the method as `method(self, work, message, now)` for each message of `model`, or for each news from receipts (`Confirmed`).

    `needs` names the records the handler will `peek` at, so that a batch reads them all at once.
    """
    decorated: Callable[[F], F] = On.decorator(model, needs)
    return decorated


def off_hub(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run a long computation (Argon2) in a real thread, so that the hub goes on meanwhile (promise R8)."""
    return eventlet.tpool.execute(function, *args, **kwargs)

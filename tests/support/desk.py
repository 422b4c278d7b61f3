"""One service as a process on a real broker and database. `Desk` speaks to it over the broker, as its callers and publishers do.

with serving("history", service_databases, broker) as environment:
    desk = Desk("history", environment)
    desk.say(fact, tenant="northwind", subject=partnership_id)
    desk.ask("list_entries", tenant="northwind", …)
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import kombu
import psycopg

from shared.errors import refusal
from tests.support.neighbours import RPC
from tests.support.processes import running
from tests.support.saying import Mouth
from tests.support.servers import RabbitServer, prepare


class Desk(Mouth):
    """Speaks to one service.

    It waits `seconds` for an answer. What is Unavailable it asks `tries` times, as any caller may: on a busy machine a
    neighbour misses its deadline of a second.
    """

    def __init__(self, service: str, environment: Mapping[str, str], *, seconds: float = 5, tries: int = 1) -> None:
        super().__init__(environment)
        self.service, self._seconds, self._tries = service, seconds, tries

    def ask(self, method: str, /, **request: Any) -> Any:
        """The answer of the service. Raises its refusal, or AssertionError for anything else."""
        for _ in range(self._tries):
            answer = self._answer(method, request)
            error = answer["error"]
            if error is None:
                return answer["result"]
            if error["exc_type"] != "Unavailable":
                break
        known = refusal(error["exc_type"], *error["exc_args"][:2])
        assert known is not None, error
        raise known

    def _answer(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        correlation, answers = str(uuid4()), []
        with kombu.Connection(self.environment["ACCORD_AMQP_URI"]) as connection, connection.channel() as channel:
            queue = kombu.Queue(f"test-{correlation}", RPC, routing_key=correlation, exclusive=True, auto_delete=True)
            with connection.Consumer(queue, callbacks=[lambda b, m: answers.append(b)], no_ack=True, channel=channel):
                connection.Producer(channel).publish(
                    {"args": [], "kwargs": request},
                    exchange=RPC,
                    routing_key=f"{self.service}.{method}",
                    reply_to=correlation,
                    correlation_id=correlation,
                    serializer="json",
                )
                with contextlib.suppress(TimeoutError):
                    while not answers:
                        connection.drain_events(timeout=self._seconds)
        assert answers, f"{self.service}.{method} did not answer"
        return answers[0]

    def said(self, subject: str, tenant: str) -> list[tuple[str, str, dict[str, Any]]]:
        """What the service has said about a subject: type, destination and data, in order."""
        with psycopg.connect(self.environment[f"ACCORD_{self.service.upper()}_RELAY_DATABASE_URL"]) as connection:
            rows = connection.execute(
                "select type, destination, body from outbox where tenant = %s and subject = %s and kind <> 'timer'"
                " order by id",
                [tenant, subject],
            ).fetchall()
        return [(type_, destination, json.loads(body)["data"]) for type_, destination, body in rows]


@contextlib.contextmanager
def serving(
    service: str,
    databases: Callable[..., dict[str, str]],
    broker: RabbitServer,
    *,
    relay: bool = True,
    **more: str,
) -> Iterator[dict[str, str]]:
    """The service as a process, on a database of its own, and its relay; ready. Answers its environment; `more` are further variables."""
    environment = {**databases(service), **broker.environment(), **more}
    prepare(service, environment)
    broker.empty()
    with contextlib.ExitStack() as processes:
        processes.enter_context(running(environment, "shared.bus.run", f"services.{service}.service"))
        if relay:
            processes.enter_context(running(environment, "shared.bus.relay", service))
        yield environment

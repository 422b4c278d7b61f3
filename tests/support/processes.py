"""Processes of Accord for tests of a service at its interface: the real entrypoints on the real broker, neighbours replaced.

with running(env, "shared.bus.run", "services.history.service"), running(env, "tests.neighbour", "tests.interface.history.offers"):
    mouth = Mouth(env)
    mouth.say(fact, tenant="northwind", subject=partnership_id)     # as the publisher's relay would
    ask(env, "history", "list_entries", tenant="northwind", …)      # as any nameko client would
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import kombu
from nameko.exceptions import RemoteError
from nameko.standalone.rpc import ServiceRpcProxy

from shared.bus.topology import CONTENT_TYPE, EVENTS, fact_key
from shared.clock import iso
from shared.contracts.messages import Fact, digest
from shared.ids import new_id
from tests.support.servers import free_port, until


def answers(port: int) -> bool:
    """Whether the process with this health port says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def running(
    environment: Mapping[str, str], module: str, *arguments: str, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process `python -m module arguments`, once it is ready; killed at the end. `more` are further environment variables."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment, **more, "ACCORD_HEALTH_PORT": str(port)},
    )
    try:
        until(lambda: process.poll() is not None or answers(port), 60, f"{module} {arguments} is ready")
        assert process.poll() is None, f"{module} {arguments} ended with {process.returncode}"
        yield process
    finally:
        process.kill()
        process.wait()


class Mouth:
    """States facts as the relays of their publishers would: numbered and chained in their streams."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._uri = environment["ACCORD_AMQP_URI"]
        self._streams: dict[tuple[str, str, str], tuple[int, str]] = {}

    def body(self, fact: Fact, *, tenant: str, subject: str, time: datetime | None = None) -> str:
        """The next message of the stream, not published yet."""
        key = (tenant, fact.publisher, subject)
        number, previous = self._streams.get(key, (0, ""))
        text = json.dumps(
            {
                "specversion": "1.0", "id": new_id(), "type": fact.type, "source": fact.publisher, "subject": subject,
                "time": iso(time or datetime.now(UTC)), "origin": tenant, "destination": tenant, "sequence": number + 1,
                "previous": previous, "kind": "fact", "data": fact.model_dump(mode="json"),
            }
        )  # fmt: skip
        self._streams[key] = (number + 1, digest(text))
        return text

    def publish(self, *bodies: str) -> None:
        """Publish messages, in this order, as often as they stand here."""
        with kombu.Connection(self._uri) as connection:
            producer = connection.Producer()
            for body in bodies:
                head = json.loads(body)
                producer.publish(
                    body.encode(), exchange=EVENTS, routing_key=fact_key(head["source"], head["type"]), content_type=CONTENT_TYPE,
                    content_encoding="binary", delivery_mode=2,
                )  # fmt: skip

    def say(self, fact: Fact, *, tenant: str, subject: str, time: datetime | None = None) -> None:
        """State the next fact of a stream."""
        self.publish(self.body(fact, tenant=tenant, subject=subject, time=time))


def ask(environment: Mapping[str, str], service: str, method: str, **request: Any) -> Any:
    """The answer of a service to a stock nameko client. Raises nameko's RemoteError, or RpcTimeout after 20 s.

    Repeats what was unavailable, as any caller may: on a busy machine a neighbour misses its deadline of a second.
    """
    with ServiceRpcProxy(service, {"AMQP_URI": environment["ACCORD_AMQP_URI"]}, timeout=20) as proxy:
        for attempt in range(5):
            try:
                return getattr(proxy, method)(**request)
            except RemoteError as error:
                if error.exc_type != "Unavailable" or attempt == 4:
                    raise
    raise AssertionError("unreachable")

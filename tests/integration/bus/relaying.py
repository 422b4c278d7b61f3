"""What the tests of the relay share: a relay as a process, rows as a service commits them, and an ear at a queue."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import amqp
import kombu
import psycopg
from psycopg.rows import dict_row

from deploy.local.paths import ROOT
from shared.clock import now
from shared.ids import new_id
from tests.support.servers import free_port, until


@dataclass
class RelayProcess:
    """The relay of a service, as the stack runs it."""

    service: str
    environment: Mapping[str, str]
    log: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: bool = True) -> RelayProcess:
        """Start it; with `ready` wait until it says that broker and database answer."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "shared.bus.relay", self.service],
                env={**os.environ, **self.environment, "ACCORD_HEALTH_PORT": str(self.port)},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        if ready:
            until(lambda: self.get("/readyz")[0] == 200, 15, f"the relay is ready: {self.log.read_text()}")
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of its health endpoint; (0, "") while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a crash would."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.kill()


@dataclass(frozen=True)
class Outbox:
    """The outbox of a service, written as the service writes it and looked at as its relay sees it."""

    service: str
    environment: Mapping[str, str]

    def url(self, role: str = "") -> str:
        return self.environment[f"ACCORD_{self.service}{'_' if role else ''}{role}_DATABASE_URL".upper()]

    @contextlib.contextmanager
    def transaction(self, *tenants: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        """A transaction of the service for these tenants."""
        with psycopg.connect(self.url(), row_factory=dict_row) as connection:
            connection.execute("select set_config('app.tenants', %s, true)", [",".join(tenants)])
            yield connection

    def commit(
        self,
        *bodies: str,
        kind: str = "fact",
        tenant: str = "kazenor",
        destination: str = "",
        type: str = "offer.submitted",
        subject: str = "",
        due_in: Sequence[float] = (),
        notify: bool = True,
    ) -> list[str]:
        """One row a body, in one transaction, numbered from 1; answers their ids."""
        ids = [new_id() for _ in bodies]
        subject = subject or new_id()
        with self.transaction(tenant) as connection:
            for number, (id, body) in enumerate(zip(ids, bodies, strict=True), start=1):
                connection.execute(
                    "insert into outbox (tenant, id, kind, service, subject, destination, type, sequence, body, due_at)"
                    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now() + %s)",
                    [
                        tenant, id, kind, self.service, subject, destination or tenant, type,
                        number if kind in {"fact", "peer"} else 0, body,
                        timedelta(seconds=due_in[number - 1] if due_in else 0),
                    ],
                )  # fmt: skip
            if notify:
                connection.execute("notify outbox")
        return ids

    def change(self, assignments: str, id: str, tenant: str = "kazenor") -> None:
        """Change one row as the service may, and tell the relay."""
        with self.transaction(tenant) as connection:
            done = connection.execute(f"update outbox set {assignments} where tenant = %s and id = %s", [tenant, id])
            assert done.rowcount == 1
            connection.execute("notify outbox")

    def row(self, id: str) -> dict[str, Any]:
        """The row as it stands."""
        with psycopg.connect(self.url("relay"), row_factory=dict_row) as connection:
            found = connection.execute("select * from outbox where id = %s", [id]).fetchone()
        assert found is not None
        return found

    def sent(self, *ids: str, attempts: int = 1) -> list[dict[str, Any]]:
        """Wait until all these rows are marked as sent, `attempts` times; answers them."""
        until(
            lambda: all((r := self.row(id))["sent_at"] and r["attempts"] >= attempts for id in ids), 10, "rows are sent"
        )
        return [self.row(id) for id in ids]

    def stream(self, peer: str, *, tenant: str = "northwind", subject: str = "", **values: Any) -> str:
        """A stream with these values of ours, the receipt due; answers its subject."""
        subject = subject or new_id()
        row = {
            "tenant": tenant,
            "subject": subject,
            "peer": peer,
            "service": self.service,
            "receipt_due": True,
            **values,
        }
        with self.transaction(tenant) as connection:
            names, places = ", ".join(row), ", ".join(["%s"] * len(row))
            connection.execute(f"insert into streams ({names}) values ({places})", list(row.values()))
            connection.execute("notify outbox")
        return subject

    def receipt_due(self, subject: str) -> bool:
        with psycopg.connect(self.url("relay")) as connection:
            found = connection.execute("select receipt_due from streams where subject = %s", [subject]).fetchone()
        assert found is not None
        return bool(found[0])


class Ear:
    """Takes messages from a queue, one after the other."""

    def __init__(self, uri: str, queue: str) -> None:
        self._connection = kombu.Connection(uri, connect_timeout=5)
        self._channel = self._connection.channel()
        self.queue = queue

    def next(self, seconds: float = 5) -> amqp.Message:
        """The next message, taken away. AssertionError when none comes in time."""
        return until(lambda: self._channel.basic_get(self.queue, no_ack=True), seconds, f"a message in {self.queue}")

    def bodies(self, count: int, seconds: float = 5) -> list[str]:
        """The next `count` bodies, in their order. AssertionError when fewer come in time."""
        heard: list[str] = []
        self._channel.basic_qos(0, count, False)
        tag = self._channel.basic_consume(self.queue, callback=lambda message: heard.append(text(message)), no_ack=True)
        end = time.monotonic() + seconds
        try:
            while len(heard) < count:
                self._connection.drain_events(timeout=max(0.001, end - time.monotonic()))
        except TimeoutError:
            raise AssertionError(f"{len(heard)} of {count} came to {self.queue} in {seconds:g} s") from None
        finally:
            self._channel.basic_cancel(tag)
        return heard

    def nothing_more(self) -> bool:
        """Whether the queue is empty now."""
        return self._channel.basic_get(self.queue, no_ack=True) is None

    def close(self) -> None:
        self._connection.release()


def text(message: amqp.Message) -> str:
    body = message.body
    return body.decode() if isinstance(body, bytes) else body


def document(message: amqp.Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text(message))
    return found


def due_in(row: Mapping[str, Any]) -> float:
    """In how many seconds, from when it was last sent or from now, a row is due again."""
    since: datetime = row["sent_at"] or now()
    wait: timedelta = row["due_at"] - since
    return wait.total_seconds()

"""`python -m services.notifications.mailer`: sends the mails that are due; a plain process, without nameko.

A mail is handed over while its row is locked, so several mailers never send the same one, and one that dies in between leaves it due: at
least once, always under the same Message-ID. Neither the database nor the mail server being away ends the process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from prometheus_client import Counter, Gauge

from services.notifications.mail import check_sender, compose
from services.notifications.post import NotTaken, Post, Server, ServerAway
from services.notifications.store import MAILS
from shared import health, links, logs, settings, spans, traces
from shared.db import roles

log = logging.getLogger("accord.mailer")

# After how many seconds a mail that was not taken is tried again; then it is dead.
RETRIES_S: Sequence[float] = (60, 300, 1800, 7200, 28800)
POLL_S = 1.0
LONGEST_PAUSE_S = 30.0
PRUNE_EVERY_S = 3600.0
COUNT_EVERY_S = 60.0
STOP_WITHIN_S = 1.5

SENT = Counter("accord_mails_sent_total", "Mails that the mail server took.")
NOT_TAKEN = Counter("accord_mails_not_taken_total", "Attempts that failed, by what becomes of the mail.", ["becomes"])
AWAY = Counter("accord_mails_server_away_total", "Times the mail server did not answer or took nothing at all.")

DEAD = Gauge("accord_mails_dead", "Mails that were given up; an operator must look.")


def _queries(text: str) -> Mapping[str, str]:
    parts = re.split(r"^-- (\w+): .*$", text, flags=re.MULTILINE)
    return {name: sql.strip().removesuffix(";") for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


SQL = _queries(Path(__file__).with_name("mails.sql").read_text(encoding="utf-8"))


class Mailer:
    """Sends due mails until `stopping` is set. `ready` says whether the database answered last time."""

    def __init__(
        self,
        database_url: str,
        post: Post,
        *,
        sender: str,
        url: str,
        key: str = "",
        stopping: threading.Event,
        retries_s: Sequence[float] = RETRIES_S,
        poll_s: float = POLL_S,
    ) -> None:
        self._database_url = database_url
        self._post = post
        self._sender = sender
        self._url = url
        self._key = key
        self._stopping = stopping
        self._retries = retries_s
        self._poll = poll_s
        self._pruned = self._counted = float("-inf")
        self.ready = False

    def run(self) -> None:
        """Work until told to stop. Raises nothing for what is away; WrongRole when this process must not run at all."""
        pause = self._poll
        while not self._stopping.is_set():
            try:
                with psycopg.connect(
                    self._database_url,
                    autocommit=True,
                    connect_timeout=5,
                    application_name="mailer",
                    options="-c statement_timeout=10s",
                ) as connection:
                    roles.check(connection)
                    connection.execute("listen mails")
                    self.ready, pause = True, self._poll
                    self._work(connection)
            except psycopg.Error as error:
                self.ready = False
                log.warning("the database is away (%s); trying again within %.0f s", type(error).__name__, pause)
                self._stopping.wait(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, LONGEST_PAUSE_S)
        self._post.close()

    def _work(self, connection: psycopg.Connection[Any]) -> None:
        pause = self._poll
        while not self._stopping.is_set():
            try:
                while not self._stopping.is_set() and self.send_next(connection):
                    pause = self._poll
            except ServerAway as error:
                AWAY.inc()
                log.warning("the mail server %s; trying again within %.0f s", error, pause)
                self._stopping.wait(pause * random.uniform(0.5, 1))
                pause = min(pause * 2, LONGEST_PAUSE_S)
                connection.execute("select 1")
                continue
            self._post.close()
            self._prune(connection)
            self._count(connection)
            # A wake-up that was missed costs one poll, never a mail.
            for _ in connection.notifies(timeout=self._poll, stop_after=1):
                pass

    def send_next(self, connection: psycopg.Connection[Any]) -> bool:
        """Send the mail that has been due the longest; False when none is due. Raises ServerAway, and leaves it due then."""
        with connection.transaction():
            row = self._execute(connection, "next").fetchone()
            if row is None:
                return False
            document, tenant, id, attempts = row
            done: dict[str, Any] = {"tenant": tenant, "id": id}
            trace: traces.Trace | None = None
            try:
                mail = MAILS.load(document)
                trace = traces.continued(mail.traceparent, foreign=False)
                with traces.span("mail", "producer", trace):
                    self._post.send(compose(mail, sender=self._sender, url=self._url, key=self._key))
            except ServerAway:
                raise
            except Exception as error:
                # Whatever is wrong with this mail must not hold up the others.
                final = error.final if isinstance(error, NotTaken) else isinstance(error, ValueError)
                done["error"] = f"{type(error).__name__}: {error}"[:500]
                if final or attempts >= len(self._retries):
                    self._execute(connection, "dead", done)
                    becomes = "dead"
                else:
                    done["seconds"] = self._retries[attempts]
                    self._execute(connection, "again", done)
                    becomes = "again"
                NOT_TAKEN.labels(becomes).inc()
                with traces.within(trace):
                    log.warning("mail %s of %s was not taken (%s): %s", id, tenant, type(error).__name__, becomes)
            else:
                self._execute(connection, "sent", done)
                SENT.inc()
                with traces.within(trace):
                    log.info("sent", extra={"mail": id, "tenant": tenant})
        return True

    def _prune(self, connection: psycopg.Connection[Any]) -> None:
        if time.monotonic() - self._pruned > PRUNE_EVERY_S:
            self._execute(connection, "prune")
            self._pruned = time.monotonic()

    def _count(self, connection: psycopg.Connection[Any]) -> None:
        if time.monotonic() - self._counted > COUNT_EVERY_S:
            row = self._execute(connection, "count_dead").fetchone()
            DEAD.set(row[0] if row is not None else 0)
            self._counted = time.monotonic()

    def _execute(
        self, connection: psycopg.Connection[Any], name: str, parameters: Mapping[str, Any] | None = None
    ) -> psycopg.Cursor[Any]:
        return connection.execute(SQL[name], parameters)


def _stop_on_signals(stopping: threading.Event) -> None:
    def give_up(*_: object) -> None:
        # In the middle of a slow hand-over. The mail stays due and goes again, under the same Message-ID.
        os._exit(0)

    def stop(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, STOP_WITHIN_S)
        stopping.set()

    signal.signal(signal.SIGALRM, give_up)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _serve_health(port: int, mailer: Mailer) -> None:
    """Answer on `port` from a thread of its own: the main thread waits for mail servers."""

    def database() -> str | None:
        return None if mailer.ready else "The database does not answer."

    async def serve() -> None:
        server = await health.serve_async(port, {"database": database})
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), name="health", daemon=True).start()


def main() -> int:
    """Run from the settings. Returns the exit status: 1 with one sentence when a setting is missing or wrong."""
    stopping = threading.Event()
    try:
        logs.set_up("mailer")
        spans.start("mailer")
        port = settings.health_port()
        mailer = Mailer(
            settings.database_url("notifications", "ops"),
            Post(Server.of(settings.required("ACCORD_SMTP_URL"))),
            sender=check_sender(settings.required("ACCORD_MAIL_FROM")),
            url=settings.required("ACCORD_URL"),
            key=links.key(),
            stopping=stopping,
        )
    except (settings.MissingSetting, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    _stop_on_signals(stopping)
    if port is not None:
        _serve_health(port, mailer)
    try:
        mailer.run()
    except roles.WrongRole as error:
        print(error, file=sys.stderr)
        return 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    spans.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

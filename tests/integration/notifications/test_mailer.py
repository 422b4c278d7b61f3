"""The mailer against a real mail server (aiosmtpd) and a real database."""

from __future__ import annotations

import contextlib
import email
import email.policy
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any, Self

import psycopg
import pytest
from aiosmtpd.controller import Controller
from prometheus_client import REGISTRY

from services.notifications import handlers
from services.notifications.mailer import Mailer
from services.notifications.post import Post, Server
from services.notifications.store import TABLES
from shared.bus.postgres import PostgresDatabase
from shared.contracts.accounts import UserChanged
from tests.support import story
from tests.support.hearing import START, Ear
from tests.support.processes import is_ready
from tests.support.servers import PostgresServer, free_port, until

# It stops within 2 s; a busy machine may need longer to run it at all, but not as long as a mail server may be waited for.
SOON = 5
SENDER, URL = "Accord <accord@accord.example>", "http://localhost:8080"


class Sink:
    """A mail server that keeps what it takes. `answers` says what it answers to each attempt (the last one for ever)."""

    def __init__(self, port: int | None = None) -> None:
        self.taken: list[EmailMessage] = []
        self.attempts: list[tuple[str, str]] = []
        self.answers: Callable[[str, int], str] = lambda to, attempt: "250 taken"
        self.port = port or free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        to = envelope.rcpt_tos[0]
        self.attempts.append((to, message["Message-ID"]))
        answer = self.answers(to, sum(1 for t, _ in self.attempts if t == to))
        if answer.startswith("2"):
            self.taken.append(message)
        return answer

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as one:
        yield one


def write_mails(urls: dict[str, str], *ids: str, partnership: str = story.PARTNERSHIP) -> None:
    """Mails as the service writes them: an offer comes in, and these people hear of it."""
    database = PostgresDatabase(urls["ACCORD_NOTIFICATIONS_DATABASE_URL"], size=1)
    ear = Ear(database, "notifications", TABLES)
    for id in ids:
        changed = UserChanged(id=id, name=id.title(), email=f"{id}@northwind.example", role="admin", active=True)
        ear.hear(handlers.user_changed, changed, tenant="northwind", subject=id, time=START)
    ear.hear(handlers.offer_received, story.RECEIVED, tenant="northwind", subject=partnership)
    database._pool.close()


def rows(urls: dict[str, str]) -> list[dict[str, Any]]:
    with psycopg.connect(
        urls["ACCORD_NOTIFICATIONS_OPS_DATABASE_URL"], row_factory=psycopg.rows.dict_row
    ) as connection:
        return connection.execute(
            "select state ->> 'email' as email, due_at, attempts, sent_at, error from mails order by 1"
        ).fetchall()


def delivered(urls: dict[str, str]) -> bool:
    return all(row["due_at"] is None for row in rows(urls))


@contextlib.contextmanager
def mailing(urls: dict[str, str], port: int, *, retries_s: tuple[float, ...] = (0.05, 0.05)) -> Iterator[Mailer]:
    """A mailer in a thread of this process, impatient."""
    stopping = threading.Event()
    mailer = Mailer(
        urls["ACCORD_NOTIFICATIONS_OPS_DATABASE_URL"], Post(Server("smtp", "127.0.0.1", port), timeout_s=2),
        sender=SENDER, url=URL, stopping=stopping, retries_s=retries_s, poll_s=0.05,
    )  # fmt: skip
    thread = threading.Thread(target=mailer.run)
    thread.start()
    try:
        yield mailer
    finally:
        stopping.set()
        thread.join(10)
        assert not thread.is_alive()


@contextlib.contextmanager
def process(urls: dict[str, str], smtp_port: int, health_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The mailer as it is deployed."""
    environment = {
        **os.environ, **urls, "ACCORD_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}", "ACCORD_MAIL_FROM": SENDER, "ACCORD_URL": URL,
        "ACCORD_HEALTH_PORT": str(health_port), "ACCORD_LINK_KEY": "k" * 32,
    }  # fmt: skip
    running = subprocess.Popen([sys.executable, "-m", "services.notifications.mailer"], env=environment)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def ended(running: subprocess.Popen[bytes]) -> float:
    """How long it takes to end after a TERM."""
    began = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(10) == 0
    return time.monotonic() - began


def test_a_mail_goes_out_once_with_one_link_to_the_page(urls: dict[str, str], sink: Sink) -> None:
    with mailing(urls, sink.port):
        write_mails(urls, "nils")
        until(lambda: len(sink.taken) == 1)
        until(lambda: delivered(urls))
    (message,) = sink.taken
    assert message["To"] == "Nils <nils@northwind.example>"
    assert message["Subject"] == "Kazenor Consulting offers to work with you"
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert body.get_content().count(f"http://northwind.localhost:8080/partnerships/{story.PARTNERSHIP}") == 1
    (row,) = rows(urls)
    assert (row["attempts"], row["error"]) == (1, None)
    assert row["sent_at"] is not None


def test_what_is_not_taken_now_goes_again_as_the_same_mail(urls: dict[str, str], sink: Sink) -> None:
    sink.answers = lambda to, attempt: "451 later" if attempt < 3 else "250 taken"
    write_mails(urls, "nils")
    with mailing(urls, sink.port):
        until(lambda: delivered(urls))
    assert len(sink.attempts) == 3
    assert len(set(sink.attempts)) == 1
    assert rows(urls)[0]["attempts"] == 3


def test_what_is_never_taken_is_dead_after_some_attempts_and_holds_up_nothing(urls: dict[str, str], sink: Sink) -> None:
    sink.answers = lambda to, attempt: "451 later" if to.startswith("bad") else "250 taken"
    write_mails(urls, "bad", "nils", "ann")
    with mailing(urls, sink.port):
        until(lambda: delivered(urls))
    bad = next(row for row in rows(urls) if row["email"].startswith("bad"))
    assert (bad["attempts"], bad["sent_at"]) == (3, None)
    assert "451 later" in bad["error"]
    assert len(sink.taken) == 2


def test_what_is_refused_for_good_is_not_tried_again(urls: dict[str, str], sink: Sink) -> None:
    sink.answers = lambda to, attempt: "550 no such mailbox"
    write_mails(urls, "nils")
    with mailing(urls, sink.port):
        until(lambda: delivered(urls))
        until(lambda: REGISTRY.get_sample_value("accord_mails_dead") == 1)
    assert len(sink.attempts) == 1
    assert rows(urls)[0]["sent_at"] is None


def test_a_row_that_makes_no_mail_is_dead_and_the_others_go_out(urls: dict[str, str], sink: Sink) -> None:
    write_mails(urls, "bad", "nils")
    with psycopg.connect(urls["ACCORD_NOTIFICATIONS_OPS_DATABASE_URL"], autocommit=True) as ops:
        ops.execute("""update mails set state = '{"email": "bad@"}' where state ->> 'name' = 'Bad'""")
    with mailing(urls, sink.port):
        until(lambda: delivered(urls))
    assert [m["To"] for m in sink.taken] == ["Nils <nils@northwind.example>"]


def test_a_server_that_hangs_up_on_one_mail_still_gets_the_others(urls: dict[str, str]) -> None:
    # Too large a mail for it: the connection breaks in the middle of the data.
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listening:
        seen: list[bytes] = []
        threading.Thread(target=_moody_server, args=(listening, seen), daemon=True).start()
        write_mails(urls, "bad", "nils")
        with mailing(urls, listening.getsockname()[1]):
            until(lambda: delivered(urls))
    sent = {row["email"]: row["sent_at"] is not None for row in rows(urls)}
    assert sent == {"bad@northwind.example": False, "nils@northwind.example": True}


def _moody_server(listening: socket.socket, seen: list[bytes]) -> None:
    """Takes mails, but hangs up as soon as it hears of `bad@`."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection, connection.makefile("rwb") as lines:
            lines.write(b"220 moody\r\n")
            lines.flush()
            data = False
            for line in lines:
                if data:
                    data = line != b".\r\n"
                    answer = b"" if data else b"250 taken\r\n"
                elif line.upper().startswith(b"RCPT") and b"bad@" in line:
                    seen.append(line)
                    break
                elif line.upper().startswith(b"DATA"):
                    data, answer = True, b"354 go on\r\n"
                else:
                    answer = b"250 fine\r\n"
                lines.write(answer)
                lines.flush()


def test_two_mailers_send_each_mail_once(urls: dict[str, str], sink: Sink) -> None:
    write_mails(urls, *(f"user{i}" for i in range(20)))
    with mailing(urls, sink.port), mailing(urls, sink.port):
        until(lambda: delivered(urls))
    assert len(sink.taken) == 20
    assert len({m["Message-ID"] for m in sink.taken}) == 20


def test_the_process_outlives_its_mail_server_and_its_database_and_stops_when_told(
    urls: dict[str, str], postgres_server: PostgresServer
) -> None:
    smtp_port, health_port = free_port(), free_port()
    write_mails(urls, "nils")
    with process(urls, smtp_port, health_port) as running:
        until(lambda: is_ready(health_port), 15)
        with Sink(smtp_port) as sink:
            until(lambda: len(sink.taken) == 1, 15)
            postgres_server.stop()
            until(lambda: not is_ready(health_port), 15)
            postgres_server.start()
            until(lambda: is_ready(health_port), 30)
            write_mails(urls, "ann", partnership="another")
            until(lambda: "Ann <ann@northwind.example>" in [m["To"] for m in sink.taken], 15)
        assert running.poll() is None
        assert ended(running) < SOON


def test_it_stops_in_time_while_a_mail_server_does_not_answer_and_the_mail_stays_due(urls: dict[str, str]) -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        write_mails(urls, "nils")
        with process(urls, silent.getsockname()[1], free_port()) as running:
            silent.settimeout(15)
            connection, _ = silent.accept()
            with connection:
                assert ended(running) < SOON
    (row,) = rows(urls)
    assert row["due_at"] is not None
    assert row["attempts"] == 0


def test_a_missing_setting_is_one_sentence() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACCORD_")}
    done = subprocess.run(
        [sys.executable, "-m", "services.notifications.mailer"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == "The setting ACCORD_NOTIFICATIONS_OPS_DATABASE_URL is missing: set this environment variable."
    )

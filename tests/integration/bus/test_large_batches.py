"""However much there is to write at once, it is written: psycopg's pipeline stands still for ever when more than the buffers of a connection hold is put into it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import psycopg
import pytest

from shared.bus import consumer, inbox, postgres
from shared.bus.consumer import BATCH, Feed
from shared.bus.deliveries import decode
from shared.bus.inbox import Inbox
from shared.bus.postgres import PostgresDatabase
from shared.bus.streams import Delivery
from shared.bus.unit import Unit
from shared.bus.work import Heard, Work
from shared.contracts.messages import digest
from tests.integration.bus.conftest import rows
from tests.integration.bus.sample import HANDLERS, TABLES, Note, WordHeard, WordSaid, hear
from tests.integration.bus.test_inbox import stream, words

LARGE = "ä" * 1_000_000
WITHIN_S = 60


def done(step: Callable[[], Any], admin_url: str) -> bool:
    """Whether it comes to an end; what does not is cut off from the database."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            step()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(WITHIN_S)
    if thread.is_alive():
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'offers' and state = 'active'"
            )
        return False
    assert not failed, failed
    return True


def large(subject: str, number: int) -> list[Delivery]:
    """A stream of so many messages of 2 MB."""
    previous, out = "", []
    for plain in stream(*map(str, range(number)), subject=subject):
        told = json.loads(plain.body)
        body = json.dumps({**told, "previous": previous, "data": {"word": LARGE}}, ensure_ascii=False)
        previous = digest(body)
        out.append(decode(body))
    return out


def test_forty_megabytes_are_committed(sample_database: PostgresDatabase, postgres_admin_url: str) -> None:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def write() -> None:
        with sample_database.transaction(["northwind"]) as storage:
            unit = Unit(storage, "offers", TABLES, at)
            for number in range(10):
                unit.say(WordHeard(word=LARGE), tenant="northwind", subject="n1")
                unit.put(Note(tenant="northwind", id=f"n{number}", words=(LARGE,), at=at))
            unit.commit()

    assert done(write, postgres_admin_url)
    assert [len(row["body"]) > len(LARGE) for row in rows(sample_database, "outbox")] == [True] * 10
    assert words(sample_database, "n9") == (LARGE,)


def test_a_batch_of_large_messages_is_handled(sample_database: PostgresDatabase, postgres_admin_url: str) -> None:
    here = Inbox(sample_database, "offers", TABLES, HANDLERS)
    said = large("n1", 12)
    assert done(lambda: here.handle(said), postgres_admin_url)
    assert len(words(sample_database)) == 12
    # They wait for the first of another stream: all of them are kept.
    ahead = large("n2", 12)[1:]
    assert done(lambda: here.handle(ahead), postgres_admin_url)
    assert sum(row["state"] == "parked" for row in rows(sample_database, "inbox")) == 11


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [([], []), ([5], [[5]]), ([3, 3, 3, 3], [[3, 3, 3], [3]]), ([20, 1, 20, 20], [[20], [1], [20], [20]]), ([4, 6, 1], [[4, 6], [1]])],
)  # fmt: skip
def test_rows_are_written_in_parts_and_all_of_them(sizes: list[int], parts: list[list[int]]) -> None:
    with mock.patch.object(postgres, "_STATEMENT", 10):
        assert [list(part) for part in postgres.in_parts(sizes, lambda size: size)] == parts


def echo(work: Work, message: Heard[WordSaid], now: datetime) -> None:
    hear(work, message, now)
    work.say(WordHeard(word=message.data.word * 100), tenant=message.tenant, subject=message.subject)


def test_a_batch_that_says_very_much_takes_several_transactions_and_says_it_once(database: Any) -> None:
    here = Inbox(database, "offers", TABLES, {("peer", "offers", "sample.word_said"): HANDLERS[("peer", "offers", "sample.word_said")].__class__(WordSaid, echo)})  # fmt: skip
    said = [*stream("a", "b", "c", "d"), *stream("e", "f", subject="n2")]
    with mock.patch.object(inbox, "SAYS_MUCH", 700), mock.patch.object(Unit, "commit", autospec=True, side_effect=Unit.commit) as committed:  # fmt: skip
        tally = here.handle(said)
    assert committed.call_count == 3
    assert (tally.applied, tally.duplicate) == (6, 0)
    assert (words(database), words(database, "n2")) == (("a", "b", "c", "d"), ("e", "f"))
    assert len(rows(database, "outbox")) == 6


def test_a_batch_holds_no_more_than_may_be_handled_together() -> None:
    feed = Feed("", "offers.peers", lambda: mock.Mock(), "offers", peers=True)
    feed._messages = [mock.Mock(body=b"x" * size) for size in (7, 4, 4, 2, 99, 1)]
    with mock.patch.object(consumer, "BATCH_BYTES", 10):
        taken = [[len(message.body) for message in feed._batch()] for _ in range(5)]
    assert taken == [[7], [4, 4, 2], [99], [1], []]
    feed._messages = [mock.Mock(body=b"x")] * (BATCH + 1)
    assert (len(feed._batch()), len(feed._batch())) == (BATCH, 1)


def test_a_feed_that_hangs_is_not_ready() -> None:
    feed = Feed("", "offers.peers", lambda: mock.Mock(), "offers", peers=True)
    assert not feed.stuck
    with mock.patch("shared.bus.consumer.time.monotonic", return_value=1000.0):
        feed._busy_since = 1000.0 - consumer.STUCK_S
        assert not feed.stuck
        feed._busy_since -= 1
        assert feed.stuck

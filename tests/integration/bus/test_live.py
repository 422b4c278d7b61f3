"""What readers see changed is told once it is committed, by the database to the relay and by the relay to whoever listens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kombu
import psycopg
import pytest

from shared.bus import live, topology
from shared.bus.postgres import PostgresDatabase
from shared.bus.records import Tables
from shared.bus.storage import Conflict
from shared.bus.unit import Unit
from shared.ids import new_id
from tests.integration.bus.relaying import Ear, Outbox, RelayProcess
from tests.integration.bus.sample import NOTES, Note
from tests.integration.bus.sample import TABLES as UNSEEN
from tests.support.servers import until

SEEN = Tables([replace(NOTES, part="partnership", about=lambda note: note.id)])
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def keep(database: Any, *ids: str, tenant: str = "kazenor", tables: Tables = SEEN, commit: bool = True) -> None:
    """Write these notes, in one transaction."""
    with database.transaction([tenant]) as storage:
        work = Unit(storage, "offers", tables, NOW)
        for id in ids:
            work.put(Note(tenant=tenant, id=id))
        if commit:
            work.commit()


def remove(database: Any, id: str) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = Unit(storage, "offers", SEEN, NOW)
        work.delete(Note, "kazenor", id)
        work.commit()


@pytest.fixture
def listener(sample_environment: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """Somebody who listens to the database, as the relay does."""
    with psycopg.connect(sample_environment["ACCORD_OFFERS_RELAY_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("listen changed")
        connection.execute("listen mark")
        yield connection


def told(listener: psycopg.Connection[Any]) -> list[Any]:
    """All that was notified by now, one list a notification."""
    listener.execute("notify mark")
    found = []
    for notice in listener.notifies(timeout=10):
        if notice.channel == "mark":
            break
        found.append(json.loads(notice.payload))
    else:
        raise AssertionError("the database notifies nobody")
    return found


def test_a_commit_tells_what_it_wrote_in_one_notification(
    sample_database: PostgresDatabase, listener: psycopg.Connection[Any]
) -> None:
    keep(sample_database, "n2", "n1")
    assert told(listener) == [[["kazenor", "partnership", "n1"], ["kazenor", "partnership", "n2"]]]


def test_what_is_deleted_is_told_without_saying_what(
    sample_database: PostgresDatabase, listener: psycopg.Connection[Any]
) -> None:
    keep(sample_database, "n1")
    remove(sample_database, "n1")
    assert told(listener)[1:] == [[["kazenor", "partnership", ""]]]


def test_what_nobody_sees_and_what_was_never_committed_is_not_told(
    sample_database: PostgresDatabase, listener: psycopg.Connection[Any]
) -> None:
    keep(sample_database, "n1", tables=UNSEEN)
    keep(sample_database, "n2", commit=False)
    with pytest.raises(Conflict), sample_database.transaction(["kazenor"]) as storage:
        work = Unit(storage, "offers", SEEN, NOW)
        work.put(Note(tenant="kazenor", id="n3"))
        keep(sample_database, "n3", tables=UNSEEN)
        work.commit()
    assert told(listener) == []


def test_very_much_at_once_is_one_notification_that_says_so(
    sample_database: PostgresDatabase, listener: psycopg.Connection[Any]
) -> None:
    keep(sample_database, *(new_id() for _ in range(live.MOST)))
    found = told(listener)
    assert len(found) > 1
    assert sum(len(one) for one in found) == live.MOST
    keep(sample_database, *(new_id() for _ in range(live.MOST + 1)))
    assert told(listener) == [[["kazenor", "partnership", ""]]]


@pytest.fixture
def relay(sample_environment: dict[str, str], tmp_path: Path) -> Iterator[RelayProcess]:
    process = RelayProcess("offers", sample_environment, tmp_path / "relay.log")
    yield process
    process.end()
    print(process.log.read_text())  # shown when the test failed


@pytest.fixture
def ear(sample_environment: dict[str, str]) -> Iterator[Ear]:
    """Somebody who listens to the relay, as a gateway does."""
    uri = sample_environment["ACCORD_AMQP_URI"]
    with kombu.Connection(uri) as connection, connection.channel() as channel:
        queue = channel.queue_declare(exclusive=False, auto_delete=False, durable=False).queue
        channel.queue_bind(queue, topology.LIVE, "#")
        ear = Ear(uri, queue)
        yield ear
        ear.close()
        channel.queue_delete(queue)


def heard(ear: Ear) -> tuple[str, Any]:
    """The next tenant that is told something, and what."""
    while True:
        message = ear.next(10)
        assert message.properties["delivery_mode"] == 1, "it would be written to the disk"
        if message.delivery_info["routing_key"] != SETTLING:
            return message.delivery_info["routing_key"], json.loads(message.body)


def heard_by(ear: Ear, *tenants: str) -> Iterator[tuple[str, Any]]:
    """All that is said, up to the last of these tenants."""
    left = set(tenants)
    while left:
        found = heard(ear)
        left.discard(found[0])
        yield found


# A tenant that the tests do not count.
SETTLING = "settling"


def settle(database: PostgresDatabase, ear: Ear) -> None:
    """Return once the relay says what is committed; what it said before is taken away."""

    def said() -> bool:
        keep(database, new_id(), tenant=SETTLING)
        message = ear._channel.basic_get(ear.queue, no_ack=True)
        return message is not None and message.delivery_info["routing_key"] == SETTLING

    until(said, 10, f"the relay says what changed in {ear.queue}")


def test_the_relay_says_to_whoever_listens_what_was_committed_and_nothing_else(
    sample_database: PostgresDatabase, relay: RelayProcess, ear: Ear
) -> None:
    relay.start()
    settle(sample_database, ear)
    keep(sample_database, "n1", commit=False)
    keep(sample_database, "n2")
    assert heard(ear) == ("kazenor", [["partnership", "n2"]])


def test_a_relay_begins_with_a_word_to_all_since_it_may_have_missed_something(relay: RelayProcess, ear: Ear) -> None:
    relay.start()
    assert heard(ear) == ("", [["all", ""]])


def test_each_tenant_is_told_its_own_changes(sample_database: PostgresDatabase, relay: RelayProcess, ear: Ear) -> None:
    relay.start()
    settle(sample_database, ear)
    keep(sample_database, "n1")
    keep(sample_database, "n1", "n2", tenant="northwind")
    found = dict(heard_by(ear, "kazenor", "northwind"))
    assert found == {"kazenor": [["partnership", "n1"]], "northwind": [["partnership", "n1"], ["partnership", "n2"]]}


def test_a_relay_that_lost_its_database_says_that_something_was_missed(
    sample_database: PostgresDatabase, sample_environment: dict[str, str], relay: RelayProcess, ear: Ear
) -> None:
    relay.start()
    settle(sample_database, ear)
    with psycopg.connect(sample_environment["ACCORD_OFFERS_RELAY_DATABASE_URL"], autocommit=True) as connection:
        ended = connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'offers-relay' and query = 'listen changed'"
        ).fetchall()
    assert len(ended) == 1
    assert heard(ear) == ("", [["all", ""]])


def test_facts_travel_on_when_there_is_nowhere_to_say_what_changed(
    sample_database: PostgresDatabase, sample_environment: dict[str, str], relay: RelayProcess, ear: Ear
) -> None:
    relay.start()
    settle(sample_database, ear)
    outbox = Outbox("offers", sample_environment)
    with kombu.Connection(sample_environment["ACCORD_AMQP_URI"]) as connection, connection.channel() as channel:
        channel.exchange_delete(topology.LIVE)
        try:
            for n in range(3):
                keep(sample_database, f"n{n}")
                outbox.sent(*outbox.commit("a fact"))
            assert relay.get("/readyz")[0] == 200
        finally:
            channel.exchange_declare(exchange=topology.LIVE, type="topic", durable=True, auto_delete=False)
            channel.queue_bind(ear.queue, topology.LIVE, "#")

    def said() -> bool:
        keep(sample_database, "again")
        return not ear.nothing_more()

    # What failed on the broker is noticed only afterwards, so the first word after it may be lost, too.
    until(said, 10, "the relay says what changed again")
    assert "refuses" not in relay.log.read_text(), "it took what else was on the way down with it"

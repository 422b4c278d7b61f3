"""Streams that wait: seen, asked for, given up."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import psycopg
import pytest

from shared.bus import topology
from shared.bus.inbox import Inbox
from shared.bus.postgres import PostgresDatabase
from shared.bus.unit import Unit
from shared.ops import parked
from tests.integration.bus.conftest import rows
from tests.integration.bus.relaying import Ear
from tests.integration.bus.sample import TABLES, WordHeard
from tests.integration.bus.test_inbox import stream, words
from tests.integration.ops.conftest import Ops
from tests.integration.ops.test_dead_rows import kill, retries
from tests.support.servers import RabbitServer


def test_who_waits_for_what_is_said_and_asking_sends_a_receipt_that_wants_it(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops, broker: RabbitServer
) -> None:
    broker.empty()
    a, b, c, d = stream("a", "b", "c", "d")
    inbox.handle([a, d])
    assert ops("status", "--service", "offers").status == 3
    (found,) = ops("parked", "list", "--json", "--service", "offers").json
    assert (found["reason"], found["waits_for"], found["messages"]) == (
        "gap",
        "the numbers 2 to 3, which did not come",
        1,
    )
    assert "2 to 3" in ops("parked", "show", found["ref"]).out
    asked = ops("parked", "ask", found["ref"])
    assert (asked.status, asked.out) == (0, f"{found['ref']} kazenor was asked to send it again.\n")
    ear = Ear(broker.peers_uri(), topology.peers_queue("offers", "shared"))
    try:
        message = ear.next()
    finally:
        ear.close()
    said = json.loads(message.body)
    assert message.delivery_info["routing_key"] == "kazenor.offers.northwind"
    assert (said["type"], said["data"]["applied"], said["data"]["wanted"]) == ("receipt", 1, True)
    inbox.handle([b, c])
    assert words(sample_database) == ("a", "b", "c", "d")
    assert "No stream waits." in ops("parked", "list", "--service", "offers").out


def test_a_fact_that_is_missing_is_asked_of_the_service_that_stated_it(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    with sample_database.transaction(["northwind"]) as storage:
        unit = Unit(storage, "offers", TABLES, datetime(2026, 5, 1, 12, tzinfo=UTC))
        for word in ("a", "b", "c"):
            unit.say(WordHeard(word=word), tenant="northwind", subject="n1")
        unit.commit()
    with sample_database.transaction(["northwind"]) as storage:
        storage._begin()
        storage._execute("update outbox set due_at = null, sent_at = now()")
        storage._connection.commit()
    said = stream("a", "b", "c", kind="fact", origin="northwind")
    inbox.handle([said[2]])
    (found,) = ops("parked", "list", "--json", "--service", "offers").json
    assert ops("parked", "ask", "--all", "--service", "offers").status == 0
    due = sorted(r["sequence"] for r in rows(sample_database, "outbox") if r["due_at"])
    assert due == [1, 2]
    with sample_database.transaction(["northwind"]) as storage:
        storage._begin()
        storage._execute("delete from outbox where sequence = 1")
        storage._connection.commit()
    assert "1 of 2 are not kept by offers any more" in ops("parked", "ask", found["ref"]).out


@pytest.mark.parametrize("kind", ["peer", "fact"])
def test_what_is_given_up_is_gone_and_the_stream_goes_on(
    kind: str, sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    a, b, c, d = stream("a", "b", "c", "d", kind=kind, origin="kazenor" if kind == "peer" else "northwind")
    inbox.handle([a, c, d])
    assert ops("parked", "drop", "--all", "--yes", "--service", "offers").status == 0
    assert retries(sample_database, inbox) == 1
    assert words(sample_database) == ("a", "c", "d")
    assert inbox.handle([b]).duplicate == 1
    assert [(r["parked"], r["forked"]) for r in rows(sample_database, "streams")] == [(0, False)]


def test_all_means_all_of_them_each_once(inbox: Inbox, ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parked, "AT_ONCE", 2)
    for number in range(5):
        inbox.handle([stream("a", "b", subject=f"s{number}")[1]])
    # Nothing comes: they wait on, and are asked once.
    asked = ops("parked", "ask", "--all", "--service", "offers")
    assert asked.status == 0 and asked.out.endswith("5 in all, 5 of them done.\n")
    assert len(ops("parked", "drop", "--all", "--service", "offers", "--yes", "--json").json) == 5


def test_a_type_that_nobody_knows_is_looked_at_again_or_given_up(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    inbox.handle(stream("a", "unheard-of", "b"))
    retries(sample_database, inbox)
    (found,) = ops("parked", "list", "--json", "--service", "offers").json
    assert (found["reason"], found["waits_for"]) == ("unknown type", "code that knows sample.new_kind")
    by_itself = retries(sample_database, inbox)
    assert "looked at again" in ops("parked", "ask", found["ref"]).out
    assert retries(sample_database, inbox) == by_itself + 1
    assert ops("parked", "drop", found["ref"], "--yes").status == 0
    retries(sample_database, inbox)
    assert words(sample_database) == ("a", "b")
    (row,) = rows(sample_database, "streams")
    assert (row["applied"], row["parked"], row["parked_type"]) == (3, 0, None)


def test_what_waits_behind_a_dead_message_leads_there(inbox: Inbox, ops: Ops) -> None:
    kill(inbox, "poison", "b")
    (found,) = ops("parked", "list", "--json", "--service", "offers").json
    assert found["reason"] == "dead"
    for action in (["ask"], ["drop", "--yes"]):
        said = ops("parked", *action, found["ref"])
        assert said.status == 1 and "dead" in said.out


def test_streams_whose_other_side_does_not_answer_are_listed_and_asked(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops, broker: RabbitServer
) -> None:
    from tests.integration.bus.test_inbox import say

    broker.empty()
    say(sample_database, "m1", "m2")
    with sample_database.transaction(["northwind"]) as storage:
        storage._begin()
        storage._execute("update outbox set created_at = now() - interval '1 hour'")
        storage._connection.commit()
    (found,) = ops("streams", "list", "--behind", "--json", "--service", "offers").json
    assert (found["peer"], found["sent"], found["confirmed"], found["messages"]) == ("kazenor", 2, 0, 2)
    assert ops("streams", "ask", "--all", "--service", "offers", "--json").json == {"asked": 1}
    ear = Ear(broker.peers_uri(), topology.peers_queue("offers", "shared"))
    try:
        assert json.loads(ear.next().body)["data"]["wanted"] is True
    finally:
        ear.close()


def test_what_a_stream_has_gone_past_is_given_up_and_never_leads_back(
    sample_database: PostgresDatabase, sample_environment: dict[str, str], inbox: Inbox, ops: Ops
) -> None:
    inbox.handle(stream("a", "b", "c"))
    # As it was left by code of before, which kept two messages under one number.
    with psycopg.connect(sample_environment["ACCORD_OFFERS_OWNER_DATABASE_URL"]) as owner:
        owner.execute("alter table inbox no force row level security")
        owner.execute("alter table streams no force row level security")
        for id in ("x", "y"):
            owner.execute(
                "insert into inbox (tenant, subject, peer, service, sequence, id, kind, type, state, attempts, digest, body)"
                " select tenant, subject, peer, service, sequence, %s, kind, type, 'parked', 0, %s, body from inbox where sequence = 2 and state = 'applied'",
                [id, id],
            )
        owner.execute("update streams set parked = 2")
        owner.execute("alter table inbox force row level security")
        owner.execute("alter table streams force row level security")
    (found,) = ops("parked", "list", "--json", "--service", "offers").json
    assert (found["reason"], found["messages"]) == ("overtaken", 2)
    assert "parked drop removes" in ops("parked", "ask", found["ref"]).out
    assert ops("parked", "drop", found["ref"], "--yes").status == 0
    assert "No stream waits." in ops("parked", "list", "--service", "offers").out
    assert [(r["applied"], r["parked"]) for r in rows(sample_database, "streams")] == [(3, 0)]
    assert words(sample_database) == ("a", "b", "c")

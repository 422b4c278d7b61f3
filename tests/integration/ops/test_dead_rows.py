"""Dead rows: listed, read, replayed and dropped by the command line, against the real inbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.bus.attempts import ATTEMPTS
from shared.bus.deliveries import decode
from shared.bus.inbox import Inbox
from shared.bus.postgres import PostgresDatabase
from shared.ops import dead
from tests.integration.bus.conftest import rows
from tests.integration.bus.test_inbox import stream, words
from tests.integration.ops.conftest import Ears, Ops


def kill(inbox: Inbox, *said: str, kind: str = "peer") -> None:
    """Have these words said, each tried as often as a failing one is."""
    origin = "kazenor" if kind == "peer" else "northwind"
    for _ in range(ATTEMPTS):
        inbox.handle(stream(*said, kind=kind, origin=origin))


def retries(database: PostgresDatabase, inbox: Inbox) -> int:
    """Give the inbox what was asked to come again, as relay and broker do. How many there were."""
    due = [r for r in rows(database, "outbox") if r["kind"] == "retry"]
    with database.transaction(["northwind"]) as storage:
        storage._begin()
        storage._execute("delete from outbox where kind = 'retry'")
        storage._connection.commit()
    for row in sorted(due, key=lambda r: r["sequence"]):
        inbox.handle([decode(row["body"], retry=True)])
    return len(due)


def states(database: PostgresDatabase) -> list[str]:
    return [r["state"] for r in sorted(rows(database, "inbox"), key=lambda r: r["sequence"])]


def parked(database: PostgresDatabase) -> int:
    return sum(r["parked"] for r in rows(database, "streams"))


@pytest.mark.parametrize("kind", ["peer", "fact"])
def test_a_replayed_message_is_taken_again_and_what_waited_behind_it_follows(
    kind: str, sample_database: PostgresDatabase, inbox: Inbox, ears: Ears, ops: Ops, log: Path
) -> None:
    kill(inbox, "a", "poison", "b", kind=kind)
    retries(sample_database, inbox)
    (found,) = ops("dead", "list", "--service", "offers", "--json").json
    assert (found["place"], found["type"], found["sequence"], found["attempts"]) == (
        "inbox", f"sample.word_{'said' if kind == 'peer' else 'heard'}", 2, 5,
    )  # fmt: skip
    assert "this word cannot be heard" in ops("dead", "show", found["ref"]).out
    ears.cured = True
    assert ops("dead", "replay", found["ref"]).out == f"{found['ref']} was replayed.\n"
    assert retries(sample_database, inbox) >= 1
    assert words(sample_database) == ("a", "remedy", "b")
    assert parked(sample_database) == 0
    assert "No message is dead." in ops("dead", "list", "--service", "offers").out
    once_more = ops("dead", "replay", found["ref"])
    assert (once_more.status, words(sample_database)) == (1, ("a", "remedy", "b"))
    (written,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert (written["action"], written["ref"], written["outcome"]) == ("dead replay", found["ref"], "replayed")
    assert written["by"]


def test_a_replayed_message_that_still_fails_has_all_its_attempts_again(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    kill(inbox, "poison")
    retries(sample_database, inbox)
    ops("dead", "replay", "--all", "--service", "offers", "--yes")
    for attempt in range(1, ATTEMPTS):
        retries(sample_database, inbox)
        assert [(r["state"], r["attempts"]) for r in rows(sample_database, "inbox")] == [("failed", attempt)]
    retries(sample_database, inbox)
    assert states(sample_database) == ["dead"]


@pytest.mark.parametrize("kind", ["peer", "fact"])
def test_behind_a_dropped_message_its_stream_goes_on(
    kind: str, sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    kill(inbox, "a", "poison", "b", "c", kind=kind)
    retries(sample_database, inbox)
    assert words(sample_database) == ("a",)
    (found,) = ops("dead", "list", "--json", "--service", "offers").json
    refused = ops("dead", "drop", found["ref"])
    assert refused.status == 1 and "--yes" in refused.err
    with sample_database.transaction(["northwind"]) as storage:
        storage._begin()
        storage._execute("update streams set receipt_due = false")
        storage._connection.commit()
    assert ops("dead", "drop", found["ref"], "--yes").status == 0
    assert retries(sample_database, inbox) == 1
    assert words(sample_database) == ("a", "b", "c")
    (stream_row,) = rows(sample_database, "streams")
    assert (stream_row["applied"], stream_row["parked"]) == (4, 0)
    assert stream_row["receipt_due"] is (kind == "peer")
    dropped = [r["error"] for r in rows(sample_database, "inbox") if r["error"]]
    assert len(dropped) == (1 if kind == "peer" else 0)
    # It comes again, as messages do: it is known.
    assert (
        inbox.handle(stream("a", "poison", kind=kind, origin="kazenor" if kind == "peer" else "northwind")).applied == 0
    )


def test_a_dropped_message_is_receipted_once_it_comes_again(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    kill(inbox, "poison")
    (found,) = ops("dead", "list", "--json", "--service", "offers").json
    assert ops("dead", "drop", found["ref"], "--yes").status == 0
    # One in whose name it was forged has never said it: a receipt would mark their stream as forked.
    assert [(r["applied"], r["receipt_due"]) for r in rows(sample_database, "streams")] == [(1, False)]
    assert inbox.handle(stream("poison")).duplicate == 1
    assert [(r["applied"], r["receipt_due"]) for r in rows(sample_database, "streams")] == [(1, True)]


def test_all_means_all_of_them_each_once(
    sample_database: PostgresDatabase, inbox: Inbox, ears: Ears, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead, "AT_ONCE", 2)
    # What cannot be replayed stays dead, in front of all others.
    inbox.handle(stream("a", "b", "c", "d"))
    inbox.handle(stream("A", "B", "C"))
    for number in range(5):
        for _ in range(ATTEMPTS):
            inbox.handle(stream("poison", subject=f"s{number}"))
    retries(sample_database, inbox)
    ears.cured = True
    said = ops("dead", "replay", "--all", "--service", "offers", "--yes")
    assert said.out.endswith("8 in all, 5 of them done.\n") and said.out.count("cannot be replayed") == 3
    assert retries(sample_database, inbox) == 5
    assert states(sample_database).count("dead") == 3
    assert len(ops("dead", "drop", "--all", "--service", "offers", "--yes", "--json").json) == 3


def test_what_dies_again_at_once_is_left_for_the_next_time(
    inbox: Inbox, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead, "AT_ONCE", 2)
    taken = []

    def fail_again(connection: Any, service: str, stream: Any, row: Any) -> str:
        taken.append(row["subject"])
        return "replayed"

    monkeypatch.setattr(dead, "_replay", fail_again)
    for number in range(3):
        for _ in range(ATTEMPTS):
            inbox.handle(stream("poison", subject=f"s{number}"))
    assert ops("dead", "replay", "--all", "--service", "offers", "--yes").status == 0
    assert taken == ["s0", "s1", "s2"]


def test_a_dead_timer_is_replayed_and_dropped_like_any_other(
    sample_database: PostgresDatabase, inbox: Inbox, ears: Ears, ops: Ops
) -> None:
    def timer(id: str) -> Any:
        document = {
            "specversion": "1.0", "id": id, "type": "sample.word_due", "source": "offers", "subject": "n1", "time": "2026-05-01T12:00:00Z",
            "origin": "northwind", "destination": "northwind", "sequence": 0, "kind": "timer", "data": {"word": "poison"},
        }  # fmt: skip
        return decode(json.dumps(document), retry=True)

    for _ in range(ATTEMPTS):
        inbox.handle([timer("t-1"), timer("t-2")])
    retries(sample_database, inbox)
    first, second = (r["ref"] for r in ops("dead", "list", "--json", "--service", "offers").json)
    ears.cured = True
    assert ops("dead", "drop", second, "--yes").status == 0
    assert ops("dead", "replay", first).status == 0
    retries(sample_database, inbox)
    assert words(sample_database) == ("remedy",)
    assert rows(sample_database, "inbox") == []


def test_a_fork_is_not_replayed_but_may_be_dropped(sample_database: PostgresDatabase, inbox: Inbox, ops: Ops) -> None:
    inbox.handle(stream("a", "b"))
    inbox.handle([stream("a", "B")[1]])
    (found,) = ops("dead", "list", "--json", "--service", "offers").json
    refused = ops("dead", "replay", found["ref"])
    assert refused.status == 1 and "fork" in refused.out
    forked = ops("streams", "list", "--forked", "--json", "--service", "offers").json
    assert [(s["tenant"], s["peer"]) for s in forked] == [("northwind", "kazenor")]
    assert ops("dead", "drop", found["ref"], "--yes").status == 0
    assert (states(sample_database), parked(sample_database)) == (["applied"] * 3, 0)
    assert words(sample_database) == ("a", "b")


def test_the_filters_choose(inbox: Inbox, ops: Ops) -> None:
    for subject in ("n1", "n2"):
        for _ in range(ATTEMPTS):
            inbox.handle(stream("poison", subject=subject))
    assert len(ops("dead", "list", "--json", "--service", "offers").json) == 2
    assert ops("dead", "list", "--json", "--service", "offers", "--tenant", "globex").json == []
    assert (
        ops("dead", "drop", "--all", "--yes", "--service", "offers", "--about", "n2", "--from", "kazenor").status == 0
    )
    assert [r["subject"] for r in ops("dead", "list", "--json", "--service", "offers").json] == ["n1"]
    more = ops("dead", "list", "--service", "offers", "--limit", "1")
    assert "more" not in more.out
    looked = ops("status", "--service", "offers")
    assert looked.status == 3 and "offers: messages were given up: dead list" in looked.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["dead", "show", "nonsense"], "names nothing"),
        (["dead", "show", "offers-000000000000"], "There is no dead message"),
        (["dead", "replay"], "Say which"),
        (["dead", "replay", "--all"], "--yes"),
        (["dead", "list", "--service", "billing"], "There is no service 'billing'"),
        (["parked", "show", "offers-000000000000"], "does not wait"),
        (["--env", "x"], ""),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(words: list[str], sentence: str, ops: Ops) -> None:
    said = ops(*words)
    assert said.status == (1 if sentence else 2)
    assert sentence in said.err and (not sentence or said.err.count("\n") == 1)


def test_an_operator_sees_the_tables_of_the_bus_and_no_other(sample_environment: dict[str, str]) -> None:
    with psycopg.connect(sample_environment["ACCORD_OFFERS_OPS_DATABASE_URL"], autocommit=True) as connection:
        for table in ("inbox", "outbox", "streams"):
            connection.execute(f"select count(*) from {table}")  # type: ignore[arg-type]
        for table in ("partnerships", "notes", "answers", "schema_migrations"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"select count(*) from {table}")  # type: ignore[arg-type]

"""Streams that have forked: the mark stays until an operator settles it, and comes back with news only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.bus.deliveries import decode
from shared.bus.inbox import Inbox
from shared.bus.postgres import PostgresDatabase
from shared.contracts.messages import digest
from tests.integration.bus.conftest import rows
from tests.integration.bus.test_anything_may_be_said import receipt
from tests.integration.bus.test_inbox import again, say, stream, words
from tests.integration.ops.conftest import Ops
from tests.integration.ops.test_dead_rows import retries

FORKED = ("streams", "list", "--forked", "--json", "--service", "offers")


def wrong(ops: Ops) -> list[str]:
    """What the status says of offers."""
    (row,) = ops("status", "--service", "offers", "--json").json
    return [what for what in row["look"] if what != "lag"]


def test_a_settled_mark_stays_away_until_a_receipt_has_news(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops, log: Path
) -> None:
    say(sample_database, "m1", "m2")
    assert inbox.handle([receipt(applied=5)]).forked == 1
    (found,) = ops(*FORKED).json
    assert (found["sent"], found["claimed"]) == (2, 5)
    assert wrong(ops) == ["forked"]
    settled = ops("streams", "settle", found["ref"])
    assert (settled.status, settled.out) == (0, f"{found['ref']} was settled.\n")
    (written,) = [json.loads(line) for line in log.read_text().splitlines()]
    assert (written["action"], written["ref"], written["outcome"]) == ("streams settle", found["ref"], "settled")
    assert wrong(ops) == []

    # Receipts come again and again.
    assert [inbox.handle([receipt(applied=5)]).forked for _ in range(3)] == [0, 0, 0]
    say(sample_database, "m3", "m4", "m5")
    assert inbox.handle([receipt(applied=5, digest=digest("what was said before"))]).forked == 0
    assert ops(*FORKED).json == []

    assert inbox.handle([receipt(applied=6)]).forked == 1
    assert [s["claimed"] for s in ops(*FORKED).json] == [6]


def test_a_receipt_for_a_very_high_number_silences_none_that_come_after_it(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    say(sample_database, "m1", "m2")
    for applied in (10**15, 5, 10**15, 4):
        assert inbox.handle([receipt(applied=applied)]).forked == 1
        (found,) = ops(*FORKED).json
        assert found["claimed"] == applied
        assert ops("streams", "settle", found["ref"]).status == 0
        assert inbox.handle([receipt(applied=applied)]).forked == 0
        assert wrong(ops) == []


def test_a_stream_that_was_lost_whole_is_noticed_by_a_receipt(inbox: Inbox, ops: Ops) -> None:
    assert inbox.handle([receipt(applied=1)]).forked == 1
    (found,) = ops(*FORKED).json
    assert (found["sent"], found["claimed"]) == (0, 1)


def test_a_stream_is_not_settled_while_a_message_that_contradicts_it_is_dead(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    inbox.handle(stream("a", "b"))
    inbox.handle(stream("A", "B"))
    (found,) = ops(*FORKED).json
    dead = [row["ref"] for row in ops("dead", "list", "--json", "--service", "offers").json]
    assert len(dead) == 2
    refused = ops("streams", "settle", found["ref"], "--json")
    (said,) = refused.json
    assert refused.status == 1 and "dead drop" in said["outcome"] and all(ref in said["outcome"] for ref in dead)
    assert ops("dead", "drop", *dead, "--yes").status == 0
    assert ops("streams", "settle", "--all", "--service", "offers").status == 1, "not without --yes"
    assert ops("streams", "settle", "--all", "--service", "offers", "--yes").status == 0
    assert wrong(ops) == []

    # The other side says it until it is receipted; that is no news, and what it says instead is.
    again = inbox.handle(stream("A", "B"))
    assert (again.duplicate, again.forked, again.applied) == (2, 0, 0)
    assert wrong(ops) == []
    assert words(sample_database) == ("a", "b")
    assert inbox.handle(stream("another")).forked == 1
    assert [s["ref"] for s in ops(*FORKED).json] == [found["ref"]]


def test_other_words_under_an_id_that_was_applied_are_shown_dropped_and_then_known(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    said = stream("a", "b")
    inbox.handle(said)
    lies = [decode(d.body.replace(f'"{word}"', '"x"')) for d, word in zip(said, "ab", strict=True)]
    assert inbox.handle(lies).forked == 2
    dead = [row["ref"] for row in ops("dead", "list", "--json", "--service", "offers").json]
    assert [json.loads(json.loads(ops("dead", "show", ref, "--json").out)["body"])["data"]["word"] for ref in dead] == [
        "x",
        "x",
    ]
    assert ops("dead", "replay", *dead).out.count("cannot be replayed") == 2
    assert ops("dead", "drop", *dead, "--yes").status == 0
    assert ops("streams", "settle", "--all", "--service", "offers", "--yes").status == 0
    for _ in range(2):
        once_more = inbox.handle(lies + said)
        assert (once_more.duplicate, once_more.forked, once_more.applied) == (4, 0, 0)
    assert wrong(ops) == []
    (row,) = rows(sample_database, "streams")
    assert (row["applied"], row["parked"], row["receipt_due"]) == (2, 0, True)
    assert words(sample_database) == ("a", "b")


def test_what_bears_the_id_of_a_lie_that_was_dropped_is_heard_and_is_no_fork(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    said = stream("a", "b")
    inbox.handle(said[:1])
    lie = again(decode(said[1].body.replace(said[1].envelope.previous, "f" * 64)))
    inbox.handle([lie])
    ops("dead", "drop", "--all", "--service", "offers", "--yes")
    ops("streams", "settle", "--all", "--service", "offers", "--yes")
    assert inbox.handle([lie]).duplicate == 1
    assert inbox.handle([said[1]]).applied == 1
    assert inbox.handle([said[1], lie]).duplicate == 2
    assert words(sample_database) == ("a", "b")
    assert wrong(ops) == []


def test_one_who_was_set_back_is_heard_again_when_all_is_settled(
    sample_database: PostgresDatabase, inbox: Inbox, ops: Ops
) -> None:
    inbox.handle(stream("a", "b", "c"))
    # Set back to the first message, kazenor goes on from there.
    anew = stream("a", "B", "C", "D", "E", "F")
    inbox.handle(anew[1:])
    assert ops("dead", "drop", "--all", "--about", "n1", "--service", "offers", "--yes").status == 0
    assert ops("streams", "settle", "--all", "--service", "offers", "--yes").status == 0
    assert ops("parked", "drop", "--all", "--service", "offers", "--yes").status == 0
    retries(sample_database, inbox)
    inbox.handle(anew)
    assert words(sample_database) == ("a", "b", "c", "E", "F")
    (row,) = rows(sample_database, "streams")
    assert (row["applied"], row["parked"], row["forked"]) == (6, 0, False)
    assert wrong(ops) == []


def test_a_fork_of_our_own_facts_is_settled_too(inbox: Inbox, ops: Ops) -> None:
    ours = {"kind": "fact", "origin": "northwind"}
    inbox.handle(stream("a", "b", **ours))
    inbox.handle([stream("a", "B", **ours)[1]])
    (found,) = ops(*FORKED).json
    ops("dead", "drop", "--all", "--service", "offers", "--yes")
    assert ops("streams", "settle", found["ref"]).status == 0
    assert ops(*FORKED).json == []


@pytest.mark.parametrize("ref", ["offers-000000000000", "nonsense"])
def test_what_has_not_forked_is_not_settled(ref: str, inbox: Inbox, ops: Ops) -> None:
    inbox.handle(stream("a"))
    assert ops("streams", "settle", ref).status == 1
    assert ops("streams", "settle", "--all", "--service", "offers", "--yes").out == "No stream has forked.\n"

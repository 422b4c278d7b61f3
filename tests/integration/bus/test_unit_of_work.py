"""One transaction: what was kept is read again, versions keep two writers apart, what is said is numbered and chained."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.bus.postgres import PostgresDatabase
from shared.bus.session import Session, Stated
from shared.bus.storage import Conflict
from shared.bus.unit import Unit
from shared.calls import Call
from shared.contracts.messages import digest
from shared.deadlines import LATEST_S
from shared.errors import IdempotencyKeyReused, Unavailable, ValidationError, WrongState
from tests.integration.bus.conftest import rows
from tests.integration.bus.sample import TABLES, Note, WordDue, WordHeard, WordSaid

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def unit(storage: Any) -> Unit:
    return Unit(storage, "offers", TABLES, NOW)


def test_a_record_is_read_as_it_was_kept_and_its_version_counts_saves(database: Any) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        assert work.get(Note, "kazenor", "n1") is None
        assert work.put(Note(tenant="kazenor", id="n1", words=("Grüße", "日本"))).version == 1
        work.commit()
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        note = work.get(Note, "kazenor", "n1")
        assert note == Note(tenant="kazenor", id="n1", version=1, words=("Grüße", "日本"))
        work.put(note)
        work.commit()
    with database.transaction(["kazenor"]) as storage:
        assert unit(storage).peek(Note, "kazenor", "n1").version == 2  # type: ignore[union-attr]


def test_several_records_are_read_at_once_with_what_this_transaction_has_changed(database: Any) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        for id in ("n1", "n2", "n3"):
            work.put(Note(tenant="kazenor", id=id))
        work.commit()
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        work.put(Note(tenant="kazenor", id="n2", words=("new",)))
        work.delete(Note, "kazenor", "n3")
        asked: list[Any] = []
        fetch = storage.fetch
        storage.fetch = lambda subjects, wanted, **more: (asked.append(wanted), fetch(subjects, wanted, **more))[1]
        found = work.get_many(Note, "kazenor", ["n4", "n3", "n2", "n1"])
        assert {id: note.words for id, note in found.items()} == {"n1": (), "n2": ("new",)}
        assert [[(w.id, w.lock) for w in wanted] for wanted in asked] == [[("n1", True), ("n4", True)]]
        assert work.put(found["n1"]).version == 2
        work.commit()


def reading(storage: Any) -> Unit:
    return Unit(storage, "offers", TABLES, NOW, reading=True)


def test_who_only_reads_waits_for_nobody_who_writes(database: Any) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        work.put(Note(tenant="kazenor", id="n1"))
        work.say(WordHeard(word="hello"), tenant="kazenor", subject="n1")
        work.commit()
    with database.transaction(["kazenor"]) as writer:
        writes = unit(writer)
        writes.put(Note(tenant="kazenor", id="n1", version=1, words=("new",)))
        assert writes.said("kazenor", "n1") == 1  # both rows are locked from here on
        with database.transaction(["kazenor"]) as reader:
            if isinstance(database, PostgresDatabase):
                reader._execute("set local lock_timeout = '200ms'")
            reads = reading(reader)
            assert (reads.said("kazenor", "n1"), reads.peek(Note, "kazenor", "n1")) == (
                1,
                Note(tenant="kazenor", id="n1", version=1),
            )


def test_who_only_reads_writes_nothing(database: Any) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = reading(storage)
        work.put(Note(tenant="kazenor", id="n1"))
        with pytest.raises(RuntimeError, match="only reads"):
            work.commit()


def test_what_will_be_peeked_at_comes_along_with_what_is_read_first(database: Any) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        work.put(Note(tenant="kazenor", id="n1"))
        work.put(Note(tenant="kazenor", id="n2"))
        work.commit()
    with database.transaction(["kazenor"]) as storage:
        work = reading(storage)
        asked: list[Any] = []
        fetch = storage.fetch
        storage.fetch = lambda subjects, wanted, **more: (asked.append(wanted), fetch(subjects, wanted, **more))[1]
        work.ahead(Note, "kazenor", "n2")
        assert [work.peek(Note, "kazenor", id).id for id in ("n1", "n2")] == ["n1", "n2"]  # type: ignore[union-attr]
        assert [[(w.id, w.lock) for w in wanted] for wanted in asked] == [[("n1", False), ("n2", False)]]


def test_a_read_waits_for_what_was_stated_before_and_says_so_when_it_does_not_come(database: Any) -> None:
    heard = Stated("offers", "n1", 1)

    def note_it(seconds: float) -> None:
        with database.transaction(["kazenor"]) as storage:
            work = unit(storage)
            work.prefetch([("kazenor", "n1")])
            stream = work.stream(heard.key("kazenor"))
            stream.applied, stream.changed = 1, True
            work.commit()

    def look(work: Unit, call: Call, *, now: datetime) -> str:
        return "seen"

    session = Session(database, "offers", TABLES, pause=note_it)
    assert session.read(look, Call("look", "kazenor", "u1"), after=heard) == "seen"
    session = Session(database, "offers", TABLES)
    assert session.read(look, Call("look", "kazenor", "u1"), after=heard) == "seen"
    with pytest.raises(Unavailable):
        session.read(look, Call("look", "kazenor", "u1"), after=Stated("offers", "n1", 2))


def test_a_transaction_that_is_not_committed_leaves_nothing(database: Any) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        work.put(Note(tenant="kazenor", id="n1"))
        work.say(WordHeard(word="hello"), tenant="kazenor", subject="n1")
    with database.transaction(["kazenor"]) as storage:
        assert unit(storage).get(Note, "kazenor", "n1") is None
    assert rows(database, "outbox") == []


def test_another_tenant_sees_nothing_of_a_record(database: Any) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        work.put(Note(tenant="kazenor", id="n1"))
        work.commit()
    with database.transaction(["northwind"]) as storage:
        work = unit(storage)
        assert work.get(Note, "kazenor", "n1") is None
        assert work.find(Note, "kazenor").items == []
        assert work.count(Note, "kazenor", by="colour") == {}


def test_nothing_can_be_written_for_a_tenant_outside_of_the_transaction(database: Any) -> None:
    with (
        pytest.raises(Exception, match=r"row-level security|is none of"),
        database.transaction(["northwind"]) as storage,
    ):
        work = unit(storage)
        work.put(Note(tenant="kazenor", id="n1"))
        work.commit()


def test_two_who_make_the_same_record_are_kept_apart(database: Any) -> None:
    with database.transaction(["kazenor"]) as first:
        one = unit(first)
        one.get(Note, "kazenor", "n1")
        one.put(Note(tenant="kazenor", id="n1", words=("first",)))
        with pytest.raises(Conflict), database.transaction(["kazenor"]) as second:
            two = unit(second)
            two.get(Note, "kazenor", "n1")
            two.put(Note(tenant="kazenor", id="n1", words=("second",)))
            one.commit()
            two.commit()
    with database.transaction(["kazenor"]) as storage:
        assert unit(storage).get(Note, "kazenor", "n1").words == ("first",)  # type: ignore[union-attr]


def test_messages_of_a_stream_are_numbered_without_holes_and_chained(database: Any) -> None:
    for words in (["a", "b"], ["c"]):
        with database.transaction(["kazenor"]) as storage:
            work = unit(storage)
            for word in words:
                work.tell(WordSaid(word=word), tenant="kazenor", to="northwind", subject="n1")
            work.say(WordHeard(word="x"), tenant="kazenor", subject="n1")
            assert work.said("kazenor", "n1") == (1 if words == ["a", "b"] else 2)
            work.commit()
    peers = sorted((r for r in rows(database, "outbox") if r["kind"] == "peer"), key=lambda r: r["sequence"])
    bodies = [json.loads(r["body"]) for r in peers]
    assert [(b["sequence"], b["data"]["word"], b["origin"], b["destination"]) for b in bodies] == [
        (1, "a", "kazenor", "northwind"),
        (2, "b", "kazenor", "northwind"),
        (3, "c", "kazenor", "northwind"),
    ]
    assert bodies[0]["previous"] == ""
    assert [b["previous"] for b in bodies[1:]] == [digest(peers[0]["body"]), digest(peers[1]["body"])]


def test_two_who_speak_first_in_a_stream_do_not_take_the_same_number(database: Any) -> None:
    with database.transaction(["kazenor"]) as first:
        one = unit(first)
        one.say(WordHeard(word="one"), tenant="kazenor", subject="n1")
        one.said("kazenor", "n1")
        with pytest.raises(Conflict), database.transaction(["kazenor"]) as second:
            two = unit(second)
            two.say(WordHeard(word="two"), tenant="kazenor", subject="n1")
            two.said("kazenor", "n1")
            one.commit()
            two.commit()
    assert [r["sequence"] for r in rows(database, "outbox")] == [1]


def test_a_timer_is_due_when_it_was_asked_for_and_stands_outside_of_streams(database: Any) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        work.later(WordDue(word="w"), tenant="kazenor", subject="n1", at=NOW + timedelta(days=30))
        work.commit()
    (row,) = rows(database, "outbox")
    assert (row["kind"], row["sequence"]) == ("timer", 0)
    assert datetime.fromisoformat(str(row["due_at"])) == NOW + timedelta(days=30)


def keep_notes(database: Any, count: int) -> None:
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        for i in range(count):
            colour = "red" if i % 2 else "blue"
            work.put(Note(tenant="kazenor", id=f"n{i}", colour=colour, at=NOW + timedelta(minutes=i // 2)))
        work.commit()


@pytest.mark.parametrize("order", ["id", "-id", "at", "-at"])
def test_pages_follow_each_other_without_gap_or_double(database: Any, order: str) -> None:
    keep_notes(database, 7)
    seen, cursor = [], None
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        while True:
            page = work.find(Note, "kazenor", order=order, after=cursor, limit=3)
            seen += [n.id for n in page.items]
            cursor = page.next
            if cursor is None:
                break
    expected = [f"n{i}" for i in range(7)]
    assert seen == (expected[::-1] if order.startswith("-") else expected)


def test_a_list_is_filtered_searched_and_counted(database: Any) -> None:
    keep_notes(database, 5)
    with database.transaction(["kazenor"]) as storage:
        work = unit(storage)
        assert [n.id for n in work.find(Note, "kazenor", where={"colour": "red"}).items] == ["n1", "n3"]
        assert len(work.find(Note, "kazenor", where={"colour": ["red", "blue"]}).items) == 5
        assert [n.id for n in work.find(Note, "kazenor", search=("colour", "lu"), limit=2).items] == ["n0", "n2"]
        assert work.count(Note, "kazenor", by="colour") == {"red": 2, "blue": 3}
        assert work.count(Note, "kazenor", by=("colour", "id"), where={"colour": "red"}) == {
            ("red", "n1"): 1,
            ("red", "n3"): 1,
        }
        assert work.find(Note, "kazenor", where={"colour": "red'; drop table notes; --"}).items == []


@pytest.mark.parametrize(
    "made",
    [
        "nonsense",
        "null",
        '"abc"',
        "[" * 5000,
        '{"a": 1, "b": 2, "c": 3}',
        '["notes at", "2026-01-01T00:00:00+00:00"]',
        '["notes at", 1e400, "n1"]',
        '["notes at", null, "n1"]',
        '["notes at", "red", "n1"]',
        '["notes at", "9999-12-31T23:59:59-23:59", "n1"]',
        '["notes at", "2026-01-01T00:00:00+00:00", "\\u0000"]',
        '["notes at", "2026-01-01T00:00:00+00:00", "\\ud800"]',
    ],
)
def test_a_cursor_of_somebody_elses_making_is_refused(database: Any, made: str) -> None:
    for cursor in (made, base64.urlsafe_b64encode(made.encode()).decode().rstrip("=")):
        with pytest.raises(ValidationError), database.transaction(["kazenor"]) as storage:
            unit(storage).find(Note, "kazenor", order="at", after=cursor)


def test_a_cursor_of_another_order_is_refused(database: Any) -> None:
    keep_notes(database, 3)
    with database.transaction(["kazenor"]) as storage:
        cursor = unit(storage).find(Note, "kazenor", order="at", limit=1).next
    for order in ("-at", "id"):
        with pytest.raises(ValidationError), database.transaction(["kazenor"]) as storage:
            unit(storage).find(Note, "kazenor", order=order, after=cursor)


def write(work: Any, call: Call, *, now: datetime) -> dict[str, Any]:
    """A command: one note per call, refused when it is there."""
    if work.get(Note, call.tenant, call.ids["note"]) is not None:
        raise WrongState()
    note = work.put(Note(tenant=call.tenant, id=call.ids["note"]))
    return {"version": note.version, "at": now.isoformat()}


def test_a_repeated_key_gives_the_first_answer_and_does_nothing_twice(database: Any) -> None:
    session = Session(database, "offers", TABLES)
    call = Call("write", "kazenor", "u1", {"note": "n1"}, {"text": "x"}, "key-1")
    first = session.run(write, call)
    assert session.run(write, call) == first
    answered = session.answered(call)
    assert answered is not None and answered.result == first
    with pytest.raises(IdempotencyKeyReused):
        session.answered(Call("write", "kazenor", "u1", {"note": "n1"}, {"text": "y"}, "key-1"))
    assert session.answered(Call("write", "kazenor", "u2", {"note": "n1"}, {"text": "y"}, "key-1")) is None


def test_a_refused_command_keeps_no_answer(database: Any) -> None:
    session = Session(database, "offers", TABLES)
    session.run(write, Call("write", "kazenor", "u1", {"note": "n1"}))
    refused = Call("write", "kazenor", "u1", {"note": "n1"}, {}, "key-2")
    with pytest.raises(WrongState):
        session.run(write, refused)
    assert session.answered(refused) is None


def test_a_handler_that_loses_a_race_is_run_again(database: Any) -> None:
    session = Session(database, "offers", TABLES)
    lost = []

    def append(work: Any, call: Call, *, now: datetime) -> int:
        if not lost:
            lost.append(True)
            raise Conflict("somebody was first")
        return int(work.put(Note(tenant=call.tenant, id="n9")).version)

    assert session.run(append, Call("append", "kazenor", "u1")) == 1


def test_a_command_that_has_become_too_old_does_nothing(database: Any) -> None:
    """What was asked at the door holds for so long and no longer (`contacts.reserve_contacts`)."""
    session = Session(database, "offers", TABLES)
    fresh = Call("write", "kazenor", "u1", {"note": "n1"}, {}, "key-3")
    with pytest.raises(Unavailable):
        session.run(write, replace(fresh, began=fresh.began - LATEST_S - 1))
    assert session.answered(fresh) is None
    assert session.run(write, fresh)["version"] == 1


def test_a_record_that_is_removed_and_made_in_one_transaction_is_a_new_one(database: Any) -> None:
    for _ in range(2):
        with database.transaction(["kazenor"]) as storage:
            work = unit(storage)
            work.delete(Note, "kazenor", "n1")
            assert work.put(Note(tenant="kazenor", id="n1", words=("new",))).version == 1
            work.commit()

"""Whatever the broker delivers, a stream is applied once and in order; what fails becomes a row."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.bus.attempts import ATTEMPTS
from shared.bus.deliveries import Tally, Undecodable, decode
from shared.bus.inbox import Inbox
from shared.bus.memory import MemoryDatabase
from shared.bus.streams import Delivery
from shared.bus.unit import Unit
from shared.bus.work import Confirmed
from shared.contracts.messages import Receipt, digest
from tests.integration.bus.conftest import rows
from tests.integration.bus.sample import HANDLERS, TABLES, Note


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def heard() -> list[Confirmed]:
    return []


@pytest.fixture
def inbox(database: Any, clock: Clock, heard: list[Confirmed]) -> Inbox:
    return Inbox(
        database,
        "offers",
        TABLES,
        HANDLERS,
        confirmed=lambda work, news, now: heard.append(news),
        clock=clock,
        jitter=lambda: 0.0,
    )


def stream(*words: str, subject: str = "n1", kind: str = "peer", origin: str = "kazenor") -> list[Delivery]:
    """A stream as the other side says it."""
    previous, out = "", []
    name = {"peer": "sample.word_said", "fact": "sample.word_heard"}[kind]
    for sequence, word in enumerate(words, 1):
        body = json.dumps(
            {
                "specversion": "1.0", "id": f"{subject}-{word}-{sequence}", "type": "sample.new_kind" if word == "unheard-of" else name,
                "source": "offers", "subject": subject, "time": "2026-05-01T12:00:00Z", "origin": origin,
                "destination": "northwind" if kind == "peer" else origin, "sequence": sequence, "previous": previous, "epoch": 1,
                "kind": kind, "data": {"word": word, "later_field": 1},
            }
        )  # fmt: skip
        previous = digest(body)
        out.append(decode(body))
    return out


def receipt(applied: int, seen: int, sent: int, wanted: bool = False) -> Delivery:
    data = Receipt(applied=applied, digest="", seen=seen, sent=sent, wanted=wanted).model_dump()
    return decode(
        json.dumps(
            {
                "specversion": "1.0", "id": f"r{applied}{seen}{sent}", "type": "receipt", "source": "offers", "subject": "n1",
                "time": "2026-05-01T12:00:00Z", "origin": "kazenor", "destination": "northwind", "sequence": 0, "kind": "peer", "data": data,
            }
        )
    )  # fmt: skip


def again(delivery: Delivery) -> Delivery:
    return Delivery(delivery.envelope, delivery.body, delivery.digest, again=True)


def retried(delivery: Delivery) -> Delivery:
    return Delivery(delivery.envelope, delivery.body, delivery.digest, retry=True)


def words(database: Any, subject: str = "n1", tenant: str = "northwind") -> tuple[str, ...]:
    with database.transaction([tenant]) as storage:
        note = Unit(storage, "offers", TABLES, datetime.now(UTC)).peek(Note, tenant, subject)
        return note.words if note is not None else ()


def states(database: Any) -> dict[str, str]:
    return {r["id"].split("-", 1)[-1]: r["state"] for r in rows(database, "inbox") if r["state"] != "applied"}


def test_a_batch_is_applied_in_order_whatever_order_it_comes_in(database: Any, inbox: Inbox) -> None:
    a, b, c = stream("a", "b", "c")
    assert inbox.handle([c, a, b]).applied == 3
    assert words(database) == ("a", "b", "c")


def test_a_double_is_absorbed(database: Any, inbox: Inbox) -> None:
    a, b = stream("a", "b")
    inbox.handle([a, a, b])
    assert inbox.handle([a, b]).duplicate == 2
    assert words(database) == ("a", "b")


@pytest.mark.parametrize("kind", ["peer", "fact"])
def test_every_order_and_doubling_of_a_short_stream_ends_the_same(inbox: Inbox, database: Any, kind: str) -> None:
    for number, order in enumerate(itertools.permutations([0, 1, 2, 1])):
        said = stream(
            "a", "b", "c", subject=f"s{number}", kind=kind, origin="northwind" if kind == "fact" else "kazenor"
        )
        for i in order:
            inbox.handle([said[i]])
        assert words(database, f"s{number}") == ("a", "b", "c"), order
    assert states(database) == {}


def test_what_comes_too_early_waits_for_the_gap_to_be_filled(database: Any, inbox: Inbox) -> None:
    a, b, c, d = stream("a", "b", "c", "d")
    assert inbox.handle([a, c, d]).parked == 2
    assert words(database) == ("a",)
    assert states(database) == {"c-3": "parked", "d-4": "parked"}
    inbox.handle([b])
    assert words(database) == ("a", "b", "c", "d")
    assert states(database) == {}


def test_both_sides_keep_what_a_peer_said_but_not_facts(database: Any, inbox: Inbox) -> None:
    inbox.handle([*stream("a", "b"), *stream("x", subject="n2", kind="fact", origin="northwind")])
    assert [(r["sequence"], r["state"]) for r in rows(database, "inbox")] == [(1, "applied"), (2, "applied")]


def test_a_message_that_fails_does_not_take_its_batch_down(database: Any, inbox: Inbox) -> None:
    good = [d for i in range(20) for d in stream("a", "b", subject=f"s{i}")]
    bad = stream("a", "poison", "c")
    tally = inbox.handle([*good[:20], *bad, *good[20:]])
    assert all(words(database, f"s{i}") == ("a", "b") for i in range(20))
    assert words(database) == ("a",)
    assert tally.failed == 1
    assert states(database) == {"poison-2": "failed", "c-3": "parked"}


def test_poison_is_dead_after_five_attempts_and_what_passes_later_is_applied(
    database: Any, inbox: Inbox, clock: Clock
) -> None:
    a, poison, c = stream("a", "poison", "c")
    inbox.handle([a, poison, c])
    for attempt in range(2, ATTEMPTS + 1):
        retry = max((r for r in rows(database, "outbox") if r["kind"] == "retry"), key=lambda r: str(r["due_at"]))
        assert retry["body"] == poison.body
        clock.pass_(3600)
        tally = inbox.handle([retried(poison)])
        assert (tally.failed, tally.dead) == ((1, 0) if attempt < ATTEMPTS else (0, 1))
    assert states(database) == {"poison-2": "dead", "c-3": "parked"}
    (row,) = [r for r in rows(database, "inbox") if r["state"] == "dead"]
    assert row["attempts"] == ATTEMPTS and "cannot be heard" in row["error"]
    # Sent again by the other side: it stays dead, and nothing behind it is applied out of order.
    inbox.handle([poison, c])
    assert states(database) == {"poison-2": "dead", "c-3": "parked"}


def test_a_failed_message_that_passes_later_lets_go_of_what_it_held_up(
    database: Any, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, poison, c = stream("a", "poison", "c")
    inbox.handle([a, poison, c])
    mended = {
        k: type(h)(h.model, lambda work, m, now: None, None) if k[0] == "peer" else h for k, h in HANDLERS.items()
    }
    Inbox(database, "offers", TABLES, mended, clock=inbox.clock).handle([retried(poison)])
    assert states(database) == {}


def test_the_other_sides_repetition_does_not_count_as_our_attempt(database: Any, inbox: Inbox) -> None:
    a, poison = stream("a", "poison")
    inbox.handle([a, poison])
    for _ in range(10):
        inbox.handle([poison])
    (row,) = [r for r in rows(database, "inbox") if r["state"] == "failed"]
    assert row["attempts"] == 1


def test_a_message_that_ends_the_process_each_time_is_dead_without_being_handled_for_ever(
    database: Any, inbox: Inbox
) -> None:
    a, killer = stream("a", "killer")
    inbox.handle([a])

    class ProcessEnds(BaseException):
        pass

    def end(*_: Any) -> None:
        raise ProcessEnds

    killing = {k: type(h)(h.model, end, None) for k, h in HANDLERS.items()}
    deadly = Inbox(database, "offers", TABLES, killing, clock=inbox.clock)
    ends = 0
    with pytest.raises(ProcessEnds):
        deadly.handle([killer])
    for _ in range(20):
        try:
            tally = deadly.handle([again(killer)])
        except ProcessEnds:
            ends += 1
        else:
            break
    assert ends == ATTEMPTS
    assert tally.dead == 1
    assert states(database) == {"killer-2": "dead"}
    # Good messages that were in the same prefetch window are handled meanwhile.
    assert inbox.handle([again(d) for d in stream("x", "y", subject="n2")]).applied == 2


def test_a_redelivered_message_leaves_no_trace_once_it_is_applied(database: Any, inbox: Inbox) -> None:
    inbox.handle([again(d) for d in stream("a", "b")])
    inbox.handle([again(d) for d in stream("a", "b")])
    inbox.handle([again(d) for d in stream("x", subject="n2", kind="fact", origin="northwind")])
    assert words(database) == ("a", "b")
    assert states(database) == {}


def test_an_unknown_type_parks_its_stream_and_the_receipt_says_so(database: Any, inbox: Inbox) -> None:
    inbox.handle(stream("a", "unheard-of", "c"))
    assert words(database) == ("a",)
    (row,) = [r for r in rows(database, "streams") if r["peer"] == "kazenor"]
    assert (row["parked_type"], row["receipt_due"], row["applied"]) == ("sample.new_kind", True, 1)
    newer = {**HANDLERS, ("peer", "offers", "sample.new_kind"): HANDLERS[("peer", "offers", "sample.word_said")]}
    Inbox(database, "offers", TABLES, newer, clock=inbox.clock).handle([stream("a", "unheard-of", "c")[1]])
    assert words(database) == ("a", "unheard-of", "c")
    (row,) = [r for r in rows(database, "streams") if r["peer"] == "kazenor"]
    assert (row["parked_type"], row["parked"], row["applied"]) == (None, 0, 3)


def test_another_message_under_the_same_number_is_a_fork_that_is_kept(database: Any, inbox: Inbox) -> None:
    inbox.handle(stream("a", "b"))
    other = stream("a", "B")
    tally = inbox.handle([other[1]])
    assert tally.forked == 1
    assert words(database) == ("a", "b")
    assert states(database) == {other[1].digest: "dead"}
    assert [r["forked"] for r in rows(database, "streams")] == [True]


def test_another_fact_under_the_last_number_is_a_fork_that_is_kept(database: Any, inbox: Inbox) -> None:
    ours = {"kind": "fact", "origin": "northwind"}
    inbox.handle(stream("a", "b", **ours))
    other = stream("a", "B", **ours)[1]
    assert inbox.handle([other]).forked == 1
    assert states(database) == {other.digest: "dead"}


@pytest.mark.parametrize("together", [True, False])
def test_another_message_under_an_older_number_is_a_fork_too(database: Any, inbox: Inbox, together: bool) -> None:
    said, other = stream("a", "b", "c"), stream("A")
    tally = inbox.handle([*said, *other]) if together else (inbox.handle(said), inbox.handle(other))[1]
    assert tally.forked == 1
    assert words(database) == ("a", "b", "c")
    assert states(database) == {other[0].digest: "dead"}
    assert [r["forked"] for r in rows(database, "streams")] == [True]
    again = inbox.handle([*said, *other])
    assert (again.duplicate, again.applied, again.forked) == (3, 0, 1)
    assert states(database) == {other[0].digest: "dead"}


def test_other_words_under_an_id_that_was_heard_take_nothing_away(database: Any, inbox: Inbox) -> None:
    said = stream("a", "b", "c")
    inbox.handle(said)
    lie = decode(said[0].body.replace('"a"', '"x"'))
    assert [inbox.handle([lie]).forked, inbox.handle([lie]).forked] == [1, 1]
    assert words(database) == ("a", "b", "c")
    assert inbox.handle([said[0]]).forked == 0
    kept = [(r["id"], r["body"], r["state"]) for r in rows(database, "inbox") if r["sequence"] == 1]
    assert sorted(kept) == sorted([(said[0].envelope.id, said[0].body, "applied"), (lie.digest, lie.body, "dead")])


def test_a_lie_under_the_id_of_a_message_does_not_keep_that_from_being_heard(database: Any, inbox: Inbox) -> None:
    said = stream("a", "b")
    inbox.handle(said[:1])
    lie = decode(said[1].body.replace(said[1].envelope.previous, "f" * 64).replace('"b"', '"x"'))
    assert inbox.handle([again(lie)]).forked == 1
    assert inbox.handle([again(lie)]).forked == 1
    assert inbox.handle([said[1]]).applied == 1
    assert words(database) == ("a", "b")
    assert states(database) == {lie.digest: "dead"}
    assert [r["parked"] for r in rows(database, "streams")] == [1]


@pytest.mark.parametrize("together", [True, False])
def test_two_messages_that_wait_under_one_number_are_a_fork(database: Any, inbox: Inbox, together: bool) -> None:
    said, other = stream("a", "b", "c"), stream("a", "b", "C")
    if together:
        inbox.handle([said[2], other[2]])
    else:
        for early in (said[2], other[2]):
            inbox.handle([early])
    # Neither counts yet; which is looked at first is chance, and both are kept.
    assert sorted(states(database).values()) == ["dead", "parked"]
    assert [(r["forked"], r["parked"]) for r in rows(database, "streams")] == [(True, 2)]
    inbox.handle([said[2], other[2]])
    assert sorted(states(database).values()) == ["dead", "parked"]
    inbox.handle(said[:2])
    assert len(words(database)) == 3
    assert list(states(database).values()) == ["dead"]
    assert [r["parked"] for r in rows(database, "streams")] == [1]


def test_a_message_that_does_not_follow_the_one_that_we_have_is_a_fork_that_is_kept(
    database: Any, inbox: Inbox
) -> None:
    inbox.handle(stream("a", "b"))
    tally = inbox.handle([stream("a", "B", "c")[2]])
    assert tally.forked == 1
    assert words(database) == ("a", "b")
    assert states(database) == {stream("a", "B", "c")[2].digest: "dead"}
    assert [r["forked"] for r in rows(database, "streams")] == [True]
    inbox.handle([stream("a", "b", "d")[2]])
    assert words(database) == ("a", "b", "d"), "what does follow is heard all the same"


def test_a_peer_message_is_receipted_each_time_it_comes_and_a_fact_never(database: Any, inbox: Inbox) -> None:
    def due() -> list[bool]:
        return [r["receipt_due"] for r in rows(database, "streams") if r["subject"] == "n1"]

    (a,) = stream("a")
    inbox.handle([a])
    assert due() == [True]
    inbox.handle(stream("x", subject="n2", kind="fact", origin="northwind"))
    assert [r["receipt_due"] for r in rows(database, "streams") if r["subject"] == "n2"] == [False]


def say(database: Any, *said: str) -> None:
    from tests.integration.bus.sample import WordSaid

    with database.transaction(["northwind"]) as storage:
        unit = Unit(storage, "offers", TABLES, datetime(2026, 5, 1, 12, tzinfo=UTC))
        for word in said:
            unit.tell(WordSaid(word=word), tenant="northwind", to="kazenor", subject="n1")
        unit.commit()


def test_a_receipt_confirms_only_once_all_that_was_sent_before_it_is_applied(
    database: Any, inbox: Inbox, heard: list[Confirmed]
) -> None:
    say(database, "m1", "m2")
    a, b = stream("a", "b")
    inbox.handle([receipt(applied=2, seen=1, sent=2), a])
    assert heard == []
    inbox.handle([b])
    assert heard == [Confirmed("northwind", "kazenor", "n1", 2, 1)]
    inbox.handle([receipt(applied=1, seen=0, sent=0), receipt(applied=2, seen=1, sent=2)])
    assert len(heard) == 1
    inbox.handle([receipt(applied=2, seen=2, sent=2)])
    assert heard[-1] == Confirmed("northwind", "kazenor", "n1", 2, 2)


def test_a_receipt_for_more_than_was_ever_said_confirms_nothing(
    database: Any, inbox: Inbox, heard: list[Confirmed]
) -> None:
    say(database, "m1")
    inbox.handle([receipt(applied=7, seen=7, sent=0)])
    assert heard == []


def test_who_asks_for_what_is_missing_gets_it_again_even_what_it_had_receipted(
    database: Any, inbox: Inbox, heard: list[Confirmed]
) -> None:
    def due() -> list[int]:
        if isinstance(database, MemoryDatabase):
            upto = database.confirmed.get(("northwind", "n1", "kazenor", "offers"), 0)
            return sorted({o.sequence for o in database.outbox[3:]} | {n for n in (1, 2, 3) if n > upto})
        return sorted(r["sequence"] for r in rows(database, "outbox") if r["due_at"] is not None)

    say(database, "m1", "m2", "m3")
    inbox.handle([receipt(applied=3, seen=2, sent=0)])
    assert due() == []
    inbox.handle([receipt(applied=1, seen=0, sent=0, wanted=True)])
    assert due() == [2, 3]
    inbox.handle([receipt(applied=3, seen=2, sent=0)])
    assert [news.applied for news in heard] == [3, 3]
    if not isinstance(database, MemoryDatabase):
        assert due() == []


def test_a_timer_fires_and_a_failing_one_comes_back(database: Any, inbox: Inbox, clock: Clock) -> None:
    def timer(word: str) -> Delivery:
        return decode(
            json.dumps(
                {
                    "specversion": "1.0", "id": f"t-{word}", "type": "sample.word_due", "source": "offers", "subject": "n1",
                    "time": "2026-05-01T12:00:00Z", "origin": "northwind", "destination": "northwind", "sequence": 0, "kind": "timer",
                    "data": {"word": word},
                }
            ),
            retry=True,
        )  # fmt: skip

    assert inbox.handle([timer("tick")]).applied == 1
    assert words(database) == ("tick",)
    assert inbox.handle([timer("poison"), timer("tock")]).failed == 1
    assert words(database) == ("tick", "tock")
    for _ in range(ATTEMPTS):
        clock.pass_(3600)
        inbox.handle([timer("poison")])
    assert states(database) == {"poison": "dead"}


@pytest.mark.parametrize(
    "body",
    [
        "not json", "[]", "{}", b"\xff\xfe", '{"__type__": "datetime", "__value__": "x"}',
    ],
)  # fmt: skip
def test_what_is_no_envelope_is_undecodable(body: Any) -> None:
    with pytest.raises(Undecodable):
        decode(body)


def test_the_origin_is_the_routing_keys_and_no_other(inbox: Inbox) -> None:
    (a,) = stream("a")
    assert decode(a.body, route=("northwind", "offers", "kazenor")).envelope.origin == "kazenor"
    with pytest.raises(Undecodable, match="routing key"):
        decode(a.body, route=("northwind", "offers", "mallory"))
    with pytest.raises(Undecodable):
        decode(a.body.replace('"origin": "kazenor"', '"origin": "northwind"'))


def test_the_tally_of_a_batch_counts_by_type(inbox: Inbox) -> None:
    tally: Tally = inbox.handle(stream("a", "b"))
    assert tally.types == {"sample.word_said": 2}

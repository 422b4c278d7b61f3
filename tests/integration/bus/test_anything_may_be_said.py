"""A peer may say anything that is an envelope: it harms its own stream at most, and never those of others."""

from __future__ import annotations

import json
import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.bus.attempts import ATTEMPTS
from shared.bus.deliveries import Undecodable, decode
from shared.bus.inbox import AHEAD, UNKNOWN_AGAIN, Handler, Inbox
from shared.bus.storage import Away, Conflict
from shared.bus.streams import Delivery
from shared.bus.unit import Unit
from shared.bus.work import Confirmed
from shared.contracts.messages import Receipt, digest
from tests.integration.bus.conftest import rows
from tests.integration.bus.sample import HANDLERS, TABLES, Note, hear
from tests.integration.bus.test_inbox import Clock, again, retried, say, states, stream, words

LARGE = "".join(random.Random(1).choices(string.ascii_letters, k=20_000))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(database: Any, clock: Clock, handlers: Any = HANDLERS, **more: Any) -> Inbox:
    return Inbox(database, "offers", TABLES, handlers, clock=clock, jitter=lambda: 0.0, **more)


def said(**changes: Any) -> str:
    (first,) = stream("a")
    return json.dumps(json.loads(first.body) | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "n\x001"},
        {"subject": LARGE},
        {"subject": ""},
        {"id": "i\x00"},
        {"id": LARGE},
        {"type": LARGE},
        {"sequence": 10**30},
        {"sequence": -1},
        {"time": "2026-05-01T12:00:00"},
        {"time": "9999-12-31T23:59:59-12:00"},
        {"origin": "kazenor,northwind"},
        {"destination": "northwind\x00"},
        {"destination": "*"},
    ],
    ids=lambda c: next(iter(c)),
)
def test_what_could_not_even_be_kept_as_a_row_is_undecodable(changes: dict[str, Any]) -> None:
    with pytest.raises(Undecodable):
        decode(said(**changes))


@pytest.mark.parametrize("kind", ["fact", "timer"])
def test_facts_and_timers_do_not_come_from_another_business(kind: str) -> None:
    with pytest.raises(Undecodable):
        decode(said(kind=kind, origin="northwind"), route=("northwind", "offers", "northwind"))


@pytest.mark.parametrize("value", ["nul \x00", LARGE], ids=["nul", "large"])
def test_a_value_the_database_cannot_take_is_the_messages_fault(sample_database: Any, clock: Clock, value: str) -> None:
    def keep(work: Any, message: Any, now: datetime) -> None:
        # PostgreSQL takes no NUL, and an index nothing large.
        if message.data.word == "odd":
            work.put(Note(tenant=message.tenant, id=value))
        hear(work, message, now)

    inbox = make(sample_database, clock, {key: Handler(h.model, keep) for key, h in HANDLERS.items()})
    tally = inbox.handle([*stream("odd"), *stream("x", "y", subject="n2")])
    assert words(sample_database, "n2") == ("x", "y")
    assert tally.failed == 1
    assert states(sample_database) == {"odd-1": "failed"}


def test_a_conflict_that_never_ends_is_not_in_everybodys_way(database: Any, clock: Clock) -> None:
    def insist(work: Any, message: Any, now: datetime) -> None:
        if message.data.word == "poison":
            raise Conflict("somebody else was first")
        hear(work, message, now)

    inbox = make(database, clock, {key: Handler(h.model, insist) for key, h in HANDLERS.items()})
    tally = inbox.handle([*stream("poison"), *stream("x", subject="n2")])
    assert (tally.failed, words(database, "n2")) == (1, ("x",))


def test_a_conflict_in_the_books_is_nobodys_fault(database: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(*_: Any) -> None:
        raise Conflict("somebody else was first")

    monkeypatch.setattr(Unit, "commit", lose)
    with pytest.raises(Away):
        make(database, clock).handle(stream("poison"))


def untold(delivery: Delivery) -> Delivery:
    """The same message, without what its type promises."""
    return decode(json.dumps(json.loads(delivery.body) | {"data": {}}))


def test_what_is_not_what_its_type_promises_waits_for_its_turn_to_fail(database: Any, clock: Clock) -> None:
    inbox = make(database, clock)
    a, b, c = stream("a", "b", "c")
    inbox.handle([untold(c)])
    assert states(database) == {"c-3": "parked"}
    inbox.handle([a, b])
    assert states(database) == {"c-3": "failed"}
    # Other words under a number that was heard are told and kept, and nothing else comes of them.
    assert inbox.handle([untold(a)]).forked == 1
    for _ in range(ATTEMPTS):
        clock.pass_(3600)
        inbox.handle([retried(untold(c))])
    assert states(database) == {"c-3": "dead", untold(a).digest: "dead"}
    (row,) = rows(database, "streams")
    assert row["parked"] == 2


@pytest.mark.parametrize("kind", ["peer", "fact"])
def test_an_unknown_type_is_looked_at_again_without_being_said_again(database: Any, clock: Clock, kind: str) -> None:
    inbox = make(database, clock)
    origin = "northwind" if kind == "fact" else "kazenor"
    a, unheard, c = stream("a", "unheard-of", "c", kind=kind, origin=origin)
    inbox.handle([a, unheard, c])
    later = [r for r in rows(database, "outbox") if r["kind"] == "retry"]
    assert [r["body"] for r in later] == [unheard.body]
    clock.pass_(UNKNOWN_AGAIN.total_seconds())
    inbox.handle([retried(unheard)])
    inbox.handle([unheard])
    assert len([r for r in rows(database, "outbox") if r["kind"] == "retry"]) == 2
    known = HANDLERS[(kind, "offers", "sample.word_said" if kind == "peer" else "sample.word_heard")]
    make(database, clock, {**HANDLERS, (kind, "offers", "sample.new_kind"): known}).handle([retried(unheard)])
    assert words(database) == ("a", "unheard-of", "c")
    assert [(r["parked"], r["parked_type"]) for r in rows(database, "streams")] == [(0, None)]


def test_an_unknown_type_that_had_come_too_early_stays_parked(database: Any, clock: Clock) -> None:
    inbox = make(database, clock)
    a, unheard = stream("a", "unheard-of")
    inbox.handle([unheard])
    # Alone, since something beside it fails.
    inbox.handle([a, *stream("poison", subject="n2")])
    assert states(database) == {"unheard-of-2": "parked", "poison-1": "failed"}
    inbox.handle([again(a)])
    assert states(database)["unheard-of-2"] == "parked"


def test_what_is_far_ahead_of_its_stream_is_not_kept(database: Any, clock: Clock) -> None:
    inbox = make(database, clock)
    every = stream(*"a" * (AHEAD + 3))
    assert inbox.handle(every[1:]).parked == AHEAD + 2
    assert len(states(database)) == AHEAD - 1
    inbox.handle(every[:1])
    assert len(words(database)) == AHEAD
    inbox.handle(every)
    assert len(words(database)) == AHEAD + 3
    assert [r["parked"] for r in rows(database, "streams")] == [0]


def receipt(**fields: Any) -> Delivery:
    data = Receipt(**{"applied": 0, "digest": "", "seen": 0, "sent": 0, **fields}).model_dump()
    return decode(said(type="receipt", sequence=0, data=data))


def test_a_receipt_of_other_words_than_ours_confirms_nothing(database: Any, clock: Clock) -> None:
    news: list[Confirmed] = []
    inbox = make(database, clock, confirmed=lambda work, confirmed, now: news.append(confirmed))
    say(database, "m1")
    (ours,) = [r["body"] for r in rows(database, "outbox")]
    wrong = receipt(applied=1, digest=digest("another m1"))
    assert [inbox.handle([wrong]).forked, inbox.handle([wrong]).forked] == [1, 0]
    assert news == []
    assert [r["forked"] for r in rows(database, "streams")] == [True]
    inbox.handle([receipt(applied=1, digest=digest(ours))])
    assert [n.applied for n in news] == [1]


def test_a_time_is_one_in_utc() -> None:
    assert decode(said(time="2026-05-01T14:00:00+02:00")).envelope.time == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert decode(said(time="2026-05-01T14:00:00+02:00")).envelope.time.utcoffset() == timedelta(0)


def test_what_people_wrote_stands_in_no_error(database: Any, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """A message that does not fit is logged and kept with its error: neither quotes it."""
    (a,) = stream("a")
    told = json.loads(a.body) | {"data": {"word": ["for nobody else"]}}
    make(database, clock).handle([decode(json.dumps(told))])
    (row,) = [r for r in rows(database, "inbox") if r["state"] == "failed"]
    assert "word" in row["error"] and "for nobody else" not in row["error"] + caplog.text


@pytest.mark.parametrize("kind", ["peer", "fact"])
def test_a_message_of_a_stream_without_a_number_is_none_of_ours(kind: str) -> None:
    (a,) = stream("a", kind=kind, origin="northwind" if kind == "fact" else "kazenor")
    with pytest.raises(Undecodable, match="numbered from 1"):
        decode(json.dumps(json.loads(a.body) | {"sequence": 0}))

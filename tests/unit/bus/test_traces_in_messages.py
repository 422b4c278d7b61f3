"""The trace of a request goes into what it makes a service say; a handler works in it on the same side, and beside it on the other."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared import traces
from shared.bus.deliveries import decode
from shared.bus.inbox import Handler, Inbox
from shared.bus.memory import MemoryDatabase
from shared.bus.outbox import trace_of
from shared.bus.unit import Unit
from shared.bus.work import Heard, Work
from shared.traces import Trace
from tests.integration.bus.sample import TABLES, WordDue, WordHeard, WordSaid

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OURS = Trace("a" * 32, "b" * 16)


def said(trace: Trace | None) -> dict[str, str]:
    """What a service says in one transaction, by kind: the exact texts."""
    database = MemoryDatabase()
    with database.transaction(["kazenor"]) as storage:
        work = Unit(storage, "offers", TABLES, NOW)
        with traces.within(trace):
            work.tell(WordSaid(word="hello"), tenant="kazenor", to="northwind", subject="n1")
            work.say(WordHeard(word="hello"), tenant="kazenor", subject="n1")
            work.later(WordDue(word="hello"), tenant="kazenor", subject="n1", at=NOW)
        work.commit()
    return {row.kind: row.body for row in database.outbox}


def heard(body: str) -> tuple[Trace | None, list[str]]:
    """The trace in which the handler of this message works, and what it says in turn."""
    seen: list[Trace | None] = []

    def handle(work: Work, message: Heard[Any], now: datetime) -> None:
        seen.append(traces.current())
        work.say(WordHeard(word="back"), tenant=message.tenant, subject="n2")

    handlers = {
        ("peer", "offers", "sample.word_said"): Handler(WordSaid, handle),
        ("fact", "offers", "sample.word_heard"): Handler(WordHeard, handle),
        ("timer", "offers", "sample.word_due"): Handler(WordDue, handle),
    }
    database = MemoryDatabase()
    tally = Inbox(database, "offers", TABLES, handlers).handle([decode(body)])
    assert tally.applied == 1 and len(tally.handled) == 1
    assert traces.current() is None, "the next message has nothing to do with it"
    [trace] = seen
    return trace, [row.body for row in database.outbox]


@pytest.mark.parametrize("kind", ["peer", "fact", "timer"])
def test_each_kind_of_message_names_the_request_that_caused_it(kind: str) -> None:
    body = said(OURS)[kind]
    assert json.loads(body)["traceparent"] == OURS.traceparent
    assert trace_of(body) == Trace(OURS.id, OURS.span)


def test_what_nobody_asked_for_names_none() -> None:
    for body in said(None).values():
        assert "traceparent" not in json.loads(body)
        assert trace_of(body) is None
        assert heard(body)[0] is None


def test_a_fact_is_handled_in_the_trace_of_its_request() -> None:
    trace, answers = heard(said(OURS)["fact"])
    assert trace is not None and (trace.id, trace.parent, trace.linked) == (OURS.id, OURS.span, "")
    assert [trace_of(body) for body in answers] == [Trace(trace.id, trace.span)]


@pytest.mark.parametrize("kind", ["peer", "timer"])
def test_what_comes_from_another_business_or_from_long_ago_is_handled_beside_its_trace(kind: str) -> None:
    trace, answers = heard(said(OURS)[kind])
    assert trace is not None and trace.id != OURS.id and trace.linked_id == OURS.id
    assert all(OURS.id not in body for body in answers), "a foreign trace goes no further"


@pytest.mark.parametrize("rubbish", ["x" * 10_000, "00-" + "0" * 32 + "-" + "0" * 16 + "-00", '"', "\x00"])
def test_a_foreign_traceparent_that_is_none_is_as_good_as_none(rubbish: str) -> None:
    message = {**json.loads(said(OURS)["peer"]), "traceparent": rubbish}
    assert heard(json.dumps(message))[0] is None


def test_data_that_look_like_a_traceparent_are_not_taken_for_one() -> None:
    forged = said(None)["peer"].replace('"word":"hello"', f'"traceparent":"{OURS.traceparent}"')
    assert OURS.traceparent in forged
    assert trace_of(forged) is None

"""The real inbox makes a first-in-first-out stream of every duplication, order, loss and restart; without any part of it, it does not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

from shared.bus import streams
from shared.bus.inbox import Inbox
from shared.bus.streams import Verdict
from tests.exploration.inboxes import Listening, Talking

Holds = Callable[..., None]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The inbox logs each failure we make, thousands of them."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(("kind", "least"), [("peer", 30), ("fact", 11)])
def test_a_stream_is_heard_once_and_in_order_however_it_arrives(kind: str, least: int, holds: Holds) -> None:
    holds(f"inbox: 3 {kind}s", Listening(("a", 3), kind=kind).explore(), least)


@pytest.mark.parametrize(("kind", "least"), [("peer", 100), ("fact", 25)])
def test_two_streams_do_not_disturb_each_other(kind: str, least: int, holds: Holds) -> None:
    holds(f"inbox: 2 streams of 2 {kind}s", Listening(("a", 2), ("b", 2), kind=kind).explore(), least)


@pytest.mark.parametrize(("kind", "least"), [("peer", 300), ("fact", 140)])
def test_a_crash_after_any_commit_changes_nothing(kind: str, least: int, holds: Holds) -> None:
    holds(f"inbox: 3 {kind}s, a crash", Listening(("a", 3), kind=kind, crashes=1).explore(), least)


@pytest.mark.parametrize(("kind", "least"), [("peer", 160), ("fact", 45)])
def test_a_use_case_that_fails_once_changes_nothing(kind: str, least: int, holds: Holds) -> None:
    holds(f"inbox: 3 {kind}s, a failure", Listening(("a", 3), kind=kind, chokes=1).explore(), least)


@pytest.mark.parametrize(("crashes", "chokes"), [(1, 1), (2, 0)])
def test_peer_messages_outlive_a_crash_while_each_is_tried_alone(crashes: int, chokes: int, holds: Holds) -> None:
    found = Listening(("a", 3), kind="peer", crashes=crashes, chokes=chokes).explore()
    holds(f"inbox: 3 peers, {crashes} crashed, {chokes} failed", found, 1000)


@pytest.mark.parametrize(("crashes", "chokes"), [(1, 1), (2, 0)])
def test_facts_outlive_a_crash_while_each_is_tried_alone(crashes: int, chokes: int, holds: Holds) -> None:
    found = Listening(("a", 3), kind="fact", crashes=crashes, chokes=chokes).explore()
    holds(f"inbox: 3 facts, {crashes} crashed, {chokes} failed", found, 500)


@pytest.mark.parametrize(("words", "answers"), [((3, 0), 2), ((1, 1), 1), ((2, 1), None)])
def test_a_receipt_confirms_what_is_there_once_all_that_was_said_before_it_is_applied(
    words: tuple[int, int], answers: int | None, holds: Holds
) -> None:
    found = Talking(words, answers).explore()
    holds(f"inbox: {words[0]} and {words[1]} words" + (f", {answers} answered" if answers else ""), found, 4000)


# Without a part of it


def wrong(found: Any) -> tuple[str, list[str]]:
    assert found.wrong is not None
    return found.wrong, found.trace


def judged(change: dict[Verdict, Verdict]) -> Any:
    judge = streams.judge

    def other(*args: Any) -> Verdict:
        verdict = judge(*args)
        return change.get(verdict, verdict)

    return mock.patch.object(streams, "judge", other)


def test_without_deduplication_a_word_is_heard_twice() -> None:
    with judged({Verdict.DUPLICATE: Verdict.APPLY}):
        said, trace = wrong(Listening(("a", 3), kind="peer").explore())
    assert said == "heard [1, 1] of a, 1 applied"
    assert trace == ["a1 and a1 arrives"]


def test_without_a_look_at_the_order_a_later_word_is_heard_first() -> None:
    with judged({Verdict.GAP: Verdict.APPLY}):
        said, trace = wrong(Listening(("a", 3), kind="peer").explore())
    assert said == "heard [2] of a, 2 applied"
    assert trace == ["a2 arrives"]


def test_without_parking_a_fact_that_came_early_is_lost() -> None:
    with mock.patch.object(Inbox, "_park", lambda *_: None):
        said, trace = wrong(Listening(("a", 3), kind="fact").explore())
    assert said == "stuck: nothing that is sure to come leads to a good end"
    assert trace == ["a2 arrives"]


def test_without_parking_peer_messages_only_come_later_as_they_are_sent_until_they_are_receipted() -> None:
    with mock.patch.object(Inbox, "_park", lambda *_: None):
        assert Listening(("a", 3), kind="peer").explore().wrong is None


def test_without_a_receipt_for_a_repeated_message_a_lost_one_is_never_made_good() -> None:
    with mock.patch.object(Inbox, "_again", lambda *_: None):
        said, trace = wrong(Talking((1, 0), None).explore())
    assert said == "stuck: nothing that is sure to come leads to a good end"
    assert trace == [
        "kazenor says a word",
        "kazenor's word 1 reaches northwind",
        "northwind's receipt (applied 1, sent 0) is lost",
    ]


def test_without_rule_9_a_receipt_confirms_before_what_was_said_earlier_is_there() -> None:
    def at_once(stream: streams.Stream) -> bool:
        stream.receipt_sent = min(stream.receipt_sent, stream.applied)
        return settle(stream)

    settle = streams.settle_receipt
    with mock.patch.object(streams, "settle_receipt", at_once):
        said, trace = wrong(Talking((1, 0), 1).explore())
    assert said == "kazenor has 1 confirmed and applied 0 of the 1 that northwind had said by then"
    assert trace == [
        "kazenor says a word",
        "kazenor's word 1 reaches northwind",
        "northwind's receipt (applied 1, sent 1) is sent and reaches kazenor",
    ]

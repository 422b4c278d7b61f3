"""When a receipt confirms what it names: once all that its sender had said before it is here, whatever earlier ones claimed (protocol rule 9)."""

from __future__ import annotations

from shared.bus.streams import Stream, settle_receipt, take_receipt
from shared.contracts.messages import Receipt

NEVER = 10**9


def stream(**values: int) -> Stream:
    return Stream("kazenor", "p1", "northwind", "offers", sent=9, **values)


def take(s: Stream, *, applied: int, sent: int, seen: int = 0) -> None:
    take_receipt(s, Receipt(applied=applied, digest="", seen=seen, sent=sent))


def test_those_that_wait_are_one_each_field_by_its_maximum() -> None:
    s = stream(applied=1)
    take(s, applied=5, sent=2, seen=1)
    take(s, applied=4, sent=3, seen=4)
    assert not settle_receipt(s)
    s.applied = 2
    assert not settle_receipt(s)
    s.applied = 3
    assert settle_receipt(s) and (s.confirmed, s.confirmed_seen) == (5, 4)


def test_one_that_waits_for_what_never_comes_holds_no_later_one_up() -> None:
    s = stream(applied=1)
    take(s, applied=5, sent=NEVER)
    assert not settle_receipt(s)
    take(s, applied=3, sent=1, seen=2)
    assert settle_receipt(s) and (s.confirmed, s.confirmed_seen) == (3, 2)
    # Nothing is left of it.
    take(s, applied=6, sent=2)
    assert not settle_receipt(s)
    s.applied = 2
    assert settle_receipt(s) and s.confirmed == 6


def test_one_that_is_no_news_keeps_nothing_waiting() -> None:
    s = stream(applied=1, confirmed=3)
    take(s, applied=3, sent=NEVER)
    take(s, applied=5, sent=2)
    s.applied = 2
    assert settle_receipt(s) and s.confirmed == 5


def test_a_late_one_takes_back_nothing_that_was_confirmed() -> None:
    s = stream(applied=2)
    take(s, applied=5, sent=2, seen=5)
    assert settle_receipt(s)
    take(s, applied=3, sent=1, seen=2)
    assert not settle_receipt(s) and (s.confirmed, s.confirmed_seen) == (5, 5)

"""A receipt that asks for what is missing says what its sender has, whatever it had receipted before."""

from __future__ import annotations

import pytest

from shared.bus.streams import Stream, settle_receipt, take_receipt
from shared.contracts.messages import Receipt


def stream(**values: int) -> Stream:
    return Stream("kazenor", "p1", "northwind", "offers", sent=9, **values)


@pytest.mark.parametrize(("had", "has", "confirmed"), [(5, 3, 3), (3, 5, 5), (4, 4, 4), (4, 0, 0)])
def test_what_is_asked_for_is_not_confirmed_any_more_and_what_is_there_is(had: int, has: int, confirmed: int) -> None:
    s = stream(confirmed=had, receipt_applied=had)
    take_receipt(s, Receipt(applied=has, digest="", seen=0, sent=0, wanted=True))
    settle_receipt(s)
    assert s.confirmed == confirmed


def test_it_confirms_nothing_before_what_its_sender_had_said_is_applied() -> None:
    s = stream(confirmed=3, receipt_applied=3, applied=1)
    take_receipt(s, Receipt(applied=5, digest="", seen=0, sent=2, wanted=True))
    assert not settle_receipt(s) and s.confirmed == 3
    s.applied = 2
    assert settle_receipt(s) and s.confirmed == 5


def test_an_old_receipt_that_asks_for_nothing_takes_nothing_back() -> None:
    s = stream(confirmed=5, receipt_applied=5)
    take_receipt(s, Receipt(applied=3, digest="", seen=0, sent=0))
    settle_receipt(s)
    assert s.confirmed == 5

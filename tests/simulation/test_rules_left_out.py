"""A simulation that cannot fail proves nothing: with a rule left out, some of the first seeds do fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from services.contacts.domain import modifying
from services.contacts.handlers import keeping
from services.contacts.handlers import lending as contacts
from services.offers.domain import ending, withdrawing
from services.offers.handlers import sending
from services.offers.handlers import withdrawing as offers
from shared.bus import streams
from tests.simulation.running import play

SEEDS, STEPS = 60, 100


def confirm_at_once(stream: streams.Stream) -> bool:
    """As `streams.settle_receipt`, but for the wait until all that the receiver had sent is here."""
    news = stream.receipt_applied > stream.confirmed or stream.receipt_seen > stream.confirmed_seen
    stream.confirmed = max(stream.confirmed, stream.receipt_applied)
    stream.confirmed_seen = max(stream.confirmed_seen, stream.receipt_seen)
    stream.changed = stream.changed or news
    return news


def withdrawn_always(p: Any, now: Any) -> Any:
    """As `withdrawing.withdrawn`, but whatever we have decided."""
    return replace(p, status="withdrawn", turn=None, turn_since=None, updated_at=now)


def ended_once(p: Any, ending_: Any, now: Any) -> Any:
    """As `ending.ended`, but whoever has ended it hears no other end."""
    return p if p.status == "terminated" else _ended(p, ending_, now)


def in_silence(work: Any, agreement: Any, now: Any) -> Any:
    """As `keeping.settled`, but nothing is said of what was decided."""
    return modifying.settle(agreement, now)[0]


_ended = ending.ended
_VOID_FIRST = {**modifying._STRENGTH, "void": 4}
_VOID_BEFORE_WITHDRAWN = {**modifying._STRENGTH, "void": 2, "withdrawn": 1}

WITHOUT = {
    "an answer counts after an end": (modifying, "_STRENGTH", _VOID_FIRST),
    "a withdrawal counts after an end": (modifying, "_STRENGTH", _VOID_BEFORE_WITHDRAWN),
    "both who release agree": (modifying, "crossing", lambda agreement, item: False),
    "what is decided without people is said": (contacts, "settled", in_silence),
    "what comes before the acceptance waits": (contacts, "must_wait", lambda partnership: False),
    "a decision counts after the withdrawal of the offer": (offers.rules, "withdrawn", withdrawn_always),
    "both may end": (ending, "ended", ended_once),
    "a new offer is held back": (sending, "settled", lambda p: True),
    "a receipt confirms once what it names is here": (streams, "settle_receipt", confirm_at_once),
    "what was heard is not heard again": (streams, "advance", lambda stream, sequence, digest: None),
}


@pytest.mark.parametrize("rule", WITHOUT)
def test_with_a_rule_left_out_a_seed_fails(rule: str) -> None:
    module, name, instead = WITHOUT[rule]
    with mock.patch.object(module, name, instead):
        assert any(play(seed, STEPS).problems for seed in range(SEEDS)), f"nobody missed: {rule}"


def test_what_is_left_out_here_is_there() -> None:
    assert offers.rules is withdrawing and keeping.settled is contacts.settled

"""Which request a piece of work belongs to, and what of that crosses to another business."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from shared import logs, traces
from shared.traces import Trace

GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "rubbish",
    [
        None,
        7,
        "",
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
        GIVEN.replace("00f067aa0ba902b7", "0" * 16),
        GIVEN.upper(),
        GIVEN + "x",
        GIVEN + "\n",
        "ff" + GIVEN[2:],
        "<script>",
    ],
)
def test_what_is_no_traceparent_names_nothing(rubbish: object) -> None:
    assert traces.read(rubbish) is None
    assert traces.continued(rubbish, foreign=True) is None


def test_what_our_own_side_caused_is_joined() -> None:
    found = traces.continued(GIVEN, foreign=False)
    assert found is not None
    assert (found.id, found.parent, found.linked) == (GIVEN[3:35], GIVEN[36:52], "")
    assert found.span != found.parent


def test_what_another_business_says_is_linked_and_never_joined() -> None:
    found = traces.continued(GIVEN, foreign=True)
    assert found is not None
    assert found.id != GIVEN[3:35] and found.linked == GIVEN and found.linked_id == GIVEN[3:35]
    assert GIVEN[3:35] not in found.traceparent, "nor is it passed on"


def test_each_line_of_the_log_names_the_trace_and_the_one_it_is_linked_to() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    logs.set_up("offers", out)
    try:
        logging.getLogger("x").info("nobody asked")
        with traces.within(Trace("a" * 32, "b" * 16, linked=GIVEN)):
            logging.getLogger("x").info("they did")
        logging.getLogger("x").info("nobody any more")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    first, second, third = (json.loads(line) for line in out.getvalue().splitlines())
    assert (second["trace_id"], second["span_id"], second["linked_trace"]) == ("a" * 32, "b" * 16, GIVEN[3:35])
    assert "trace_id" not in first and "trace_id" not in third


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    found: list[Any] = []
    monkeypatch.setattr(traces, "export", found.append)
    yield found


def test_spans_lie_in_each_other_and_are_handed_on_when_they_end(exported: list[Any]) -> None:
    with traces.span("outer", "server") as outer:
        with pytest.raises(ValueError), traces.span("inner", "client") as inner:
            assert traces.current() == inner.trace
            raise ValueError
        assert traces.current() == outer.trace
    assert traces.current() is None
    assert [(s.name, s.failed) for s in exported] == [("inner", True), ("outer", False)]
    assert inner.trace.id == outer.trace.id and inner.trace.parent == outer.trace.span and not outer.trace.parent
    assert all(s.started <= s.ended for s in exported)


def test_what_is_not_sampled_is_not_handed_on(exported: list[Any]) -> None:
    with traces.span("s", "server", traces.below(Trace("a" * 32, "b" * 16, "00"))):
        pass
    assert not exported

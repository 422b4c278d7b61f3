"""What every command does around its method: a repeated key gets the first answer, however close the two requests are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from nameko.rpc import Rpc as NamekoRpc

from shared.bus.entrypoints import command, query
from shared.bus.rpc import Rpc
from shared.bus.session import Answered
from shared.calls import Call
from shared.errors import ChangedMeanwhile, Unavailable, ValidationError


class Records:
    """Stored answers, by key."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}

    def answered(self, call: Call) -> Answered | None:
        key = call.idempotency_key
        return Answered(self.answers[key]) if key in self.answers else None


class Service:
    """A service whose door refuses what has been done already."""

    name = "sample"

    def __init__(self, meanwhile: Any = None) -> None:
        self.records = Records()
        self.meanwhile = meanwhile

    @command()
    def change(self, call: Call) -> Any:
        if self.meanwhile is not None:
            # The other request with the same key ends between our look at the answers and our door.
            self.records.answers["k"] = self.meanwhile
        raise ChangedMeanwhile

    @query()
    def look(self, call: Call) -> Any:
        return {}


def test_a_request_refused_for_what_its_twin_did_gets_the_twins_answer() -> None:
    assert Service({"version": 2}).change(tenant="kazenor", actor="u", idempotency_key="k") == {"version": 2}


@pytest.mark.parametrize("key", [None, "k"])
def test_a_refusal_stays_one_when_nobody_did_it(key: str | None) -> None:
    with pytest.raises(ChangedMeanwhile):
        Service().change(tenant="kazenor", actor="u", idempotency_key=key)


@pytest.mark.parametrize("key", ["", "k" * 256, "k\x00", "k\ud800", "a\nb", 1])
def test_a_key_is_a_short_printable_text(key: Any) -> None:
    with pytest.raises(ValidationError, match="Some fields"):
        Service().change(tenant="kazenor", actor="u", idempotency_key=key)


@pytest.mark.parametrize(
    ("once", "redelivered", "body", "carried_out"),
    [
        (True, True, {"args": [], "kwargs": {"tenant": "kazenor"}}, False),
        (True, True, {"args": [], "kwargs": {"idempotency_key": "k"}}, True),
        (True, False, {"args": [], "kwargs": {}}, True),
        (False, True, {"args": [], "kwargs": {}}, True),
    ],
    ids=["again without a key", "again with a key", "for the first time", "only a question"],
)
def test_what_may_have_been_done_is_not_done_again(
    once: bool, redelivered: bool, body: Any, carried_out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    monkeypatch.setattr(NamekoRpc, "handle_message", lambda self, body, message: done.append(body))
    message = SimpleNamespace(delivery_info={"redelivered": redelivered})
    try:
        Rpc(once=once).handle_message(body, message)
    except Unavailable:
        assert not carried_out
    assert done == ([body] if carried_out else [])


@pytest.mark.parametrize("body", [None, [], {"kwargs": 1}, {"kwargs": None}])
def test_what_is_no_call_at_all_is_not_carried_out_again_either(body: Any) -> None:
    with pytest.raises(Unavailable):
        Rpc(once=True).handle_message(body, SimpleNamespace(delivery_info={"redelivered": True}))


def test_commands_are_carried_out_once_and_queries_as_often_as_asked() -> None:
    assert {e.once for e in Service.change.nameko_entrypoints} == {True}
    assert {e.once for e in Service.look.nameko_entrypoints} == {False}

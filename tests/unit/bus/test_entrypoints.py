"""What every command does around its method: a repeated key gets the first answer, however close the two requests are."""

from __future__ import annotations

from typing import Any

import pytest

from shared.bus.entrypoints import command
from shared.bus.session import Answered
from shared.calls import Call
from shared.errors import ChangedMeanwhile, ValidationError


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

"""One request can be followed through the logs of all processes, to the handlers and the mail of the other side."""

from __future__ import annotations

import json
import secrets
from typing import Any

from tests.support.servers import until
from tests.support.stack import Stack


def lines(stack: Stack) -> list[dict[str, Any]]:
    """All lines of all logs of Accord's own processes that belong to a trace."""
    found = []
    for path in (stack.folder / "run" / "log").glob("*.log"):
        for line in path.read_text(errors="replace").splitlines():
            if '"trace_id"' in line:
                found.append(json.loads(line))
    return found


def test_an_offer_is_followed_from_the_browser_to_the_handlers_of_the_other_side(stack: Stack) -> None:
    north, south = stack.register("north"), stack.register("south")
    contact = north.contact("Mia")
    ours = secrets.token_hex(16)
    offer = north.offer(south, contact)
    body = {"reason": "Not now"}
    answer = (
        south.http.post(
            f"/partnerships/{offer['id']}/decline",
            json=body,
            headers={"traceparent": f"00-{ours}-{secrets.token_hex(8)}-01"},
        )
        if south.until(offer["id"], status="open")
        else None
    )
    assert answer is not None and answer.status_code == 200

    def here() -> dict[str, list[dict[str, Any]]]:
        by: dict[str, list[dict[str, Any]]] = {}
        for line in lines(stack):
            if line["trace_id"] == ours:
                by.setdefault(line["process"], []).append(line)
        return by

    # On the side that asked, everything is in the trace of the request.
    until(lambda: {"gateway", "offers", "offers-relay", "history"} <= set(here()), 30, f"who said what: {set(here())}")
    [access] = [line for line in here()["gateway"] if line["logger"] == "accord.access"]
    assert access["route"].endswith("/decline") and access["tenant"] == south.tenant
    assert [line["method"] for line in here()["offers"] if line["message"] == "called"] == ["decline_offer"]
    assert [line["destination"] for line in here()["offers-relay"]] == [north.tenant]
    assert all(line.get("tenant") == south.tenant for line in here()["history"])

    # On the other side it is another trace that names the first.
    def there() -> list[dict[str, Any]]:
        return [line for line in lines(stack) if line.get("linked_trace") == ours]

    until(there, 30, "the other side has heard")
    [theirs] = {line["trace_id"] for line in there()}
    assert theirs != ours and {line["tenant"] for line in there()} == {north.tenant}

    def beyond() -> set[str]:
        return {line["process"] for line in lines(stack) if line["trace_id"] == theirs}

    until(lambda: {"offers", "history", "notifications", "mailer"} <= beyond(), 30, f"it went on there: {beyond()}")
    assert not [line for line in lines(stack) if line["trace_id"] == ours and line.get("tenant") == north.tenant]

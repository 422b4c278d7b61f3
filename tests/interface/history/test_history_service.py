"""The history service on a real broker and a real database, asked by a stock nameko client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nameko.exceptions import RemoteError

from tests.support import story
from tests.support.processes import Mouth, ask, running
from tests.support.servers import until

Environment = dict[str, str]
PARTNERSHIP = "01973f00-0000-7000-8000-000000000002"
"""Of which offers, as replaced here, has said two facts."""


@pytest.fixture
def stage(services: Callable[..., Environment]) -> Iterator[Environment]:
    env = services("history")
    with (
        running(env, "shared.bus.run", "services.history.service"),
        running(env, "tests.neighbour", "tests.interface.history.offers"),
    ):
        yield env


def entries(
    env: Environment, tenant: str = "northwind", partnership: str = PARTNERSHIP, **query: Any
) -> list[dict[str, Any]]:
    answer = ask(env, "history", "list_entries", tenant=tenant, actor="nils", partnership_id=partnership, **query)
    return list(answer["items"])


def test_history(stage: Environment) -> None:
    """One start of the processes for all that is asked at the interface."""
    mouth = Mouth(stage)
    received = mouth.body(story.RECEIVED, tenant="northwind", subject=PARTNERSHIP)
    given = mouth.body(story.ACCEPTANCE_GIVEN, tenant="northwind", subject=PARTNERSHIP)

    # Out of order and twice: one entry each, in the order in which it happened.
    mouth.publish(given, given)
    began = time.monotonic()
    assert entries(stage) == []
    # It waited for what offers says it has said, but not for ever.
    assert time.monotonic() - began > 0.9
    mouth.publish(received, received, given)
    assert [e["type"] for e in until(lambda: entries(stage))] == ["offer.accepted", "offer.sent"]

    # The other tenant has said nothing and sees nothing.
    assert entries(stage, "kazenor", PARTNERSHIP[:-1] + "0") == []

    # Pages.
    page = ask(stage, "history", "list_entries", tenant="northwind", actor="nils", partnership_id=PARTNERSHIP, limit=1)
    (second,) = entries(stage, limit=1, cursor=page["next"])
    assert second["type"] == "offer.sent"

    # Refusals, in their order: a malformed id, what is not to be seen, the form of the query.
    for request, error in (
        ({"partnership_id": "x", "limit": 0}, "NotFound"),
        ({"partnership_id": "0e973f00-0000-7000-8000-000000000002", "limit": 0}, "NotFound"),
        ({"partnership_id": PARTNERSHIP, "limit": 0}, "ValidationError"),
        ({"partnership_id": PARTNERSHIP, "cursor": "x"}, "ValidationError"),
        ({"partnership_id": PARTNERSHIP, "order": "id"}, "ValidationError"),
    ):
        with pytest.raises(RemoteError) as refused:
            ask(stage, "history", "list_entries", tenant="northwind", actor="nils", **request)
        assert refused.value.exc_type == error

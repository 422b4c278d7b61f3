"""The history service on a real broker and a real database; offers is played."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.contracts.contacts import AssignmentsChanged
from shared.errors import NotFound, ValidationError
from tests.support import story
from tests.support.desk import Desk, serving
from tests.support.neighbours import StandIn, Standings
from tests.support.servers import RabbitServer, until

PARTNERSHIP = "01973f00-0000-7000-8000-000000000002"
"""Of which offers, as replaced here, has said two facts at northwind."""


@pytest.fixture
def desk(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> Iterator[Desk]:
    standings = Standings()
    standings.add("northwind", PARTNERSHIP, "customer", 2)
    standings.add("kazenor", PARTNERSHIP, "partner", 0)
    with (
        StandIn(broker.uri(), "offers", {"get_standing": standings.get_standing}),
        serving("history", service_databases, broker, relay=False) as environment,
    ):
        yield Desk("history", environment, seconds=20, tries=5)


def entries(desk: Desk, tenant: str = "northwind", **query: Any) -> list[dict[str, Any]]:
    request = {"tenant": tenant, "actor": "nils", "partnership_id": PARTNERSHIP}
    return list(desk.ask("list_entries", **request, **query)["items"])


def test_history(desk: Desk) -> None:
    """One start of the processes for all that is asked at the interface."""
    received = desk.body(story.RECEIVED, tenant="northwind", subject=PARTNERSHIP)
    given = desk.body(story.ACCEPTANCE_GIVEN, tenant="northwind", subject=PARTNERSHIP)

    # Out of order and twice: one entry each, in the order in which it happened.
    desk.publish(given, given)
    began = time.monotonic()
    assert entries(desk) == []
    # It waited for what offers says it has said, but not for ever.
    assert time.monotonic() - began > 0.9
    desk.publish(received, received, given)
    assert [e["type"] for e in until(lambda: entries(desk))] == ["offer.accepted", "offer.sent"]

    # What contacts and managers say of it stands there too, and nothing of what is no news.
    desk.say(story.PROPOSAL_RECEIVED, tenant="northwind", subject=PARTNERSHIP)
    desk.say(AssignmentsChanged(version=1, working=1), tenant="northwind", subject=PARTNERSHIP)
    desk.say(story.ANSWER_GIVEN, tenant="northwind", subject=PARTNERSHIP)
    desk.say(story.team("added", story.BO, added=[story.BO]), tenant="northwind", subject=PARTNERSHIP)
    later = until(lambda: found[:-2] if len(found := entries(desk)) == 5 else None)
    assert {e["type"] for e in later} == {"modification.proposed", "modification.answered", "team.changed"}

    # The other tenant has said nothing and sees nothing.
    assert entries(desk, "kazenor") == []

    # Pages.
    page = desk.ask("list_entries", tenant="northwind", actor="nils", partnership_id=PARTNERSHIP, limit=1)
    assert page["items"] == later[:1]
    (second,) = entries(desk, limit=1, cursor=page["next"])
    assert second == later[1]

    # Refusals, in their order: a malformed id, what is not to be seen, the form of the query.
    for request, error in (
        ({"partnership_id": "x", "limit": 0}, NotFound),
        ({"partnership_id": "0e973f00-0000-7000-8000-000000000002", "limit": 0}, NotFound),
        ({"partnership_id": PARTNERSHIP, "limit": 0}, ValidationError),
        ({"partnership_id": PARTNERSHIP, "cursor": "x"}, ValidationError),
        ({"partnership_id": PARTNERSHIP, "order": "id"}, ValidationError),
    ):
        with pytest.raises(error):
            desk.ask("list_entries", tenant="northwind", actor="nils", **request)

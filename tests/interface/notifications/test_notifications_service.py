"""The notifications service with its relay on a real broker and a real database; accounts is played."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.accounts import UserChanged
from shared.contracts.offers import Manager
from shared.errors import Forbidden, NotFound, ValidationError
from tests.support import story
from tests.support.desk import Desk, serving
from tests.support.neighbours import People, StandIn
from tests.support.servers import RabbitServer, until

NILS, ANN = story.NILS.id, "01973f00-0000-7000-8000-0000000000b2"


@pytest.fixture
def desk(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> Iterator[Desk]:
    people = People()
    for tenant, id in (("northwind", NILS), ("northwind", ANN), ("kazenor", NILS)):
        people.add(tenant, "member", id=id)
    with (
        StandIn(broker.uri(), "accounts", {"get_people": people.get_people}),
        serving("notifications", service_databases, broker) as environment,
    ):
        yield Desk("notifications", environment, seconds=20, tries=5)


def listed(desk: Desk, actor: str = NILS, tenant: str = "northwind", **query: Any) -> dict[str, Any]:
    return dict(desk.ask("list_notifications", tenant=tenant, actor=actor, **query))


def user(id: str, name: str) -> UserChanged:
    return UserChanged(id=id, name=name, email=f"{name.lower()}@northwind.example", role="admin", active=True)


def test_notifications(desk: Desk) -> None:
    """One start of the processes for all that is asked at the interface."""
    began = datetime.now(UTC)

    # An offer is heard of before the people who are to know; one of the two is heard of late, and catches up by a timer.
    desk.say(user(ANN, "Ann"), tenant="northwind", subject=ANN, time=began)
    received = desk.body(story.RECEIVED, tenant="northwind", subject=story.PARTNERSHIP)
    desk.publish(received, received)
    until(lambda: listed(desk, ANN)["items"])
    desk.say(user(NILS, "Nils"), tenant="northwind", subject=NILS, time=began)
    (mine,) = until(lambda: listed(desk)["items"])
    assert mine["title"] == "Kazenor Consulting offers to work with you"
    assert listed(desk)["unread_count"] == 1
    assert len(listed(desk, ANN)["items"]) == 1
    assert listed(desk, tenant="kazenor") == {"items": [], "next": None, "unread_count": 0}

    # Once it is accepted those who look after it hear of what the other side does, whichever service tells it.
    managers = [Manager(id=ANN, name="Ann"), story.NILS_MANAGES]
    accepted = story.ACCEPTANCE_GIVEN.model_copy(update={"managers": managers})
    desk.say(accepted, tenant="northwind", subject=story.PARTNERSHIP)
    desk.say(story.PROPOSAL_RECEIVED, tenant="northwind", subject=story.PARTNERSHIP)
    until(lambda: len(listed(desk)["items"]) == 2)
    until(lambda: len(listed(desk, ANN)["items"]) == 3)
    assert {n["type"] for n in listed(desk, ANN)["items"]} == {
        "offer.received",
        "acceptance.given",
        "proposal.received",
    }
    left = story.team("removed", story.NILS_MANAGES, removed=[managers[0]])
    desk.say(left, tenant="northwind", subject=story.PARTNERSHIP)
    joined = story.team("added", *managers, version=3, added=[managers[0]])
    desk.say(joined, tenant="northwind", subject=story.PARTNERSHIP)
    until(lambda: len(listed(desk, ANN)["items"]) == 4)
    assert listed(desk, ANN)["items"][0]["title"] == "You look after the partnership with Kazenor Consulting now"
    assert listed(desk)["unread_count"] == 2

    # Read, twice under the same key.
    for _ in range(2):
        read = desk.ask("mark_read", tenant="northwind", actor=NILS, ids=[mine["id"]], idempotency_key="k")
        assert read == {"unread_count": 1}
    assert [n["type"] for n in listed(desk, unread=True)["items"]] == ["proposal.received"]
    assert desk.ask("mark_read", tenant="northwind", actor=ANN, all=True) == {"unread_count": 0}

    # Preferences.
    assert desk.ask("get_preferences", tenant="northwind", actor=NILS) == {"app": True, "mail": True}
    chosen = desk.ask("set_preferences", tenant="northwind", actor=NILS, mail=False)
    assert chosen == desk.ask("get_preferences", tenant="northwind", actor=NILS) == {"app": True, "mail": False}

    # Refusals: no active login comes before the form of the body; another's notification is not there.
    for method, actor, body, error in (
        ("list_notifications", "ff973f00-0000-7000-8000-0000000000ff", {"limit": 0}, Forbidden),
        ("list_notifications", NILS, {"limit": 0}, ValidationError),
        ("list_notifications", NILS, {"unread": "yes"}, ValidationError),
        ("mark_read", NILS, {}, ValidationError),
        ("mark_read", ANN, {"ids": [mine["id"]]}, NotFound),
        ("mark_read", "ff973f00-0000-7000-8000-0000000000ff", {}, Forbidden),
        ("get_preferences", "ff973f00-0000-7000-8000-0000000000ff", {}, Forbidden),
        ("set_preferences", NILS, {"mail": "no"}, ValidationError),
        ("set_preferences", NILS, {"mail": True, "app": False}, ValidationError),
    ):
        with pytest.raises(error):
            desk.ask(method, tenant="northwind", actor=actor, **body)

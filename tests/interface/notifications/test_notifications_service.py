"""The notifications service with its relay on a real broker and a real database, asked by a stock nameko client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from nameko.exceptions import RemoteError

from shared.contracts.accounts import UserChanged
from tests.support import story
from tests.support.processes import Mouth, ask, running
from tests.support.servers import until

Environment = dict[str, str]
NILS, ANN = story.NILS.id, "01973f00-0000-7000-8000-0000000000b2"


@pytest.fixture
def stage(services: Callable[..., Environment]) -> Iterator[Environment]:
    env = services("notifications")
    with (
        running(env, "shared.bus.run", "services.notifications.service"),
        running(env, "shared.bus.relay", "notifications"),
        running(env, "tests.neighbour", "tests.interface.notifications.accounts"),
    ):
        yield env


def listed(env: Environment, actor: str = NILS, tenant: str = "northwind", **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ask(env, "notifications", "list_notifications", tenant=tenant, actor=actor, **query)
    return answer


def user(id: str, name: str) -> UserChanged:
    return UserChanged(id=id, name=name, email=f"{name.lower()}@northwind.example", role="admin", active=True)


def test_notifications(stage: Environment) -> None:
    """One start of the processes for all that is asked at the interface."""
    mouth = Mouth(stage)
    began = datetime.now(UTC)

    # An offer is heard of before the people who are to know; one of the two is heard of late, and catches up by a timer.
    mouth.say(user(ANN, "Ann"), tenant="northwind", subject=ANN, time=began)
    received = mouth.body(story.RECEIVED, tenant="northwind", subject=story.PARTNERSHIP)
    mouth.publish(received, received)
    until(lambda: listed(stage, ANN)["items"])
    mouth.say(user(NILS, "Nils"), tenant="northwind", subject=NILS, time=began)
    (mine,) = until(lambda: listed(stage)["items"])
    assert mine["title"] == "Kazenor Consulting offers to work with you"
    assert listed(stage)["unread_count"] == 1
    assert len(listed(stage, ANN)["items"]) == 1
    assert listed(stage, tenant="kazenor") == {"items": [], "next": None, "unread_count": 0}

    # Read, twice under the same key.
    for _ in range(2):
        read = ask(
            stage, "notifications", "mark_read", tenant="northwind", actor=NILS, ids=[mine["id"]], idempotency_key="k"
        )
        assert read == {"unread_count": 0}
    assert listed(stage, unread=True)["items"] == []
    assert ask(stage, "notifications", "mark_read", tenant="northwind", actor=ANN, all=True) == {"unread_count": 0}

    # Preferences.
    assert ask(stage, "notifications", "get_preferences", tenant="northwind", actor=NILS) == {"app": True, "mail": True}
    chosen = ask(stage, "notifications", "set_preferences", tenant="northwind", actor=NILS, mail=False)
    assert (
        chosen
        == ask(stage, "notifications", "get_preferences", tenant="northwind", actor=NILS)
        == {"app": True, "mail": False}
    )

    # Refusals: no active login comes before the form of the body; another's notification is not there.
    for method, actor, body, error in (
        ("list_notifications", "ff973f00-0000-7000-8000-0000000000ff", {"limit": 0}, "Forbidden"),
        ("list_notifications", NILS, {"limit": 0}, "ValidationError"),
        ("list_notifications", NILS, {"unread": "yes"}, "ValidationError"),
        ("mark_read", NILS, {}, "ValidationError"),
        ("mark_read", ANN, {"ids": [mine["id"]]}, "NotFound"),
        ("mark_read", "ff973f00-0000-7000-8000-0000000000ff", {}, "Forbidden"),
        ("get_preferences", "ff973f00-0000-7000-8000-0000000000ff", {}, "Forbidden"),
        ("set_preferences", NILS, {"mail": "no"}, "ValidationError"),
        ("set_preferences", NILS, {"mail": True, "app": False}, "ValidationError"),
    ):
        with pytest.raises(RemoteError) as refused:
            ask(stage, "notifications", method, tenant="northwind", actor=actor, **body)
        assert refused.value.exc_type == error, (method, body)

"""Who works in a partnership and what is proposed there, as contacts tells it to a page in one question."""

from __future__ import annotations

from typing import Any, NamedTuple

from services.gateway.pages.desk import Desk
from services.gateway.pages.offering import everybody

Items = list[dict[str, Any]]
ANSWERS_SHOWN = 5


class Agreement(NamedTuple):
    """The people, all proposals that wait for an answer, and the last answers, each as the API gives them."""

    people: Items
    pending: Items
    answered: Items


async def agreement(desk: Desk, partnership_id: str) -> Agreement:
    """What there is now. Raises what contacts refuses."""
    found = await desk.ask("contacts", "get_overview", partnership_id=partnership_id)
    people, latest = found["assignments"], found["modifications"]
    if people["next"]:
        people["items"] += await everybody(
            desk, "contacts", "list_assignments", partnership_id=partnership_id, cursor=people["next"]
        )
    pending, answered = ([m for m in latest["items"] if m["state"] == state] for state in ("pending", "answered"))
    if latest["next"]:
        pending = await everybody(
            desk, "contacts", "list_modifications", partnership_id=partnership_id, state="pending"
        )
    return Agreement(people["items"], pending, answered[:ANSWERS_SHOWN])

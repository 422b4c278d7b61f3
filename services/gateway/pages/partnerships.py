"""One partnership: all there is to see of it, and what waits for an answer (OE-07, OE-20)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.managing import may_change
from services.gateway.pages.presenting import assignment, entry, in_order, modification, person, tile
from services.gateway.pages.rooms import desk_of, rooms

pages = rooms()

Items = list[dict[str, Any]]

LIVING = ("accepted", "modified", "suspended")
ANSWERS_SHOWN = 5


async def _partnership(desk: Desk, partnership_id: str) -> dict[str, Any]:
    return tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))


def _just_offered(found: dict[str, Any]) -> Items:
    """The people of an offer that contacts has not heard of yet, as the offer names them."""
    return (
        [assignment({"contact_id": c["id"], **c, "state": "offered", "label": "Offered"}) for c in found["offered"]]
        if found["status"] == "open"
        else []
    )


@pages.get("/partnerships/{partnership_id}")
async def partnership(request: Request, partnership_id: str) -> Response:
    desk = desk_of(request)
    found = await _partnership(desk, partnership_id)
    people, pending, answered, team, entries, _ = await asyncio.gather(
        desk.perhaps("contacts", "list_assignments", partnership_id=partnership_id, limit=200),
        _proposals(desk, found, "pending", 50),
        _proposals(desk, found, "answered", ANSWERS_SHOWN),
        desk.perhaps("managers", "list_managers", partnership_id=partnership_id, limit=200),
        desk.perhaps("history", "list_entries", partnership_id=partnership_id, limit=5),
        desk.count_unread(),
    )
    titles = {a["contact_id"]: a.get("title") or "" for a in (people or {"items": []})["items"]}
    return await desk.page(
        "partnership.html",
        p=found,
        pending=None if pending is None else _theirs_first([modification(m, found, titles) for m in pending]),
        answers=_answers(found, pending or [], answered or [], titles),
        may_manage=may_change(desk, found),
        counts={
            "people": None if people is None else sum(a.get("state") == "accepted" for a in people["items"]),
            "team": None if team is None else len(team["items"]),
        },
        people=None if people is None else in_order([assignment(a) for a in people["items"]]) or _just_offered(found),
        team=None if team is None else [person(m) for m in team["items"]],
        entries=None if entries is None else [entry(e) for e in entries["items"]],
    )


async def _proposals(desk: Desk, found: dict[str, Any], state: str, limit: int) -> Items | None:
    """Proposals of a partnership that lives; None when contacts cannot say. After its end its history tells of them."""
    if found["status"] not in LIVING:
        return []
    asked = await desk.perhaps("contacts", "list_modifications", partnership_id=found["id"], state=state, limit=limit)
    return None if asked is None else list(asked["items"])


def _theirs_first(shown: Items) -> Items:
    """What waits for us before what waits for them."""
    return sorted(shown, key=lambda m: bool(m["ours"]))


def _answers(found: dict[str, Any], pending: Items, answered: Items, titles: dict[str, str]) -> Items:
    """Their answers to our last proposals. `again`: they suggest something else, and we have not proposed it yet."""
    taken_up = {m.get("in_reply_to") for m in [*pending, *answered]}
    return [
        {**shown, "again": bool(shown["suggestion"]) and shown["id"] not in taken_up and "edit" in found["may"]}
        for shown in (modification(m, found, titles) for m in answered)
        if shown["ours"]
    ]


@pages.post("/partnerships/{partnership_id}/seen")
async def seen(request: Request, partnership_id: str) -> Response:
    """A person has looked: the page's script says so once it is really shown, for a GET never marks anything."""
    desk = desk_of(request)
    await desk.perhaps("offers", "mark_seen", partnership_id=partnership_id)
    return Response(status_code=204)

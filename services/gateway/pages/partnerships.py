"""One partnership: all there is to see of it, and what waits for an answer (OE-07, OE-20)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.agreement import Agreement, Items, agreement
from services.gateway.pages.desk import Desk
from services.gateway.pages.managing import may_change
from services.gateway.pages.presenting import assignment, entry, in_order, modification, of_before, person, tile
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import moment
from services.gateway.rpc import ServiceFailure
from shared.errors import Refusal

pages = rooms()

LIVING = ("accepted", "modified", "suspended")
BEGUN = (*LIVING, "terminated")


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
    told, working, team, entries = await asyncio.gather(
        desk.ask("offers", "get_partnership", partnership_id=partnership_id),
        _agreement(desk, partnership_id),
        desk.perhaps("managers", "list_managers", partnership_id=partnership_id, limit=200),
        desk.perhaps("history", "list_entries", partnership_id=partnership_id, limit=5),
    )
    found = tile(told)
    people, pending, answered = working or (None, None, [])
    if found["status"] not in LIVING:
        # Its history tells of them.
        pending, answered = [], []
    shown = None if people is None else in_order([assignment(a) for a in people]) or _just_offered(found)
    # Whoever was released has gone (contradiction 2), and whoever was not accepted never came; of an offer that came to nothing, all are shown.
    former = [a for a in shown or [] if a["past"]] if found["status"] in BEGUN else []
    titles = {a["contact_id"]: a.get("title") or "" for a in people or []}
    return await desk.page(
        "partnership.html",
        p=found,
        pending=None if pending is None else _theirs_first([modification(m, found, titles) for m in pending]),
        answers=_answers(found, pending or [], answered, titles),
        may_manage=may_change(desk, found),
        counts={
            "people": None if people is None else sum(a.get("state") == "accepted" for a in people),
            "team": None if team is None else len(team["items"]),
        },
        people=None if shown is None else [a for a in shown if a not in former],
        former=of_before(former),
        team=None if team is None else [person(m) for m in team["items"]],
        entries=None if entries is None else [entry(e) for e in entries["items"]],
    )


async def _agreement(desk: Desk, partnership_id: str) -> Agreement | None:
    """None when contacts cannot say: the rest of the page is worth showing."""
    try:
        return await agreement(desk, partnership_id)
    except (Refusal, ServiceFailure):
        return None


def _theirs_first(shown: Items) -> Items:
    """What waits for us before what waits for them."""
    return sorted(shown, key=lambda m: bool(m["ours"]))


def _answers(found: dict[str, Any], pending: Items, answered: Items, titles: dict[str, str]) -> Items:
    """Their answers to our last proposals. `again`: they suggest something else, and nothing has been proposed since, by either side.

    A suggestion is a sentence of theirs: whether the next proposal is what it meant is for people to say, who find it here all the same.
    """
    taken_up = {m.get("in_reply_to") for m in [*pending, *answered]}
    last = max((at for m in [*pending, *answered] if (at := moment(m.get("created_at")))), default=None)

    def open_still(m: dict[str, Any]) -> bool:
        at = moment(m["answered_at"])
        return bool(m["suggestion"]) and m["id"] not in taken_up and not (at and last and last > at)

    return [
        {**shown, "again": open_still(shown) and "edit" in found["may"]}
        for m in sorted(answered, key=lambda m: m.get("answered_at") or "", reverse=True)
        if (shown := modification(m, found, titles))["ours"]
    ]


@pages.post("/partnerships/{partnership_id}/seen")
async def seen(request: Request, partnership_id: str) -> Response:
    """A person has looked: the page's script says so once it is really shown, for a GET never marks anything.

    The other side learns it, and what was told of this partnership is read.
    """
    desk = desk_of(request)
    await asyncio.gather(
        desk.perhaps("offers", "mark_seen", partnership_id=partnership_id),
        desk.perhaps("notifications", "mark_read", partnership_id=partnership_id),
    )
    return Response(status_code=204)

"""The Partnership History: a timeline by day, of all or of some kind, of both sides or of one (OE-18)."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.paging import address, at_once, paging
from services.gateway.pages.presenting import entry, tile
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import by_day

pages = rooms()

PAGE = 50
KINDS = {"": "Everything", "offer": "Offer", "contacts": "Contacts", "team": "Team", "end": "End"}


@pages.get("/partnerships/{partnership_id}/history")
async def history(request: Request, partnership_id: str) -> Response:
    desk, asked = desk_of(request), request.query_params
    kind = asked.get("kind", "") if asked.get("kind") in KINDS else ""
    side = asked.get("side", "") if asked.get("side") in {"us", "them"} else ""
    kept = {name: value for name, value in (("kind", kind), ("side", side)) if value}
    cursor = {"cursor": asked["cursor"]} if asked.get("cursor") else {}
    found, entries = await asyncio.gather(
        desk.ask("offers", "get_partnership", partnership_id=partnership_id),
        desk.ask(
            "history", "list_entries", partnership_id=partnership_id, limit=at_once(asked, PAGE), **kept, **cursor
        ),
    )
    p = tile(found)
    return await desk.page(
        "history.html",
        p=p,
        days=by_day([entry(e) for e in entries["items"]], desk.zone),
        kinds=[
            {"label": label, "url": address(desk.path, {**kept, "kind": name}), "here": kind == name}
            for name, label in KINDS.items()
            if name != "end" or p["final"]
        ],
        sides=[
            {"label": label, "url": address(desk.path, {**kept, "side": name}), "here": side == name}
            for name, label in (("", "Both sides"), ("us", desk.person.company), ("them", p["company"]))
        ],
        filtered=bool(kept),
        **paging(desk.path, kept, asked, entries),
    )

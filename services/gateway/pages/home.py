"""Home: a tile for each business partner, and what needs an answer (OE-01, BX-02, BX-03)."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.presenting import tile
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import STATUSES

pages = rooms()

STATUS_FILTERS = ("open", "accepted", "modified", "suspended", "ended")
ROLE_FILTERS = {"partner": "Customers", "customer": "Partners"}
TURN_FILTERS = {"ours": "Your turn", "theirs": "Their turn"}
SORTS = {"-updated_at": "Last changed", "company": "Name", "turn_since": "Waiting longest", "-sent_at": "Last sent"}


@pages.get("/")
async def home(request: Request) -> Response:
    desk, asked = desk_of(request), request.query_params
    chosen = {
        "q": asked.get("q", "").strip()[:200],
        "status": asked.get("status", "") if asked.get("status") in {*STATUS_FILTERS, *STATUSES} else "",
        "role": asked.get("role", "") if asked.get("role") in ROLE_FILTERS else "",
        "turn": asked.get("turn", "") if asked.get("turn") in TURN_FILTERS else "",
        "sort": asked.get("sort", "") if asked.get("sort") in SORTS else "",
    }
    filters: dict[str, Any] = {name: value for name, value in chosen.items() if value}
    if "status" in filters:
        filters["status"] = [filters["status"]]
    if asked.get("cursor"):
        filters["cursor"] = asked["cursor"]
    found, counts, waiting, _ = await asyncio.gather(
        desk.ask("offers", "list_partnerships", limit=60, **filters),
        desk.perhaps("offers", "count_partnerships"),
        desk.perhaps("offers", "list_partnerships", turn="ours", sort="turn_since", limit=5),
        desk.count_unread(),
    )
    tiles = [tile(p) for p in found["items"]]
    kept = {name: value for name, value in chosen.items() if value}
    return await desk.page(
        "home.html",
        tiles=tiles,
        waiting=[tile(p) for p in (waiting or {"items": []})["items"]],
        more_waiting=bool((waiting or {}).get("next")),
        chosen=chosen,
        filtered=bool(kept.keys() - {"sort"}),
        counts=counts or {},
        filters={"status": STATUS_FILTERS, "role": ROLE_FILTERS, "turn": TURN_FILTERS, "sort": SORTS},
        paged=bool(asked.get("cursor")),
        next="/?" + urlencode({**kept, "cursor": found["next"]}) if found.get("next") else None,
        first="/?" + urlencode(kept) if kept else "/",
    )

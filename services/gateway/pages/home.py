"""Home: a tile for each business partner, and what needs an answer (OE-01, BX-02, BX-03)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.paging import address, at_once, paging
from services.gateway.pages.presenting import tile
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import STATUSES

pages = rooms()

# The first is what home shows unless asked otherwise: all that we neither removed nor ended ourselves.
STATUS_FILTERS = {
    "": "Current",
    **{name: STATUSES[name] for name in ("open", "accepted", "modified")},
    "ended": "Ended",
}
ROLE_FILTERS = {"partner": "Customers", "customer": "Partners"}
TURN_FILTERS = {"ours": "Your turn", "theirs": "Their turn"}
SORTS = {"-updated_at": "Last changed", "company": "Name", "turn_since": "Waiting longest", "-sent_at": "Last sent"}
TILES = 48
# Whoever scrolls on wants more at a time.
MORE = 144
WAITING = 3


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
    kept = {name: value for name, value in chosen.items() if value}
    filters: dict[str, Any] = {**kept, **({"status": [kept["status"]]} if "status" in kept else {})}
    if asked.get("cursor"):
        filters["cursor"] = asked["cursor"]
    found, counts, waiting = await asyncio.gather(
        desk.ask("offers", "list_partnerships", limit=at_once(asked, TILES), **filters),
        desk.perhaps("offers", "count_partnerships"),
        desk.perhaps("offers", "list_partnerships", turn="ours", sort="turn_since", limit=WAITING),
    )
    return await desk.page(
        "home.html",
        tiles=[tile(p) for p in found["items"]],
        waiting=[tile(p) for p in (waiting or {"items": []})["items"]],
        chosen=chosen,
        filtered=bool(kept.keys() - {"sort"}),
        narrowed=bool(kept.keys() & {"q", "role", "turn"}),
        tabs=_tabs(chosen, counts or {}),
        counts=counts or {},
        filters={"role": ROLE_FILTERS, "turn": TURN_FILTERS, "sort": SORTS},
        **paging("/", kept, asked, found, more=MORE),
    )


def _tabs(chosen: dict[str, str], counts: dict[str, Any]) -> list[dict[str, Any]]:
    """The statuses to choose from, each with its address and how many there are; None when offers could not say."""
    others = {name: value for name, value in chosen.items() if value and name != "status"}
    by_status = counts.get("by_status") or {}
    numbers = {"": counts.get("total"), "ended": counts.get("ended"), **by_status}
    shown = dict(STATUS_FILTERS)
    if chosen["status"] not in shown:
        shown[chosen["status"]] = STATUSES[chosen["status"]]
    return [
        {
            "name": name,
            "label": label,
            "url": address("/", {**others, "status": name}),
            "number": numbers.get(name, 0) if counts else None,
            "here": chosen["status"] == name,
        }
        for name, label in shown.items()
    ]

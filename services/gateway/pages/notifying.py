"""What happened while one was away, and marking it as read (OE-21)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.paging import at_once, paging
from services.gateway.pages.presenting import notification
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import by_day
from shared.ids import is_id

pages = rooms()

PAGE = 50


@pages.get("/notifications")
async def notifications(request: Request) -> Response:
    desk, asked = desk_of(request), request.query_params
    only_unread = asked.get("unread") == "true"
    filters: dict[str, object] = {"unread": True} if only_unread else {}
    if asked.get("cursor"):
        filters["cursor"] = asked["cursor"]
    found = await desk.ask("notifications", "list_notifications", limit=at_once(asked, PAGE), **filters)
    kept = {"unread": "true"} if only_unread else {}
    return await desk.page(
        "notifications.html",
        days=by_day([notification(n) for n in found["items"]], desk.zone),
        only_unread=only_unread,
        **paging("/notifications", kept, asked, found),
    )


@pages.post("/notifications/read")
async def mark_read(request: Request) -> Response:
    """`all`, or one by its `id`; `open` leads on to what it is about."""
    desk, data = desk_of(request), await request.form()
    if data.get("all"):
        await desk.do("notifications", "mark_read", all=True)
        return desk.go("/notifications", "all-read")
    ids = [value for value in data.getlist("id") if is_id(value)]
    if ids:
        await desk.do("notifications", "mark_read", ids=ids)
    return desk.go("/notifications")

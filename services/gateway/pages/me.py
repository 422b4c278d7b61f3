"""Oneself: name and time zone, preferences, password, and where one is logged in."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.devices import device
from services.gateway.pages.forms import Form
from services.gateway.pages.offering import INTRODUCTION
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import ROLES
from shared.errors import Forbidden, NotFound, Refusal

pages = rooms()

Json = dict[str, Any]

ME = {"name": "Name", "time_zone": "Time zone"}
EMAIL = {"email": "New e-mail", "password": "Password"}
PASSWORD = {"old": "Current password", "new": "New password", "again": "New password again"}
# What everybody begins with; the desk takes it for "as the browser".
AS_THE_BROWSER = "UTC"


@cache
def zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """The time zones of the world by region: (region, [(name, how it is written)]). Old names and offsets are left out."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        region, _, place = name.partition("/")
        if place and region in _REGIONS:
            regions.setdefault(region, []).append((name, place.replace("_", " ").replace("/", ", ")))
    return [*regions.items(), ("Everywhere", [("Etc/UTC", "UTC")])]


_REGIONS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)


async def _page(
    desk: Desk,
    form: Form | None = None,
    status: int = 200,
    *,
    password: Form | None = None,
    email: Form | None = None,
) -> Response:
    me, sessions, mail = await asyncio.gather(
        desk.ask("accounts", "get_me"),
        desk.perhaps("accounts", "list_sessions", limit=200, session_id=desk.person.session_id),
        desk.perhaps("notifications", "get_preferences"),
    )
    user = me["user"]
    chosen = user.get("time_zone") or AS_THE_BROWSER
    known = {name for _, places in zones() for name, _ in places}
    return await desk.page(
        "me.html",
        status,
        user=user,
        role=ROLES.get(user.get("role") or "", user.get("role")),
        form=form or Form(ME, {"name": user.get("name") or "", "time_zone": chosen}),
        password=password or Form(PASSWORD),
        email=email or Form(EMAIL),
        zones=zones(),
        # A zone of an older name, chosen elsewhere, stays what it is.
        other_zone="" if chosen in known or chosen == AS_THE_BROWSER else chosen,
        as_browser=AS_THE_BROWSER,
        introduction=(me.get("preferences") or {}).get(INTRODUCTION, True) is not False,
        mail=None if mail is None else bool(mail.get("mail")),
        sessions=None if sessions is None else [_session(s, desk) for s in sessions["items"]],
    )


def _session(s: Json, desk: Desk) -> Json:
    return {
        "id": s["id"],
        "this": s["id"] == desk.person.session_id,
        "device": device(s.get("user_agent") or ""),
        "address": s.get("address"),
        "opened_at": s.get("opened_at"),
        "used_at": s.get("used_at"),
    }


@pages.get("/me")
async def me(request: Request) -> Response:
    return await _page(desk_of(request))


@pages.post("/me")
async def change_me(request: Request) -> Response:
    desk, form = desk_of(request), Form.sent(ME, await request.form())
    try:
        await desk.do("accounts", "update_me", name=form.value("name"), time_zone=form.value("time_zone"))
        return desk.go("/me", "me-changed")
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        status = form.refused(refusal)
    return await _page(desk, form, status)


@pages.post("/me/preferences")
async def change_preferences(request: Request) -> Response:
    """Both switches as they stand; the page's script sends them as soon as one is moved."""
    desk, data = desk_of(request), await request.form()
    await desk.do("accounts", "update_me", preferences={INTRODUCTION: data.get("introduction") == "yes"})
    # Whoever could not be asked how it is is not told how it shall be.
    if data.get("has_mail"):
        await desk.do("notifications", "set_preferences", mail=data.get("mail") == "yes")
    return desk.go("/me", "preferences-changed")


@pages.post("/me/password")
async def change_password(request: Request) -> Response:
    desk, form = desk_of(request), Form.sent(PASSWORD, await request.form())
    status = 200
    if not form.value("old"):
        form.refuse("old", "Enter the password you log in with now.")
    if not 10 <= len(form.value("new")) <= 200:
        form.refuse("new", "Use 10 to 200 characters.")
    elif form.value("new") != form.value("again"):
        form.refuse("again", "This is not the same as the new password.")
    if not form.wrong:
        try:
            await desk.do(
                "accounts",
                "change_password",
                old=form.value("old"),
                new=form.value("new"),
                session_id=desk.person.session_id,
            )
            return desk.go("/me", "password-changed")
        except (Forbidden, NotFound):
            raise
        except Refusal as refusal:
            status = form.refused(refusal)
    return await _page(desk, status=status, password=form)


@pages.post("/me/email")
async def change_email(request: Request) -> Response:
    desk, form = desk_of(request), Form.sent(EMAIL, await request.form())
    status = 200
    if not form.value("email").strip():
        form.refuse("email", "Enter the e-mail you want to log in with.")
    if not form.value("password"):
        form.refuse("password", "Enter the password you log in with now.")
    if not form.wrong:
        try:
            email, password = form.value("email").strip(), form.value("password")
            await desk.do("accounts", "request_email_change", email=email, password=password)
            return desk.go("/me", "email-requested")
        except (Forbidden, NotFound):
            raise
        except Refusal as refusal:
            status = form.refused(refusal, at="email" if refusal.code == "email_taken" else "")
    return await _page(desk, status=status, email=form)


@pages.post("/me/sessions/end")
async def end_other_sessions(request: Request) -> Response:
    desk = desk_of(request)
    await desk.do("accounts", "revoke_sessions", session_id=desk.person.session_id)
    return desk.go("/me", "sessions-ended")


@pages.post("/me/sessions/{session_id}/end")
async def end_session(request: Request, session_id: str) -> Response:
    """One that has ended already has ended."""
    desk = desk_of(request)
    try:
        await desk.do("accounts", "revoke_session", session_id=session_id)
    except NotFound:
        pass
    return desk.go("/me", "session-ended")

"""Our own business: its settings and profile, the people with a login, environments and roles, and oneself."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.offering import everybody
from services.gateway.pages.presenting import person
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import ROLES
from shared.errors import Forbidden, NotFound, Refusal

pages = rooms()

PROFILE = {"company": "Company", "email": "E-mail", "phone": "Phone", "fax": "Fax", "website": "Website"}
USER = {"name": "Name", "email": "E-mail", "role": "Role", "password": "First password"}
ROLE_MEANINGS = {
    "member": "Sees the partnerships they manage.",
    "partnerships": "Sees and changes every partnership of the business.",
    "admin": "Also manages users, environments, roles and the profile.",
}


SETTINGS = {"offer_expiry_days": "Days until an offer expires"}


@pages.get("/settings")
async def settings(request: Request) -> Response:
    desk = desk_of(request)
    found = await desk.perhaps("accounts", "get_settings") if desk.person.runs_business else None
    return await _settings(desk, Form(SETTINGS, found and {name: found[name] for name in SETTINGS}), bool(found))


async def _settings(desk: Desk, form: Form, shown: bool, status: int = 200) -> Response:
    return await desk.page("settings.html", status, form=form, shown=shown)


@pages.post("/settings")
async def change_settings(request: Request) -> Response:
    desk, form = desk_of(request), Form.sent(SETTINGS, await request.form())
    days = form.value("offer_expiry_days").strip()
    status = 200
    if not (days.isascii() and days.isdigit() and len(days) <= 3 and 1 <= int(days) <= 365):
        form.refuse("offer_expiry_days", "Enter a number of days from 1 to 365.")
    else:
        try:
            await desk.do("accounts", "update_settings", offer_expiry_days=int(days))
            return desk.go("/settings", "settings-changed")
        except (Forbidden, NotFound):
            raise
        except Refusal as refusal:
            status = form.refused(refusal)
    return await _settings(desk, form, True, status)


@pages.get("/profile")
async def profile(request: Request) -> Response:
    desk = desk_of(request)
    found = await desk.ask("accounts", "get_profile")
    return await _profile(desk, found, Form(PROFILE, {name: found.get(name) or "" for name in PROFILE}))


async def _profile(desk: Desk, found: dict[str, Any], form: Form, status: int = 200) -> Response:
    return await desk.page("profile.html", status, form=form, addresses=found.get("addresses") or [])


@pages.post("/profile")
async def change_profile(request: Request) -> Response:
    desk, form = desk_of(request), Form.sent(PROFILE, await request.form())
    try:
        await desk.do("accounts", "update_profile", **{name: form.value(name) for name in PROFILE}, **{KEY: form.key})
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        status = form.refused(refusal)
        return await _profile(desk, await desk.perhaps("accounts", "get_profile") or {}, form, status)
    return desk.go("/profile", "profile-changed")


@pages.get("/users")
async def users(request: Request) -> Response:
    desk = desk_of(request)
    found = await everybody(desk, "accounts", "list_users")
    return await desk.page(
        "users.html",
        users=[
            {
                **person(u),
                "active": bool(u.get("active", True)),
                "role_label": ROLES.get(u.get("role") or "", u.get("role")),
            }
            for u in found
        ],
    )


async def _user(desk: Desk, form: Form, status: int = 200) -> Response:
    if not desk.person.runs_business:
        raise Forbidden("Logins are made by people with the role Admin.")
    return await desk.page(
        "user_form.html", status, form=form, roles=[(name, ROLES[name], ROLE_MEANINGS[name]) for name in ROLE_MEANINGS]
    )


@pages.get("/users/new")
async def new_user(request: Request) -> Response:
    return await _user(desk_of(request), Form(USER, {"role": "member"}))


@pages.post("/users")
async def add_user(request: Request) -> Response:
    desk, form = desk_of(request), Form.sent(USER, await request.form())
    body = {name: form.value(name) for name in USER if form.value(name) or name != "password"}
    try:
        await desk.do("accounts", "create_user", **body, **{KEY: form.key})
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        return await _user(desk, form, form.refused(refusal, at="email" if refusal.code == "email_taken" else ""))
    return desk.go("/users", "user-added")


@pages.get("/environments")
async def environments(request: Request) -> Response:
    desk = desk_of(request)
    found, _ = await asyncio.gather(desk.ask("accounts", "get_environments"), desk.count_unread())
    return await desk.page("environments.html", environments=found["items"])

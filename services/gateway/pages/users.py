"""The people of our business who have a login: finding, adding, changing them, switching a login off and on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.paging import at_once, paging
from services.gateway.pages.presenting import person
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import ROLES
from shared.errors import Forbidden, NotFound, Refusal
from shared.ids import is_id

pages = rooms()

NEW = {"name": "Name", "email": "E-mail", "role": "Role", "password": "First password"}
CHANGED = {"name": "Name", "role": "Role"}
ROLE_MEANINGS = {
    "member": "Sees the partnerships they manage.",
    "partnerships": "Sees and changes every partnership of the business.",
    "admin": "Also manages users, environments, roles and the profile.",
}
ONLY_ADMINS = "Logins are made and changed by people with the role Admin."
PAGE = 100


def _user(u: Mapping[str, Any]) -> dict[str, Any]:
    role = u.get("role") or ""
    return {
        **person(u),
        "url": f"/users/{u['id']}",
        "active": bool(u.get("active", True)),
        "role_label": ROLES.get(role, role),
        "role_meaning": ROLE_MEANINGS.get(role, ""),
    }


def _roles() -> list[tuple[str, str, str]]:
    return [(name, ROLES[name], meaning) for name, meaning in ROLE_MEANINGS.items()]


def _admins(desk: Desk) -> Desk:
    if not desk.person.runs_business:
        raise Forbidden(ONLY_ADMINS)
    return desk


# — finding —


@pages.get("/users")
async def users(request: Request) -> Response:
    desk, asked = desk_of(request), request.query_params
    q, cursor = asked.get("q", "").strip()[:200], asked.get("cursor", "")
    filters = {name: value for name, value in (("q", q), ("cursor", cursor)) if value}
    found = await desk.ask("accounts", "list_users", limit=at_once(asked, PAGE), **filters)
    return await desk.page(
        "users.html",
        users=[_user(u) for u in found["items"]],
        q=q,
        **paging("/users", {"q": q}, asked, found),
    )


# — adding —


async def _new(desk: Desk, form: Form, status: int = 200) -> Response:
    """The form for a login; with `contact_id` for somebody who is in the directory."""
    return await desk.page("user_form.html", status, form=form, roles=_roles(), contact_id=form.value("contact_id"))


@pages.get("/users/new")
async def new_user(request: Request) -> Response:
    desk, contact_id = _admins(desk_of(request)), request.query_params.get("contact_id", "")
    values = {"role": "member"}
    if contact_id:
        known = await desk.ask("contacts", "get_contact", contact_id=contact_id)
        values |= {"contact_id": contact_id, "name": known["name"], "email": known["email"]}
    return await _new(desk, Form(NEW, values))


@pages.get("/users/new/contact")
async def choose_contact(request: Request) -> Response:
    """Whom of the directory to give a login; those who have one lead to it."""
    desk, asked = _admins(desk_of(request)), request.query_params
    q, cursor = asked.get("q", "").strip()[:200], asked.get("cursor", "")
    filters = {name: value for name, value in (("q", q), ("cursor", cursor)) if value}
    found = await desk.ask("contacts", "list_contacts", limit=PAGE, **filters)
    ids = [c["id"] for c in found["items"]]
    known = await desk.ask("accounts", "get_people", ids=ids) if ids else {"items": []}
    have = {u["id"] for u in known["items"]}
    return await desk.page(
        "user_contact.html",
        contacts=[{**person(c), "has": c["id"] in have} for c in found["items"]],
        q=q,
        **paging(desk.path, {"q": q}, asked, found),
    )


@pages.post("/users")
async def add_user(request: Request) -> Response:
    desk, form = _admins(desk_of(request)), Form.sent(NEW, await request.form())
    # The password also when it is empty, which is refused: without one nobody could log in, and there is no other way to one yet.
    body = {name: form.value(name) for name in NEW}
    if form.value("contact_id"):
        body["contact_id"] = form.value("contact_id")
    try:
        await desk.do("accounts", "create_user", **body, **{KEY: form.key})
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        return await _new(desk, form, form.refused(refusal, at="email" if refusal.code == "email_taken" else ""))
    return desk.go("/users", "user-added")


# — one of them —


async def _found(desk: Desk, user_id: str) -> dict[str, Any]:
    """Somebody with a login, active or not. Raises NotFound."""
    if not is_id(user_id):
        raise NotFound()
    found = await desk.ask("accounts", "get_people", ids=[user_id])
    if not found["items"]:
        raise NotFound()
    return _user(found["items"][0])


async def _page(desk: Desk, user: dict[str, Any], form: Form, status: int = 200) -> Response:
    return await desk.page(
        "user.html", status, form=form, user=user, roles=_roles(), myself=user["id"] == desk.person.id
    )


@pages.get("/users/{user_id}")
async def user(request: Request, user_id: str) -> Response:
    desk = desk_of(request)
    found = await _found(desk, user_id)
    return await _page(desk, found, Form(CHANGED, {"name": found["name"], "role": found["role"]}))


@pages.post("/users/{user_id}")
async def change_user(request: Request, user_id: str) -> Response:
    desk, form = _admins(desk_of(request)), Form.sent(CHANGED, await request.form())
    body = {"name": form.value("name")}
    # One's own role is another admin's to change: nobody shuts themselves out by accident.
    if user_id != desk.person.id:
        body["role"] = form.value("role")
    try:
        await desk.do("accounts", "update_user", user_id=user_id, **body)
        return desk.go("/users", "user-changed")
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        status = form.refused(refusal, at="role" if refusal.code == "last_admin" else "")
    return await _page(desk, await _found(desk, user_id), form, status)


async def _question(desk: Desk, user_id: str, form: Form, *, active: bool, status: int = 200) -> Response:
    found = await _found(desk, user_id)
    return await desk.page("user_activation.html", status, form=form, user=found, active=active)


async def _ask(request: Request, user_id: str, *, active: bool) -> Response:
    return await _question(_not_oneself(request, user_id), user_id, Form({}), active=active)


def _not_oneself(request: Request, user_id: str) -> Desk:
    desk = _admins(desk_of(request))
    if user_id == desk.person.id:
        raise Forbidden("Your own login is switched off by another admin.")
    return desk


async def _switch(request: Request, user_id: str, *, active: bool) -> Response:
    desk, form = _not_oneself(request, user_id), Form({})
    try:
        await desk.do("accounts", "update_user", user_id=user_id, active=active)
        return desk.go("/users", "user-activated" if active else "user-deactivated")
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        status = form.refused(refusal)
    return await _question(desk, user_id, form, active=active, status=status)


@pages.get("/users/{user_id}/deactivation")
async def deactivating(request: Request, user_id: str) -> Response:
    return await _ask(request, user_id, active=False)


@pages.post("/users/{user_id}/deactivation")
async def deactivate(request: Request, user_id: str) -> Response:
    return await _switch(request, user_id, active=False)


@pages.get("/users/{user_id}/activation")
async def activating(request: Request, user_id: str) -> Response:
    return await _ask(request, user_id, active=True)


@pages.post("/users/{user_id}/activation")
async def activate(request: Request, user_id: str) -> Response:
    return await _switch(request, user_id, active=True)

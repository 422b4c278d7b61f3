"""The directory: the people of our business, whom an offer may lend."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.paging import MOST, address, at_once, paging
from services.gateway.pages.presenting import person
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import ChangedMeanwhile, Forbidden, NotFound, Refusal, Unavailable

pages = rooms()

FIELDS = {"name": "Name", "email": "E-mail", "title": "Title", "phone": "Phone"}
PAGE = 100


def _body(form: Form) -> dict[str, str]:
    """Empty optional fields are sent as empty text: that is how a title or a phone number is taken away."""
    return {name: form.value(name) for name in FIELDS}


@pages.get("/contacts")
async def directory(request: Request) -> Response:
    desk, asked = desk_of(request), request.query_params
    q = asked.get("q", "").strip()[:200]
    filters = {name: value for name, value in {"q": q, "cursor": asked.get("cursor", "")}.items() if value}
    found = await desk.ask("contacts", "list_contacts", limit=at_once(asked, PAGE), **filters)
    return await desk.page(
        "contacts.html",
        contacts=[{**person(c), "has_login": bool(c.get("is_user"))} for c in found["items"]],
        q=q,
        **paging("/contacts", {"q": q}, asked, found),
    )


def writers(desk: Desk) -> Desk:
    """The desk of somebody who may change the directory. Raises Forbidden for anybody else."""
    if not desk.person.runs_partnerships:
        raise Forbidden("Contacts are added and changed by people with the role Partnerships or Admin.")
    return desk


@pages.get("/contacts/new")
async def new_contact(request: Request) -> Response:
    return await _new(writers(desk_of(request)), Form(FIELDS))


async def _new(desk: Desk, form: Form, status: int = 200) -> Response:
    return await desk.page("contact_form.html", status, form=form, contact=None, login=None)


@pages.post("/contacts")
async def add_contact(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    form = Form.sent(FIELDS, data)
    body = {name: value for name, value in _body(form).items() if value.strip() or name in {"name", "email"}}
    try:
        made = await desk.do("contacts", "create_contact", **body, **{KEY: form.key})
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        return await _new(desk, form, form.refused(refusal, at="email" if refusal.code == "email_taken" else ""))
    if data.get("again"):
        return desk.go("/contacts/new", "contact-added")
    if await _doubled(desk, made):
        return desk.go(address("/contacts", {"q": made["email"]}), "contact-doubled")
    return desk.go("/contacts", "contact-added")


async def _doubled(desk: Desk, made: Mapping[str, Any]) -> bool:
    """Whether somebody else of the directory has the same e-mail. That is no error, but seldom meant."""
    found = await desk.perhaps("contacts", "list_contacts", q=made["email"], limit=MOST)
    email = made["email"].casefold()
    return any(c["email"].casefold() == email and c["id"] != made["id"] for c in (found or {"items": []})["items"])


@pages.get("/contacts/{contact_id}")
async def contact(request: Request, contact_id: str) -> Response:
    desk = desk_of(request)
    found, login = await _with_login(desk, contact_id)
    return await _contact(desk, found, login, Form(FIELDS, {**found, "version": str(found["version"])}))


async def _with_login(desk: Desk, contact_id: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """A contact and its login, if it has or had one. Raises NotFound."""
    found, people = await asyncio.gather(
        desk.ask("contacts", "get_contact", contact_id=contact_id),
        desk.perhaps("accounts", "get_people", ids=[contact_id]),
    )
    login = next(iter((people or {"items": []})["items"]), None)
    return person(found), login or ({"active": True} if found.get("is_user") else None)


async def _contact(
    desk: Desk, found: dict[str, Any], login: dict[str, Any] | None, form: Form, status: int = 200
) -> Response:
    return await desk.page(
        "contact_form.html",
        status,
        form=form,
        contact=found,
        login=login and {"url": f"/users/{found['id']}", "active": bool(login.get("active", True))},
    )


@pages.post("/contacts/{contact_id}")
async def change_contact(request: Request, contact_id: str) -> Response:
    desk, data = desk_of(request), await request.form()
    form = Form.sent(FIELDS, data)
    # The form of somebody with a login has no name and no e-mail; what is not sent stays.
    body = {name: value for name, value in _body(form).items() if name in data}
    if form.value("version"):
        body["if_match"] = form.value("version")
    try:
        await desk.do("contacts", "update_contact", contact_id=contact_id, **body, **{KEY: form.key})
        return desk.go("/contacts", "contact-changed")
    except (Forbidden, NotFound):
        raise
    except ChangedMeanwhile:
        # What was typed stays; saved once more, it takes the place of what is told here.
        found, login = await _with_login(desk, contact_id)
        form.refuse("", f"Somebody changed this contact in the meantime. Now it reads: {_told(found)}.")
        form.set("version", str(found["version"]))
        return await _contact(desk, found, login, form)
    except Refusal as refusal:
        status = form.refused(refusal)
    try:
        found, login = await _with_login(desk, contact_id)
    except Unavailable:
        # What was typed matters more; the name is all that the page needs beside it.
        found, login = person({"id": contact_id, "name": "Contact"}), None if "name" in data else {"active": True}
    return await _contact(desk, found, login, form, status)


def _told(found: Mapping[str, Any]) -> str:
    return ", ".join(str(found[name]) for name in FIELDS if found[name])


@pages.get("/contacts/{contact_id}/deletion")
async def deletion(request: Request, contact_id: str) -> Response:
    desk = desk_of(request)
    found = person(await desk.ask("contacts", "get_contact", contact_id=contact_id))
    writers(desk)
    return await desk.page("contact_deletion.html", form=Form({}), contact=found)


@pages.post("/contacts/{contact_id}/deletion")
async def delete_contact(request: Request, contact_id: str) -> Response:
    desk, form = desk_of(request), Form.sent({}, await request.form())
    try:
        await desk.do("contacts", "delete_contact", contact_id=contact_id, **{KEY: form.key})
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        status = form.refused(refusal)
        return await desk.page(
            "contact_deletion.html", status, form=form, contact=await _as_it_stands(desk, contact_id)
        )
    return desk.go("/contacts", "contact-deleted")


async def _as_it_stands(desk: Desk, contact_id: str) -> dict[str, object]:
    """The contact for a form that is shown again; its name is all that the page needs when contacts is away."""
    found = await desk.perhaps("contacts", "get_contact", contact_id=contact_id)
    return person(found) if found else {"id": contact_id, "name": "this contact"}

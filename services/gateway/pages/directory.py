"""The directory: the people of our business, whom an offer may lend."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.presenting import person
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, Refusal

pages = rooms()

FIELDS = {"name": "Name", "email": "E-mail", "title": "Title", "phone": "Phone"}


def _body(form: Form) -> dict[str, str]:
    """Empty optional fields are sent as empty text: that is how a title or a phone number is taken away."""
    return {name: form.value(name) for name in FIELDS}


@pages.get("/contacts")
async def directory(request: Request) -> Response:
    desk, asked = desk_of(request), request.query_params
    q = asked.get("q", "").strip()[:200]
    filters = {name: value for name, value in {"q": q, "cursor": asked.get("cursor", "")}.items() if value}
    found = await desk.ask("contacts", "list_contacts", limit=100, **filters)
    kept = {"q": q} if q else {}
    return await desk.page(
        "contacts.html",
        contacts=[person(c) for c in found["items"]],
        q=q,
        paged="cursor" in filters,
        next="/contacts?" + urlencode({**kept, "cursor": found["next"]}) if found.get("next") else None,
        first="/contacts?" + urlencode(kept) if kept else "/contacts",
    )


@pages.get("/contacts/new")
async def new_contact(request: Request) -> Response:
    return await desk_of(request).page("contact_form.html", form=Form(FIELDS), contact=None)


@pages.post("/contacts")
async def add_contact(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    form = Form.sent(FIELDS, data)
    body = {name: value for name, value in _body(form).items() if value.strip() or name in {"name", "email"}}
    try:
        await desk.do("contacts", "create_contact", **body, **{KEY: form.key})
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        status = form.refused(refusal, at="email" if refusal.code == "email_taken" else "")
        return await desk.page("contact_form.html", status, form=form, contact=None)
    return desk.go("/contacts/new" if data.get("again") else "/contacts", "contact-added")


@pages.get("/contacts/{contact_id}")
async def contact(request: Request, contact_id: str) -> Response:
    desk = desk_of(request)
    found = person(await desk.ask("contacts", "get_contact", contact_id=contact_id))
    return await desk.page(
        "contact_form.html", form=Form(FIELDS, {name: found[name] for name in FIELDS}), contact=found
    )


@pages.post("/contacts/{contact_id}")
async def change_contact(request: Request, contact_id: str) -> Response:
    desk, form = desk_of(request), Form.sent(FIELDS, await request.form())
    try:
        await desk.do("contacts", "update_contact", contact_id=contact_id, **_body(form), **{KEY: form.key})
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        status = form.refused(refusal, at="email" if refusal.code == "email_taken" else "")
        return await desk.page("contact_form.html", status, form=form, contact=await _as_it_stands(desk, contact_id))
    return desk.go("/contacts", "contact-changed")


@pages.get("/contacts/{contact_id}/deletion")
async def deletion(request: Request, contact_id: str) -> Response:
    desk = desk_of(request)
    found = person(await desk.ask("contacts", "get_contact", contact_id=contact_id))
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

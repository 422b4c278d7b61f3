"""Add Customer: the wizard that sends an offer (OE-02 to OE-06).

One form holds all steps; the page's script shows one at a time. So it works without, and the server keeps nothing that is half done.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages import tenant_names
from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.presenting import person, tile
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, PartnershipExists, Refusal, Unavailable
from shared.ids import is_id
from shared.text import fold

pages = rooms()

FIELDS = {
    "customer_tenant": "Customer's Tenant Name",
    "customer_email": "Customer's Contact Email",
    "message": "Message to Customer",
    "contact_ids": "Assign Contacts",
    "manager_ids": "Assign Partner Manager",
}
MESSAGE_LIMIT = 500
# The preference that keeps whether a person wants the introduction; who has not said wants it.
INTRODUCTION = "show_wizard_introduction"
# An offer names at most 200 people, and the browser searches the list itself: it holds no more than this, and says so.
MOST_PEOPLE = 1000


async def everybody(desk: Desk, service: str, method: str, **body: Any) -> list[dict[str, Any]]:
    """All items of a list that a form offers to choose from, up to `MOST_PEOPLE`; those from `cursor` on, if that is given."""
    found: list[dict[str, Any]] = []
    while len(found) < MOST_PEOPLE:
        page = await desk.ask(service, method, limit=200, **body)
        found += page["items"]
        if not page.get("next"):
            break
        body["cursor"] = page["next"]
    return found


class Choices(NamedTuple):
    """What there is to choose from: contacts, users, and what accounts says of whoever asks, if it can."""

    contacts: list[dict[str, Any]]
    users: list[dict[str, Any]]
    me: dict[str, Any] | None


async def _choices(desk: Desk) -> Choices:
    contacts, users, me = await asyncio.gather(
        everybody(desk, "contacts", "list_contacts"),
        everybody(desk, "accounts", "list_users"),
        desk.perhaps("accounts", "get_me"),
    )
    return Choices(contacts, users, me)


async def _page(
    desk: Desk,
    form: Form,
    status: int = 200,
    existing: dict[str, Any] | None = None,
    choices: Choices | None = None,
) -> Response:
    """The wizard with what has been entered. `introduced`: it begins with the introduction; `existing`: what is in the way of the offer."""
    try:
        contacts, users, me = choices or await _choices(desk)
    except Unavailable:
        if status != 503:
            raise
        # What was entered matters more than the list: show at least the people who had been chosen.
        contacts, users, me = (
            [{"id": i, "name": "A chosen contact"} for i in form.values("contact_ids")],
            [dict(desk.person.user)],
            None,
        )
    return await desk.page(
        "wizard.html",
        status,
        form=form,
        again=form.value("again"),
        existing=existing,
        introduced=((me or {}).get("preferences") or {}).get(INTRODUCTION, True) is not False,
        contacts=[person(c) for c in contacts],
        limit=MESSAGE_LIMIT,
        most=MOST_PEOPLE if len(contacts) >= MOST_PEOPLE else None,
        managers=sorted(
            (person(u) for u in users if u.get("active", True)),
            key=lambda u: (u["id"] != desk.person.id, fold(u["name"])),
        ),
    )


@pages.get("/partnerships/new")
async def add_customer(request: Request) -> Response:
    """`customer` fills in a tenant name, and says at once when there is a partnership; `again` fills in all of an offer that found nobody."""
    desk, asked = desk_of(request), request.query_params
    if not desk.person.runs_partnerships:
        raise Forbidden("Offers are sent by people with the role Partnerships or Admin.")
    if is_id(asked.get("again")):
        form, choices = await asyncio.gather(_undelivered(desk, asked["again"]), _choices(desk))
        return await _page(desk, form, choices=choices)
    form = Form(FIELDS, {"customer_tenant": asked.get("customer", "")[:63]})
    existing = await _existing(desk, form.value("customer_tenant")) if form.value("customer_tenant") else None
    if existing:
        form.refuse("customer_tenant", PartnershipExists.sentence)
    return await _page(desk, form, existing=existing)


async def _undelivered(desk: Desk, partnership_id: str) -> Form:
    """What an undeliverable offer said, with the one sentence that there is to say about it (contradiction 5 of the mission)."""
    found, team = await asyncio.gather(
        desk.ask("offers", "get_partnership", partnership_id=partnership_id),
        desk.perhaps("managers", "list_managers", partnership_id=partnership_id, limit=200),
    )
    p = tile(found)
    # One that was corrected and sent, or whose tile was removed, is over: the browser's back button leads to a new form.
    if p["status"] != "undeliverable" or p["removed"]:
        return Form(FIELDS)
    form = Form(
        FIELDS,
        {
            "customer_tenant": p["tenant"],
            "customer_email": p["customer_email"],
            "message": p["message"],
            "contact_ids": [c["id"] for c in p["offered"]],
            "manager_ids": [m["contact_id"] for m in (team or {"items": []})["items"]],
            "again": partnership_id,
        },
    )
    for field in ("customer_tenant", "customer_email"):
        form.refuse(field, p["alert"])
    return form


@pages.post("/partnerships/new/introduction")
async def show_introduction(request: Request) -> Response:
    """Whether the wizard begins with its introduction, kept for each person (OE-02)."""
    desk, data = desk_of(request), await request.form()
    await desk.do("accounts", "update_me", preferences={INTRODUCTION: data.get("show") == "yes"})
    return Response(status_code=204)


@pages.get("/partnerships/new/summary/{partnership_id}")
async def summary(request: Request, partnership_id: str) -> Response:
    desk = desk_of(request)
    found, team = await asyncio.gather(
        desk.ask("offers", "get_partnership", partnership_id=partnership_id),
        desk.perhaps("managers", "list_managers", partnership_id=partnership_id, limit=200),
    )
    p = tile(found)
    if p["role"] != "partner":
        # It was offered to us: its own page tells.
        return desk.go(p["url"])
    managers = [person(m) for m in (team or {"items": []})["items"]]
    return await desk.page("wizard_summary.html", p=p, managers=managers or [person(desk.person.user)])


@pages.post("/partnerships")
async def send_offer(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    form = Form.sent(FIELDS, data)
    form.set("customer_tenant", tenant_names.from_typed(form.value("customer_tenant")))
    # The logged-in user is always one of the managers; a locked box is not sent by the browser.
    form.set("manager_ids", list(dict.fromkeys([desk.person.id, *form.values("manager_ids")])))
    for field, sentence in (
        ("customer_tenant", "Enter the customer’s tenant name."),
        ("customer_email", "Enter the customer’s login e-mail."),
        ("message", "Write a message to the customer."),
        ("contact_ids", "Choose at least one contact."),
    ):
        if not form.value(field).strip():
            form.refuse(field, sentence)
    if len(form.value("message").strip().replace("\r\n", "\n")) > MESSAGE_LIMIT:
        form.refuse("message", f"Use at most {MESSAGE_LIMIT} characters.")
    if form.wrong:
        return await _page(desk, form)
    try:
        sent = await desk.do(
            "offers",
            "send_offer",
            customer_tenant=form.value("customer_tenant"),
            customer_email=form.value("customer_email").strip(),
            # A browser sends line breaks as two characters, a script as one: the same message all the same.
            message=form.value("message").replace("\r\n", "\n"),
            contact_ids=form.values("contact_ids"),
            manager_ids=form.values("manager_ids"),
            **{KEY: form.key},
        )
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        if refusal.code == "idempotency_key_reused":
            form.refuse(
                "",
                "This form was sent already and its offer is on your home page. To send another one, start with a new form.",
            )
            return await _page(desk, form)
        exists = refusal.code == "partnership_exists"
        status = form.refused(refusal, _field, at="customer_tenant" if exists else "")
        return await _page(desk, form, status, await _existing(desk, form.value("customer_tenant")) if exists else None)
    await _tidy(desk, form.value("again"))
    return desk.go(f"/partnerships/new/summary/{sent['id']}")


async def _existing(desk: Desk, tenant: str) -> dict[str, Any] | None:
    """Our live partnership with this customer, if it can be found."""
    found = await desk.perhaps("offers", "list_partnerships", q=tenant, role="partner", limit=50)
    tiles = [tile(p) for p in (found or {"items": []})["items"]]
    return next((p for p in tiles if p["tenant"] == tenant and not p["final"]), None)


async def _tidy(desk: Desk, again: str) -> None:
    """What could not be delivered has been corrected and sent: its tile says nothing any more. Best effort; any other tile stays."""
    if not is_id(again):
        return
    found = await desk.perhaps("offers", "get_partnership", partnership_id=again)
    if found and found["status"] == "undeliverable":
        await desk.perhaps("offers", "remove_partnership", partnership_id=again)


def _field(name: str) -> str:
    """`contact_ids.3` is a matter of the whole list on the page."""
    return name.split(".")[0]

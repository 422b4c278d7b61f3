"""Changing who works there: proposing and withdrawing a modification (OE-12 to OE-15)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.deciding import Decision, carried_out, not_now, question
from services.gateway.pages.desk import Desk
from services.gateway.pages.editing import contacts_page
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.offering import everybody
from services.gateway.pages.presenting import assignment, person, tile
from services.gateway.pages.reviewing import not_answerable, one
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, Refusal, WrongState

pages = rooms()

Items = list[dict[str, Any]]

LIMIT = 500
PROPOSAL = {
    "release_contact_ids": "To Be Released",
    "add_contact_ids": "To Be Added",
    "reason": "Reason",
    "in_reply_to": "In reply to",
}
WITHDRAWAL = Decision(
    action="withdraw",
    service="contacts",
    method="withdraw_modification",
    heading="Withdraw the proposal to {company}",
    button="Withdraw proposal",
    note="change-withdrawn",
    sentence="{company} can no longer answer it, and nothing changes. If they are answering it right now, their answer counts.",
)


async def _found(desk: Desk, partnership_id: str) -> dict[str, Any]:
    return tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))


# — proposing —


@pages.post("/partnerships/{partnership_id}/modifications")
async def propose(request: Request, partnership_id: str) -> Response:
    """Update: first the reason is asked (the pop-up Update Contacts), with it the proposal is made. `back` returns to the picks."""
    desk, data = desk_of(request), await request.form()
    form = Form.sent(PROPOSAL, data)
    released, added = form.values("release_contact_ids"), form.values("add_contact_ids")
    if data.get("back") or not (released or added):
        if not data.get("back"):
            form.refuse("", "Choose whom to release or to add first.")
        return await contacts_page(desk, partnership_id, form)
    if "reason" not in data:
        found = await _found(desk, partnership_id)
        if "edit" not in found["may"]:
            if not desk.person.runs_partnerships:
                raise Forbidden("Changes are proposed by people with the role Partnerships or Admin.")
            raise not_now(found)
        return await _reason_page(desk, found, form)
    reason = form.value("reason").strip()
    if not reason:
        form.refuse("reason", "Give a reason.")
    elif len(reason.replace("\r\n", "\n")) > LIMIT:
        form.refuse("reason", f"Use at most {LIMIT} characters.")
    status = 200
    if not form.wrong:
        replied = form.value("in_reply_to")
        try:
            await desk.do(
                "contacts",
                "propose_modification",
                partnership_id=partnership_id,
                add_contact_ids=added,
                release_contact_ids=released,
                reason=form.value("reason"),
                **({"in_reply_to": replied} if replied else {}),
                **{KEY: form.key},
            )
            agreed = not added and await _gone(desk, partnership_id, set(released))
            return desk.go(f"/partnerships/{partnership_id}/contacts", "change-agreed" if agreed else "proposed")
        except (Forbidden, NotFound, WrongState):
            raise
        except Refusal as refusal:
            if refusal.code == "idempotency_key_reused":
                form.refuse("", "This form was sent already. Its proposal stands on the page of the partnership.")
            else:
                # Whom it is about stands on the page behind: here it is said in words.
                status = form.refused(refusal, lambda name: "reason" if name == "reason" else "")
    return await _reason_page(desk, await _found(desk, partnership_id), form, status)


async def _gone(desk: Desk, partnership_id: str, released: set[str]) -> bool:
    """Whether all of them have left already: whom the other side wanted to release as well is released at once (protocol rule 2)."""
    people = await everybody(desk, "contacts", "list_assignments", partnership_id=partnership_id)
    return not any(a["contact_id"] in released and a.get("state") == "accepted" for a in people)


async def _nobody() -> list[dict[str, Any]]:
    return []


async def _reason_page(desk: Desk, found: dict[str, Any], form: Form, status: int = 200) -> Response:
    """Who is meant, in words, and the reason."""
    people, directory = await asyncio.gather(
        everybody(desk, "contacts", "list_assignments", partnership_id=found["id"]),
        everybody(desk, "contacts", "list_contacts") if form.values("add_contact_ids") else _nobody(),
    )
    names = {p["id"]: p["name"] for p in [*map(assignment, people), *map(person, directory)]}
    return await desk.page(
        "update_contacts.html",
        status,
        p=found,
        form=form,
        limit=LIMIT,
        released=[names.get(id, "somebody") for id in form.values("release_contact_ids")],
        added=[names.get(id, "somebody") for id in form.values("add_contact_ids")],
    )


# — withdrawing —


@pages.get("/partnerships/{partnership_id}/modifications/{modification_id}/withdrawal")
async def withdrawing(request: Request, partnership_id: str, modification_id: str) -> Response:
    desk = desk_of(request)
    found = await _found(desk, partnership_id)
    asked = await one(desk, found, modification_id)
    if "withdraw" not in asked["may"]:
        raise not_answerable(desk, found, asked)
    return await question(desk, WITHDRAWAL, found, Form({}))


@pages.post("/partnerships/{partnership_id}/modifications/{modification_id}/withdrawal")
async def withdraw(request: Request, partnership_id: str, modification_id: str) -> Response:
    desk, form = desk_of(request), Form.sent({}, await request.form())
    status = await carried_out(desk, WITHDRAWAL, form, partnership_id=partnership_id, modification_id=modification_id)
    if status is None:
        return desk.go(f"/partnerships/{partnership_id}", WITHDRAWAL.note)
    return await question(desk, WITHDRAWAL, await _found(desk, partnership_id), form, status)

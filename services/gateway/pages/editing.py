"""Edit mode: three bands, and the screen of the first of them, Assigned Contacts (OE-11 to OE-15)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.agreement import agreement
from services.gateway.pages.desk import Desk, redirect
from services.gateway.pages.forms import Form
from services.gateway.pages.offering import everybody
from services.gateway.pages.presenting import assignment, in_order, modification, of_before, person, tile
from services.gateway.pages.rooms import desk_of, rooms
from shared.ids import is_id

pages = rooms()

PICKS = {"release_contact_ids": "To Be Released", "add_contact_ids": "To Be Added", "in_reply_to": "In reply to"}


@pages.get("/partnerships/{partnership_id}/edit")
async def bands(request: Request, partnership_id: str) -> Response:
    """The three bands, read-only when there is nothing to change (OE-11, OE-19)."""
    desk = desk_of(request)
    found, people, team = await asyncio.gather(
        desk.ask("offers", "get_partnership", partnership_id=partnership_id),
        desk.perhaps("contacts", "list_assignments", partnership_id=partnership_id, limit=200),
        desk.perhaps("managers", "list_managers", partnership_id=partnership_id, limit=200),
    )
    p = tile(found)
    return await desk.page(
        "edit.html",
        p=p,
        changes="edit" in p["may"],
        people=None if people is None else sum(a.get("state") in {"accepted", "offered"} for a in people["items"]),
        team=None if team is None else len(team["items"]),
    )


@pages.get("/partnerships/{partnership_id}/contacts")
async def assigned_contacts(request: Request, partnership_id: str) -> Response:
    desk, asked = desk_of(request), request.query_params
    replied = asked.get("in_reply_to", "")
    return await contacts_page(desk, partnership_id, Form(PICKS, {"in_reply_to": replied if is_id(replied) else ""}))


@pages.get("/partnerships/{partnership_id}/modifications/new")
async def former_address(request: Request, partnership_id: str) -> Response:
    """Where links of older mails lead."""
    query = request.url.query
    return redirect(request, f"/partnerships/{partnership_id}/contacts" + (f"?{query}" if query else ""))


async def contacts_page(desk: Desk, partnership_id: str, form: Form, status: int = 200) -> Response:
    """Who works there, and, for whoever may change it, who is to be released and who to be added."""
    told, (people, pending, _), replied_to = await asyncio.gather(
        desk.ask("offers", "get_partnership", partnership_id=partnership_id),
        agreement(desk, partnership_id),
        answer_to(desk, partnership_id, form.value("in_reply_to")),
    )
    found = tile(told)
    changes, adds = "edit" in found["may"], "edit" in found["may"] and found["role"] == "partner"
    directory = await everybody(desk, "contacts", "list_contacts") if adds else []
    # A contact is in at most one pending item of a side (409 otherwise), so whoever is in one cannot be picked again; and what the other
    # side has proposed is better answered than proposed once more.
    proposals = [modification(m, found) for m in pending] if changes else []
    waiting, asked = (
        {i["id"]: m["url"] + "/answer" for m in proposals if m["ours"] is ours for i in m["items"] if i["open"]}
        for ours in (True, False)
    )
    shown = in_order([assignment(a) for a in people])
    there = {a["id"] for a in shown if not a["past"]}
    return await desk.page(
        "assigned_contacts.html",
        status,
        p=found,
        form=form,
        changes=changes,
        adds=adds,
        people=[a for a in shown if not a["past"]],
        past=(past := [a for a in shown if a["past"]]),
        former=of_before(past),
        waiting=waiting,
        asked=asked,
        addable=[person(c) for c in directory if c["id"] not in there | waiting.keys()],
        answered=modification(replied_to, found) if replied_to else None,
        # The status is left out: it follows what happens here, and comes a moment later.
        state="|".join(["final"] * found["final"] + sorted(f"{a['id']}:{a['label']}" for a in shown if not a["past"])),
    )


async def answer_to(desk: Desk, partnership_id: str, modification_id: str) -> dict[str, Any] | None:
    """The proposal of ours that this one replies to, whose answer suggests something else."""
    if not is_id(modification_id):
        return None
    return await desk.perhaps(
        "contacts", "get_modification", partnership_id=partnership_id, modification_id=modification_id
    )

"""The manager team of a partnership and its account owner: changed at once, and private (OE-17, JB-08, IM-03)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.deciding import Decision, carried_out, not_now, question
from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.offering import everybody
from services.gateway.pages.presenting import person, tile
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, Refusal, WrongState

pages = rooms()

FIELDS = {"contact_ids": "Add managers"}
RELEASE = Decision(
    action="edit",
    service="managers",
    method="remove_manager",
    heading="Release Partner Manager",
    button="Yes",
    note="manager-removed",
    sentence="",
)


def may_change(desk: Desk, found: dict[str, Any]) -> bool:
    """Whether this person may change the team: it is there, and the partnership has not come to its end."""
    return (
        desk.person.runs_partnerships
        and not found["final"]
        and (found["status"] != "open" or found["role"] == "partner")
    )


async def _team(desk: Desk, partnership_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    found, team = await asyncio.gather(
        desk.ask("offers", "get_partnership", partnership_id=partnership_id),
        everybody(desk, "managers", "list_managers", partnership_id=partnership_id),
    )
    return tile(found), [person(m) for m in team]


async def _page(desk: Desk, partnership_id: str, form: Form, status: int = 200) -> Response:
    found, team = await _team(desk, partnership_id)
    return await desk.page("managers.html", status, p=found, team=team, may=may_change(desk, found), form=form)


@pages.get("/partnerships/{partnership_id}/managers")
async def managers(request: Request, partnership_id: str) -> Response:
    return await _page(desk_of(request), partnership_id, Form(FIELDS))


async def _additions(desk: Desk, partnership_id: str, form: Form, status: int = 200) -> Response:
    """Whoever has a login and is not in the team yet, to be chosen."""
    (found, team), users = await asyncio.gather(_team(desk, partnership_id), everybody(desk, "accounts", "list_users"))
    if not may_change(desk, found):
        if not desk.person.runs_partnerships:
            raise Forbidden("The team is changed by people with the role Partnerships or Admin.")
        raise not_now(found)
    known = {m["id"] for m in team}
    others = [person(u) for u in users if u.get("active", True) and u["id"] not in known]
    return await desk.page("manager_additions.html", status, p=found, others=others, form=form)


@pages.get("/partnerships/{partnership_id}/managers/additions")
async def choosing(request: Request, partnership_id: str) -> Response:
    return await _additions(desk_of(request), partnership_id, Form(FIELDS))


@pages.post("/partnerships/{partnership_id}/managers")
async def add(request: Request, partnership_id: str) -> Response:
    desk, form = desk_of(request), Form.sent(FIELDS, await request.form())
    status = 200
    if not form.values("contact_ids"):
        form.refuse("contact_ids", "Choose at least one person.")
    else:
        try:
            await desk.do(
                "managers",
                "add_managers",
                partnership_id=partnership_id,
                contact_ids=form.values("contact_ids"),
                **{KEY: form.key},
            )
            return desk.go(f"/partnerships/{partnership_id}/managers", "managers-added")
        except (Forbidden, NotFound, WrongState):
            raise
        except Refusal as refusal:
            status = form.refused(refusal, lambda name: name.split(".")[0])
    return await _additions(desk, partnership_id, form, status)


@pages.get("/partnerships/{partnership_id}/managers/{contact_id}/removal")
async def releasing(request: Request, partnership_id: str, contact_id: str) -> Response:
    desk = desk_of(request)
    found, team = await _team(desk, partnership_id)
    if all(m["id"] != contact_id for m in team):
        raise NotFound()
    return await _releasing(desk, found, team, contact_id, Form({}))


async def _releasing(
    desk: Desk, found: dict[str, Any], team: list[dict[str, Any]], contact_id: str, form: Form, status: int = 200
) -> Response:
    """The question, with what follows for whoever is released, for the team and for what the other side learns of it."""
    who = next((m for m in team if m["id"] == contact_id), {"name": "This manager", "owner": False})
    company, mine = found["company"], contact_id == desk.person.id
    said = (
        f"You no longer look after the partnership with {company} and hear"
        if mine
        else (f"{who['name']} no longer looks after the partnership with {company} and hears")
    )
    follows = (
        f"Whoever of the team has served longest becomes the account owner, and {company} learns their name"
        if who["owner"]
        else f"{company} is not told"
    )
    return await question(
        desk,
        RELEASE,
        found,
        form,
        status,
        sentence=f"{said} no more of it. {follows}.",
        back=f"{found['url']}/managers",
    )


@pages.post("/partnerships/{partnership_id}/managers/{contact_id}/removal")
async def release(request: Request, partnership_id: str, contact_id: str) -> Response:
    desk, form = desk_of(request), Form.sent({}, await request.form())
    status = await carried_out(desk, RELEASE, form, partnership_id=partnership_id, contact_id=contact_id)
    if status is None:
        return desk.go(f"/partnerships/{partnership_id}/managers", RELEASE.note)
    return await _releasing(desk, *await _team(desk, partnership_id), contact_id, form, status)


@pages.post("/partnerships/{partnership_id}/owner")
async def make_owner(request: Request, partnership_id: str) -> Response:
    """No key: whoever is made the owner twice is the owner."""
    desk, form = desk_of(request), Form.sent(FIELDS, await request.form())
    try:
        await desk.do("managers", "set_owner", partnership_id=partnership_id, contact_id=form.value("contact_id"))
    except (Forbidden, NotFound, WrongState):
        raise
    except Refusal as refusal:
        return await _page(desk, partnership_id, form, form.refused(refusal, lambda name: ""))
    return desk.go(f"/partnerships/{partnership_id}/managers", "owner-changed")

"""One partnership: all there is to see of it, and accepting its offer (OE-07, OE-08)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.managing import may_change
from services.gateway.pages.presenting import assignment, entry, in_order, modification, person, tile
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, Refusal, WrongState

pages = rooms()

Items = list[dict[str, Any]]

LIVING = ("accepted", "modified", "suspended")
ANSWERS_SHOWN = 5


async def _partnership(desk: Desk, partnership_id: str) -> dict[str, Any]:
    return tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))


def _just_offered(found: dict[str, Any]) -> Items:
    """The people of an offer that contacts has not heard of yet, as the offer names them."""
    return (
        [assignment({"contact_id": c["id"], **c, "state": "offered", "label": "Offered"}) for c in found["offered"]]
        if found["status"] == "open"
        else []
    )


@pages.get("/partnerships/{partnership_id}")
async def partnership(request: Request, partnership_id: str) -> Response:
    desk = desk_of(request)
    found = await _partnership(desk, partnership_id)
    people, pending, answered, team, entries, _ = await asyncio.gather(
        desk.perhaps("contacts", "list_assignments", partnership_id=partnership_id, limit=200),
        _proposals(desk, found, "pending", 50),
        _proposals(desk, found, "answered", ANSWERS_SHOWN),
        desk.perhaps("managers", "list_managers", partnership_id=partnership_id, limit=200),
        desk.perhaps("history", "list_entries", partnership_id=partnership_id, limit=5),
        desk.count_unread(),
    )
    titles = {a["contact_id"]: a.get("title") or "" for a in (people or {"items": []})["items"]}
    return await desk.page(
        "partnership.html",
        p=found,
        pending=None if pending is None else _theirs_first([modification(m, found, titles) for m in pending]),
        answers=_answers(found, pending or [], answered or [], titles),
        may_manage=may_change(desk, found),
        counts={"people": 0 if people is None else sum(a.get("state") == "accepted" for a in people["items"])},
        people=None if people is None else in_order([assignment(a) for a in people["items"]]) or _just_offered(found),
        team=None if team is None else [person(m) for m in team["items"]],
        entries=None if entries is None else [entry(e) for e in entries["items"]],
    )


async def _proposals(desk: Desk, found: dict[str, Any], state: str, limit: int) -> Items | None:
    """Proposals of a partnership that lives; None when contacts cannot say. After its end its history tells of them."""
    if found["status"] not in LIVING:
        return []
    asked = await desk.perhaps("contacts", "list_modifications", partnership_id=found["id"], state=state, limit=limit)
    return None if asked is None else list(asked["items"])


def _theirs_first(shown: Items) -> Items:
    """What waits for us before what waits for them."""
    return sorted(shown, key=lambda m: bool(m["ours"]))


def _answers(found: dict[str, Any], pending: Items, answered: Items, titles: dict[str, str]) -> Items:
    """Their answers to our last proposals. `again`: they suggest something else, and we have not proposed it yet."""
    taken_up = {m.get("in_reply_to") for m in [*pending, *answered]}
    return [
        {**shown, "again": bool(shown["suggestion"]) and shown["id"] not in taken_up and "edit" in found["may"]}
        for shown in (modification(m, found, titles) for m in answered)
        if shown["ours"]
    ]


@pages.post("/partnerships/{partnership_id}/seen")
async def seen(request: Request, partnership_id: str) -> Response:
    """A person has looked: the page's script says so once it is really shown, for a GET never marks anything."""
    desk = desk_of(request)
    await desk.perhaps("offers", "mark_seen", partnership_id=partnership_id)
    return Response(status_code=204)


# — accepting —


async def _open_offer(desk: Desk, partnership_id: str) -> tuple[dict[str, Any], Items, Items]:
    """The offer, its contacts and our environments. Raises WrongState when it can no longer be accepted."""
    found = await _partnership(desk, partnership_id)
    if not desk.person.runs_partnerships:
        raise Forbidden("Offers are answered by people with the role Partnerships or Admin.")
    if "accept" not in found["may"]:
        raise WrongState(
            f"The offer of {found['company']} is {found['status_label'].lower()} and can no longer be accepted."
        )
    places = await desk.ask("accounts", "get_environments")
    return found, found["offered"], list(places["items"])


def _roles_form(offered: Items, data: Any = None) -> Form:
    fields = {**{f"roles.{c['id']}": c["name"] for c in offered}, "comment": "Comment"}
    return Form.sent(fields, data) if data is not None else Form(fields)


@pages.get("/partnerships/{partnership_id}/acceptance")
async def assign_roles(request: Request, partnership_id: str) -> Response:
    desk = desk_of(request)
    found, offered, places = await _open_offer(desk, partnership_id)
    return await desk.page("acceptance.html", p=found, offered=offered, environments=places, form=_roles_form(offered))


@pages.post("/partnerships/{partnership_id}/acceptance")
async def accept(request: Request, partnership_id: str) -> Response:
    """First post: say what will follow and ask; with `confirm` it is done. `back` returns to the roles with all that was chosen."""
    desk, data = desk_of(request), await request.form()
    if data.get("confirm") == "yes":
        # Asked again of the service itself, which also answers a repeated post with the first answer.
        return await _accept(desk, partnership_id, data)
    found, offered, places = await _open_offer(desk, partnership_id)
    form = _roles_form(offered, data)
    granted = _granted(form, offered, places)
    if not any(c["roles"] for c in granted) and not data.get("back"):
        form.refuse(
            f"roles.{offered[0]['id']}" if offered else "", "Choose at least one role for at least one contact."
        )
    if form.wrong or data.get("back"):
        return await desk.page("acceptance.html", p=found, offered=offered, environments=places, form=form)
    return await desk.page(
        "acceptance_confirmation.html",
        p=found,
        form=form,
        accepted=[c for c in granted if c["roles"]],
        declined=[c for c in granted if not c["roles"]],
    )


async def _accept(desk: Desk, partnership_id: str, data: Any) -> Response:
    chosen: dict[str, list[dict[str, str]]] = {}
    for name in data:
        if name.startswith("roles."):
            grants = [value.split(":", 1) for value in data.getlist(name) if isinstance(value, str) and ":" in value]
            chosen[name.removeprefix("roles.")] = [
                {"environment": environment, "role": role} for environment, role in grants
            ]
    contacts = [{"contact_id": contact, "roles": roles} for contact, roles in chosen.items() if roles]
    comment = str(data.get("comment") or "")
    key = Form.sent({}, data).key
    try:
        await desk.do(
            "offers",
            "accept_offer",
            partnership_id=partnership_id,
            contacts=contacts,
            **({"comment": comment} if comment.strip() else {}),
            **{KEY: key},
        )
    except (Forbidden, NotFound, WrongState):
        raise
    except Refusal as refusal:
        found, offered, places = await _open_offer(desk, partnership_id)
        form = _roles_form(offered, data)
        order = [c["contact_id"] for c in contacts]

        def rename(name: str) -> str:
            parts = name.split(".")
            if parts[0] == "contacts" and len(parts) > 1 and parts[1].isdigit() and int(parts[1]) < len(order):
                return f"roles.{order[int(parts[1])]}"
            return parts[0]

        status = form.refused(refusal, rename)
        return await desk.page("acceptance.html", status, p=found, offered=offered, environments=places, form=form)
    return desk.go(f"/partnerships/{partnership_id}", "accepted")


def _granted(form: Form, offered: Items, places: Items) -> Items:
    """Per offered contact what was chosen, in words: `roles` is `[{environment, roles: [name]}]`."""
    granted = []
    for contact in offered:
        chosen = set(form.values(f"roles.{contact['id']}"))
        roles = [
            {"environment": e["name"], "roles": [r["name"] for r in e["roles"] if f"{e['id']}:{r['id']}" in chosen]}
            for e in places
        ]
        granted.append({**contact, "roles": [r for r in roles if r["roles"]], "chosen": sorted(chosen)})
    return granted

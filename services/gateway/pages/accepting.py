"""Accepting an offer: Assign Role, then what will follow in words, then Yes (OE-08)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.presenting import tile
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, Refusal, WrongState

pages = rooms()

Items = list[dict[str, Any]]


async def _open_offer(desk: Desk, partnership_id: str) -> tuple[dict[str, Any], Items, Items]:
    """The offer, its contacts and our environments. Raises WrongState when it can no longer be accepted."""
    found = tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))
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
        granted.append({**contact, "roles": granted_names(chosen, places), "chosen": sorted(chosen)})
    return granted


def granted_names(chosen: set[str], places: Items) -> Items:
    """`environment:role` ids as names, `[{environment, roles: [name]}]`, in the order of our environments."""
    named = [
        {"environment": e["name"], "roles": [r["name"] for r in e["roles"] if f"{e['id']}:{r['id']}" in chosen]}
        for e in places
    ]
    return [place for place in named if place["roles"]]

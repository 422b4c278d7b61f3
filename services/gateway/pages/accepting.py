"""Accepting an offer: Assign Role, then what will follow in words, then Yes (OE-08)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.presenting import person, tile
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import listed
from shared.errors import Forbidden, NotFound, Refusal, WrongState
from shared.text import fold

pages = rooms()

Items = list[dict[str, Any]]

LIMIT = 500


async def _open_offer(desk: Desk, partnership_id: str) -> tuple[dict[str, Any], Items]:
    """The offer and our environments. Raises WrongState when it can no longer be accepted."""
    found = tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))
    if not desk.person.runs_partnerships:
        raise Forbidden("Offers are answered by people with the role Partnerships or Admin.")
    if "accept" not in found["may"]:
        raise WrongState(_no_longer(found))
    return found, await places_of(desk)


def _no_longer(found: dict[str, Any]) -> str:
    """Why an offer can no longer be accepted."""
    company = found["company"]
    if found["role"] == "partner":
        return f"The offer is yours: it is for {company} to accept."
    return {
        "declined": f"The offer of {company} has been declined already.",
        "withdrawn": f"{company} has withdrawn the offer.",
        "expired": f"The offer of {company} has expired.",
        "terminated": f"The partnership with {company} has ended.",
    }.get(found["status"], f"The offer of {company} has been accepted already.")


async def places_of(desk: Desk) -> Items:
    """Our environments, as far as there are roles in them."""
    return [e for e in (await desk.ask("accounts", "get_environments"))["items"] if e["roles"]]


def _form(found: dict[str, Any], data: Any = None) -> Form:
    fields = {
        **{f"roles.{c['id']}": c["name"] for c in found["offered"]},
        "comment": "Comment",
        "manager_ids": "Partner managers",
    }
    return Form.sent(fields, data) if data is not None else Form(fields)


async def _colleagues(desk: Desk) -> Items:
    """Who else could look after the partnership on our side."""
    users = await desk.perhaps("accounts", "list_users", limit=200)
    found = [person(u) for u in (users or {"items": []})["items"] if u.get("active", True)]
    return sorted((u for u in found if u["id"] != desk.person.id), key=lambda u: fold(u["name"]))


async def _assign_role(desk: Desk, found: dict[str, Any], places: Items, form: Form, status: int = 200) -> Response:
    return await desk.page(
        "acceptance.html",
        status,
        p=found,
        offered=found["offered"],
        environments=places,
        colleagues=await _colleagues(desk),
        limit=LIMIT,
        form=form,
    )


@pages.get("/partnerships/{partnership_id}/acceptance")
async def assign_roles(request: Request, partnership_id: str) -> Response:
    desk = desk_of(request)
    found, places = await _open_offer(desk, partnership_id)
    return await _assign_role(desk, found, places, _form(found))


@pages.post("/partnerships/{partnership_id}/acceptance")
async def accept(request: Request, partnership_id: str) -> Response:
    """First post: say what will follow and ask; with `confirm` it is done. `back` returns to the roles with all that was chosen."""
    desk, data = desk_of(request), await request.form()
    if data.get("confirm") == "yes":
        # Asked again of the service itself, which also answers a repeated post with the first answer.
        return await _accept(desk, partnership_id, data)
    found, places = await _open_offer(desk, partnership_id)
    form = _form(found, data)
    if data.get("back"):
        return await _assign_role(desk, found, places, form)
    for contact in found["offered"]:
        refuse_what_is_gone(form, f"roles.{contact['id']}", places)
    granted = _granted(form, found["offered"], places)
    if not form.wrong and not any(c["roles"] for c in granted):
        first = f"roles.{found['offered'][0]['id']}" if found["offered"] else ""
        form.refuse(first, "Choose at least one role for at least one contact.")
    if form.wrong:
        return await _assign_role(desk, found, places, form)
    colleagues = await _colleagues(desk) if form.values("manager_ids") else []
    return await desk.page(
        "acceptance_confirmation.html",
        p=found,
        form=form,
        accepted=[c for c in granted if c["roles"]],
        declined=[c["name"] for c in granted if not c["roles"]],
        managers=[u["name"] for u in colleagues if u["id"] in form.values("manager_ids")],
    )


async def _accept(desk: Desk, partnership_id: str, data: Any) -> Response:
    sent = Form.sent({}, data)
    chosen = {name.removeprefix("roles."): grants(sent, name) for name in data if name.startswith("roles.")}
    contacts = [{"contact_id": contact, "roles": roles} for contact, roles in chosen.items() if roles]
    try:
        await desk.do(
            "offers",
            "accept_offer",
            partnership_id=partnership_id,
            contacts=contacts,
            **({"manager_ids": sent.values("manager_ids")} if sent.values("manager_ids") else {}),
            **({"comment": sent.value("comment")} if sent.value("comment").strip() else {}),
            **{KEY: sent.key},
        )
    except (Forbidden, NotFound, WrongState):
        raise
    except Refusal as refusal:
        found, places = await _open_offer(desk, partnership_id)
        form = _form(found, data)

        def rename(name: str) -> str:
            """`contacts.1.roles.0.role` of the API is the field `roles.<contact>` of the form."""
            parts = name.split(".")
            if parts[0] == "contacts" and len(parts) > 1 and parts[1].isdigit() and int(parts[1]) < len(contacts):
                return f"roles.{contacts[int(parts[1])]['contact_id']}"
            return parts[0]

        return await _assign_role(desk, found, places, form, form.refused(refusal, rename))
    return desk.go(f"/partnerships/{partnership_id}", "accepted")


def _granted(form: Form, offered: Items, places: Items) -> Items:
    """Per offered contact what was chosen, in words: `roles` is `[{environment, roles: [name]}]`."""
    granted = []
    for contact in offered:
        chosen = set(form.values(f"roles.{contact['id']}"))
        granted.append({**contact, "roles": granted_names(chosen, places), "chosen": sorted(chosen)})
    return granted


# — what a review asks in the same way (OE-16) —


def grants(form: Form, field: str) -> list[dict[str, str]]:
    """The roles that were ticked in one field, as the API takes them; a box is called `<environment>:<role>`."""
    pairs = [value.split(":", 1) for value in form.values(field) if ":" in value]
    return [{"environment": environment, "role": role} for environment, role in pairs]


def granted_names(chosen: set[str], places: Items) -> Items:
    """`environment:role` ids as names, `[{environment, roles: [name]}]`, in the order of our environments."""
    named = [
        {"environment": e["name"], "roles": [r["name"] for r in e["roles"] if f"{e['id']}:{r['id']}" in chosen]}
        for e in places
    ]
    return [place for place in named if place["roles"]]


def in_words(roles: Items) -> str:
    """`Operator and Viewer in Production, and Operator in Development`."""
    said = [f"{listed(place['roles'])} in {place['environment']}" for place in roles]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])}, and {said[-1]}" if said else ""


def refuse_what_is_gone(form: Form, field: str, places: Items) -> None:
    """Say it when a role that was chosen has been removed since the page was loaded: it is not left out in silence."""
    there = {f"{e['id']}:{r['id']}" for e in places for r in e["roles"]}
    kept = [value for value in form.values(field) if value in there]
    if len(kept) < len(form.values(field)):
        form.set(field, kept)
        form.refuse(field, "A role you had chosen has been removed meanwhile. Look at the roles again.")

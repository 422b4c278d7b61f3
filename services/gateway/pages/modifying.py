"""Changing who works there: proposing, reviewing and withdrawing a modification (OE-12 to OE-16, BX-04)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.deciding import Decision, carried_out, not_now, question
from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.offering import everybody
from services.gateway.pages.presenting import assignment, modification, person, tile
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, Refusal, WrongState
from shared.ids import is_id

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
    sentence="{company} can no longer answer it, and nothing changes. What they have decided at this very moment counts.",
)


async def _found(desk: Desk, partnership_id: str) -> dict[str, Any]:
    return tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))


async def _one(desk: Desk, found: dict[str, Any], modification_id: str) -> dict[str, Any]:
    asked = await desk.ask("contacts", "get_modification", partnership_id=found["id"], modification_id=modification_id)
    return modification(asked, found)


# — proposing —


async def _proposal_page(desk: Desk, found: dict[str, Any], form: Form, status: int = 200) -> Response:
    replied = form.value("in_reply_to")
    people, pending, directory, answered = await asyncio.gather(
        everybody(desk, "contacts", "list_assignments", partnership_id=found["id"]),
        everybody(desk, "contacts", "list_modifications", partnership_id=found["id"], state="pending"),
        everybody(desk, "contacts", "list_contacts") if found["role"] == "partner" else _nobody(),
        _answer_to(desk, found, replied),
    )
    # A contact is in at most one pending item of a side (409 otherwise), so whoever is in one is not offered again.
    waiting = {
        item["contact_id"]
        for m in pending
        if m.get("proposed_by") == "us"
        for item in m["items"]
        if not item.get("decision")
    }
    working = [assignment(a) for a in people if a.get("state") == "accepted"]
    there = {a["id"] for a in working}
    return await desk.page(
        "modification_form.html",
        status,
        p=found,
        form=form,
        limit=LIMIT,
        working=working,
        waiting=waiting,
        addable=[person(c) for c in directory if c["id"] not in there | waiting],
        answered=answered,
    )


async def _nobody() -> Items:
    return []


async def _answer_to(desk: Desk, found: dict[str, Any], modification_id: str) -> dict[str, Any] | None:
    """The proposal of ours that this one replies to, whose answer suggests something else."""
    if not is_id(modification_id):
        return None
    asked = await desk.perhaps(
        "contacts", "get_modification", partnership_id=found["id"], modification_id=modification_id
    )
    return modification(asked, found) if asked else None


@pages.get("/partnerships/{partnership_id}/modifications/new")
async def edit_contacts(request: Request, partnership_id: str) -> Response:
    desk = desk_of(request)
    found = await _found(desk, partnership_id)
    if "edit" not in found["may"]:
        if not desk.person.runs_partnerships:
            raise Forbidden("Changes are proposed by people with the role Partnerships or Admin.")
        raise not_now(found)
    replied = request.query_params.get("in_reply_to", "")
    return await _proposal_page(desk, found, Form(PROPOSAL, {"in_reply_to": replied if is_id(replied) else ""}))


@pages.post("/partnerships/{partnership_id}/modifications")
async def propose(request: Request, partnership_id: str) -> Response:
    desk, form = desk_of(request), Form.sent(PROPOSAL, await request.form())
    released, added = form.values("release_contact_ids"), form.values("add_contact_ids")
    reason = form.value("reason").strip()
    if not released and not added:
        form.refuse("release_contact_ids", "Choose at least one contact.")
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
            return desk.go(f"/partnerships/{partnership_id}", "proposed")
        except (Forbidden, NotFound, WrongState):
            raise
        except Refusal as refusal:
            if refusal.code == "idempotency_key_reused":
                form.refuse("", "This form was sent already. Its proposal stands on the page of the partnership.")
            else:
                status = form.refused(refusal, lambda name: name.split(".")[0])
    return await _proposal_page(desk, await _found(desk, partnership_id), form, status)


# — reviewing —


def _fields(items: Items) -> dict[str, str]:
    """The fields of an answer: for each item its decision, its roles and its comment, by the contact it is about."""
    fields: dict[str, str] = {}
    for item in items:
        fields[f"decision.{item['id']}"] = item["name"]
        fields[f"roles.{item['id']}"] = f"Roles of {item['name']}"
        fields[f"comment.{item['id']}"] = f"Comment about {item['name']}"
    return {**fields, "comment": "Comment", "suggestion": "Suggestion"}


async def _answer_page(
    desk: Desk, found: dict[str, Any], asked: dict[str, Any], form: Form, status: int = 200
) -> Response:
    """Roles are the customer's to give: nobody else is asked for them."""
    places = (await desk.ask("accounts", "get_environments"))["items"] if found["role"] == "customer" else []
    return await desk.page(
        "modification_answer.html",
        status,
        p=found,
        m=asked,
        open=[item for item in asked["items"] if item["open"]],
        decided=[item for item in asked["items"] if not item["open"]],
        environments=places,
        limit=LIMIT,
        form=form,
    )


@pages.get("/partnerships/{partnership_id}/modifications/{modification_id}/answer")
async def review(request: Request, partnership_id: str, modification_id: str) -> Response:
    desk = desk_of(request)
    found = await _found(desk, partnership_id)
    asked = await _one(desk, found, modification_id)
    if "answer" not in asked["may"]:
        raise _answered(desk, found, asked)
    return await _answer_page(desk, found, asked, Form(_fields(asked["items"])))


def _answered(desk: Desk, found: dict[str, Any], asked: dict[str, Any]) -> Refusal:
    """Why a proposal cannot be answered or withdrawn by whoever asks."""
    if asked["state"] != "pending":
        return WrongState(f"The proposal is {asked['state_label'].lower()} already.")
    if not desk.person.runs_partnerships:
        return Forbidden("Proposals are answered and withdrawn by people with the role Partnerships or Admin.")
    if found["final"]:
        return not_now(found)
    if asked["ours"]:
        return WrongState(f"The proposal is yours: it is answered by {found['company']}.")
    return WrongState(f"The proposal is withdrawn by {found['company']} only.")


@pages.post("/partnerships/{partnership_id}/modifications/{modification_id}/answer")
async def answer(request: Request, partnership_id: str, modification_id: str) -> Response:
    """What is decided is read off the form alone, so that a repeated post is the same request and gets the first answer."""
    desk, data = desk_of(request), await request.form()
    items = _decisions(data)
    sent = Form.sent({}, data)
    texts = {name: sent.value(name) for name in ("comment", "suggestion") if sent.value(name).strip()}
    refused: Refusal | None = None
    if items and all(item["decision"] in {"accept", "decline"} for item in items):
        try:
            await desk.do(
                "contacts",
                "answer_modification",
                partnership_id=partnership_id,
                modification_id=modification_id,
                items=items,
                **texts,
                **{KEY: sent.key},
            )
            return desk.go(f"/partnerships/{partnership_id}", "change-answered")
        except (Forbidden, NotFound, WrongState):
            raise
        except Refusal as refusal:
            refused = refusal
    found = await _found(desk, partnership_id)
    asked = await _one(desk, found, modification_id)
    form = Form.sent(_fields(asked["items"]), data)
    _judge(form, asked, found)
    status = form.refused(refused, lambda name: _at(name, items)) if refused else 200
    return await _answer_page(desk, found, asked, form, status)


def _decisions(data: Any) -> Items:
    """The items as the API takes them, one for each contact the form asks about, decided or not."""
    items = []
    for contact in dict.fromkeys(data.getlist("item")):
        decision = str(data.get(f"decision.{contact}") or "")
        grants = [value.split(":", 1) for value in data.getlist(f"roles.{contact}") if ":" in str(value)]
        comment = str(data.get(f"comment.{contact}") or "")
        items.append(
            {
                "contact_id": contact,
                "decision": decision,
                **({"comment": comment} if comment.strip() else {}),
                # Roles that were chosen before somebody decided otherwise are not meant.
                **(
                    {"roles": [{"environment": environment, "role": role} for environment, role in grants]}
                    if decision == "accept" and grants
                    else {}
                ),
            }
        )
    return items


def _judge(form: Form, asked: dict[str, Any], found: dict[str, Any]) -> None:
    """Put a sentence at each item that is not decided, or accepted without a role."""
    for item in asked["items"]:
        decision = form.value(f"decision.{item['id']}")
        if item["open"] and decision not in {"accept", "decline"}:
            form.refuse(f"decision.{item['id']}", "Accept or decline this.")
        elif item["open"] and decision == "accept" and item["action"] == "add" and found["role"] == "customer":
            if not form.values(f"roles.{item['id']}"):
                form.refuse(f"roles.{item['id']}", "Choose at least one role in one environment.")


def _at(name: str, items: Items) -> str:
    """`items.1.roles.0.role` of the API is the field `roles.<contact>` of the form."""
    parts = name.split(".")
    if parts[0] != "items" or len(parts) < 2 or not parts[1].isdigit() or int(parts[1]) >= len(items):
        return parts[0]
    part = parts[2] if len(parts) > 2 and parts[2] in {"roles", "comment"} else "decision"
    return f"{part}.{items[int(parts[1])]['contact_id']}"


# — withdrawing —


@pages.get("/partnerships/{partnership_id}/modifications/{modification_id}/withdrawal")
async def withdrawing(request: Request, partnership_id: str, modification_id: str) -> Response:
    desk = desk_of(request)
    found = await _found(desk, partnership_id)
    asked = await _one(desk, found, modification_id)
    if "withdraw" not in asked["may"]:
        raise _answered(desk, found, asked)
    return await question(desk, WITHDRAWAL, found, Form({}))


@pages.post("/partnerships/{partnership_id}/modifications/{modification_id}/withdrawal")
async def withdraw(request: Request, partnership_id: str, modification_id: str) -> Response:
    desk, form = desk_of(request), Form.sent({}, await request.form())
    status = await carried_out(desk, WITHDRAWAL, form, partnership_id=partnership_id, modification_id=modification_id)
    if status is None:
        return desk.go(f"/partnerships/{partnership_id}", WITHDRAWAL.note)
    return await question(desk, WITHDRAWAL, await _found(desk, partnership_id), form, status)

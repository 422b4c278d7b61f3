"""Reviewing a proposal of the other side, item by item (OE-15, OE-16, BX-04)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.accepting import granted_names, grants, in_words, places_of, refuse_what_is_gone
from services.gateway.pages.agreement import agreement
from services.gateway.pages.deciding import not_now
from services.gateway.pages.desk import Desk, redirect
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.presenting import modification, tile
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, Refusal, WrongState

pages = rooms()

Items = list[dict[str, Any]]

LIMIT = 500


async def _found(desk: Desk, partnership_id: str) -> dict[str, Any]:
    return tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))


async def one(desk: Desk, found: dict[str, Any], modification_id: str) -> dict[str, Any]:
    asked = await desk.ask("contacts", "get_modification", partnership_id=found["id"], modification_id=modification_id)
    return modification(asked, found)


def _fields(items: Items) -> dict[str, str]:
    """The fields of an answer: for each item its decision, its roles and its comment, by the contact it is about."""
    fields: dict[str, str] = {}
    for item in items:
        fields[f"decision.{item['id']}"] = item["name"]
        fields[f"roles.{item['id']}"] = f"Roles of {item['name']}"
        fields[f"comment.{item['id']}"] = f"Comment about {item['name']}"
    return {**fields, "comment": "Comment", "suggestion": "Suggestion"}


async def _places(desk: Desk, found: dict[str, Any]) -> Items:
    """Roles are the customer's to give: nobody else is asked for them."""
    return await places_of(desk) if found["role"] == "customer" else []


async def _answer_page(
    desk: Desk, found: dict[str, Any], asked: dict[str, Any], form: Form, places: Items, status: int = 200
) -> Response:
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


@pages.get("/partnerships/{partnership_id}/review")
async def next_review(request: Request, partnership_id: str) -> Response:
    """To the proposal that waits for us when it is the only one; else to the page where all of them stand."""
    desk = desk_of(request)
    found, (_, pending, _) = await asyncio.gather(_found(desk, partnership_id), agreement(desk, partnership_id))
    theirs = [m for m in (modification(m, found) for m in pending) if "answer" in m["may"]]
    return redirect(request, f"{theirs[0]['url']}/answer" if len(theirs) == 1 else found["url"])


@pages.get("/partnerships/{partnership_id}/modifications/{modification_id}/answer")
async def review(request: Request, partnership_id: str, modification_id: str) -> Response:
    """With `all` every item is accepted or declined to begin with; when nothing is left to choose then, it is asked for the Yes."""
    desk = desk_of(request)
    found = await _found(desk, partnership_id)
    asked = await one(desk, found, modification_id)
    if "answer" not in asked["may"]:
        refusal = not_answerable(desk, found, asked)
        if asked["state"] != "pending" and not desk.by_script:
            # A notification or a mail of before: what became of it stands on the page of the partnership.
            return desk.go(found["url"], "change-settled")
        raise refusal
    verdict = request.query_params.get("all", "")
    decided = {f"decision.{i['id']}": verdict for i in asked["items"] if i["open"] and verdict in {"accept", "decline"}}
    form, places = Form(_fields(asked["items"]), decided), await _places(desk, found)
    if decided and not any(_gives_roles(item, form, found) for item in asked["items"]):
        return await _confirmation(desk, found, asked, form, places, direct=True)
    return await _answer_page(desk, found, asked, form, places)


def not_answerable(desk: Desk, found: dict[str, Any], asked: dict[str, Any]) -> Refusal:
    """Why a proposal cannot be answered or withdrawn by whoever asks."""
    if asked["state"] != "pending":
        return WrongState(_settled(found, asked))
    if not desk.person.runs_partnerships:
        return Forbidden("Proposals are answered and withdrawn by people with the role Partnerships or Admin.")
    if found["final"]:
        return not_now(found)
    if asked["ours"]:
        return WrongState(f"The proposal is yours: it is answered by {found['company']}.")
    return WrongState(f"The proposal is withdrawn by {found['company']} only.")


def _settled(found: dict[str, Any], asked: dict[str, Any]) -> str:
    """What became of a proposal that waits for nobody any more."""
    whole = asked["state"] == "withdrawn"
    if whole or any(item["decision"] == "withdrawn" for item in asked["items"]):
        who = "You have" if asked["ours"] else f"{found['company']} has"
        return f"{who} withdrawn {'the proposal' if whole else 'the rest of the proposal'}."
    if asked["state"] == "void":
        return "The proposal is void: the partnership has ended."
    return "The proposal has been answered already."


@pages.post("/partnerships/{partnership_id}/modifications/{modification_id}/answer")
async def answer(request: Request, partnership_id: str, modification_id: str) -> Response:
    """First post: say what will follow and ask; with `confirm` it is done. `back` returns with all that was chosen.

    What is decided is read off the form alone, so that a repeated post is the same request and gets the first answer.
    """
    desk, data = desk_of(request), await request.form()
    sent = Form.sent({}, data)
    items = _decisions(sent)
    refused: Refusal | None = None
    if data.get("confirm") == "yes" and items and all(item["decision"] in {"accept", "decline"} for item in items):
        texts = {name: sent.value(name) for name in ("comment", "suggestion") if sent.value(name).strip()}
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
    asked = await one(desk, found, modification_id)
    if "answer" not in asked["may"]:
        raise not_answerable(desk, found, asked)
    form, places = Form.sent(_fields(asked["items"]), data), await _places(desk, found)
    if data.get("back"):
        return await _answer_page(desk, found, asked, form, places)
    _judge(form, asked, found, places)
    status = form.refused(refused, lambda name: _at(name, items)) if refused else 200
    if form.wrong:
        return await _answer_page(desk, found, asked, form, places, status)
    return await _confirmation(desk, found, asked, form, places, direct=bool(data.get("direct")))


async def _confirmation(
    desk: Desk, found: dict[str, Any], asked: dict[str, Any], form: Form, places: Items, *, direct: bool
) -> Response:
    """Before the Yes: what will follow for each, in a sentence. `direct`: nobody was at the review, so a comment is asked for here."""
    decided = [item for item in asked["items"] if item["open"]]
    verdicts = {form.value(f"decision.{item['id']}") for item in decided}
    carried = [name for name in form.fields if not (direct and name == "comment")]
    return await desk.page(
        "modification_confirmation.html",
        p=found,
        m=asked,
        items=decided,
        sentences=[
            (item["name"], what_follows(item, form, found, places), form.value(f"comment.{item['id']}").strip())
            for item in decided
        ],
        verdict=verdicts.pop() if len(verdicts) == 1 else "",
        gives=any(_gives_roles(item, form, found) for item in decided),
        direct=direct,
        limit=LIMIT,
        form=form,
        sent=[(name, value) for name in carried for value in form.values(name) if value],
    )


def what_follows(item: dict[str, Any], form: Form, found: dict[str, Any], places: Items) -> str:
    """What a decision means, as the rest of a sentence that begins with the name of whom it is about (BX-08)."""
    with_whom = "with you" if found["role"] == "customer" else f"with {found['company']}"
    accepted, released = form.value(f"decision.{item['id']}") == "accept", item["action"] == "release"
    if not accepted:
        return f"goes on working {with_whom}." if released else "is declined."
    if released:
        return f"no longer works {with_whom}."
    roles = in_words(granted_names(set(form.values(f"roles.{item['id']}")), places))
    return f"works {with_whom}" + (f" as {roles}." if roles else " from now on.")


def _decisions(form: Form) -> Items:
    """The items as the API takes them, one for each contact the form asks about, decided or not."""
    items = []
    for contact in dict.fromkeys(form.values("item")):
        decision, comment = form.value(f"decision.{contact}"), form.value(f"comment.{contact}")
        roles = grants(form, f"roles.{contact}")
        items.append(
            {
                "contact_id": contact,
                "decision": decision,
                **({"comment": comment} if comment.strip() else {}),
                # Roles that were chosen before somebody decided otherwise are not meant.
                **({"roles": roles} if decision == "accept" and roles else {}),
            }
        )
    return items


def _gives_roles(item: dict[str, Any], form: Form, found: dict[str, Any]) -> bool:
    """Whether accepting this item means giving roles."""
    accepted = form.value(f"decision.{item['id']}") == "accept"
    return bool(item["open"] and accepted and item["action"] == "add" and found["role"] == "customer")


def _judge(form: Form, asked: dict[str, Any], found: dict[str, Any], places: Items) -> None:
    """Put a sentence at each item that is not decided, or accepted without a role."""
    for item in asked["items"]:
        if item["open"] and form.value(f"decision.{item['id']}") not in {"accept", "decline"}:
            form.refuse(f"decision.{item['id']}", "Accept or decline this.")
        elif _gives_roles(item, form, found):
            refuse_what_is_gone(form, f"roles.{item['id']}", places)
            if not form.values(f"roles.{item['id']}"):
                form.refuse(f"roles.{item['id']}", "Choose at least one role in one environment.")


def _at(name: str, items: Items) -> str:
    """`items.1.roles.0.role` of the API is the field `roles.<contact>` of the form."""
    parts = name.split(".")
    if parts[0] != "items" or len(parts) < 2 or not parts[1].isdigit() or int(parts[1]) >= len(items):
        return parts[0]
    part = parts[2] if len(parts) > 2 and parts[2] in {"roles", "comment"} else "decision"
    return f"{part}.{items[int(parts[1])]['contact_id']}"

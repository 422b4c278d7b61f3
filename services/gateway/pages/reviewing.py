"""Reviewing a proposal of the other side, item by item (OE-15, OE-16, BX-04)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.accepting import granted_names
from services.gateway.pages.deciding import not_now
from services.gateway.pages.desk import Desk
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
    asked = await one(desk, found, modification_id)
    if "answer" not in asked["may"]:
        raise not_answerable(desk, found, asked)
    preset = request.query_params.get("all", "")
    decided = {f"decision.{i['id']}": preset for i in asked["items"] if i["open"] and preset in {"accept", "decline"}}
    form = Form(_fields(asked["items"]), decided)
    if decided:
        judged = Form(_fields(asked["items"]), decided)
        _judge(judged, asked, found)
        if not judged.wrong:
            # Nothing is left to choose: straight to what will follow.
            return await _confirmation(desk, found, asked, form)
    return await _answer_page(desk, found, asked, form)


def not_answerable(desk: Desk, found: dict[str, Any], asked: dict[str, Any]) -> Refusal:
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
    """First post: say what will follow and ask; with `confirm` it is done. `back` returns with all that was chosen.

    What is decided is read off the form alone, so that a repeated post is the same request and gets the first answer.
    """
    desk, data = desk_of(request), await request.form()
    items = _decisions(data)
    sent = Form.sent({}, data)
    texts = {name: sent.value(name) for name in ("comment", "suggestion") if sent.value(name).strip()}
    refused: Refusal | None = None
    confirmed = data.get("confirm") == "yes" and not data.get("back")
    if confirmed and items and all(item["decision"] in {"accept", "decline"} for item in items):
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
    form = Form.sent(_fields(asked["items"]), data)
    _judge(form, asked, found)
    status = form.refused(refused, lambda name: _at(name, items)) if refused else 200
    if form.wrong or data.get("back"):
        return await _answer_page(desk, found, asked, form, status)
    return await _confirmation(desk, found, asked, form)


async def _confirmation(desk: Desk, found: dict[str, Any], asked: dict[str, Any], form: Form) -> Response:
    """Before the Yes: what will follow for each, in a sentence."""
    places = (await desk.ask("accounts", "get_environments"))["items"] if found["role"] == "customer" else []
    decided = [item for item in asked["items"] if item["open"]]
    for item in decided:
        item["chosen"] = form.value(f"decision.{item['id']}")
        granted = set(form.values(f"roles.{item['id']}"))
        item["granted"] = granted_names(granted, places)
    verdicts = {item["chosen"] for item in decided}
    return await desk.page(
        "modification_confirmation.html",
        p=found,
        m=asked,
        decided=decided,
        verdict=verdicts.pop() if len(verdicts) == 1 else "",
        form=form,
        sent=[(name, value) for name in form.fields for value in form.values(name) if value],
    )


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

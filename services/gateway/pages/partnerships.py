"""One partnership: reading it, answering its offer, ending it, its history (OE-07 to OE-09, OE-18)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.presenting import assignment, entry, person, tile
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import day, moment
from shared.errors import Forbidden, NotFound, Refusal, WrongState

pages = rooms()

Items = list[dict[str, Any]]


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
    people, team, entries, _ = await asyncio.gather(
        desk.perhaps("contacts", "list_assignments", partnership_id=partnership_id, limit=200),
        desk.perhaps("managers", "list_managers", partnership_id=partnership_id, limit=200),
        desk.perhaps("history", "list_entries", partnership_id=partnership_id, limit=5),
        desk.count_unread(),
    )
    return await desk.page(
        "partnership.html",
        p=found,
        people=None if people is None else [assignment(a) for a in people["items"]] or _just_offered(found),
        team=None if team is None else [person(m) for m in team["items"]],
        entries=None if entries is None else [entry(e) for e in entries["items"]],
    )


@pages.post("/partnerships/{partnership_id}/seen")
async def seen(request: Request, partnership_id: str) -> Response:
    """A person has looked: the page's script says so once it is really shown, for a GET never marks anything."""
    desk = desk_of(request)
    await desk.perhaps("offers", "mark_seen", partnership_id=partnership_id)
    return Response(status_code=204)


@pages.get("/partnerships/{partnership_id}/history")
async def history(request: Request, partnership_id: str) -> Response:
    desk, cursor = desk_of(request), request.query_params.get("cursor", "")
    asked = {"cursor": cursor} if cursor else {}
    found, entries = await asyncio.gather(
        _partnership(desk, partnership_id),
        desk.ask("history", "list_entries", partnership_id=partnership_id, limit=50, **asked),
    )
    shown = [entry(e) for e in entries["items"]]
    return await desk.page(
        "history.html",
        p=found,
        days=_days(desk, shown),
        paged=bool(cursor),
        next=f"{desk.path}?" + urlencode({"cursor": entries["next"]}) if entries.get("next") else None,
    )


def _days(desk: Desk, entries: Items) -> list[tuple[str, Items]]:
    """Entries below the day they happened on, as the reader counts days."""
    now = datetime.now(UTC)

    def of(item: dict[str, Any]) -> str:
        at = moment(item["at"])
        return day(at, desk.zone, now) if at else ""

    return [(name, list(items)) for name, items in groupby(entries, of)]


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


# — the other decisions, each one page with a sentence, perhaps a reason, and a button —


REASON = {"reason": "Reason"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody may decide about a partnership. `reason` is None when none is asked, else whether it is required."""

    action: str
    method: str
    heading: str
    sentence: str
    button: str
    note: str
    reason: bool | None = None
    reason_hint: str = ""
    danger: bool = True
    home: bool = False


DECISIONS = {
    "decline": Decision(
        action="decline",
        method="decline_offer",
        heading="Decline the offer of {company}",
        button="Decline",
        note="declined",
        reason=False,
        reason_hint="{company} will read it.",
        sentence="No partnership begins, and nobody of {company} works with you. {company} is told, and may send a new offer later.",
    ),
    "withdrawal": Decision(
        action="withdraw",
        method="withdraw_offer",
        heading="Withdraw the offer to {company}",
        button="Withdraw offer",
        note="withdrawn",
        reason=False,
        reason_hint="{company} will read it.",
        sentence="{company} can no longer accept it. If they have accepted at this very moment, their acceptance counts.",
    ),
    "reminder": Decision(
        action="remind",
        method="remind_offer",
        heading="Remind {company}",
        button="Send a reminder",
        note="reminded",
        danger=False,
        sentence="{company} is told once more that your offer waits for an answer. You can remind them once in 24 hours.",
    ),
    "termination": Decision(
        action="end",
        method="end_partnership",
        heading="End Partnership",
        button="Yes",
        note="ended",
        reason=True,
        home=True,
        reason_hint="{company} will read it.",
        sentence="The partnership with {company} ends at once and for good. Its tile leaves your home page, and {company} is told.",
    ),
    "removal": Decision(
        action="remove",
        method="remove_partnership",
        heading="Remove the tile of {company}",
        button="Remove",
        note="removed",
        home=True,
        sentence="The tile leaves your home page. You still find the partnership under the filter Ended.",
    ),
}


def _words(decision: Decision, found: dict[str, Any]) -> dict[str, Any]:
    company = found["company"]
    return {
        "heading": decision.heading.format(company=company),
        "sentence": decision.sentence.format(company=company),
        "reason_hint": decision.reason_hint.format(company=company),
    }


@pages.get("/partnerships/{partnership_id}/{decision}")
async def deciding(request: Request, partnership_id: str, decision: str) -> Response:
    desk = desk_of(request)
    if decision not in DECISIONS:
        raise NotFound()
    asked, found = DECISIONS[decision], await _partnership(desk, partnership_id)
    if asked.action not in found["may"]:
        raise WrongState(
            f"The partnership with {found['company']} is {found['status_label'].lower()}: this is not possible now."
        )
    return await desk.page("decision.html", p=found, asked=asked, words_=_words(asked, found), form=Form(REASON))


@pages.post("/partnerships/{partnership_id}/{decision}")
async def decide(request: Request, partnership_id: str, decision: str) -> Response:
    desk = desk_of(request)
    if decision not in DECISIONS:
        raise NotFound()
    asked, form = DECISIONS[decision], Form.sent(REASON, await request.form())
    reason = form.value("reason")
    body = {"reason": reason} if asked.reason is not None and reason.strip() else {}
    if asked.reason and not body:
        form.refuse("reason", "Give a reason.")
    status = 200
    if not form.wrong:
        try:
            await desk.do("offers", asked.method, partnership_id=partnership_id, **body, **{KEY: form.key})
            return desk.go("/" if asked.home else f"/partnerships/{partnership_id}", asked.note)
        except (Forbidden, NotFound, WrongState):
            raise
        except Refusal as refusal:
            status = form.refused(refusal)
    found = await _partnership(desk, partnership_id)
    return await desk.page("decision.html", status, p=found, asked=asked, words_=_words(asked, found), form=form)

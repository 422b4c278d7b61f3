"""The decisions that are one page each: a sentence, perhaps a reason, and a button (OE-09, OE-19, BX-01)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages import words
from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.presenting import tile
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import Forbidden, NotFound, Refusal, TooSoon, WrongState

pages = rooms()

REASON = {"reason": "Reason"}
# Of more people than these, the last are counted.
NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody may decide. `reason` is None when none is asked, else whether it is required.

    `action` is the one of the contract that allows it; in the texts, `{company}` is the other business. `sentence` is empty where whoever
    asks makes it.
    `block` is the label of a box that keeps further offers away, where there is one (BX-09).
    """

    action: str
    service: str = "offers"
    method: str
    heading: str
    sentence: str
    button: str
    note: str
    reason: bool | None = None
    reason_hint: str = ""
    block: str = ""
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
        block="Take no more offers from {company}",
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
        sentence="{company} can no longer accept it. If they are accepting it right now, their acceptance counts.",
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


async def question(
    desk: Desk,
    decision: Decision,
    found: dict[str, Any],
    form: Form,
    status: int = 200,
    *,
    sentence: str = "",
    back: str = "",
) -> Response:
    """The page that asks, and says what will follow (`sentence`, else the decision's own); it is left for `back`, else for the partnership."""
    texts = {
        part: (part == "sentence" and sentence) or getattr(decision, part).format(company=found["company"])
        for part in ("heading", "sentence", "reason_hint", "block")
    }
    return await desk.page(
        "decision.html",
        status,
        p=found,
        asked=decision,
        words_=texts,
        follows=await _following(desk, decision, found),
        form=form,
        back=back or found["url"],
    )


async def _following(desk: Desk, decision: Decision, found: dict[str, Any]) -> list[str]:
    """What an end means, by name (BX-08): who stops working where, and what needs no answer any more."""
    if decision.action != "end":
        return []
    people = await desk.perhaps("contacts", "list_assignments", partnership_id=found["id"], limit=200)
    names = [a.get("name") or "" for a in (people or {"items": []})["items"] if a.get("state") == "accepted"]
    said = []
    if names:
        who = words.listed(names if len(names) <= NAMED else [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"])
        where = "with you" if found["role"] == "customer" else f"at {found['company']}"
        said.append(f"{who} {'stops' if len(names) == 1 else 'stop'} working {where} at once.")
    if found["pending"]:
        said.append("What has been proposed and not answered is void.")
    return said


async def carried_out(desk: Desk, decision: Decision, form: Form, **ids: str) -> int | None:
    """Do it; None when it is done, else the status of the page that asks again, with what is wrong in the form.

    Raises Forbidden, NotFound and WrongState, which no other answer in the form would heal.
    """
    reason = form.value("reason")
    body: dict[str, Any] = {"reason": reason} if decision.reason is not None and reason.strip() else {}
    if decision.reason and not body:
        form.refuse("reason", "Give a reason.")
        return 200
    if decision.block and form.value("block"):
        body["block"] = True
    try:
        await desk.do(decision.service, decision.method, **ids, **body, **{KEY: form.key})
    except (Forbidden, NotFound, WrongState):
        raise
    except Refusal as refusal:
        return form.refused(refusal)
    return None


def not_now(found: dict[str, Any]) -> WrongState:
    """The refusal of what the state of a partnership does not allow."""
    return WrongState(
        f"The partnership with {found['company']} is {found['status_label'].lower()}, and this is no longer possible."
    )


@pages.get("/partnerships/{partnership_id}/{decision}")
async def deciding(request: Request, partnership_id: str, decision: str) -> Response:
    desk = desk_of(request)
    if decision not in DECISIONS:
        raise NotFound()
    asked = DECISIONS[decision]
    found = tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))
    if asked.action not in found["may"]:
        if not desk.person.runs_partnerships:
            raise Forbidden("This is decided by people with the role Partnerships or Admin.")
        if asked.action == "remind" and "withdraw" in found["may"]:
            raise TooSoon(
                f"{found['company']} has been reminded already, or not been reached yet. Once in 24 hours is enough."
            )
        raise not_now(found)
    return await question(desk, asked, found, Form(REASON))


@pages.post("/partnerships/{partnership_id}/{decision}")
async def decide(request: Request, partnership_id: str, decision: str) -> Response:
    desk = desk_of(request)
    if decision not in DECISIONS:
        raise NotFound()
    asked, form = DECISIONS[decision], Form.sent(REASON, await request.form())
    status = await carried_out(desk, asked, form, partnership_id=partnership_id)
    if status is None:
        return desk.go("/" if asked.home else f"/partnerships/{partnership_id}", asked.note)
    found = tile(await desk.ask("offers", "get_partnership", partnership_id=partnership_id))
    return await question(desk, asked, found, form, status)

"""What our business has chosen: how long its offers stay open, and who may send it offers (BX-01, BX-09)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages import tenant_names
from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import Form
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import ChangedMeanwhile, Forbidden, NotFound, Refusal, ValidationError

pages = rooms()

Json = dict[str, Any]

SETTINGS = {"offer_expiry_days": "Days until an offer expires", "offers_from": "Who may send you offers"}
BLOCKED = {"tenant": "Tenant name"}
SENDERS = {
    "all": ("Every business", "Except those you block below."),
    "none": ("Nobody", "Offers to you cannot be delivered. Nobody is told why."),
}
ONLY_ADMINS = "Settings are changed by people with the role Admin."
TRIES = 3


def _number(value: Any) -> str:
    """`10 000`: with thin spaces, as it is read everywhere."""
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else str(value)


@pages.get("/settings")
async def settings(request: Request) -> Response:
    desk = desk_of(request)
    found = await desk.perhaps("accounts", "get_settings") if desk.person.runs_business else None
    return await _page(desk, found, _filled(found))


def _filled(found: Json | None) -> Form:
    return Form(SETTINGS, {name: found.get(name) for name in (*SETTINGS, "version")} if found else None)


async def _page(
    desk: Desk, found: Json | None, form: Form, status: int = 200, *, blocking: Form | None = None
) -> Response:
    limits = (found or {}).get("limits") or {}
    return await desk.page(
        "settings.html",
        status,
        form=form,
        blocking=blocking or Form(BLOCKED),
        shown=desk.person.runs_business and found is not None,
        senders=[(name, *words) for name, words in SENDERS.items()],
        blocked=sorted((found or {}).get("blocked_tenants") or []),
        limits=[
            (label, _number(limits[name]))
            for name, label in (
                ("offers_per_day", "Offers you can send"),
                ("undeliverable_offers_per_day", "Of these, offers that find nobody"),
            )
            if name in limits
        ],
    )


@pages.post("/settings")
async def change_settings(request: Request) -> Response:
    desk, form = desk_of(request), Form.sent(SETTINGS, await request.form())
    days = form.value("offer_expiry_days").strip()
    status = 200
    if not (days.isascii() and days.isdigit() and len(days) <= 3 and 1 <= int(days) <= 365):
        form.refuse("offer_expiry_days", "Enter a number of days from 1 to 365.")
    else:
        body: Json = {"offer_expiry_days": int(days)}
        if form.value("offers_from"):
            body["offers_from"] = form.value("offers_from")
        if form.value("version"):
            body["if_match"] = form.value("version")
        try:
            await desk.do("accounts", "update_settings", **body)
            return desk.go("/settings", "settings-changed")
        except (Forbidden, NotFound):
            raise
        except ChangedMeanwhile:
            return await _meanwhile(desk, form)
        except Refusal as refusal:
            status = form.refused(refusal)
    return await _page(desk, await desk.perhaps("accounts", "get_settings") or {}, form, status)


async def _meanwhile(desk: Desk, form: Form) -> Response:
    """Somebody else was faster: what was chosen here stays, and what they chose is said where it is different."""
    found = await desk.ask("accounts", "get_settings")
    form.refuse(
        "",
        "Somebody else changed the settings after you opened this page. Nothing of yours has been saved yet: save again if you want it so.",
    )
    if str(found.get("offer_expiry_days")) != form.value("offer_expiry_days").strip():
        form.refuse("offer_expiry_days", f"They are {found.get('offer_expiry_days')} now.")
    if found.get("offers_from") != form.value("offers_from") and found.get("offers_from") in SENDERS:
        form.refuse("offers_from", f"It is “{SENDERS[found['offers_from']][0]}” now.")
    form.set("version", found.get("version"))
    return await _page(desk, found, form)


# — the businesses whose offers we do not want: kept as one list, which is read, changed and put back —


async def _change(desk: Desk, change: Callable[[list[str]], list[str]]) -> None:
    """Put the list back as `change` makes it; begins again when somebody changes the settings at this very moment."""
    if not desk.person.runs_business:
        raise Forbidden(ONLY_ADMINS)
    for left in reversed(range(TRIES)):
        found = await desk.ask("accounts", "get_settings")
        before = list(found.get("blocked_tenants") or [])
        after = change(before)
        if after == before:
            return
        try:
            seen = {"if_match": str(found["version"])} if "version" in found else {}
            await desk.do("accounts", "update_settings", blocked_tenants=after, **seen)
            return
        except ChangedMeanwhile:
            if not left:
                raise


@pages.post("/settings/blocked")
async def block(request: Request) -> Response:
    desk, form = desk_of(request), Form.sent(BLOCKED, await request.form())
    name = tenant_names.from_typed(form.value("tenant"))
    form.set("tenant", name)
    status = 200
    if not name:
        form.refuse("tenant", "Enter the tenant name of the business.")
    else:
        try:
            await _change(desk, lambda now: now if name in now else [*now, name])
            return desk.go("/settings", "business-blocked")
        except (Forbidden, NotFound):
            raise
        except ValidationError as refusal:
            # Of the whole list, only what was added can be wrong.
            status = form.refused(refusal, lambda name: "tenant")
        except Refusal as refusal:
            status = form.refused(refusal)
    found = await desk.perhaps("accounts", "get_settings") or {}
    return await _page(desk, found, _filled(found), status, blocking=form)


@pages.post("/settings/blocked/{tenant}/removal")
async def unblock(request: Request, tenant: str) -> Response:
    desk = desk_of(request)
    await _change(desk, lambda now: [name for name in now if name != tenant])
    return desk.go("/settings", "business-unblocked")

"""Keys for programs (BX-13): one's own, for admins those of everybody; making one, which is shown once, and revoking one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages import words
from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.offering import everybody
from services.gateway.pages.paging import paging
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import NotFound, Refusal

pages = rooms()

Json = dict[str, Any]

NEW = {"name": "Name", "scopes": "What it may do", "days": "Ends after"}
# Scope, how it is called, what it means. Whoever may change may see.
SCOPES = (
    ("partnerships:read", "See partnerships", "With their contacts, teams and histories, and your notifications."),
    ("partnerships:write", "See and change partnerships", "Send and answer offers and proposals, change teams, end."),
    ("contacts:read", "See contacts", "The directory of your people."),
    ("contacts:write", "See and change contacts", "Add, change, import and delete them."),
    ("settings", "Change what holds for the business", "Settings, profile, environments and roles."),
)
DAYS = (("30", "30 days"), ("90", "90 days"), ("180", "180 days"), ("365", "A year"))
USUAL_DAYS = "90"
PAGE = 100


def _shown(one: Json, desk: Desk) -> Json:
    wide = {scope.replace(":write", ":read") for scope in one["scopes"] if scope.endswith(":write")}
    may = [label for scope, label, _ in SCOPES if scope in one["scopes"] and scope not in wide]
    return {
        "id": one["id"],
        "url": f"/api-keys/{one['id']}/revocation",
        "name": one["name"],
        "may": words.listed([label[0].lower() + label[1:] for label in may]),
        "whose": None if one["user"]["id"] == desk.person.id else one["user"]["name"],
        "last_used_at": one.get("last_used_at"),
        "expires_at": one["expires_at"],
        "active": one.get("active", True),
    }


@pages.get("/api-keys")
async def api_keys(request: Request) -> Response:
    desk, cursor = desk_of(request), request.query_params.get("cursor", "")
    found = await desk.ask("accounts", "list_api_keys", limit=PAGE, **({"cursor": cursor} if cursor else {}))
    return await desk.page(
        "api_keys.html",
        keys=[_shown(one, desk) for one in found["items"]],
        **paging("/api-keys", {}, request.query_params, found),
    )


async def _new(desk: Desk, form: Form, status: int = 200) -> Response:
    return await desk.page(
        "api_key_form.html",
        status,
        form=form,
        scopes=[one for one in SCOPES if one[0] in desk.person.permissions],
        days=DAYS,
    )


@pages.get("/api-keys/new")
async def new_api_key(request: Request) -> Response:
    return await _new(desk_of(request), Form(NEW, {"days": USUAL_DAYS}))


@pages.post("/api-keys")
async def make_api_key(request: Request) -> Response:
    """The answer is the page with the key, and no redirect: it stands nowhere else, and is not kept to be shown again. Loaded again, it makes no second one."""
    desk, form = desk_of(request), Form.sent(NEW, await request.form())
    if not form.value("name").strip():
        form.refuse("name", "Say what the key is for.")
    if not form.values("scopes"):
        form.refuse("scopes", "Choose what it may do.")
    if form.value("days") not in dict(DAYS):
        form.refuse("days", "Choose when it ends.")
    if form.wrong:
        return await _new(desk, form)
    try:
        made = await desk.do(
            "accounts",
            "create_api_key",
            name=form.value("name"),
            scopes=form.values("scopes"),
            expires_in_days=int(form.value("days")),
            **{KEY: form.key},
        )
    except Refusal as refusal:
        return await _new(desk, form, form.refused(refusal, lambda name: name.split(".")[0]))
    if made["key"] is None:
        return desk.go("/api-keys", "key-made-already")
    return await desk.page("api_key_made.html", key=made["key"], made=_shown(made, desk))


# — revoking —


async def _found(desk: Desk, id: str) -> Json:
    """A key that this person may revoke. Raises NotFound."""
    for one in await everybody(desk, "accounts", "list_api_keys"):
        if one["id"] == id:
            return _shown(one, desk)
    raise NotFound()


@pages.get("/api-keys/{api_key_id}/revocation")
async def revoking(request: Request, api_key_id: str) -> Response:
    desk = desk_of(request)
    return await desk.page("api_key_revocation.html", key=await _found(desk, api_key_id), form=Form({}))


@pages.post("/api-keys/{api_key_id}/revocation")
async def revoke(request: Request, api_key_id: str) -> Response:
    """One that has been revoked already is revoked."""
    desk, form = desk_of(request), Form({})
    try:
        await desk.do("accounts", "revoke_api_key", api_key_id=api_key_id)
    except NotFound:
        pass
    except Refusal as refusal:
        status = form.refused(refusal)
        return await desk.page("api_key_revocation.html", status, key=await _found(desk, api_key_id), form=form)
    return desk.go("/api-keys", "key-revoked")

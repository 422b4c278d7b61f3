"""The audit trail: who did what to logins and settings, from where; for admins."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.devices import place
from services.gateway.pages.paging import address, paging
from services.gateway.pages.rooms import desk_of, rooms
from services.gateway.pages.words import by_day
from shared.errors import Forbidden

pages = rooms()

PAGE = 50
KINDS = {
    "logins": ("Logins", ("login.succeeded", "login.failed", "session.closed", "session.revoked", "sessions.revoked")),
    "credentials": (
        "Passwords and e-mails",
        (
            "password.changed",
            "password.refused",
            "password_reset.requested",
            "password_reset.used",
            "email_change.requested",
            "email.changed",
        ),
    ),
    "users": ("Users", ("user.created", "user.changed", "user.deactivated", "user.activated")),
    "keys": ("API keys", ("api_key.created", "api_key.revoked")),
    "settings": (
        "Settings",
        ("tenant.registered", "profile.changed", "settings.changed", "environments.changed"),
    ),
}


@pages.get("/audit")
async def audit(request: Request) -> Response:
    desk, asked = desk_of(request), request.query_params
    if not desk.person.runs_business:
        raise Forbidden("The audit is read by people with the role Admin.")
    kind = asked.get("kind", "") if asked.get("kind") in KINDS else ""
    filters: dict[str, object] = {"action": list(KINDS[kind][1])} if kind else {}
    if asked.get("cursor"):
        filters["cursor"] = asked["cursor"]
    found = await desk.ask("accounts", "list_audit", limit=PAGE, **filters)
    entries = [
        {
            **one,
            "refused": one.get("outcome") == "refused",
            "place": place(one.get("address", ""), one.get("user_agent", "")),
        }
        for one in found["items"]
    ]
    return await desk.page(
        "audit.html",
        days=by_day(entries, desk.zone),
        kinds=[
            {"label": label, "url": address("/audit", {"kind": name}), "here": name == kind}
            for name, label in (("", "Everything"), *((name, label) for name, (label, _) in KINDS.items()))
        ],
        filtered=bool(kind),
        **paging("/audit", {"kind": kind}, asked, found),
    )

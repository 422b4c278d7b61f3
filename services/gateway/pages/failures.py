"""The pages for what did not work, each with a way on."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime

from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.words import UNANSWERED
from services.gateway.problems import retry_after, status_of
from shared.errors import Forbidden, Refusal


class FormExpired(Forbidden):
    """A form without the token of this session: its page is from before a login or logout, or from elsewhere."""

    sentence = (
        "Your session has changed since this page was loaded. Nothing was done. Load the page again and repeat it."
    )


TITLES = {
    "not_found": "There is nothing here",
    "forbidden": "You may not do this",
    "unavailable": "A part of Accord is away for a moment",
    "rate_limited": "That was too often",
    "wrong_state": "This can no longer be done",
    "too_soon": "It is too soon for this",
    "bad_request": "This form could not be read",
    "too_large": "That was too much at once",
    "internal_error": "Something went wrong on our side",
}
DETAILS = {
    "not_found": "The address is wrong, or what stood here belongs to somebody else or has been removed.",
    "unavailable": "It usually returns within seconds: try again.",
    "bad_request": "It did not arrive whole. Load the page again and repeat it.",
    "too_large": "A form may hold at most 1 MiB.",
    "internal_error": "It has been written down. Nothing more is known here; try again, and tell whoever runs Accord if it stays.",
}


# What people write themselves, by the name of its field; the name may go on with whom it is about.
TEXTS = {
    "message": "Message",
    "reason": "Reason",
    "comment": "Comment",
    "suggestion": "Suggestion",
}
# For whoever sees only some partnerships; a notification may lead to one of before.
NOT_LOOKED_AFTER = (
    "You see the partnerships that you look after. This one is not among them, or there is none at this address."
)
_PARTNERSHIP = re.compile(r"/partnerships/[0-9a-f-]{36}(?=/|$)")


async def _entered(desk: Desk) -> list[tuple[str, str]]:
    """(label, text) of what was written in a form that came to nothing, to be copied. Only of a form of ours: no other site speaks here."""
    if not getattr(desk.request.state, "form_is_ours", False):
        return []
    with contextlib.suppress(Exception):
        data = await desk.request.form()
        written = [(TEXTS[part], str(data[name]).strip()) for name in data if (part := name.split(".")[0]) in TEXTS]
        return [(label, text) for label, text in written if text]
    return []


async def failed(desk: Desk, refusal: Refusal) -> Response:
    """The page for a refusal, with its own sentence where we have none."""
    desk.unread = desk.unread or 0  # a page that tells of trouble asks nobody else
    status, code = status_of(refusal), refusal.code
    about = _PARTNERSHIP.match(desk.path)
    unanswered = UNANSWERED if code == "unavailable" and desk.request.method != "GET" else None
    unseen = code == "not_found" and about and desk.visitor and not desk.visitor.runs_partnerships
    response = await desk.page(
        "failure.html",
        status,
        heading=TITLES.get(code, "This cannot be done"),
        detail=(NOT_LOOKED_AFTER if unseen else unanswered) or DETAILS.get(code) or refusal.detail,
        number=status,
        entered=await _entered(desk),
        back=about[0] if about and about[0] != desk.path and desk.visitor and code != "not_found" else None,
        again=desk.here if desk.request.method == "GET" and status in {429, 500, 503} else None,
    )
    seconds = retry_after(refusal, datetime.now(UTC))
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response

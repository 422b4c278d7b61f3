"""Logos as images of their own, so that no list carries pictures (OE-01, OE-20)."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.rooms import desk_of, rooms
from shared import pictures
from shared.errors import NotFound

pages = rooms()

HEADERS = {
    # Whatever it turns out to be: nothing in it runs, and nothing is guessed.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def digest(logo: str) -> str:
    """What stands for a logo in its address, as offers computes it for those of other businesses."""
    return hashlib.sha256(logo.encode()).hexdigest()[:12]


def address(logo: Any) -> str:
    """Where our own logo is shown; "" for none, and for an address elsewhere, from which pages load nothing."""
    return f"/logo?v={digest(logo)}" if isinstance(logo, str) and pictures.of_url(logo) else ""


def _image(logo: Any, asked: str | None) -> Response:
    found = pictures.of_url(logo) if isinstance(logo, str) else None
    if found is None:
        raise NotFound()
    # An address that names this very picture will never show another one.
    age = "max-age=31536000, immutable" if asked == digest(logo) else "no-cache"
    return Response(found[1], media_type=f"image/{found[0]}", headers={**HEADERS, "Cache-Control": f"private, {age}"})


@pages.get("/logo")
async def ours(request: Request) -> Response:
    found = await desk_of(request).ask("accounts", "get_profile")
    return _image(found.get("logo"), request.query_params.get("v"))


@pages.get("/partnerships/{partnership_id}/logo")
async def theirs(request: Request, partnership_id: str) -> Response:
    found = await desk_of(request).ask("offers", "get_partnership", partnership_id=partnership_id)
    told = found["counterpart"].get("profile") or {}
    return _image(told.get("logo"), request.query_params.get("v"))

"""Proof that a form came from a page of ours.

The token is an HMAC keyed with the cookie the browser sends along: the session token once somebody is logged in, a random value
of its own before that. So there is no secret to configure or to share between gateways, and no token outlives its session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request

FIELD = "csrf_token"
HEADER = "x-csrf-token"
FORM_COOKIE = "accord_form"


def token(cookie: str) -> str:
    """The token that belongs to the value of a cookie."""
    digest = hmac.new(cookie.encode(), b"accord form", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def fits(cookie: str, given: object) -> bool:
    """Whether `given` is the token of this cookie."""
    return bool(cookie) and isinstance(given, str) and hmac.compare_digest(token(cookie).encode(), given.encode())


def same_site(request: Request) -> bool:
    """False when the browser itself says that the request was made by another site's page."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def new_cookie() -> str:
    """A value for the cookie that stands in for a session before there is one: 256 random bits."""
    return secrets.token_urlsafe(32)

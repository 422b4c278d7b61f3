"""Proof that a form came from a page of ours.

The token is an HMAC keyed with the cookie the browser sends along: the session token once somebody is logged in, a random value
of its own before that. So there is no secret to configure or to share between gateways, and no token outlives its session.

Pages travel compressed, and the length of a compressed page may tell what it repeats (BREACH): so each page writes its token in
another way, xored with a random mask that stands before it.
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


_SIZE = hashlib.sha256().digest_size


def _digest(cookie: str) -> bytes:
    return hmac.new(cookie.encode(), b"accord form", hashlib.sha256).digest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def token(cookie: str) -> str:
    """A token that belongs to the value of a cookie; another one each time."""
    mask = secrets.token_bytes(_SIZE)
    return base64.urlsafe_b64encode(mask + _xor(mask, _digest(cookie))).decode().rstrip("=")


def fits(cookie: str, given: object) -> bool:
    """Whether `given` is a token of this cookie."""
    if not cookie or not isinstance(given, str) or len(given) > 4 * _SIZE:
        return False
    try:
        raw = base64.urlsafe_b64decode(given.encode() + b"=" * (-len(given) % 4))
    except ValueError:  # binascii.Error, and what is not ASCII
        return False
    return len(raw) == 2 * _SIZE and hmac.compare_digest(_xor(raw[:_SIZE], raw[_SIZE:]), _digest(cookie))


def same_site(request: Request) -> bool:
    """False when the browser itself says that the request was made by another site's page."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def new_cookie() -> str:
    """A value for the cookie that stands in for a session before there is one: 256 random bits."""
    return secrets.token_urlsafe(32)

"""Who asks: from `Authorization: Bearer` (JSON; a session or an API key) or the session cookie (pages) to a person of a tenant.

`accounts.authenticate` decides. Its answer is kept for at most a second, and forgotten as soon as somebody of that tenant changes
anything in `accounts` through this gateway, so a logout or a revoked session holds from the next request on.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from services.gateway.pages import csrf, tenant_names
from services.gateway.rpc import READ, Caller
from shared.errors import Forbidden, NotAuthenticated

COOKIE = "accord_session"
# What an endpoint may need of an API key beside a scope: nothing, or that it is none.
ANY_KEY = "any key"
NO_KEY = "no key"
KEPT_SECONDS = 1.0
KEPT_AT_MOST = 10_000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_TOKEN = 512


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. `user` as in `GET /me`; `session_id` names the credential; `by_cookie` tells that a browser sent it by itself.

    `scopes` is what an API key may be used for; None for a session, which may be used for whatever its user may do.
    """

    token: str
    tenant: str
    session_id: str
    user: Mapping[str, Any]
    company: str
    permissions: tuple[str, ...] = ()
    by_cookie: bool = False
    scopes: frozenset[str] | None = None

    @property
    def actor(self) -> str:
        """The user's id: the `actor` of every RPC."""
        return str(self.user["id"])


class Identities:
    """`accounts.authenticate` with a memory of one second."""

    def __init__(self, rpc: Caller) -> None:
        self._rpc = rpc
        self._kept: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()
        self._changes = 0

    async def of(self, token: str, *, by_cookie: bool = False) -> Identity:
        """Who holds `token`. Raises NotAuthenticated, Unavailable."""
        if not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii() or not token.isprintable():
            raise NotAuthenticated()
        key, now = sha256(token.encode()).digest(), time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and now - kept[0] < KEPT_SECONDS:
            answer = kept[1]
        else:
            changes = self._changes
            answer = await self._rpc.call("accounts", "authenticate", READ, token=token)
            if changes == self._changes:  # else it may have been given before the change
                self._keep(key, now, answer)
        return Identity(
            token=token,
            tenant=answer["tenant"],
            session_id=str(answer["session_id"]),
            user=answer["user"],
            company=answer["company"],
            permissions=tuple(answer.get("permissions") or ()),
            by_cookie=by_cookie,
            scopes=None if answer.get("scopes") is None else frozenset(answer["scopes"]),
        )

    def _keep(self, key: bytes, now: float, answer: Any) -> None:
        self._kept[key] = (now, answer)
        self._kept.move_to_end(key)
        while self._kept and (
            len(self._kept) > KEPT_AT_MOST or now - next(iter(self._kept.values()))[0] >= KEPT_SECONDS
        ):
            self._kept.popitem(last=False)

    def forget(self, tenant: str) -> None:
        """Somebody of `tenant` changed something in accounts."""
        self._changes += 1
        for key in [key for key, (_, answer) in self._kept.items() if answer["tenant"] == tenant]:
            del self._kept[key]


async def from_bearer(request: Request) -> Identity | None:
    """The identity of the `Authorization` header; None without that header. Raises NotAuthenticated, Unavailable."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated()
    return await _identities(request).of(token.strip())


async def from_cookie(request: Request) -> Identity | None:
    """The identity of the session cookie, for pages; None when there is no cookie, it is worth nothing any more or it holds an API key.

    Raises Unavailable, and Forbidden when the host names another tenant. The page that set the cookie set it for its own host only,
    `HttpOnly` and `SameSite=Lax`.
    """
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    try:
        who = await _identities(request).of(token, by_cookie=True)
    except NotAuthenticated:
        return None
    if who.scopes is not None:
        return None
    check_host(request, who)
    return who


async def from_request(request: Request) -> Identity:
    """Who asks the JSON API: by header, else by cookie. Raises NotAuthenticated, Unavailable.

    The host and, for a cookie, the CSRF token are checked by `check_host` and `check_csrf`: by the order of refusals they come after
    413, 415 and 404.
    """
    who = await from_bearer(request)
    if who is None:
        token = request.cookies.get(COOKIE)
        if not token:
            raise NotAuthenticated()
        who = await _identities(request).of(token, by_cookie=True)
        if who.scopes is not None:
            raise NotAuthenticated()
    return who


def check_host(request: Request, who: Identity) -> None:
    """Raises Forbidden when the host names another tenant. A host that names none agrees with everybody."""
    named = host_tenant(request)
    if named is not None and named != who.tenant:
        raise Forbidden("This address belongs to another business than your login.")


def check_csrf(request: Request, who: Identity) -> None:
    """Raises Forbidden when a browser's cookie came without proof that a page of ours asks (`X-CSRF-Token`). Reads need none."""
    if not who.by_cookie or request.method in _SAFE:
        return
    if not csrf.same_site(request) or not csrf.fits(who.token, request.headers.get(csrf.HEADER)):
        raise Forbidden("The request lacks its CSRF token. Load the page again.")


def check_scope(who: Identity, scope: str) -> None:
    """Raises Forbidden when an API key may not be used for what needs `scope`: one of the contract, ANY_KEY, or NO_KEY."""
    if who.scopes is None or scope == ANY_KEY or scope in who.scopes:
        return
    if scope == NO_KEY:
        raise Forbidden("API keys cannot be used for this. Log in for it.")
    raise Forbidden(f"This API key lacks the scope {scope}.")


def host_tenant(request: Request) -> str | None:
    """The tenant the `Host` names: `kazenor` of `kazenor.localhost:8080`; None for a plain host."""
    return tenant_names.from_host(request.headers.get("host", ""), base_host())


def base_host() -> str:
    """The host Accord lives at, which businesses' hosts end with: that of `ACCORD_URL`."""
    return urlsplit(os.environ.get("ACCORD_URL", "")).hostname or "localhost"


def _identities(request: Request) -> Identities:
    identities: Identities = request.app.state.identities
    return identities

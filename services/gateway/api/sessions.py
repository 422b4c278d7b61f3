"""Logging in and out, and the sessions of whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.api import schemas
from services.gateway.api.routing import Route, asking_session
from services.gateway.identity import COOKIE, NO_KEY, Identity


def _token(request: Request, who: Identity | None) -> Mapping[str, Any]:
    return {"token": who.token} if who else {}


def _forget_cookie(response: Response, who: Identity | None) -> None:
    if who is not None and who.by_cookie:
        response.delete_cookie(COOKIE, httponly=True, samesite="lax")


ROUTES = (
    Route(
        method="POST",
        path="/sessions",
        service="accounts",
        rpc="open_session",
        summary="Log in",
        body=schemas.accounts.Login,
        result=schemas.accounts.LoggedIn,
        status=201,
        location="/sessions/current",
        anonymous=True,
        # An answer that is kept for a repetition would be a credential at rest; a second session harms nobody.
        repeatable=False,
        fills=frozenset({"address"}),
        codes=("not_authenticated", "rate_limited"),
    ),
    Route(
        method="GET",
        path="/sessions",
        service="accounts",
        rpc="list_sessions",
        scope=NO_KEY,
        summary="My sessions",
        query=schemas.basics.Page,
        result=schemas.accounts.SessionList,
        filling=asking_session,
    ),
    Route(
        method="DELETE",
        path="/sessions",
        service="accounts",
        rpc="revoke_sessions",
        scope=NO_KEY,
        summary="End all my other sessions",
        status=204,
        filling=asking_session,
        fills=frozenset({"session_id"}),
    ),
    Route(
        method="DELETE",
        path="/sessions/current",
        service="accounts",
        rpc="close_session",
        scope=NO_KEY,
        summary="Log out",
        status=204,
        filling=_token,
        fills=frozenset({"token"}),
        after=_forget_cookie,
    ),
    Route(
        method="DELETE",
        path="/sessions/{session_id}",
        service="accounts",
        rpc="revoke_session",
        scope=NO_KEY,
        summary="End one of my sessions",
        status=204,
    ),
)

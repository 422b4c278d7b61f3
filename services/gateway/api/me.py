"""Whoever asks, themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from services.gateway.api import schemas
from services.gateway.api.routing import Route
from services.gateway.identity import Identity


def _session(request: Request, who: Identity | None) -> Mapping[str, Any]:
    return {"session_id": who.session_id} if who else {}


ROUTES = (
    Route(
        method="GET",
        path="/me",
        service="accounts",
        rpc="get_me",
        summary="Who I am and what I may do",
        result=schemas.accounts.Me,
    ),
    Route(
        method="PATCH",
        path="/me",
        service="accounts",
        rpc="update_me",
        summary="Change my name, language, time zone and preferences",
        body=schemas.accounts.MeChange,
        result=schemas.accounts.Me,
    ),
    Route(
        method="POST",
        path="/me/password",
        service="accounts",
        rpc="change_password",
        summary="Change my password; all my other sessions end",
        body=schemas.accounts.PasswordChange,
        status=204,
        filling=_session,
        fills=frozenset({"session_id"}),
        codes=("rate_limited",),
    ),
)

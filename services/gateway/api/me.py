"""Whoever asks, themselves."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route, asking_session
from services.gateway.identity import ANY_KEY, NO_KEY

ROUTES = (
    Route(
        method="GET",
        path="/me",
        service="accounts",
        rpc="get_me",
        scope=ANY_KEY,
        summary="Who I am and what I may do",
        result=schemas.accounts.Me,
    ),
    Route(
        method="PATCH",
        path="/me",
        service="accounts",
        rpc="update_me",
        scope=NO_KEY,
        summary="Change my name, language, time zone and preferences",
        body=schemas.accounts.MeChange,
        result=schemas.accounts.Me,
    ),
    Route(
        method="POST",
        path="/me/password",
        service="accounts",
        rpc="change_password",
        scope=NO_KEY,
        summary="Change my password; all my other sessions end",
        body=schemas.accounts.PasswordChange,
        status=204,
        filling=asking_session,
        fills=frozenset({"session_id"}),
        codes=("rate_limited",),
    ),
)

"""Whoever asks, themselves."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route, asking_session

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
        filling=asking_session,
        fills=frozenset({"session_id"}),
        codes=("rate_limited",),
    ),
)

"""Keys for programs (BX-13): made, seen and revoked by people who are logged in."""

from __future__ import annotations

from services.gateway.api.routing import Route
from services.gateway.api.schemas import api_keys, basics
from services.gateway.identity import NO_KEY

ROUTES = (
    Route(
        method="GET",
        path="/api-keys",
        service="accounts",
        rpc="list_api_keys",
        scope=NO_KEY,
        summary="My API keys, newest first; for an admin, those of everybody",
        query=basics.Page,
        result=api_keys.ApiKeyList,
    ),
    Route(
        method="POST",
        path="/api-keys",
        service="accounts",
        rpc="create_api_key",
        scope=NO_KEY,
        summary="Make an API key, which acts as me within its scopes; it is shown this once",
        body=api_keys.NewApiKey,
        result=api_keys.MadeApiKey,
        status=201,
        lacks="Only `key` is null then: it is kept nowhere. When the first answer was lost, revoke the key of that id and make another.",
        codes=("too_many",),
    ),
    Route(
        method="DELETE",
        path="/api-keys/{api_key_id}",
        service="accounts",
        rpc="revoke_api_key",
        scope=NO_KEY,
        summary="Revoke an API key of mine; as an admin, anybody's",
        status=204,
    ),
)

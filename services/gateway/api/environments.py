"""Our places and the roles people can hold in them."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route
from services.gateway.identity import ANY_KEY

ROUTES = (
    Route(
        method="GET",
        path="/environments",
        service="accounts",
        rpc="get_environments",
        scope=ANY_KEY,
        summary="Our environments and their roles",
        result=schemas.accounts.Environments,
    ),
    Route(
        method="PUT",
        path="/environments",
        service="accounts",
        rpc="set_environments",
        scope="settings",
        summary="Replace our environments and their roles",
        body=schemas.accounts.GivenEnvironments,
        result=schemas.accounts.Environments,
        codes=("role_in_use", "changed_meanwhile"),
    ),
)

"""Our places and the roles people can hold in them."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route

ROUTES = (
    Route(
        method="GET",
        path="/environments",
        service="accounts",
        rpc="get_environments",
        summary="Our environments and their roles",
        result=schemas.accounts.Environments,
    ),
    Route(
        method="PUT",
        path="/environments",
        service="accounts",
        rpc="set_environments",
        summary="Replace our environments and their roles",
        body=schemas.accounts.GivenEnvironments,
        result=schemas.accounts.Environments,
        codes=("role_in_use", "changed_meanwhile"),
    ),
)

"""Businesses: registering one, and the profile of one's own (OE-20)."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route
from services.gateway.identity import ANY_KEY

ROUTES = (
    Route(
        method="POST",
        path="/tenants",
        service="accounts",
        rpc="register_tenant",
        summary="Register a business and its first admin",
        body=schemas.accounts.NewTenant,
        result=schemas.accounts.Registered,
        status=201,
        location="/tenants/current",
        anonymous=True,
        codes=("tenant_taken", "rate_limited"),
    ),
    Route(
        method="GET",
        path="/tenants/current",
        service="accounts",
        rpc="get_profile",
        scope=ANY_KEY,
        summary="The profile of our business",
        result=schemas.accounts.Profile,
    ),
    Route(
        method="PATCH",
        path="/tenants/current",
        service="accounts",
        rpc="update_profile",
        scope="settings",
        summary="Change the profile of our business",
        body=schemas.accounts.ProfileChange,
        result=schemas.accounts.Profile,
        codes=("changed_meanwhile",),
    ),
)

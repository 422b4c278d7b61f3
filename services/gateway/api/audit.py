"""The audit trail, for admins."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route
from services.gateway.identity import NO_KEY

ROUTES = (
    Route(
        method="GET",
        path="/audit",
        service="accounts",
        rpc="list_audit",
        scope=NO_KEY,
        summary="Who did what to logins and settings, newest first; for admins",
        query=schemas.accounts.AuditSearch,
        result=schemas.accounts.AuditList,
    ),
)

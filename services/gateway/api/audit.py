"""The audit trail, for admins."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route

ROUTES = (
    Route(
        method="GET",
        path="/audit",
        service="accounts",
        rpc="list_audit",
        summary="Who did what to logins and settings, newest first; for admins",
        query=schemas.accounts.AuditSearch,
        result=schemas.accounts.AuditList,
    ),
)

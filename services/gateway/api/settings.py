"""The settings of the business."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route

ROUTES = (
    Route(
        method="GET",
        path="/settings",
        service="accounts",
        rpc="get_settings",
        scope="settings",
        summary="How long offers stay open, who may send us offers, limits",
        result=schemas.accounts.Settings,
    ),
    Route(
        method="PATCH",
        path="/settings",
        service="accounts",
        rpc="update_settings",
        scope="settings",
        summary="Change the settings",
        body=schemas.accounts.SettingsChange,
        result=schemas.accounts.Settings,
        codes=("changed_meanwhile",),
    ),
)

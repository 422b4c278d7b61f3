"""What I was told, and how I want to be told."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route
from services.gateway.identity import NO_KEY

ROUTES = (
    Route(
        method="GET",
        path="/notifications",
        service="notifications",
        rpc="list_notifications",
        scope="partnerships:read",
        summary="My notifications, newest first",
        query=schemas.notifications.NotificationSearch,
        result=schemas.notifications.NotificationList,
    ),
    Route(
        method="POST",
        path="/notifications/read",
        service="notifications",
        rpc="mark_read",
        scope="partnerships:write",
        summary="Mark some or all of them as read",
        body=schemas.notifications.Read,
        result=schemas.notifications.UnreadCount,
        codes=("not_found",),
    ),
    Route(
        method="GET",
        path="/notification-preferences",
        service="notifications",
        rpc="get_preferences",
        scope=NO_KEY,
        summary="How I am told",
        result=schemas.notifications.NotificationPreferences,
    ),
    Route(
        method="PUT",
        path="/notification-preferences",
        service="notifications",
        rpc="set_preferences",
        scope=NO_KEY,
        summary="Choose how I am told",
        body=schemas.notifications.GivenNotificationPreferences,
        result=schemas.notifications.NotificationPreferences,
    ),
)

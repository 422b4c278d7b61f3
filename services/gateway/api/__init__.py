"""The JSON API: one file a resource, each a table of `Route`s. What an endpoint does is in `routing.py`, once for all."""

from __future__ import annotations

from services.gateway.api import (
    api_keys,
    audit,
    contacts,
    environments,
    events,
    links,
    me,
    notifications,
    partnerships,
    sessions,
    settings,
    tenants,
    users,
)
from services.gateway.api.routing import Route

ROUTES: tuple[Route, ...] = (
    *tenants.ROUTES,
    *sessions.ROUTES,
    *api_keys.ROUTES,
    *me.ROUTES,
    *links.ROUTES,
    *settings.ROUTES,
    *users.ROUTES,
    *contacts.ROUTES,
    *environments.ROUTES,
    *audit.ROUTES,
    *partnerships.ROUTES,
    *notifications.ROUTES,
    *events.ROUTES,
)

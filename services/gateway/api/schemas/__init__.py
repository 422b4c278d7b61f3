"""The shapes of the JSON API, for the OpenAPI description only: services judge what they are sent, and answer what they answer."""

from services.gateway.api.schemas import (
    accounts,
    api_keys,
    basics,
    contacts,
    history,
    managers,
    modifications,
    notifications,
    partnerships,
)

__all__ = [
    "accounts",
    "api_keys",
    "basics",
    "contacts",
    "history",
    "managers",
    "modifications",
    "notifications",
    "partnerships",
]

"""Keys for programs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.gateway.api.schemas.basics import Given, Id, Shown, Time

Scope = Literal["contacts:read", "contacts:write", "partnerships:read", "partnerships:write", "settings"]


class NewApiKey(Given):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[
        list[Scope],
        Field(
            min_length=1,
            json_schema_extra={"uniqueItems": True},
            description="At most what my role includes. Whoever may write may read.",
        ),
    ]
    expires_at: Annotated[Time | None, Field(description="At most 366 days from now.")] = None
    expires_in_days: Annotated[
        int | None, Field(ge=1, le=366, description="Instead of expires_at; 90 when neither is given.")
    ] = None


class KeyUser(Shown):
    id: Id
    name: str


class ApiKey(Shown):
    id: Id
    name: str
    scopes: list[Scope]
    user: KeyUser
    created_at: Time
    expires_at: Time
    last_used_at: Annotated[Time | None, Field(description="Noted at most once a minute.")]
    active: Annotated[bool, Field(description="Whether it has not expired.")]


class MadeApiKey(ApiKey):
    key: Annotated[
        str | None,
        Field(
            description="For Authorization: Bearer. It is shown this once: the answer to a repetition with the same Idempotency-Key has null."
        ),
    ]


class ApiKeyList(Shown):
    items: list[ApiKey]
    next: str | None

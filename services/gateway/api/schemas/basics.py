"""What the shapes of the API are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(json_schema_extra={"format": "uuid"}, description="A UUIDv7.")]
Time = Annotated[datetime, Field(description="RFC 3339, UTC.")]
Role = Literal["admin", "partnerships", "member"]
Ids = Annotated[list[Id], Field(max_length=200, json_schema_extra={"uniqueItems": True})]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Email = Annotated[str, Field(min_length=1, max_length=254, json_schema_extra={"format": "email"})]
Password = Annotated[str, Field(min_length=10, max_length=200, json_schema_extra={"format": "password"})]
TenantName = Annotated[
    str, Field(min_length=2, max_length=63, pattern="^[a-z][a-z0-9-]*[a-z0-9]$", description="A tenant name.")
]


class Given(BaseModel):
    """What a client sends: unknown fields are an error."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What Accord answers. Bear new fields and new values of open sets."""

    model_config = ConfigDict(extra="allow")


class Nothing(Given):
    """No fields; the body may be left out."""


class Page(Given):
    """Which part of a list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(description="`next` of the page before.")] = ""


class FieldProblem(Shown):
    field: Annotated[str, Field(description="Dotted: `items.0.roles`.")]
    message: str


class Problem(Shown):
    """RFC 9457."""

    type: Annotated[str, Field(description="`/problems/<code>`")]
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem]
    retry_at: Annotated[Time | None, Field(description="With `too_soon`: from when on it may be done.")] = None

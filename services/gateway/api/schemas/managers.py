"""The manager team of a partnership."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.gateway.api.schemas.basics import Given, Id, Ids, Shown


class NewManagers(Given):
    contact_ids: Annotated[Ids, Field(min_length=1, description="Active users who are not in the team yet.")]


class NewOwner(Given):
    contact_id: Annotated[Id, Field(description="Somebody of our team.")]


class Manager(Shown):
    contact_id: Id
    name: str
    email: str
    owner: bool


class ManagerList(Shown):
    items: list[Manager]
    next: str | None
    version: Annotated[int, Field(description="Of the team, for `If-Match`.")]

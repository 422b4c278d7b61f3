"""The timeline of a partnership."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from services.gateway.api.schemas.basics import Id, Page, Shown, Time


class Author(Shown):
    side: Literal["us", "them"]
    name: str


class HistorySearch(Page):
    kind: Annotated[Literal["offer", "contacts", "team", "end"], Field(description="Only what is of this kind.")] = (
        "offer"
    )
    side: Annotated[Literal["us", "them"], Field(description="Only what this side did.")] = "us"


class HistoryEntry(Shown):
    id: Id
    type: str
    at: Time
    by: Author
    title: Annotated[str, Field(description="One sentence.")]
    details: Any
    shared: Annotated[bool, Field(description="Whether the other side holds the same entry.")]
    known: Annotated[bool, Field(description="Whether both sides know of it, be it in other words.")]


class History(Shown):
    items: list[HistoryEntry]
    next: str | None

"""Notifications, and who wants them how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.gateway.api.schemas.basics import Given, Id, Ids, Page, Shown, Time


class NotificationSearch(Page):
    unread: Annotated[bool, Field(description="Only those not read yet (true) or read (false).")] = True


class Notification(Shown):
    id: Id
    type: str
    at: Time
    title: str
    text: str
    partnership_id: Id | None
    href: Annotated[str, Field(description="The path of the page it leads to.")]
    read: bool


class NotificationList(Shown):
    items: list[Notification]
    next: str | None
    unread_count: int


class Read(Given):
    ids: Ids | None = None
    all: Literal[True] | None = None


class UnreadCount(Shown):
    unread_count: int


class NotificationPreferences(Shown):
    app: bool
    mail: bool


class GivenNotificationPreferences(Given):
    app: Literal[True] = True
    mail: bool

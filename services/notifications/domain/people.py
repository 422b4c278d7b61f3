"""Whom a business may notify: its users, who of them hears of everything, the teams, and what a person chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# These see every partnership of their business; a member sees those they manage.
SEES_ALL = frozenset({"admin", "partnerships"})
UNTOLD = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A copy of a user as accounts told it. `since` is when accounts first spoke of them."""

    tenant: str
    id: str
    version: int = 0
    name: str
    email: str
    role: str
    active: bool
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """The active users of a business who hear of everything, by id. One record a tenant; its id is the tenant name.

    Whoever takes in a user or a piece of news locks it, so that of the two the later one always sees the earlier.
    """

    tenant: str
    id: str
    version: int = 0
    user_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The managers of a partnership, and what else is to be known of it for those who hear.

    `revision` is the version that managers told, 0 for what the offer or the acceptance said, UNTOLD before either. `company` is how
    the other side is called; `recipient_id` whom the other side's offer names.
    """

    tenant: str
    id: str
    version: int = 0
    revision: int = UNTOLD
    user_ids: tuple[str, ...] = ()
    company: str = ""
    recipient_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What a user chose; the id is the user's. In the app everybody is notified always."""

    tenant: str
    id: str
    version: int = 0
    mail: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A fact that somebody is notified of. `data` is what the fact said, as JSON; `actor` is who of us did it, if one of us did.

    Kept so that a user of whom accounts' word comes late still hears what happened meanwhile.
    """

    tenant: str
    id: str
    version: int = 0
    partnership_id: str
    type: str
    at: datetime
    actor: str = ""
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One piece of news for one person. What it reads is made on reading."""

    tenant: str
    id: str
    version: int = 0
    user_id: str
    type: str
    at: datetime
    partnership_id: str
    data: Mapping[str, Any]
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that is to be sent for a notification; its id is the notification's. Written once; its delivery is the mailer's matter.

    `answers`: whoever gets it may answer what the other side proposes. `traceparent`: the trace in which it was written.
    """

    tenant: str
    id: str
    version: int = 0
    user_id: str = ""
    name: str
    email: str
    type: str
    at: datetime
    partnership_id: str
    data: Mapping[str, Any]
    answers: bool = False
    traceparent: str | None = None

"""One side's record of a partnership, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal["partner", "customer"]
Status = Literal[
    "arriving",
    "bounced",
    "open",
    "accepted",
    "modified",
    "declined",
    "withdrawn",
    "expired",
    "undeliverable",
    "suspended",
    "terminated",
]
Turn = Literal["ours", "theirs"]
Delivery = Literal["queued", "delivered", "seen", "answered"]

ENDED: frozenset[Status] = frozenset({"declined", "withdrawn", "expired", "undeliverable", "terminated"})
"""Final: every change is refused, every read works, the tile can be removed."""
LIVE: frozenset[Status] = frozenset({"open", "accepted", "modified", "suspended"})
HIDDEN: frozenset[Status] = frozenset({"arriving", "bounced"})
"""At the door: nobody of the tenant sees it."""


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody by id and name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Offered:
    """A contact that was offered."""

    id: str
    name: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partnership:
    """What we know of one partnership. `role` is ours; `counterpart` the other tenant, `company` its name as far as we know it.

    `sent` counts what we said to the other side's offers, `confirmed` and `seen` how much of it is there and was looked at.
    """

    tenant: str
    id: str
    version: int = 0
    role: Side
    counterpart: str
    company: str
    status: Status
    email: str
    message: str
    sent_by: Named
    sent_at: datetime
    expires_at: datetime
    offered: tuple[Offered, ...]
    recipient_id: str = ""
    working: int = 0
    working_version: int = 0
    managers: tuple[str, ...] = ()
    team_version: int = 0
    owner: Named | None = None
    their_owner: str = ""
    turn: Turn | None = None
    turn_since: datetime | None = None
    decline_reason: str = ""
    sent: int = 0
    confirmed: int = 0
    seen: int = 0
    removed: bool = False
    updated_at: datetime

    @property
    def final(self) -> bool:
        return self.status in ENDED

    @property
    def delivery(self) -> Delivery:
        """How far the last message has come (BX-03). Before we have said anything that is theirs, and we have it."""
        if self.sent == 0:
            return "delivered"
        if self.role == "partner" and self.status in {"accepted", "declined", "modified", "terminated", "suspended"}:
            return "answered"
        if self.seen >= self.sent:
            return "seen"
        return "delivered" if self.confirmed >= self.sent else "queued"

    @property
    def viewers(self) -> tuple[str, ...]:
        """Who sees it whatever their role: its managers, and whom the offer was sent to."""
        return (*self.managers, self.recipient_id) if self.recipient_id else self.managers

    def seen_by(self, user: str, *, all: bool) -> bool:
        """Whether a user of ours may see it: everybody who sees `all`, others when they are one of its viewers."""
        return self.status not in HIDDEN and (all or user in self.viewers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The live partnership in which we are the partner of `id`: one at most (protocol rule 5)."""

    tenant: str
    id: str
    version: int = 0
    partnership_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user of ours, as accounts last told."""

    tenant: str
    id: str
    version: int = 0
    name: str
    email: str
    role: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """Whose login an e-mail (the id) is."""

    tenant: str
    id: str
    version: int = 0
    user_id: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """Our own tenant, as accounts last told: its name, and whose offers it wants (BX-09). The id is the tenant's name."""

    tenant: str
    id: str
    version: int = 0
    company: str = ""
    wants_offers: bool = True
    blocked: tuple[str, ...] = ()

    def wants(self, origin: str) -> bool:
        """Whether an offer of this tenant is welcome."""
        return self.wants_offers and origin not in self.blocked

"""One side's record of a partnership, and what it shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
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
RUNNING: frozenset[Status] = frozenset({"accepted", "modified"})
"""The two work together: changes are proposed, and either may end it."""
HIDDEN: frozenset[Status] = frozenset({"arriving", "bounced"})
"""At the door: nobody of the tenant sees it."""

_ANSWERED: frozenset[Status] = frozenset({"accepted", "modified", "suspended", "declined", "terminated"})


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


@dataclass(frozen=True, slots=True)
class Ending:
    """One side's end of the partnership: two of them are one end with two authors (protocol rule 4)."""

    by: Named
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Early:
    """A peer message that came before accounts had said whose the offer is. `body` is the JSON text of its data."""

    type: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Partnership:
    """What we know of one partnership. `role` is ours; `counterpart` the other tenant, `company` and `logo` its name and the digest of its
    logo as far as we know them.

    `sent` counts what we said to the other side's offers, `confirmed` and `seen` how much of it is there and was looked at. An offer
    that is `held` has never left: the other side knows nothing of it (protocol rule 5). `working`, `pending` and `last_word` are contacts'
    figures, as of `working_version`. `revision` is the version that people see and name in `If-Match`; `version` counts all saves.
    `owner_told` is the name of our account owner as the other side heard it last, under `owner_counter`.
    """

    tenant: str
    id: str
    version: int = 0
    revision: int = 1
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
    held: bool = False
    early: tuple[Early, ...] = ()
    pending: int = 0
    last_word: Delivery | None = None
    ended_by_us: Ending | None = None
    ended_by_them: Ending | None = None
    reminded_at: datetime | None = None
    owner_told: str = ""
    owner_counter: int = 0
    their_owner_counter: int = 0
    logo: str = ""
    updated_at: datetime

    @property
    def final(self) -> bool:
        return self.status in ENDED

    @property
    def delivery(self) -> Delivery:
        """How far the last message has come (BX-03). Before we have said anything that is theirs, and we have it.

        While the two work together it is our last word on contacts, when there was one. The customer's decision answers our offer, and
        their end whatever we said; our own end goes by what they have got of it.
        """
        if self.held:
            return "queued"
        if self.status in RUNNING and self.last_word:
            return self.last_word
        if self.sent == 0:
            return "delivered"
        # What was said beside it, a reminder or the owner's name, does not set back what is shown of an offer or an answer.
        number = self.sent if self.final else 1
        last_word_is_ours = self.ended_by_us is not None and self.ended_by_them is None
        if self.role == "partner" and self.status in _ANSWERED and not last_word_is_ours:
            return "answered"
        if self.seen >= number:
            return "seen"
        return "delivered" if self.confirmed >= number else "queued"

    @property
    def viewers(self) -> tuple[str, ...]:
        """Who sees it whatever their role: its managers, and whom the offer was sent to."""
        return (*self.managers, self.recipient_id) if self.recipient_id else self.managers

    def seen_by(self, user: str, *, all: bool) -> bool:
        """Whether a user of ours may see it: everybody who sees `all`, others when they are one of its viewers."""
        return self.status not in HIDDEN and (all or user in self.viewers)


_BESIDE = (
    "version revision sent confirmed seen held early team_version working_version working pending last_word"
    " reminded_at owner_told owner_counter their_owner_counter updated_at"
).split()
"""What messages bring without anybody deciding anything."""


def revised(before: Partnership | None, after: Partnership) -> Partnership:
    """`after` as it is kept: with the next revision when more than how far messages have come, and what is counted, has changed."""
    if before is None or replace(before, **{name: getattr(after, name) for name in _BESIDE}) == after:
        return after
    return replace(after, revision=before.revision + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The partnerships in which we are the partner of `id`, one live at most (protocol rule 5).

    `partnership_id` is the last one that was told; `held` the offer that waits for the other side to know of its end, or ''.
    """

    tenant: str
    id: str
    version: int = 0
    partnership_id: str
    held: str = ""


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


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address of another business (OE-20)."""

    type: str
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """Another business (the id) as it told last of itself; the highest counter counts (protocol rule 7)."""

    tenant: str
    id: str
    version: int = 0
    counter: int
    company: str
    phone: str = ""
    email: str = ""
    fax: str = ""
    website: str = ""
    logo: str = ""
    addresses: tuple[Address, ...] = ()

    @property
    def logo_digest(self) -> str:
        """What stands for the logo in lists, which would be too large with it: 12 hex digits, or "" when there is none to show.

        A logo that is an address elsewhere is none: pages load nothing from other hosts.
        """
        return hashlib.sha256(self.logo.encode()).hexdigest()[:12] if self.logo.startswith("data:") else ""

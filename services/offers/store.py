"""Where offers keeps its records, and the columns its lists are searched and sorted by."""

from __future__ import annotations

from datetime import UTC, datetime

from services.offers.domain.partnership import HIDDEN, Business, Counterpart, Login, Mailbox, Pair, Partnership, revised
from shared.bus.records import Column, Table
from shared.text import fold

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def _shown(p: Partnership) -> str:
    """`home` on the home list, `kept` only under its status, `hidden` never."""
    if p.status in HIDDEN:
        return "hidden"
    return "kept" if p.removed else "home"


PARTNERSHIPS = Table(
    Partnership,
    "partnerships",
    by_subject=True,
    part="partnership",
    about=lambda p: p.id,
    kept=revised,
    columns={
        "shown": Column("text", _shown),
        "status": Column("text", lambda p: p.status),
        "role": Column("text", lambda p: p.role),
        "turn": Column("text", lambda p: p.turn or ""),
        "counterpart": Column("text", lambda p: p.counterpart),
        "company": Column("text", lambda p: fold(p.company)),
        "name_search": Column("text", lambda p: fold(f"{p.company} {p.counterpart}")),
        "viewers": Column("text", lambda p: f"|{'|'.join(p.viewers)}|"),
        "turn_since": Column("timestamptz", lambda p: p.turn_since or _NEVER),
        "sent_at": Column("timestamptz", lambda p: p.sent_at),
        "updated_at": Column("timestamptz", lambda p: p.updated_at),
    },
)
PAIRS = Table(Pair, "pairs")
BUSINESSES = Table(Business, "businesses")
LOGINS = Table(Login, "logins")
MAILBOXES = Table(Mailbox, "mailboxes")
# What another business told of itself stands on all that is shown of it.
COUNTERPARTS = Table(Counterpart, "counterparts", part="partnership")
TABLES = (PARTNERSHIPS, PAIRS, BUSINESSES, LOGINS, MAILBOXES, COUNTERPARTS)

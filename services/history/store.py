"""Where the entries lie."""

from __future__ import annotations

from services.history.domain.entries import Entry
from shared.bus.records import Column, Table

ENTRIES = Table(
    Entry,
    "entries",
    part="history",
    about=lambda e: e.partnership_id,
    columns={
        "partnership_id": Column("text", lambda e: e.partnership_id),
        "at": Column("timestamptz", lambda e: e.at),
    },
)
TABLES = (ENTRIES,)

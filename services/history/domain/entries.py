"""An entry of the timeline of a partnership: a fact as it happened, never a sentence. The sentence is made on reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Side = Literal["us", "them"]

# What the other side is told in an entry of its own, of another type: here who made whom the account owner, there who is.
TOLD_OTHERWISE = frozenset({"owner.changed", "owner.named"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened in a partnership (OE-18).

    `type` is the same word on both sides for a fact that both know, so that `shared` entries can be compared. `at` is the time
    that the doer's side said; `side`, `name` and `company` say who did it. `data` is what the fact said, as JSON; nothing but
    wording.py reads it.
    """

    tenant: str
    id: str
    version: int = 0
    partnership_id: str
    type: str
    at: datetime
    side: Side
    name: str
    company: str = ""
    shared: bool
    data: Mapping[str, Any]

    @property
    def known(self) -> bool:
        """Whether both sides know of it, be it in other words."""
        return self.shared or self.type in TOLD_OTHERWISE

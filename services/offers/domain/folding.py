"""What we show of contacts' matter: figures, status and turn (BX-02), from its one fact that carries them all (protocol rule 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.offers.domain.partnership import RUNNING, Delivery, Partnership, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many people work at the customer, how many proposals are pending, and how many of them wait for whom since when.

    `last_word`: how far what a person of ours said last there has come (BX-03).
    """

    version: int
    working: int
    pending: int = 0
    to_answer: int = 0
    to_answer_since: datetime | None = None
    awaiting: int = 0
    awaiting_since: datetime | None = None
    last_word: Delivery | None = None


def fold(p: Partnership, figures: Figures, now: datetime) -> Partnership:
    """The newest version counts. When both must answer, it is our turn; when it has ended, nobody's."""
    if figures.version <= p.working_version:
        return p
    shown = replace(p, working=figures.working, pending=figures.pending)
    if p.status in RUNNING:
        turn: Turn | None = "ours" if figures.to_answer > 0 else "theirs" if figures.awaiting > 0 else None
        since = {"ours": figures.to_answer_since, "theirs": figures.awaiting_since}.get(turn or "")
        shown = replace(shown, status="modified" if figures.pending > 0 else "accepted", turn=turn, turn_since=since)
    updated_at = p.updated_at if shown == p else now
    # That our word has arrived is no change of the partnership: its tile stays where it is.
    return replace(shown, working_version=figures.version, last_word=figures.last_word, updated_at=updated_at)

"""Holding a new offer back until the other side knows that the last one is over (protocol rule 5).

Otherwise an acceptance of the last one that is on its way would make two live partnerships of one pair.
"""

from __future__ import annotations

from dataclasses import replace

from services.offers.domain.partnership import Partnership

ACCEPTED_INSTEAD = "The earlier offer had been accepted."


def settled(p: Partnership) -> bool:
    """Whether nothing that the other side may still say can bring our ended partnership back to life.

    It has spoken last itself, or it has receipted all we said of the end; a receipt counts only once all that it had said before is here.
    """
    if p.held or p.status in {"declined", "undeliverable"} or p.ended_by_them is not None:
        return True
    return p.status in {"withdrawn", "expired", "terminated"} and p.confirmed >= p.sent


def release(p: Partnership) -> Partnership:
    """The held offer leaves."""
    return replace(p, held=False, sent=1)

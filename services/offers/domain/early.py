"""What their offers said before accounts had told us whose the offer is: kept in the record, handled right after it opens (protocol rule 8)."""

from __future__ import annotations

from dataclasses import replace

from services.offers.domain.partnership import Early, Partnership

MOST = 200
"""Reminders and names that are kept: nobody can fill our database with an offer that is for nobody here."""
_LAST_WORDS = frozenset({"offer.withdrawn", "offer.expired"})


def keep(p: Partnership, message: Early) -> Partnership:
    """The record with one more message at its end. Only the first of their last words can be meant; of the rest there is a bound."""
    if message.type in _LAST_WORDS:
        if any(one.type == message.type for one in p.early):
            return p
    elif len(p.early) >= MOST:
        return p
    return replace(p, early=(*p.early, message))

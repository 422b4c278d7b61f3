"""What their offers said before ours knew whose the offer is, handled once that is known (protocol rule 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from services.offers.domain.partnership import Early, Partnership
from services.offers.handlers.expiry import receive_expiry
from services.offers.handlers.naming import receive_owner
from services.offers.handlers.reminding import receive_reminder
from services.offers.handlers.withdrawing import receive_withdrawal
from shared.bus.work import Heard, Work
from shared.contracts import offers as said
from shared.contracts.messages import PeerMessage

_HEARS: dict[str, tuple[type[PeerMessage], Callable[[Work, Heard[Any], datetime], None]]] = {
    said.OfferWithdrawn.type: (said.OfferWithdrawn, receive_withdrawal),
    said.OfferExpired.type: (said.OfferExpired, receive_expiry),
    said.OfferReminded.type: (said.OfferReminded, receive_reminder),
    said.OwnerNamed.type: (said.OwnerNamed, receive_owner),
}


def hear(work: Work, p: Partnership, messages: Sequence[Early], now: datetime) -> None:
    """Handle what had come early, in the order in which it came."""
    for one in messages:
        model, handle = _HEARS[one.type]
        handle(work, Heard(p.tenant, p.counterpart, p.id, 0, now, model.model_validate_json(one.body)), now)

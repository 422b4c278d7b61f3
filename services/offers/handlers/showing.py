"""A partnership in the shape of the public contract, with what the counterpart told of itself: what every use case on one of them answers."""

from __future__ import annotations

from datetime import datetime

from services.offers import views
from services.offers.domain.partnership import Counterpart, Partnership
from shared.bus.work import Json, Work


def shown(work: Work, p: Partnership, *, changes: bool = True, now: datetime) -> Json:
    """`p` as our side sees it. `changes`: the viewer may change it."""
    return views.partnership(p, changes=changes, now=now, counterpart=work.peek(Counterpart, p.tenant, p.counterpart))


def told_company(work: Work, tenant: str, counterpart: str) -> str:
    """The counterpart's name as it told of itself, or '' if it has not."""
    known = work.peek(Counterpart, tenant, counterpart)
    return known.company if known is not None else ""

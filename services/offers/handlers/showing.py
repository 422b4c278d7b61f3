"""A partnership in the shape of the public contract, with what the counterpart told of itself: what every use case on one of them answers.

And whom its offer names, as messages say it.
"""

from __future__ import annotations

from datetime import datetime

from services.offers import views
from services.offers.domain.partnership import Counterpart, Partnership
from shared.bus.work import Json, Work
from shared.contracts import offers as said


def shown(work: Work, p: Partnership, *, changes: bool = True, now: datetime) -> Json:
    """`p` as our side sees it. `changes`: the viewer may change it."""
    return views.partnership(p, changes=changes, now=now, counterpart=work.peek(Counterpart, p.tenant, p.counterpart))


def told_company(work: Work, tenant: str, counterpart: str) -> str:
    """The counterpart's name as it told of itself, or '' if it has not."""
    known = work.peek(Counterpart, tenant, counterpart)
    return known.company if known is not None else ""


def offered(p: Partnership) -> list[said.OfferedContact]:
    """Whom the offer names."""
    return [said.OfferedContact(id=c.id, name=c.name, title=c.title) for c in p.offered]

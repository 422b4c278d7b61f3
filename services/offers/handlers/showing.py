"""A partnership in the shape of the public contract, with what the counterpart told of itself: what every use case on one of them answers.

And whom its offer names, as messages say it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.offers import views
from services.offers.domain.partnership import Counterpart, Partnership
from shared.bus.work import Json, Work
from shared.contracts import offers as said


class Told(NamedTuple):
    """A counterpart's name and the digest of its logo; "" for what it has not told."""

    company: str = ""
    logo: str = ""


def shown(work: Work, p: Partnership, *, changes: bool = True, now: datetime) -> Json:
    """`p` as our side sees it. `changes`: the viewer may change it."""
    return views.partnership(p, changes=changes, now=now, counterpart=work.peek(Counterpart, p.tenant, p.counterpart))


def told(work: Work, tenant: str, counterpart: str) -> Told:
    """What stands on a tile of what the counterpart told of itself."""
    known = work.peek(Counterpart, tenant, counterpart)
    return Told(known.company, known.logo_digest) if known is not None else Told()


def offered(p: Partnership) -> list[said.OfferedContact]:
    """Whom the offer names."""
    return [said.OfferedContact(id=c.id, name=c.name, title=c.title) for c in p.offered]

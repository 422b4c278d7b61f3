"""The end of an offer that nobody answered in time: by the sender's clock, and at the side that hears of it (BX-01)."""

from __future__ import annotations

from datetime import datetime

from services.offers.domain import expiry as rules
from services.offers.domain.partnership import Partnership
from services.offers.handlers import holding
from services.offers.handlers.finding import ready
from shared.bus.work import Heard, Work
from shared.contracts import offers as said


def schedule(work: Work, p: Partnership) -> None:
    """Have our clock ring when the offer's time is over."""
    work.later(said.ExpiryDue(), tenant=p.tenant, subject=p.id, at=p.expires_at)


def expiry_due(work: Work, message: Heard[said.ExpiryDue], now: datetime) -> None:
    """The time of our offer is over, unless it was answered or withdrawn meanwhile."""
    p = work.get(Partnership, message.tenant, message.subject)
    if p is None or not rules.waiting(p):
        return
    after = rules.expire(p, now)
    if after is p:
        # Our clock and the database's need not agree to the millisecond.
        schedule(work, p)
        return
    p = work.put(after)
    work.say(
        said.ExpiryGiven(customer=p.counterpart, company=p.company, at=now, told=not p.held),
        tenant=p.tenant,
        subject=p.id,
    )
    if p.held:
        holding.drop(work, p)
    else:
        work.tell(said.OfferExpired(expired_at=now), tenant=p.tenant, to=p.counterpart, subject=p.id)


def receive_expiry(work: Work, message: Heard[said.OfferExpired], now: datetime) -> None:
    """Their offer has expired; what we had decided before counts (protocol rule 1)."""
    p = ready(work, message)
    if p is None or p.role != "customer":
        return
    after = rules.expired(p, now)
    if after is not p:
        work.put(after)
    work.say(
        said.ExpiryReceived(
            partner=p.counterpart, company=p.company, at=message.data.expired_at, counts=after is not p
        ),
        tenant=p.tenant,
        subject=p.id,
    )

"""Reminding of an open offer, and being reminded (BX-01)."""

from __future__ import annotations

from datetime import datetime

from services.offers.domain import reminding as rules
from services.offers.handlers.finding import ours, ready
from services.offers.handlers.showing import shown
from shared.bus.door import Person, check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts import offers as said


def remind_offer(work: Work, call: Call, *, person: Person, now: datetime) -> Json:
    """Remind them of our open offer, at most once in 24 hours. Raises NotFound, WrongState, TooSoon with `retry_at`."""
    p = ours(work, call)
    after = rules.remind(p, now)
    check_version(call, p.revision)
    p = work.put(after)
    who = said.Person(id=person.id, name=person.name)
    work.say(
        said.ReminderGiven(customer=p.counterpart, company=p.company, by=who, at=now), tenant=p.tenant, subject=p.id
    )
    work.tell(
        said.OfferReminded(company=person.company, reminded_by=who, reminded_at=now),
        tenant=p.tenant,
        to=p.counterpart,
        subject=p.id,
    )
    return shown(work, p, now=now)


def receive_reminder(work: Work, message: Heard[said.OfferReminded], now: datetime) -> None:
    """They remind us of their offer, which we may have answered before we heard of this."""
    p = ready(work, message)
    data = message.data
    if p is None or p.role != "customer":
        return
    after, counts = rules.reminded(p, now)
    if after is not p:
        work.put(after)
    work.say(
        said.ReminderReceived(
            partner=p.counterpart,
            company=p.company,
            by=data.reminded_by,
            at=data.reminded_at,
            counts=counts,
        ),
        tenant=p.tenant,
        subject=p.id,
    )

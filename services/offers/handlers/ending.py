"""Ending a partnership, and hearing that they ended it (OE-19)."""

from __future__ import annotations

from datetime import datetime

from services.offers.commands import EndPartnership
from services.offers.domain import ending as rules
from services.offers.domain.partnership import Ending, Named
from services.offers.handlers import holding
from services.offers.handlers.finding import about, ours
from services.offers.handlers.showing import shown
from shared.bus.door import Person, check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts import offers as said


def end_partnership(work: Work, call: Call, command: EndPartnership, *, person: Person, now: datetime) -> Json:
    """End the partnership, for good. Raises NotFound, WrongState."""
    p = ours(work, call)
    after = rules.end(p, Ending(Named(person.id, person.name), now, command.reason))
    check_version(call, p.revision)
    p = work.put(after)
    who = said.Person(id=person.id, name=person.name)
    work.say(
        said.EndGiven(counterpart=p.counterpart, company=p.company, by=who, at=now, reason=command.reason),
        tenant=p.tenant,
        subject=p.id,
    )
    work.tell(
        said.PartnershipEnded(company=person.company, ended_by=who, ended_at=now, reason=command.reason),
        tenant=p.tenant,
        to=p.counterpart,
        subject=p.id,
    )
    return shown(work, p, now=now)


def receive_end(work: Work, message: Heard[said.PartnershipEnded], now: datetime) -> None:
    """They ended it, maybe without knowing that we had."""
    p = about(work, message)
    data = message.data
    if p is None:
        return
    by = Named(data.ended_by.id, data.ended_by.name)
    after = rules.ended(p, Ending(by, data.ended_at, data.reason), now)
    if after is p:
        return
    first = p.ended_by_us is None
    p = work.put(after)
    work.say(
        said.EndReceived(
            counterpart=p.counterpart,
            company=p.company,
            by=data.ended_by,
            at=data.ended_at,
            reason=data.reason,
            first=first,
        ),
        tenant=p.tenant,
        subject=p.id,
    )
    if not first:
        holding.follow(work, p, now)

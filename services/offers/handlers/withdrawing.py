"""Withdrawing an open offer, and hearing that theirs was withdrawn (BX-01)."""

from __future__ import annotations

from datetime import datetime

from services.offers.commands import WithdrawOffer
from services.offers.domain import withdrawing as rules
from services.offers.handlers import holding
from services.offers.handlers.finding import ours, ready
from services.offers.handlers.showing import shown
from shared.bus.door import Person, check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts import offers as said


def withdraw_offer(work: Work, call: Call, command: WithdrawOffer, *, person: Person, now: datetime) -> Json:
    """Take our open offer back, with an optional reason. Raises NotFound, WrongState."""
    p = ours(work, call)
    rules.ensure_withdrawable(p)
    check_version(call, p.revision)
    p = work.put(rules.withdraw(p, now))
    who, reason = said.Person(id=person.id, name=person.name), command.reason or ""
    work.say(
        said.WithdrawalGiven(customer=p.counterpart, company=p.company, by=who, at=now, reason=reason, told=not p.held),
        tenant=p.tenant,
        subject=p.id,
    )
    if p.held:
        holding.drop(work, p)
    else:
        work.tell(
            said.OfferWithdrawn(company=person.company, withdrawn_by=who, withdrawn_at=now, reason=reason),
            tenant=p.tenant,
            to=p.counterpart,
            subject=p.id,
        )
    return shown(work, p, now=now)


def receive_withdrawal(work: Work, message: Heard[said.OfferWithdrawn], now: datetime) -> None:
    """They took their offer back; what we had decided before counts (protocol rule 1)."""
    p = ready(work, message)
    data = message.data
    if p is None or p.role != "customer":
        return
    after = rules.withdrawn(p, now)
    if after is not p:
        work.put(after)
    work.say(
        said.WithdrawalReceived(
            partner=p.counterpart,
            company=p.company,
            by=data.withdrawn_by,
            at=data.withdrawn_at,
            reason=data.reason,
            counts=after is not p,
        ),
        tenant=p.tenant,
        subject=p.id,
    )

"""The account owner's name: telling the other side, and hearing of theirs."""

from __future__ import annotations

from datetime import datetime

from services.offers.domain import naming as rules
from services.offers.domain.partnership import Partnership
from services.offers.handlers.finding import ready
from shared.bus.work import Heard, Work
from shared.contracts import offers as said


def tell_owner(work: Work, p: Partnership, now: datetime, *, renamed: bool = False) -> None:
    """Tell the other side who our account owner is, unless it knows. `renamed`: it is who it was."""
    after = rules.name(p)
    if after is p:
        return
    p = work.put(after)
    work.tell(
        said.OwnerNamed(counter=p.owner_counter, name=p.owner_told, named_at=now, renamed=renamed),
        tenant=p.tenant,
        to=p.counterpart,
        subject=p.id,
    )


def receive_owner(work: Work, message: Heard[said.OwnerNamed], now: datetime) -> None:
    """Somebody else is the account owner on their side."""
    p = ready(work, message)
    data = message.data
    if p is None:
        return
    after = rules.named(p, counter=data.counter, name=data.name, now=now)
    if after is p:
        return
    p = work.put(after)
    if p.final:
        return
    work.say(
        said.OwnerReceived(
            counterpart=p.counterpart, company=p.company, name=data.name, at=data.named_at, renamed=data.renamed
        ),
        tenant=p.tenant,
        subject=p.id,
    )

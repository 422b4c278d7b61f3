"""One live partnership an ordered pair (protocol rule 5): the new offer that is held back, and what becomes of it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.offers.domain import holding as rules
from services.offers.domain.partnership import LIVE, Business, Pair, Partnership
from services.offers.domain.withdrawing import withdraw
from services.offers.handlers import naming
from services.offers.handlers.showing import offered
from shared.bus.door import SYSTEM_PERSON
from shared.bus.storage import Conflict
from shared.bus.work import Work
from shared.contracts import offers as said


class Of(NamedTuple):
    """A pair and its partnerships, all locked."""

    pair: Pair | None
    earlier: Partnership | None
    held: Partnership | None


def of_pair(work: Work, tenant: str, customer: str) -> Of:
    """Our offers to this customer. Raises Conflict when the pair changed meanwhile: begin again.

    Partnerships are locked before the pair, the older first: so does everybody, as their messages find the partnership first.
    """
    pair = work.peek(Pair, tenant, customer)
    earlier = work.get(Partnership, tenant, pair.partnership_id) if pair is not None else None
    held = work.get(Partnership, tenant, pair.held) if pair is not None and pair.held else None
    if work.get(Pair, tenant, customer) != pair:
        raise Conflict("the pair changed")
    return Of(pair, earlier, held)


def tell_offer(work: Work, p: Partnership, company: str) -> None:
    """Our offer leaves."""
    work.tell(
        said.OfferSent(
            company=company,
            email=p.email,
            message=p.message,
            sent_by=said.Person(id=p.sent_by.id, name=p.sent_by.name),
            sent_at=p.sent_at,
            expires_at=p.expires_at,
            contacts=offered(p),
        ),
        tenant=p.tenant,
        to=p.counterpart,
        subject=p.id,
    )


def follow(work: Work, p: Partnership, now: datetime) -> None:
    """`p`, ended here before, has heard something new: the offer that is held behind it leaves, or is withdrawn, or goes on waiting."""
    live = p.status in LIVE
    if p.role != "partner" or not (live or rules.settled(p)):
        return
    seen = work.peek(Pair, p.tenant, p.counterpart)
    if seen is None or seen.partnership_id != p.id or not seen.held:
        return
    pair, _, held = of_pair(work, p.tenant, p.counterpart)
    if pair is None or held is None or held.status != "open":
        return
    if live:
        _withdraw(work, held, now)
        drop(work, held)
    else:
        _release(work, pair, held, now)


def _release(work: Work, pair: Pair, held: Partnership, now: datetime) -> None:
    business = work.peek(Business, held.tenant, held.tenant)
    p = work.put(rules.release(held))
    work.put(Pair(tenant=pair.tenant, id=pair.id, partnership_id=p.id))
    tell_offer(work, p, business.company if business is not None else p.tenant)
    work.say(
        said.OfferLeft(
            customer=p.counterpart,
            email=p.email,
            message=p.message,
            sent_by=said.Person(id=p.sent_by.id, name=p.sent_by.name),
            sent_at=p.sent_at,
            contacts=offered(p),
        ),
        tenant=p.tenant,
        subject=p.id,
    )
    # It names the sender; the account owner may be somebody else by now.
    naming.tell_owner(work, p, now)


def _withdraw(work: Work, held: Partnership, now: datetime) -> None:
    p = work.put(withdraw(held, now))
    work.say(
        said.WithdrawalGiven(
            customer=p.counterpart,
            company=p.company,
            by=said.Person(id=SYSTEM_PERSON.id, name=SYSTEM_PERSON.name),
            at=now,
            reason=rules.ACCEPTED_INSTEAD,
            told=False,
        ),
        tenant=p.tenant,
        subject=p.id,
    )


def drop(work: Work, p: Partnership) -> None:
    """A held offer has come to its end without having left: nothing waits behind the earlier one any more."""
    pair = work.get(Pair, p.tenant, p.counterpart)
    if pair is not None and pair.held == p.id:
        work.put(Pair(tenant=pair.tenant, id=pair.id, partnership_id=pair.partnership_id))

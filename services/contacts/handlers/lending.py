"""Who is lent to whom: what offers of our side states of a partnership, how to reach lent people, and the list of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.contacts.commands import ListModifications, RolesInUse
from services.contacts.domain import lending, modifying, parking
from services.contacts.domain.counterparts import Counterpart
from services.contacts.domain.lending import Assignment, Grant, Lent, Partnership
from services.contacts.domain.modifying import Agreement, Modification
from services.contacts.domain.parking import Early, Parked
from services.contacts.handlers import modifying as proposals
from services.contacts.handlers import reserving
from services.contacts.handlers.directory import found_people, holders
from services.contacts.handlers.keeping import keep, lent, load, settled, tell_details
from shared.bus.work import Confirmed, Heard, Json, Stranger, Work
from shared.calls import Call, Paged
from shared.contracts.accounts import ProfileReceived
from shared.contracts.contacts import DetailsDue, DetailsShared
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    DeclineReceived,
    EndGiven,
    EndReceived,
    ExpiryGiven,
    ExpiryReceived,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
    PartnershipLookedAt,
    WithdrawalGiven,
    WithdrawalReceived,
)
from shared.errors import ValidationError

_TELL_AT_ONCE = 50

Spoken = Heard[DetailsShared] | proposals.Spoken
"""What contacts of another tenant says."""


# What our own offers states


def offer_submitted(work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
    """We offered people of ours; from now on the partnership holds them."""
    reserving.settle(work, message.tenant, message.subject)
    _begin(work, message, side="partner", counterpart=message.data.customer, company=message.data.customer)


def offer_received(work: Work, message: Heard[OfferReceived], now: datetime) -> None:
    """People of another business are offered to us."""
    _begin(work, message, side="customer", counterpart=message.data.partner, company=message.data.company)


def _begin(
    work: Work,
    message: Heard[OfferSubmitted] | Heard[OfferReceived],
    *,
    side: lending.Side,
    counterpart: str,
    company: str,
) -> None:
    if work.get(Partnership, message.tenant, message.subject) is not None:
        return
    offer = message.data
    partnership = lending.offered(
        tenant=message.tenant,
        id=message.subject,
        side=side,
        counterpart=counterpart,
        company=company,
        contacts=[(one.id, one.name, one.title) for one in offer.contacts],
        at=offer.sent_at,
    )
    keep(work, None, Agreement(partnership))


def acceptance_given(work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
    """We accepted some and declined the others. What the partner's contacts said early is heard now."""
    agreement = load(work, message.tenant, message.subject)
    if agreement is None:
        return
    roles = {one.id: tuple(Grant(**grant.model_dump()) for grant in one.roles) for one in message.data.contacts}
    after = replace(agreement, partnership=lending.accepted(agreement.partnership, roles))
    if after.partnership is not agreement.partnership:
        _begun(work, agreement, after, now)


def acceptance_received(work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
    """Our offer was accepted: contacts of the customer is told how to reach those who come. What it said early is heard now."""
    agreement = load(work, message.tenant, message.subject)
    if agreement is None:
        return
    partnership = lending.accepted(agreement.partnership, {one.id: () for one in message.data.contacts})
    if partnership is agreement.partnership:
        return
    partnership = replace(partnership, company=message.data.company)
    _begun(work, agreement, replace(agreement, partnership=tell_details(work, partnership)), now)


def _begun(work: Work, before: Agreement, after: Agreement, now: datetime) -> None:
    """The partnership has begun: hear what was parked until now, in the order in which it came (rule 8)."""
    partnership = after.partnership
    parked = work.get(Parked, partnership.tenant, partnership.id)
    for early in parking.said_by(parked, partnership.counterpart):
        after = _hear_early(work, after, early, now)
    if parked is not None:
        work.delete(Parked, partnership.tenant, partnership.id)
    keep(work, before, settled(work, after, now))


def offer_declined(work: Work, message: Heard[DeclineGiven] | Heard[DeclineReceived], now: datetime) -> None:
    """The offer was declined, by us or by them."""
    _change(work, message, lending.declined)


def offer_undeliverable(work: Work, message: Heard[OfferUndeliverable], now: datetime) -> None:
    """Our offer found nobody."""
    _change(work, message, lambda partnership: lending.gone(partnership, "undeliverable"))


def offer_withdrawn(work: Work, message: Heard[WithdrawalGiven] | Heard[WithdrawalReceived], now: datetime) -> None:
    """The offer was taken back, unless it had been answered before."""
    _change(work, message, lambda partnership: lending.gone(partnership, "withdrawn"))


def offer_expired(work: Work, message: Heard[ExpiryGiven] | Heard[ExpiryReceived], now: datetime) -> None:
    """The offer ran out, unless it had been answered before."""
    _change(work, message, lambda partnership: lending.gone(partnership, "expired"))


def _change(work, message, change) -> None:
    agreement = load(work, message.tenant, message.subject)
    if agreement is not None:
        keep(work, agreement, replace(agreement, partnership=change(agreement.partnership)))


def partnership_ended(work: Work, message: Heard[EndGiven] | Heard[EndReceived], now: datetime) -> None:
    """Either side ended it: what is open is void from now on (rule 4)."""
    agreement = load(work, message.tenant, message.subject)
    if agreement is not None:
        keep(work, agreement, modifying.end(agreement))


def profile_received(work: Work, message: Heard[ProfileReceived], now: datetime) -> None:
    """A counterpart told its name; our facts use it from now on. The highest counter counts (rule 7)."""
    known = work.get(Counterpart, message.tenant, message.subject)
    if known is None or known.counter < message.data.counter:
        work.put(
            Counterpart(
                tenant=message.tenant, id=message.subject, counter=message.data.counter, company=message.data.company
            )
        )


def looked_at(work: Work, message: Heard[PartnershipLookedAt], now: datetime) -> None:
    """A person of ours has looked: the other side learns with the next receipt that its proposals were seen (BX-03)."""
    agreement = load(work, message.tenant, message.subject)
    if agreement is None:
        return
    work.mark_seen(message.tenant, agreement.partnership.counterpart, message.subject)
    new = [replace(one, looked=True) for one in agreement.modifications.values() if one.by == "them" and not one.looked]
    if new:
        keep(work, agreement, agreement.with_(*new))


def receipt(work: Work, news: Confirmed, now: datetime) -> None:
    """The other side has got, or looked at, what we said (BX-03)."""
    agreement = load(work, news.tenant, news.subject)
    if agreement is None or agreement.partnership.counterpart != news.peer:
        return
    p = agreement.partnership
    if news.applied > p.confirmed or news.seen > p.seen:
        after = replace(p, confirmed=max(p.confirmed, news.applied), seen=max(p.seen, news.seen))
        keep(work, agreement, replace(agreement, partnership=after))


# What contacts of the other side says


def receive(work: Work, message: Spoken, now: datetime) -> None:
    """Contacts of another tenant speaks: it is heard once our own offers has told us of the acceptance, and parked until then (rule 8).

    Raises Stranger for one who speaks of what is between others: that message is dead, for an operator to see.
    """
    mids = () if isinstance(message.data, DetailsShared) else (proposals.about(message.data),)
    agreement = load(work, message.tenant, message.subject, *mids)
    if agreement is not None and agreement.partnership.counterpart != message.origin:
        raise Stranger(message.origin)
    if agreement is None or must_wait(agreement.partnership):
        early = Early(
            origin=message.origin,
            type=message.data.type,
            body=message.data.model_dump_json(),
            counter=message.data.counter if isinstance(message.data, DetailsShared) else 0,
        )
        parked = work.get(Parked, message.tenant, message.subject)
        work.put(parking.park(parked, tenant=message.tenant, id=message.subject, message=early))
        return
    after = _hear(work, agreement, message.data, now)
    if after is not agreement:
        keep(work, agreement, settled(work, after, now))


def must_wait(partnership: Partnership) -> bool:
    """Whether our own side has not yet told us what the other side builds on. A message is never refused (rule 8)."""
    return partnership.phase not in {"accepted", "ended"}


def _hear(work: Work, agreement: Agreement, data: DetailsShared | proposals.Said, now: datetime) -> Agreement:
    if not isinstance(data, DetailsShared):
        return proposals.hear(work, agreement, data, now)
    after = _hear_details(agreement.partnership, agreement.partnership.counterpart, data)
    return agreement if after is agreement.partnership else replace(agreement, partnership=after)


def _hear_early(work: Work, agreement: Agreement, early: Early, now: datetime) -> Agreement:
    model = {one.type: one for one in (DetailsShared, *proposals.SAID)}.get(early.type)
    return agreement if model is None else _hear(work, agreement, model.model_validate_json(early.body), now)


def _hear_details(partnership: Partnership, origin: str, details: DetailsShared) -> Partnership:
    # Another business wrote this: whatever it is, it is shown as one line each of the length that ours may have.
    people = [
        Lent(id=one.id, name=one.name[:200], email=one.email[:254], phone=one.phone[:50], title=one.title[:200])
        for one in details.contacts
    ]
    return lending.hear(partnership, counter=details.counter, by=origin, people=people)


def details_due(work: Work, message: Heard[DetailsDue], now: datetime) -> None:
    """Tell the businesses that a changed person is lent to, some at a time."""
    page = work.find(
        Partnership,
        message.tenant,
        where={"living": True},
        search=("holds", lending.holds_contact(message.subject)),
        after=message.data.after,
        limit=_TELL_AT_ONCE,
    )
    for found in page.items:
        partnership = work.get(Partnership, message.tenant, found.id)
        if partnership is not None:
            after = tell_details(work, partnership)
            if after is not partnership:
                work.put(after)
    if page.next is not None:
        work.later(DetailsDue(after=page.next), tenant=message.tenant, subject=message.subject, at=now)


# What people and neighbours ask


def list_assignments(work: Work, call: Call, query: Paged, now: datetime) -> Json:
    """The people of a partnership, the newest proposal first: {"items": [assignment], "next": cursor or None}.

    Whether the actor may see the partnership was asked at the door.
    """
    partnership = work.peek(Partnership, call.tenant, call.ids["partnership_id"])
    everybody = lending.newest_first(partnership) if partnership else []
    items, following = _page(everybody, query)
    if partnership is None or not items:
        return {"items": [], "next": None}
    if partnership.side == "partner":
        people = {
            id: lent(contact)
            for id, contact in found_people(work, call.tenant, [one.contact_id for one in items]).items()
        }
    else:
        people = {one.id: one for one in partnership.details}
    keys = [modifying.key(partnership.id, mid) for mid in partnership.open]
    found = work.find(Modification, call.tenant, where={"id": keys}, limit=len(keys)).items if keys else []
    agreement = Agreement(partnership, {one.mid: one for one in found})
    return {"items": [_assignment(agreement, one, people.get(one.contact_id)) for one in items], "next": following}


def get_overview(work: Work, call: Call, *, changes: bool = True, now: datetime) -> Json:
    """What a page shows of a partnership, in one question: {"assignments", "modifications"}, each the first page of its list."""
    return {
        "assignments": list_assignments(work, call, Paged(limit=200), now),
        "modifications": proposals.list_modifications(
            work, call, ListModifications(limit=50), changes=changes, now=now
        ),
    }


def roles_in_use(work: Work, call: Call, query: RolesInUse, now: datetime) -> Json:
    """{"role_ids": [id]}: those of the roles that are granted to somebody in a living partnership."""
    return {"role_ids": [role for role in query.role_ids if holders(work, call.tenant, lending.holds_role(role))]}


def _page(everybody: list[Assignment], query: Paged) -> tuple[list[Assignment], str | None]:
    start = 0
    if query.cursor is not None:
        ids = [one.id for one in everybody]
        if query.cursor not in ids:
            raise ValidationError.of(("cursor", "Use the value of next from the page before."))
        start = ids.index(query.cursor) + 1
    items = everybody[start : start + query.limit]
    return items, items[-1].id if start + query.limit < len(everybody) else None


def _assignment(agreement: Agreement, one: Assignment, person: Lent | None) -> Json:
    # The customer knows how to reach whoever works there, and nobody else, whatever the partner may have told.
    if agreement.partnership.side == "customer" and one.state != "accepted":
        person = None
    return {
        "id": one.id,
        "contact_id": one.contact_id,
        "name": person.name if person else one.name,
        "email": person.email if person else None,
        "phone": person.phone if person else None,
        "title": person.title if person else one.title,
        "state": one.state,
        "label": modifying.label(agreement, one),
        "roles": [
            {
                "environment": grant.environment,
                "role": grant.role,
                "environment_id": grant.environment_id,
                "role_id": grant.role_id,
            }
            for grant in one.roles
        ],
    }

"""Accepting and declining an offer, on the side that does it and on the side that hears of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from services.offers.commands import AcceptOffer, DeclineOffer
from services.offers.domain import answering as rules
from services.offers.domain.partnership import Named, Offered
from services.offers.handlers import holding, naming
from services.offers.handlers.finding import Answers, about, ours, team
from services.offers.handlers.showing import shown, told
from shared.bus.door import Person, check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts import offers as said
from shared.errors import ValidationError
from shared.roles import find_role


def accept_offer(
    work: Work, call: Call, command: AcceptOffer, *, person: Person, answers: Answers, now: datetime
) -> Json:
    """Accept with some of the contacts, each with roles (OE-08). Raises NotFound, WrongState, ValidationError."""
    p = ours(work, call)
    rules.ensure_open(p)
    check_version(call, p.revision)
    errors: list[tuple[str, str]] = []
    offered = {c.id: c for c in p.offered}
    chosen: dict[str, said.AcceptedContact] = {}
    for i, wanted in enumerate(command.contacts):
        contact = offered.get(wanted.contact_id)
        if contact is None:
            errors.append((f"contacts.{i}.contact_id", "This contact was not offered to you."))
        elif contact.id in chosen:
            errors.append((f"contacts.{i}.contact_id", "The same contact stands here twice."))
        else:
            grants = _grants(i, wanted.roles, answers.environments, errors)
            chosen[contact.id] = said.AcceptedContact(id=contact.id, name=contact.name, roles=grants)
    managers = team(command.manager_ids, person, answers, errors)
    if errors:
        raise ValidationError.of(*errors)
    by = Named(person.id, person.name)
    known = told(work, p.tenant, p.counterpart)
    p = work.put(
        rules.accept(
            p,
            contacts=list(chosen),
            company=known.company,
            logo=known.logo,
            by=by,
            managers=tuple(m.id for m in managers),
            now=now,
        )
    )
    comment = command.comment or ""
    who = said.Person(id=by.id, name=by.name)
    work.say(
        said.AcceptanceGiven(
            partner=p.counterpart,
            company=p.company,
            by=who,
            at=now,
            contacts=list(chosen.values()),
            declined=[said.Person(id=c.id, name=c.name) for c in p.offered if c.id not in chosen],
            managers=managers,
            comment=comment,
        ),
        tenant=p.tenant,
        subject=p.id,
    )
    work.tell(
        said.OfferAccepted(
            company=person.company, accepted_by=who, accepted_at=now, contact_ids=list(chosen), comment=comment
        ),
        tenant=p.tenant,
        to=p.counterpart,
        subject=p.id,
    )
    return shown(work, p, now=now)


def _grants(
    at: int, roles: Sequence[Any], environments: Sequence[Json], errors: list[tuple[str, str]]
) -> list[said.Grant]:
    """Each role by id or exact name, in an environment by id or exact name."""
    found = (
        find_role(f"contacts.{at}.roles.{j}", wanted.environment, wanted.role, environments, errors)
        for j, wanted in enumerate(roles)
    )
    return [said.Grant(**role) for role in {role["role_id"]: role for role in found if role}.values()]


def decline_offer(work: Work, call: Call, command: DeclineOffer, *, person: Person, now: datetime) -> Json:
    """Decline, with an optional reason that the sender sees (OE-09); with `block` we want no more of theirs (BX-09), which they don't see.

    Raises NotFound, WrongState.
    """
    p = ours(work, call)
    rules.ensure_open(p)
    check_version(call, p.revision)
    reason = command.reason or ""
    p = work.put(rules.decline(p, reason=reason, now=now))
    who = said.Person(id=person.id, name=person.name)
    work.say(
        said.DeclineGiven(partner=p.counterpart, company=p.company, by=who, at=now, reason=reason, block=command.block),
        tenant=p.tenant,
        subject=p.id,
    )
    work.tell(
        said.OfferDeclined(company=person.company, declined_by=who, declined_at=now, reason=reason),
        tenant=p.tenant,
        to=p.counterpart,
        subject=p.id,
    )
    return shown(work, p, now=now)


def receive_acceptance(work: Work, message: Heard[said.OfferAccepted], now: datetime) -> None:
    """The customer accepted (OE-08)."""
    p = about(work, message)
    data = message.data
    if p is None:
        return
    known = told(work, p.tenant, p.counterpart)
    after = rules.accepted(
        p,
        contacts=data.contact_ids,
        company=known.company or data.company,
        logo=known.logo,
        by=Named(data.accepted_by.id, data.accepted_by.name),
        now=now,
    )
    if after is p:
        return
    over_before = p.final
    p = work.put(after)
    chosen = set(data.contact_ids)
    work.say(
        said.AcceptanceReceived(
            customer=p.counterpart,
            company=p.company,
            by=data.accepted_by,
            at=data.accepted_at,
            contacts=_people(p.offered, chosen),
            declined=_people(p.offered, {c.id for c in p.offered} - chosen),
            comment=data.comment,
        ),
        tenant=p.tenant,
        subject=p.id,
    )
    if over_before:
        holding.follow(work, p, now)
        # While it was over for us, they were told nothing of our team.
        naming.tell_owner(work, p, now)


def receive_decline(work: Work, message: Heard[said.OfferDeclined], now: datetime) -> None:
    """The customer declined (OE-09)."""
    p = about(work, message)
    data = message.data
    if p is None:
        return
    after = rules.declined(p, company=data.company, reason=data.reason, now=now)
    if after is p:
        return
    over_before = p.final
    p = work.put(after)
    work.say(
        said.DeclineReceived(
            customer=p.counterpart, company=p.company, by=data.declined_by, at=data.declined_at, reason=data.reason
        ),
        tenant=p.tenant,
        subject=p.id,
    )
    if over_before:
        holding.follow(work, p, now)


def _people(offered: Sequence[Offered], ids: Collection[str]) -> list[said.Person]:
    return [said.Person(id=c.id, name=c.name) for c in offered if c.id in ids]

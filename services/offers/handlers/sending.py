"""Sending an offer, its way through the door of the other side, and its way back when it is for nobody there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.offers.commands import SendOffer
from services.offers.domain import sending as rules
from services.offers.domain.holding import settled
from services.offers.domain.partnership import Business, Counterpart, Mailbox, Named, Offered, Pair, Partnership
from services.offers.handlers import early, expiry, holding, limiting
from services.offers.handlers.finding import Answers, about, team
from services.offers.handlers.showing import offered, shown, told
from shared.bus.door import Person
from shared.bus.work import Heard, Json, Stranger, Work
from shared.calls import Call
from shared.contracts import accounts as from_accounts
from shared.contracts import offers as said
from shared.errors import ValidationError
from shared.ids import is_id


def send_offer(
    work: Work, call: Call, command: SendOffer, *, id: str, person: Person, answers: Answers, now: datetime
) -> Json:
    """Send an offer, under this new `id` (OE-06); it is held back until the other side knows that the last one is over (protocol rule 5).

    Raises PartnershipExists; ValidationError for oneself, an unknown contact, a manager without a login; RateLimited.
    """
    tenant, customer = call.tenant, command.customer_tenant
    pair, earlier, waiting = holding.of_pair(work, tenant, customer)
    rules.ensure_free(earlier, waiting)
    errors = []
    if customer == tenant:
        errors.append(("customer_tenant", "This is your own business. Name the one you want to work with."))
    contacts = _contacts(command.contact_ids, answers, errors)
    managers = team(command.manager_ids, person, answers, errors)
    if errors:
        raise ValidationError.of(*errors)
    limiting.ensure_within(work, tenant, answers.limits, now)
    known = told(work, tenant, customer)
    p = rules.send(
        tenant=tenant,
        id=id,
        customer=customer,
        company=known.company,
        logo=known.logo,
        email=command.customer_email,
        message=command.message,
        sender=Named(person.id, person.name),
        contacts=contacts,
        managers=tuple(m.id for m in managers),
        expires_at=now + timedelta(days=answers.offer_days),
        held=earlier is not None and not settled(earlier),
        now=now,
    )
    p = work.add(p)
    if pair is not None and p.held:
        work.put(replace(pair, held=p.id))
    else:
        work.put(Pair(tenant=tenant, id=customer, partnership_id=p.id))
    work.say(
        said.OfferSubmitted(
            customer=customer,
            email=p.email,
            message=p.message,
            sent_by=said.Person(id=person.id, name=person.name),
            sent_at=now,
            expires_at=p.expires_at,
            contacts=offered(p),
            managers=managers,
            held=p.held,
        ),
        tenant=tenant,
        subject=p.id,
    )
    if not p.held:
        holding.tell_offer(work, p, person.company)
    expiry.schedule(work, p)
    return shown(work, p, now=now)


def _contacts(ids: Sequence[str], answers: Answers, errors: list[tuple[str, str]]) -> tuple[Offered, ...]:
    found = []
    for i, id in enumerate(ids):
        contact = answers.contacts.get(id)
        if contact is None:
            errors.append((f"contact_ids.{i}", "This contact is not in your directory."))
        else:
            found.append(Offered(id, contact["name"], contact.get("title") or ""))
    return tuple(found)


def receive_offer(work: Work, message: Heard[said.OfferSent], now: datetime) -> None:
    """An offer is at the door. Our replica may open it to a login it knows; only accounts turns it away (rule 10).

    It is never refused because another one of the same partner is live: that is the partner's matter (rule 5).
    """
    if not is_id(message.subject):
        # A tile under what is no id could be neither opened nor answered, ever.
        return
    known = work.get(Partnership, message.tenant, message.subject)
    if known is not None:
        if known.counterpart != message.origin:
            raise Stranger(message.origin)
        if known.status == "bounced":
            _bounce(work, known, now)
        return
    data = message.data
    p = rules.arrive(
        tenant=message.tenant,
        id=message.subject,
        partner=message.origin,
        company=data.company,
        logo=told(work, message.tenant, message.origin).logo,
        email=data.email,
        message=data.message,
        sender=Named(data.sent_by.id, data.sent_by.name),
        sent_at=data.sent_at,
        expires_at=data.expires_at,
        contacts=tuple(Offered(c.id, c.name, c.title) for c in data.contacts),
        now=now,
    )
    mailbox = work.peek(Mailbox, message.tenant, data.email)
    business = work.peek(Business, message.tenant, message.tenant)
    if mailbox is not None and mailbox.active and business is not None and business.wants(message.origin):
        _open(work, p, mailbox.user_id, now)
        return
    work.put(p)
    work.say(said.OfferArrived(origin=message.origin, email=data.email), tenant=message.tenant, subject=message.subject)


def needed_for_offer(message: Heard[said.OfferSent]) -> list[tuple[type[Any], str, str]]:
    """What `receive_offer` looks up."""
    return [
        (Mailbox, message.tenant, message.data.email),
        (Business, message.tenant, message.tenant),
        (Counterpart, message.tenant, message.origin),
    ]


def _open(work: Work, p: Partnership, recipient_id: str, now: datetime) -> None:
    came_early = p.early
    p = work.put(rules.open_to(p, recipient_id, now))
    work.say(
        said.OfferReceived(
            partner=p.counterpart,
            company=p.company,
            message=p.message,
            recipient_id=recipient_id,
            sent_by=said.Person(id=p.sent_by.id, name=p.sent_by.name),
            sent_at=p.sent_at,
            expires_at=p.expires_at,
            contacts=offered(p),
        ),
        tenant=p.tenant,
        subject=p.id,
    )
    early.hear(work, p, came_early, now)


def recipient_found(work: Work, message: Heard[from_accounts.RecipientFound], now: datetime) -> None:
    """Accounts: the offer is for this login of ours."""
    p = work.get(Partnership, message.tenant, message.subject)
    if p is not None and p.status == "arriving":
        _open(work, p, message.data.user_id, now)


def recipient_unknown(work: Work, message: Heard[from_accounts.RecipientUnknown], now: datetime) -> None:
    """Accounts: the offer is for nobody here. The sender is told one thing, never which part was wrong (contradiction 5)."""
    p = work.get(Partnership, message.tenant, message.subject)
    if p is not None and p.status == "arriving":
        _bounce(work, p, now)


def _bounce(work: Work, p: Partnership, now: datetime) -> None:
    p = work.put(rules.turn_away(p, now))
    work.tell(said.OfferBounced(), tenant=p.tenant, to=p.counterpart, subject=p.id)


def receive_bounce(work: Work, message: Heard[said.OfferBounced], now: datetime) -> None:
    """Our offer found nobody (rule 10)."""
    p = about(work, message)
    if p is None:
        return
    after = rules.bounce(p, now)
    if after is p:
        return
    over_before = p.final
    p = work.put(after)
    work.say(said.OfferUndeliverable(customer=p.counterpart, email=p.email), tenant=p.tenant, subject=p.id)
    if over_before:
        holding.follow(work, p, now)

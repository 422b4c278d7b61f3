"""Use cases of offers: what people ask for, and what the other side and the services of our own side tell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.offers import views
from services.offers.commands import AcceptOffer, Chosen, DeclineOffer, SendOffer
from services.offers.domain import answering, sending
from services.offers.domain.partnership import (
    ENDED,
    Business,
    Login,
    Mailbox,
    Named,
    Offered,
    Pair,
    Partnership,
)
from shared.bus.door import Person, check_version
from shared.bus.work import Confirmed, Heard, Json, Work
from shared.calls import Call
from shared.contracts import accounts as from_accounts
from shared.contracts import managers as from_managers
from shared.contracts import offers as said
from shared.errors import Forbidden, NotFound, ValidationError, WrongState
from shared.ids import is_id, new_id
from shared.text import fold

OFFER_DAYS = 30


@dataclass(frozen=True, slots=True)
class Answers:
    """What the neighbours said at the door: people by id, contacts by id, environments."""

    people: Mapping[str, Json]
    contacts: Mapping[str, Json] = field(default_factory=dict)
    environments: Sequence[Json] = ()
    offer_days: int = OFFER_DAYS


# What people ask for


def send_offer(work: Work, call: Call, command: SendOffer, *, person: Person, answers: Answers, now: datetime) -> Json:
    """Send an offer (OE-06). Raises PartnershipExists; ValidationError for oneself, an unknown contact, a manager without a login."""
    tenant, customer = call.tenant, command.customer_tenant
    pair = work.get(Pair, tenant, customer)
    sending.ensure_free(work.get(Partnership, tenant, pair.partnership_id) if pair is not None else None)
    errors = []
    if customer == tenant:
        errors.append(("customer_tenant", "This is your own business. Name the one you want to work with."))
    contacts = _contacts(command.contact_ids, answers, errors)
    managers = _managers(command.manager_ids, person, answers, errors)
    if errors:
        raise ValidationError.of(*errors)
    p = sending.send(
        tenant=tenant,
        id=new_id(),
        customer=customer,
        email=command.customer_email,
        message=command.message,
        sender=Named(person.id, person.name),
        contacts=contacts,
        managers=tuple(m.id for m in managers),
        expires_at=now + timedelta(days=answers.offer_days),
        now=now,
    )
    p = work.add(p)
    work.put(Pair(tenant=tenant, id=customer, partnership_id=p.id))
    offered = [said.OfferedContact(id=c.id, name=c.name, title=c.title) for c in contacts]
    sender = said.Person(id=person.id, name=person.name)
    work.say(
        said.OfferSubmitted(
            customer=customer,
            email=p.email,
            message=p.message,
            sent_by=sender,
            sent_at=now,
            expires_at=p.expires_at,
            contacts=offered,
            managers=managers,
        ),
        tenant=tenant,
        subject=p.id,
    )
    work.tell(
        said.OfferSent(
            company=person.company,
            email=p.email,
            message=p.message,
            sent_by=sender,
            sent_at=now,
            expires_at=p.expires_at,
            contacts=offered,
        ),
        tenant=tenant,
        to=customer,
        subject=p.id,
    )
    return views.partnership(p, changes=True)


def _contacts(ids: Sequence[str], answers: Answers, errors: list[tuple[str, str]]) -> tuple[Offered, ...]:
    found = []
    for i, id in enumerate(ids):
        contact = answers.contacts.get(id)
        if contact is None:
            errors.append((f"contact_ids.{i}", "This contact is not in your directory."))
        else:
            found.append(Offered(id, contact["name"], contact.get("title") or ""))
    return tuple(found)


def _managers(
    ids: Sequence[str], person: Person, answers: Answers, errors: list[tuple[str, str]]
) -> list[said.Manager]:
    """The team: those who were chosen, and whoever acts (contradiction 7)."""
    team = [said.Manager(id=person.id, name=person.name, email=person.email)]
    for i, id in enumerate(ids):
        user = answers.people.get(id)
        if user is None or not user["active"]:
            errors.append((f"manager_ids.{i}", "A partner manager needs an active login in your business."))
        elif id != person.id:
            team.append(said.Manager(id=id, name=user["name"], email=user["email"]))
    return team


def accept_offer(
    work: Work, call: Call, command: AcceptOffer, *, person: Person, answers: Answers, now: datetime
) -> Json:
    """Accept with some of the contacts, each with roles (OE-08). Raises NotFound, WrongState, ValidationError."""
    p = _ours(work, call)
    answering.ensure_open(p)
    check_version(call, p.version)
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
    managers = _managers(command.manager_ids, person, answers, errors)
    if errors:
        raise ValidationError.of(*errors)
    by = Named(person.id, person.name)
    p = work.put(answering.accept(p, contacts=list(chosen), by=by, managers=tuple(m.id for m in managers), now=now))
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
    return views.partnership(p, changes=True)


def _grants(
    at: int, roles: Sequence[Any], environments: Sequence[Json], errors: list[tuple[str, str]]
) -> list[said.Grant]:
    """Each role by id or exact name, in an environment by id or exact name."""
    grants: list[said.Grant] = []
    for j, wanted in enumerate(roles):
        environment = next((e for e in environments if wanted.environment in (e["id"], e["name"])), None)
        if environment is None:
            errors.append((f"contacts.{at}.roles.{j}.environment", "You have no environment of this name or id."))
            continue
        role = next((r for r in environment["roles"] if wanted.role in (r["id"], r["name"])), None)
        if role is None:
            errors.append((f"contacts.{at}.roles.{j}.role", f"{environment['name']} has no role of this name or id."))
            continue
        grant = said.Grant(
            environment_id=environment["id"], environment=environment["name"], role_id=role["id"], role=role["name"]
        )
        if grant not in grants:
            grants.append(grant)
    return grants


def decline_offer(work: Work, call: Call, command: DeclineOffer, *, person: Person, now: datetime) -> Json:
    """Decline, with an optional reason that the sender sees (OE-09); with `block` we want no more of theirs (BX-09), which they don't see.

    Raises NotFound, WrongState.
    """
    p = _ours(work, call)
    answering.ensure_open(p)
    check_version(call, p.version)
    reason = command.reason or ""
    p = work.put(answering.decline(p, reason=reason, now=now))
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
    return views.partnership(p, changes=True)


def remove_partnership(work: Work, call: Call, *, now: datetime) -> None:
    """Take a final tile from home (OE-19). Raises NotFound, WrongState."""
    p = _ours(work, call)
    after = answering.remove(p, now)
    check_version(call, p.version)
    work.put(after)


def mark_seen(work: Work, call: Call, *, now: datetime) -> None:
    """A person of ours has looked: the other side learns it with the next receipt (BX-03). Raises NotFound."""
    p = _ours(work, call)
    work.mark_seen(p.tenant, p.counterpart, p.id)


def get_partnership(work: Work, call: Call, *, person: Person, now: datetime) -> Json:
    """One partnership. Raises NotFound when it is not the viewer's to see."""
    return views.partnership(_visible(_looked_up(work, call), person), changes=person.changes)


def get_standing(work: Work, call: Call, change: bool, *, person: Person, now: datetime) -> Json:
    """What its neighbours need to know of a partnership before they do anything. `version` is the number of our last fact about it.

    Raises NotFound when it is not the actor's to see; with `change` Forbidden for a role that may not, WrongState once it is final.
    """
    p = _visible(_looked_up(work, call), person)
    if change and not person.changes:
        raise Forbidden()
    if change and p.final:
        raise WrongState(f"The partnership has ended: it is {p.status}.")
    return {
        "role": p.role,
        "counterpart": {"tenant": p.counterpart, "company": p.company},
        "status": p.status,
        "suspended": p.status == "suspended",
        "managers": list(p.managers),
        "version": work.said(p.tenant, p.id),
    }


def list_partnerships(work: Work, call: Call, chosen: Chosen, *, person: Person, now: datetime) -> Json:
    """The home list: all that was not removed, or all of the chosen statuses (OE-01)."""
    where, search = _filter(chosen, person)
    order = {"company": "company", "turn_since": "turn_since", "-sent_at": "-sent_at"}.get(chosen.sort, "-updated_at")
    page = work.find(
        Partnership, call.tenant, where=where, search=search, order=order, after=chosen.cursor, limit=chosen.limit
    )
    return {"items": [views.partnership(p, changes=person.changes) for p in page.items], "next": page.next}


def count_partnerships(work: Work, call: Call, *, person: Person, now: datetime) -> Json:
    """How many tiles there are by status, role and turn."""
    where, search = _filter(Chosen(), person)
    return {
        "by_status": work.count(Partnership, call.tenant, by="status", where=where, search=search),
        "by_role": work.count(Partnership, call.tenant, by="role", where=where, search=search),
        "by_turn": {
            turn: n
            for turn, n in work.count(Partnership, call.tenant, by="turn", where=where, search=search).items()
            if turn
        },
    }


def _filter(chosen: Chosen, person: Person) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    where: dict[str, Any] = {"shown": ["home"] if chosen.status is None else ["home", "kept"]}
    search = [("name_search", fold(chosen.q))] if chosen.q else []
    if chosen.status is not None:
        wanted: set[str] = set(chosen.status if isinstance(chosen.status, list) else [chosen.status])
        if "ended" in wanted:
            wanted = (wanted - {"ended"}) | ENDED
        where["status"] = sorted(wanted)
    if chosen.role is not None:
        where["role"] = chosen.role
    if chosen.turn is not None:
        where["turn"] = chosen.turn
    if not person.changes:
        search.append(("viewers", f"|{person.id}|"))
    return where, search


def _looked_up(work: Work, call: Call) -> Partnership:
    p = work.peek(Partnership, call.tenant, call.ids["partnership_id"])
    if p is None:
        raise NotFound()
    return p


def _ours(work: Work, call: Call) -> Partnership:
    p = work.get(Partnership, call.tenant, call.ids["partnership_id"])
    if p is None or p.status in {"arriving", "bounced"}:
        raise NotFound()
    return p


def _visible(p: Partnership, person: Person) -> Partnership:
    if not p.seen_by(person.id, all=person.changes):
        raise NotFound()
    return p


def person_of(work: Work, call: Call) -> Person | None:
    """Who asks, as accounts last told; None when it has not told of them."""
    login = work.peek(Login, call.tenant, call.actor)
    if login is None:
        return None
    if not login.active:
        raise Forbidden("This person has no active login here.")
    return Person(login.id, login.name, login.email, login.role)


# What the other side says


def receive_offer(work: Work, message: Heard[said.OfferSent], now: datetime) -> None:
    """An offer is at the door. Our replica may open it to a login it knows; only accounts turns it away (rule 10)."""
    if not is_id(message.subject) or work.get(Partnership, message.tenant, message.subject) is not None:
        # A tile under what is no id could be neither opened nor answered, ever.
        return
    data = message.data
    p = sending.arrive(
        tenant=message.tenant,
        id=message.subject,
        partner=message.origin,
        company=data.company,
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
    return [(Mailbox, message.tenant, message.data.email), (Business, message.tenant, message.tenant)]


def _open(work: Work, p: Partnership, recipient_id: str, now: datetime) -> None:
    p = work.put(sending.open_to(p, recipient_id, now))
    work.say(
        said.OfferReceived(
            partner=p.counterpart,
            company=p.company,
            message=p.message,
            recipient_id=recipient_id,
            sent_by=said.Person(id=p.sent_by.id, name=p.sent_by.name),
            sent_at=p.sent_at,
            expires_at=p.expires_at,
            contacts=[said.OfferedContact(id=c.id, name=c.name, title=c.title) for c in p.offered],
        ),
        tenant=p.tenant,
        subject=p.id,
    )


def receive_acceptance(work: Work, message: Heard[said.OfferAccepted], now: datetime) -> None:
    """The customer accepted (OE-08)."""
    p = _about(work, message)
    data = message.data
    if p is None:
        return
    after = answering.accepted(
        p,
        contacts=data.contact_ids,
        company=data.company,
        by=Named(data.accepted_by.id, data.accepted_by.name),
        now=now,
    )
    if after is p:
        return
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


def _people(offered: Sequence[Offered], ids: Collection[str]) -> list[said.Person]:
    return [said.Person(id=c.id, name=c.name) for c in offered if c.id in ids]


def receive_decline(work: Work, message: Heard[said.OfferDeclined], now: datetime) -> None:
    """The customer declined (OE-09)."""
    p = _about(work, message)
    data = message.data
    if p is None:
        return
    after = answering.declined(p, company=data.company, reason=data.reason, now=now)
    if after is p:
        return
    p = work.put(after)
    work.say(
        said.DeclineReceived(
            customer=p.counterpart, company=p.company, by=data.declined_by, at=data.declined_at, reason=data.reason
        ),
        tenant=p.tenant,
        subject=p.id,
    )


def receive_bounce(work: Work, message: Heard[said.OfferBounced], now: datetime) -> None:
    """Our offer found nobody (rule 10)."""
    p = _about(work, message)
    if p is None:
        return
    after = sending.bounce(p, now)
    if after is p:
        return
    p = work.put(after)
    work.say(said.OfferUndeliverable(customer=p.counterpart, email=p.email), tenant=p.tenant, subject=p.id)


def _about(work: Work, message: Heard[Any]) -> Partnership | None:
    """The partnership a peer message is about: only with the counterpart who speaks."""
    p = work.get(Partnership, message.tenant, message.subject)
    return p if p is not None and p.counterpart == message.origin else None


def receipt(work: Work, news: Confirmed, now: datetime) -> None:
    """The other side has got, or looked at, what we said (BX-03)."""
    p = work.get(Partnership, news.tenant, news.subject)
    if p is not None and p.counterpart == news.peer and (news.applied > p.confirmed or news.seen > p.seen):
        work.put(replace(p, confirmed=max(p.confirmed, news.applied), seen=max(p.seen, news.seen)))


# What our own side tells


def recipient_found(work: Work, message: Heard[from_accounts.RecipientFound], now: datetime) -> None:
    """Accounts: the offer is for this login of ours."""
    p = work.get(Partnership, message.tenant, message.subject)
    if p is not None and p.status == "arriving":
        _open(work, p, message.data.user_id, now)


def recipient_unknown(work: Work, message: Heard[from_accounts.RecipientUnknown], now: datetime) -> None:
    """Accounts: the offer is for nobody here. The sender is told one thing, never which part was wrong (contradiction 5)."""
    p = work.get(Partnership, message.tenant, message.subject)
    if p is not None and p.status == "arriving":
        work.put(sending.turn_away(p, now))
        work.tell(said.OfferBounced(), tenant=p.tenant, to=p.counterpart, subject=p.id)


def tenant_registered(work: Work, message: Heard[from_accounts.TenantRegistered], now: datetime) -> None:
    """A business of this cell."""
    _business(work, message.tenant, company=message.data.company)


def profile_changed(work: Work, message: Heard[from_accounts.ProfileChanged], now: datetime) -> None:
    """Our business has another name."""
    _business(work, message.tenant, company=message.data.company)


def settings_changed(work: Work, message: Heard[from_accounts.SettingsChanged], now: datetime) -> None:
    """Whose offers we want (BX-09)."""
    _business(work, message.tenant, wants_offers=message.data.offers_from == "all", blocked=tuple(message.data.blocked))


def _business(work: Work, tenant: str, **changes: Any) -> None:
    known = work.get(Business, tenant, tenant) or Business(tenant=tenant, id=tenant)
    work.put(replace(known, **changes))


def user_changed(work: Work, message: Heard[from_accounts.UserChanged], now: datetime) -> None:
    """A login of ours, whole."""
    data, tenant = message.data, message.tenant
    before = work.get(Login, tenant, data.id)
    if before is not None and before.email != data.email:
        old = work.get(Mailbox, tenant, before.email)
        if old is not None and old.user_id == data.id:
            work.delete(Mailbox, tenant, before.email)
    work.put(Login(tenant=tenant, id=data.id, name=data.name, email=data.email, role=data.role, active=data.active))
    work.put(Mailbox(tenant=tenant, id=data.email, user_id=data.id, active=data.active))


def team_changed(work: Work, message: Heard[from_managers.TeamChanged], now: datetime) -> None:
    """Our team of a partnership, whole; the newest version counts (rule 8)."""

    p = work.get(Partnership, message.tenant, message.subject)
    data = message.data
    if p is None or data.version <= p.team_version:
        return
    owner = Named(data.owner.id, data.owner.name)
    work.put(replace(p, managers=tuple(m.id for m in data.members), owner=owner, team_version=data.version))

"""What contacts does: the directory, and who is lent to whom."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from services.contacts.commands import CreateContact, GetContacts, ListContacts, RolesInUse, UpdateContact
from services.contacts.domain import directory, lending, parking
from services.contacts.domain.directory import Contact
from services.contacts.domain.lending import Assignment, Grant, Lent, Partnership
from services.contacts.domain.parking import Early, Parked
from shared.bus.door import check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import Call, Paged
from shared.clock import iso
from shared.contracts.accounts import UserChanged
from shared.contracts.contacts import AssignmentsChanged, ContactDetails, DetailsDue, DetailsShared
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    DeclineReceived,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
)
from shared.errors import ContactInUse, NotFound, ValidationError
from shared.ids import new_id
from shared.text import clean, fold

_FIND_AT_ONCE = 200
_TELL_AT_ONCE = 50


# The directory


def create_contact(work: Work, call: Call, command: CreateContact, now: datetime) -> Json:
    """Put a person into the directory. Answers the contact."""
    return shown(
        work.put(Contact(tenant=call.tenant, id=new_id(), **command.model_dump(), created_at=now, updated_at=now))
    )


def list_contacts(work: Work, call: Call, query: ListContacts, now: datetime) -> Json:
    """A page of the directory by name: {"items": [contact], "next": cursor or None}."""
    page = work.find(
        Contact,
        call.tenant,
        search=("search", fold(query.q)) if query.q else None,
        order="name_search",
        after=query.cursor,
        limit=query.limit,
    )
    return {"items": [shown(contact) for contact in page.items], "next": page.next}


def get_contact(work: Work, call: Call, now: datetime) -> Json:
    """One contact. Raises NotFound."""
    contact = work.peek(Contact, call.tenant, call.ids["contact_id"])
    if contact is None:
        raise NotFound()
    return shown(contact)


def get_contacts(work: Work, call: Call, query: GetContacts, now: datetime) -> Json:
    """{"items": [contact]} in the order in which they were asked for; unknown ones are left out."""
    found = _found(work, call.tenant, query.contact_ids)
    return {"items": [shown(found[id]) for id in query.contact_ids if id in found]}


def update_contact(work: Work, call: Call, command: UpdateContact, now: datetime) -> Json:
    """Change a contact; businesses it is lent to are told. Answers the contact.

    Raises NotFound, ChangedMeanwhile, and ValidationError for name or e-mail of a user: accounts owns them.
    """
    contact = _locked(work, call)
    after = directory.changed(contact, now=now, **command.given)
    refused = directory.belongs_to_accounts(contact, after)
    if refused:
        raise ValidationError.of(
            *[(field, "This person has a login: an admin changes this under Users.") for field in refused]
        )
    return shown(_keep(work, contact, after, now))


def delete_contact(work: Work, call: Call, now: datetime) -> Json:
    """Remove a person from the directory. Raises NotFound, ChangedMeanwhile, ContactInUse."""
    contact = _locked(work, call)
    if contact.login != "none":
        raise ContactInUse("This contact has a login and cannot be deleted.")
    if _held(work, call.tenant, lending.holds_contact(contact.id)):
        raise ContactInUse("This contact is part of a partnership and cannot be deleted.")
    work.delete(Contact, call.tenant, contact.id)
    return {}


def user_changed(work: Work, message: Heard[UserChanged], now: datetime) -> None:
    """Users are contacts: the contact of the same id follows name, e-mail and login."""
    user = message.data
    before = work.get(Contact, message.tenant, user.id)
    after = directory.with_login(
        before,
        tenant=message.tenant,
        id=user.id,
        name=user.name,
        email=user.email,
        active=user.active,
        now=message.time,
    )
    _keep(work, before, after, now)


def shown(contact: Contact) -> Json:
    """A contact as the public contract shows it."""
    return {
        "id": contact.id,
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "title": contact.title,
        "is_user": contact.login == "active",
        "version": contact.version,
        "created_at": iso(contact.created_at),
        "updated_at": iso(contact.updated_at),
    }


def _locked(work: Work, call: Call) -> Contact:
    contact = work.get(Contact, call.tenant, call.ids["contact_id"])
    if contact is None:
        raise NotFound()
    check_version(call, contact.version)
    return contact


def _keep(work: Work, before: Contact | None, after: Contact, now: datetime) -> Contact:
    if after is before:
        return after
    if before is not None and not directory.reads_the_same(before, after):
        # Not here: a person may be lent to thousands, and lists do not see what this transaction has written.
        work.later(DetailsDue(), tenant=after.tenant, subject=after.id, at=now)
    return work.put(after)


def _found(work: Work, tenant: str, ids: Iterable[str]) -> dict[str, Contact]:
    wanted, found = list(dict.fromkeys(ids)), {}
    for start in range(0, len(wanted), _FIND_AT_ONCE):
        some = wanted[start : start + _FIND_AT_ONCE]
        found.update(
            {contact.id: contact for contact in work.find(Contact, tenant, where={"id": some}, limit=len(some)).items}
        )
    return found


def _held(work: Work, tenant: str, hold: str) -> bool:
    return bool(work.find(Partnership, tenant, where={"living": True}, search=("holds", hold), limit=1).items)


# Who is lent to whom


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
            id: _lent(contact) for id, contact in _found(work, call.tenant, [one.contact_id for one in items]).items()
        }
    else:
        people = {one.id: one for one in partnership.details}
    return {"items": [_assignment(partnership, one, people.get(one.contact_id)) for one in items], "next": following}


def roles_in_use(work: Work, call: Call, query: RolesInUse, now: datetime) -> Json:
    """{"role_ids": [id]}: those of the roles that are granted to somebody in a living partnership."""
    return {"role_ids": [role for role in query.role_ids if _held(work, call.tenant, lending.holds_role(role))]}


def offer_submitted(work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
    """We offered people of ours."""
    _begin(work, message, side="partner", counterpart=message.data.customer)


def offer_received(work: Work, message: Heard[OfferReceived], now: datetime) -> None:
    """People of another business are offered to us."""
    _begin(work, message, side="customer", counterpart=message.data.partner)


def acceptance_given(work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
    """We accepted some and declined the others. What the partner's contacts said early is heard now."""
    partnership = work.get(Partnership, message.tenant, message.subject)
    if partnership is None:
        return
    roles = {
        one.id: tuple(
            Grant(
                environment_id=grant.environment_id,
                environment=grant.environment,
                role_id=grant.role_id,
                role=grant.role,
            )
            for grant in one.roles
        )
        for one in message.data.contacts
    }
    after = lending.accepted(partnership, roles)
    if after is partnership:
        return
    parked = work.get(Parked, message.tenant, message.subject)
    for early in parking.said_by(parked, partnership.counterpart):
        after = _hear_early(after, early)
    if parked is not None:
        work.delete(Parked, message.tenant, message.subject)
    _follow(work, partnership, after)


def acceptance_received(work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
    """Our offer was accepted: contacts of the customer is told how to reach those who come."""
    partnership = work.get(Partnership, message.tenant, message.subject)
    if partnership is None:
        return
    after = lending.accepted(partnership, {one.id: () for one in message.data.contacts})
    if after is not partnership:
        _follow(work, partnership, _tell_details(work, after))


def offer_declined(work: Work, message: Heard[DeclineGiven] | Heard[DeclineReceived], now: datetime) -> None:
    """The offer was declined, by us or by them."""
    partnership = work.get(Partnership, message.tenant, message.subject)
    if partnership is not None:
        _follow(work, partnership, lending.declined(partnership))


def offer_undeliverable(work: Work, message: Heard[OfferUndeliverable], now: datetime) -> None:
    """Our offer found nobody."""
    partnership = work.get(Partnership, message.tenant, message.subject)
    if partnership is not None:
        _follow(work, partnership, lending.undeliverable(partnership))


def details_shared(work: Work, message: Heard[DetailsShared], now: datetime) -> None:
    """The partner tells how to reach the people it lends; it waits for our own acceptance."""
    partnership = work.get(Partnership, message.tenant, message.subject)
    if partnership is None or partnership.phase == "open":
        early = Early(
            origin=message.origin,
            type=message.data.type,
            body=message.data.model_dump_json(),
            counter=message.data.counter,
        )
        parked = work.get(Parked, message.tenant, message.subject)
        work.put(parking.park(parked, tenant=message.tenant, id=message.subject, message=early))
    else:
        _follow(work, partnership, _hear_details(partnership, message.origin, message.data))


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
            _follow(work, partnership, _tell_details(work, partnership))
    if page.next is not None:
        work.later(DetailsDue(after=page.next), tenant=message.tenant, subject=message.subject, at=now)


def _begin(
    work: Work, message: Heard[OfferSubmitted] | Heard[OfferReceived], *, side: lending.Side, counterpart: str
) -> None:
    if work.get(Partnership, message.tenant, message.subject) is not None:
        return
    offer = message.data
    partnership = lending.offered(
        tenant=message.tenant,
        id=message.subject,
        side=side,
        counterpart=counterpart,
        contacts=[(one.id, one.name, one.title) for one in offer.contacts],
        at=offer.sent_at,
    )
    _follow(work, None, partnership)


def _follow(work: Work, before: Partnership | None, after: Partnership) -> None:
    """Keep what has changed, and state how many work there when that has."""
    if after is before:
        return
    work.put(after)
    working = len(lending.working(after))
    if working != (len(lending.working(before)) if before else 0):
        version = work.said(after.tenant, after.id) + 1
        work.say(AssignmentsChanged(version=version, working=working), tenant=after.tenant, subject=after.id)


def _tell_details(work: Work, partnership: Partnership) -> Partnership:
    """Tell the customer about everybody who works there, unless it has heard just that."""
    people = []
    for id in lending.working(partnership):
        contact = work.get(Contact, partnership.tenant, id)
        if contact is not None:
            people.append(_lent(contact))
    after = lending.share(partnership, people)
    if after is not partnership:
        details = [
            ContactDetails(id=one.id, name=one.name, email=one.email, phone=one.phone, title=one.title)
            for one in after.details
        ]
        work.tell(
            DetailsShared(counter=after.details_counter, contacts=details),
            tenant=after.tenant,
            to=after.counterpart,
            subject=after.id,
        )
    return after


def _hear_details(partnership: Partnership, origin: str, details: DetailsShared) -> Partnership:
    # Another business wrote this: whatever it is, it is shown as one line each of the length that ours may have.
    people = [
        Lent(
            id=one.id,
            name=clean(one.name, breaks=False)[:200],
            email=clean(one.email, breaks=False)[:254],
            phone=clean(one.phone, breaks=False)[:50],
            title=clean(one.title, breaks=False)[:200],
        )
        for one in details.contacts
    ]
    return lending.hear(partnership, counter=details.counter, by=origin, people=people)


def _hear_early(partnership: Partnership, early: Early) -> Partnership:
    if early.type == DetailsShared.type:
        return _hear_details(partnership, early.origin, DetailsShared.model_validate_json(early.body))
    return partnership


def _lent(contact: Contact) -> Lent:
    return Lent(id=contact.id, name=contact.name, email=contact.email, phone=contact.phone, title=contact.title)


def _page(everybody: list[Assignment], query: Paged) -> tuple[list[Assignment], str | None]:
    start = 0
    if query.cursor is not None:
        ids = [one.id for one in everybody]
        if query.cursor not in ids:
            raise ValidationError.of(("cursor", "Use the value of next from the page before."))
        start = ids.index(query.cursor) + 1
    items = everybody[start : start + query.limit]
    return items, items[-1].id if start + query.limit < len(everybody) else None


def _assignment(partnership: Partnership, one: Assignment, person: Lent | None) -> Json:
    # The customer learns how to reach somebody with the acceptance, whatever else the partner may have told.
    if partnership.side == "customer" and one.state not in {"accepted", "released"}:
        person = None
    return {
        "id": one.id,
        "contact_id": one.contact_id,
        "name": person.name if person else one.name,
        "email": person.email if person else None,
        "phone": person.phone if person else None,
        "title": person.title if person else one.title,
        "state": one.state,
        "label": lending.label(one),
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

"""The directory of a business: the people who can be lent, and the users among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from services.contacts import views
from services.contacts.commands import CreateContact, GetContacts, ListContacts, UpdateContact
from services.contacts.domain import directory, lending
from services.contacts.domain.directory import Contact
from services.contacts.domain.lending import Partnership
from services.contacts.handlers.keeping import company
from services.contacts.handlers.reserving import reserved, sweep
from shared.bus.door import check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts.accounts import UserChanged
from shared.contracts.contacts import DetailsDue
from shared.errors import ContactInUse, NotFound, ValidationError
from shared.ids import new_id
from shared.text import fold

_FIND_AT_ONCE = 200


def create_contact(work: Work, call: Call, command: CreateContact, now: datetime) -> Json:
    """Put a person into the directory. Answers the contact."""
    return views.contact(
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
    return {"items": [views.contact(contact) for contact in page.items], "next": page.next}


def get_contact(work: Work, call: Call, now: datetime) -> Json:
    """One contact. Raises NotFound."""
    contact = work.peek(Contact, call.tenant, call.ids["contact_id"])
    if contact is None:
        raise NotFound()
    return views.contact(contact)


def get_contacts(work: Work, call: Call, query: GetContacts, now: datetime) -> Json:
    """{"items": [contact]} in the order in which they were asked for; unknown ones are left out."""
    found = found_people(work, call.tenant, query.contact_ids)
    return {"items": [views.contact(found[id]) for id in query.contact_ids if id in found]}


def known_contacts(work: Work, call: Call, ids: Sequence[str], now: datetime) -> frozenset[str]:
    """Which of these are in the directory."""
    return frozenset(found_people(work, call.tenant, ids))


def update_contact(work: Work, call: Call, command: UpdateContact, now: datetime) -> Json:
    """Change a contact; businesses it is lent to are told. Answers the contact.

    Raises NotFound, ChangedMeanwhile, and ValidationError for name or e-mail of a user: accounts owns them.
    """
    contact = _locked(work, call)
    after = directory.changed(contact, now=now, **command.given)
    refused = directory.belongs_to_accounts(contact, after)
    if refused:
        raise ValidationError.of(*[(field, directory.OF_A_LOGIN) for field in refused])
    return views.contact(keep(work, contact, after, now))


def delete_contact(work: Work, call: Call, now: datetime) -> Json:
    """Remove a person from the directory. Raises NotFound, ChangedMeanwhile, ContactInUse."""
    contact = _locked(work, call)
    if contact.login != "none":
        raise ContactInUse("This contact has a login and cannot be deleted.")
    # First whether somebody is about to need them: what a reservation was for is known before it goes.
    if reserved(work, call.tenant, contact.id, now):
        raise ContactInUse("This contact is just being offered or given a login. Try again in a minute.")
    needed = holders(work, call.tenant, lending.holds_contact(contact.id), most=2)
    if needed:
        there = company(work, needed[0]) + (" and others" if len(needed) > 1 else "")
        raise ContactInUse(
            f"This contact is part of the partnership with {there}"
            " and cannot be deleted before they are released there or it has ended."
        )
    sweep(work, call.tenant, now)
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
    keep(work, before, after, now)


def _locked(work: Work, call: Call) -> Contact:
    contact = work.get(Contact, call.tenant, call.ids["contact_id"])
    if contact is None:
        raise NotFound()
    check_version(call, contact.version)
    return contact


def keep(work: Work, before: Contact | None, after: Contact, now: datetime) -> Contact:
    """Keep the contact as it is `after` a change; businesses it is lent to are told."""
    if after is before:
        return after
    if before is not None and not directory.reads_the_same(before, after):
        # Not here: a person may be lent to thousands, and lists do not see what this transaction has written.
        work.later(DetailsDue(), tenant=after.tenant, subject=after.id, at=now)
    return work.put(after)


def found_people(work: Work, tenant: str, ids: Iterable[str]) -> dict[str, Contact]:
    """The people with these ids, by id; unknown ones are left out. As they were committed before."""
    wanted, found = list(dict.fromkeys(ids)), {}
    for start in range(0, len(wanted), _FIND_AT_ONCE):
        some = wanted[start : start + _FIND_AT_ONCE]
        found.update(
            {contact.id: contact for contact in work.find(Contact, tenant, where={"id": some}, limit=len(some)).items}
        )
    return found


def holders(work: Work, tenant: str, hold: str, *, most: int = 1) -> Sequence[Partnership]:
    """The living partnerships that need what `hold` names, `most` of them."""
    return work.find(Partnership, tenant, where={"living": True}, search=("holds", hold), limit=most).items

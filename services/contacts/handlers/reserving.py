"""Nobody is offered and deleted at the same moment: whoever is about to be needed is reserved until contacts knows what needs them."""

from __future__ import annotations

from datetime import datetime

from services.contacts import views
from services.contacts.commands import ReleaseContacts, ReserveContacts
from services.contacts.domain import reserving as rules
from services.contacts.domain.directory import Contact
from services.contacts.domain.reserving import Reservation
from shared.bus.work import Json, Work
from shared.calls import Call

_SWEPT = 50


def reserve_contacts(work: Work, call: Call, command: ReserveContacts, now: datetime) -> Json:
    """{"items": [contact]} in the order in which they were asked for, none of whom can be deleted for now; unknown ones are left out.

    Nobody is reserved when one of them is unknown: what names them will be refused.
    """
    # Locked: whoever deletes one of them has done so before, or sees the reservation.
    found = work.get_many(Contact, call.tenant, command.contact_ids)
    if found and len(found) == len(command.contact_ids):
        # Over the one of a command that was repeated, without looking for it first: an offer waits for this.
        settle(work, call.tenant, command.needed_by)
        work.put(rules.reserve(tenant=call.tenant, needed_by=command.needed_by, contacts=found, now=now))
    return {"items": [views.contact(found[id]) for id in command.contact_ids if id in found]}


def release_contacts(work: Work, call: Call, command: ReleaseContacts, now: datetime) -> Json:
    """What was going to need them was refused."""
    settle(work, call.tenant, command.needed_by)
    sweep(work, call.tenant, now)
    return {}


def settle(work: Work, tenant: str, needed_by: str) -> None:
    """What needs them is known here now, and holds them itself."""
    work.delete(Reservation, tenant, needed_by)


def sweep(work: Work, tenant: str, now: datetime) -> None:
    """Forget some that count no more: those of whom nothing was heard, and of logins, which contacts can tell from the user alone."""
    for one in work.find(Reservation, tenant, order="until", limit=_SWEPT).items:
        if one.until <= now:
            settle(work, tenant, one.id)


def reserved(work: Work, tenant: str, contact: str, now: datetime) -> bool:
    """Whether somebody is about to need this contact."""
    found = work.find(Reservation, tenant, search=("contacts", contact), since=("until", now), order="until", limit=1)
    return bool(found.items)

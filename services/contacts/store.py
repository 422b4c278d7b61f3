"""What contacts keeps, and the columns its lists are searched and sorted by."""

from __future__ import annotations

from services.contacts.domain import lending
from services.contacts.domain.counterparts import Counterpart
from services.contacts.domain.directory import Contact
from services.contacts.domain.lending import Partnership
from services.contacts.domain.modifying import Modification
from services.contacts.domain.parking import Parked
from services.contacts.domain.reserving import Reservation
from shared.bus.records import Column, Table
from shared.text import fold

CONTACTS = Table(
    Contact,
    "contacts",
    part="directory",
    columns={
        "name_search": Column("text", lambda contact: fold(contact.name)),
        "search": Column("text", lambda contact: fold("\n".join((contact.name, contact.email, contact.title)))),
        "email": Column("text", lambda contact: contact.email),
    },
)

# `holds` is searched by the few commands that must know what a contact or role is needed for.
PARTNERSHIPS = Table(
    Partnership,
    "partnerships",
    columns={
        "living": Column("boolean", lambda partnership: bool(lending.holds(partnership))),
        "holds": Column("text", lambda partnership: " ".join(sorted(lending.holds(partnership)))),
    },
    by_subject=True,
    part="contacts",
    about=lambda partnership: partnership.id,
)

PARKED = Table(Parked, "parked", by_subject=True)

MODIFICATIONS = Table(
    Modification,
    "modifications",
    part="contacts",
    about=lambda modification: modification.partnership_id,
    columns={
        "partnership_id": Column("text", lambda modification: modification.partnership_id),
        "shown_as": Column("text", lambda modification: modification.state),
        "created_at": Column("timestamptz", lambda modification: modification.created_at),
    },
)

COUNTERPARTS = Table(Counterpart, "counterparts")

RESERVATIONS = Table(
    Reservation,
    "reservations",
    columns={
        "contacts": Column("text", lambda reservation: " ".join(reservation.contact_ids)),
        "until": Column("timestamptz", lambda reservation: reservation.until),
    },
)

TABLES = (CONTACTS, PARTNERSHIPS, PARKED, MODIFICATIONS, COUNTERPARTS, RESERVATIONS)

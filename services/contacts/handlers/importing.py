"""Importing contacts: what would happen is shown first, and all of it or nothing happens (BX-15)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.contacts.commands import ImportContacts, ImportedContact
from services.contacts.domain import importing
from services.contacts.domain.directory import Contact
from services.contacts.domain.importing import Planned, Row
from services.contacts.handlers.directory import keep
from shared.bus.door import check_version
from shared.bus.work import Json, Work
from shared.calls import Call, read_body
from shared.errors import ValidationError
from shared.ids import new_id

_FIND_AT_ONCE = 200


def preview_import(work: Work, call: Call, command: ImportContacts, now: datetime) -> Json:
    """What the rows would do now, as `import_contacts` answers it. Nothing is written or locked."""
    rows = _rows(command)
    return _shown(importing.plan(rows, _known(work, call.tenant, rows), now=now))


def import_contacts(work: Work, call: Call, command: ImportContacts, now: datetime) -> Json:
    """Make and change contacts, all or none; businesses they are lent to are told. Answers what each row has done:

    `{"items": [{"row", "outcome", "contact_id", "changes", "errors", "same_as"}], "counts": {outcome: n}, "version"}`.
    Raises ValidationError when a row is invalid or a double, ChangedMeanwhile when `If-Match` names the version of another preview.
    """
    rows = _rows(command)
    # What was found may have changed until it is locked; what is locked is decided upon.
    found = work.get_many(Contact, call.tenant, [contact.id for contact in _known(work, call.tenant, rows)])
    planned = importing.plan(rows, list(found.values()), now=now)
    check_version(call, importing.version(planned))
    faults = importing.faults(planned)
    if faults:
        raise ValidationError.of(*faults)
    made = {}
    for one in planned:
        if one.outcome == "new":
            contact = importing.made(one, tenant=call.tenant, id=new_id(), now=now)
            made[one.row] = work.add(contact).id
        elif one.after is not None:
            keep(work, one.before, one.after, now)
    return _shown(planned, made)


def _rows(command: ImportContacts) -> list[Row]:
    rows = []
    for item in command.items:
        try:
            rows.append(Row(read_body(item, ImportedContact).given))
        except ValidationError as refused:
            rows.append(Row({}, tuple((error["field"], error["message"]) for error in refused.info["errors"])))
    return rows


def _known(work: Work, tenant: str, rows: Iterable[Row]) -> list[Contact]:
    """The contacts that have the e-mail of one of these rows. As they were committed before."""
    emails = sorted({row.given["email"] for row in rows if not row.faults})
    found: list[Contact] = []
    for start in range(0, len(emails), _FIND_AT_ONCE):
        where, cursor = {"email": emails[start : start + _FIND_AT_ONCE]}, None
        while True:
            page = work.find(Contact, tenant, where=where, order="email", after=cursor, limit=_FIND_AT_ONCE)
            found += page.items
            cursor = page.next
            if cursor is None:
                break
    return found


def _shown(planned: Sequence[Planned], made: Mapping[int, str] | None = None) -> Json:
    return {
        "items": [_item(one, (made or {}).get(one.row)) for one in planned],
        "counts": importing.counts(planned),
        "version": importing.version(planned),
    }


def _item(one: Planned, made: str | None) -> dict[str, Any]:
    return {
        "row": one.row,
        "outcome": one.outcome,
        "contact_id": one.before.id if one.before else made,
        "changes": [{"field": field, "before": before, "after": after} for field, before, after in one.changes],
        "errors": [{"field": field, "message": sentence} for field, sentence in one.faults],
        "same_as": one.same_as,
    }

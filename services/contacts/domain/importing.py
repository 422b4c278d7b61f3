"""Many contacts at once: what each row of a list would do to the directory, decided before anything is done (BX-15)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.contacts.domain.directory import OF_A_LOGIN, Contact, belongs_to_accounts, changed

Outcome = Literal["new", "changed", "unchanged", "invalid", "double"]
OUTCOMES: tuple[Outcome, ...] = ("new", "changed", "unchanged", "invalid", "double")
FIELDS = ("name", "email", "phone", "title")
UNCLEAR = "Several contacts have this e-mail: change the one you mean by hand."

Fault = tuple[str, str]
"""(field, sentence)"""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list: the fields that are given, cleaned, or what is wrong with them."""

    given: Mapping[str, str]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """What a row does. `before` is the contact it is about, `after` the same as it will be; `same_as` is the row whose e-mail a double repeats."""

    row: int
    outcome: Outcome
    given: Mapping[str, str]
    before: Contact | None = None
    after: Contact | None = None
    faults: tuple[Fault, ...] = ()
    same_as: int | None = None

    @property
    def changes(self) -> tuple[tuple[str, str, str], ...]:
        """(field, before, after) of what differs."""
        if self.before is None or self.after is None:
            return ()
        pairs = ((field, getattr(self.before, field), getattr(self.after, field)) for field in FIELDS)
        return tuple(pair for pair in pairs if pair[1] != pair[2])


def plan(rows: Sequence[Row], known: Sequence[Contact], *, now: datetime) -> tuple[Planned, ...]:
    """What each row would do, in their order. `known` are the contacts that have one of their e-mails; others do not matter.

    A field that is not given stays as it is. The first good row with an e-mail counts; later ones are doubles of it.
    """
    by_email: dict[str, list[Contact]] = {}
    for contact in known:
        by_email.setdefault(contact.email, []).append(contact)
    first: dict[str, int] = {}
    found: list[Planned] = []
    for number, row in enumerate(rows):
        if row.faults:
            found.append(Planned(number, "invalid", row.given, faults=row.faults))
            continue
        email = row.given["email"]
        if email in first:
            found.append(Planned(number, "double", row.given, same_as=first[email]))
            continue
        planned = _planned(number, row, by_email.get(email, ()), now)
        if planned.outcome != "invalid":
            first[email] = number
        found.append(planned)
    return tuple(found)


def _planned(number: int, row: Row, contacts: Sequence[Contact], now: datetime) -> Planned:
    if not contacts:
        return Planned(number, "new", row.given)
    meant = contacts if len(contacts) == 1 else [c for c in contacts if c.name == row.given["name"]]
    if len(meant) != 1:
        return Planned(number, "invalid", row.given, faults=(("email", UNCLEAR),))
    (before,) = meant
    after = changed(before, now=now, **row.given)
    if after is before:
        return Planned(number, "unchanged", row.given, before, after)
    refused = belongs_to_accounts(before, after)
    if refused:
        faults = tuple((field, OF_A_LOGIN) for field in refused)
        return Planned(number, "invalid", row.given, before, faults=faults)
    return Planned(number, "changed", row.given, before, after)


def made(planned: Planned, *, tenant: str, id: str, now: datetime) -> Contact:
    """The contact that a new row becomes."""
    given = planned.given
    return Contact(
        tenant=tenant,
        id=id,
        name=given["name"],
        email=given["email"],
        phone=given.get("phone", ""),
        title=given.get("title", ""),
        created_at=now,
        updated_at=now,
    )


def counts(planned: Sequence[Planned]) -> dict[str, int]:
    """How many rows there are of each outcome; all of them are named."""
    return {outcome: sum(one.outcome == outcome for one in planned) for outcome in OUTCOMES}


def faults(planned: Sequence[Planned]) -> list[Fault]:
    """Why the rows are refused as a whole: (`items.<row>.<field>`, sentence) for each that is wrong."""
    found: list[Fault] = []
    for one in planned:
        if one.same_as is not None:
            found.append((f"items.{one.row}.email", f"This e-mail stands in items.{one.same_as} already."))
        found += [(f"items.{one.row}.{field}", sentence) for field, sentence in one.faults]
    return found


def version(planned: Sequence[Planned]) -> int:
    """A number for what the good rows would do: another one as soon as a contact they are about is changed, made or gone.

    The rows that are wrong do not count, so that it stays when they are left out.
    """
    digest = hashlib.sha256()
    for one in planned:
        if one.outcome in ("new", "changed", "unchanged"):
            about = f"{one.before.id} {one.before.version}" if one.before else ""
            digest.update(repr((one.outcome, about, sorted(one.given.items()))).encode())
    return int.from_bytes(digest.digest()[:6])

"""What a person reads in the history: one sentence an entry, and what its chevron opens.

Pure, and tolerant: an entry that was written by an older or a newer release still reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.history.domain.entries import Entry

Json = dict[str, Any]


def count(number: int, word: str) -> str:
    """`1 contact`, `2 contacts`, `no contacts`."""
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


def doer(entry: Entry) -> str:
    """Who did it: a name, and for the other side the business as well."""
    if entry.side == "them" and entry.company:
        return f"{entry.name} of {entry.company}"
    return entry.name


def _sent(entry: Entry) -> str:
    proposed = f"proposed {count(len(entry.data.get('contacts', [])), 'contact')}"
    if entry.side == "us":
        return f"{doer(entry)} sent an offer to {entry.data.get('customer', 'the customer')} and {proposed}."
    return f"{doer(entry)} offered to work together and {proposed}."


def _accepted(entry: Entry) -> str:
    accepted, declined = len(entry.data.get("contacts", [])), len(entry.data.get("declined", []))
    whose = "our" if entry.side == "them" else f"{entry.data.get('partner', 'the partner')}’s"
    if declined:
        return f"{doer(entry)} accepted {whose} offer with {accepted} of {count(accepted + declined, 'contact')}."
    return f"{doer(entry)} accepted {whose} offer with {count(accepted, 'contact')}."


def _declined(entry: Entry) -> str:
    whose = "our" if entry.side == "them" else f"{entry.data.get('partner', 'the partner')}’s"
    return f"{doer(entry)} declined {whose} offer."


def _undeliverable(entry: Entry) -> str:
    return f"The offer to {entry.data.get('customer', 'the customer')} could not be delivered."


_TITLES: Mapping[str, Callable[[Entry], str]] = {
    "offer.sent": _sent,
    "offer.accepted": _accepted,
    "offer.declined": _declined,
    "offer.undeliverable": _undeliverable,
}


def title(entry: Entry) -> str:
    """One English sentence that says what happened and who did it."""
    known = _TITLES.get(entry.type)
    return known(entry) if known else f"{doer(entry)}: {entry.type.replace('.', ' ').replace('_', ' ')}."


def _person(person: Mapping[str, Any]) -> Json:
    shown: Json = {"id": person["id"], "name": person["name"]}
    if person.get("title"):
        shown["title"] = person["title"]
    if person.get("roles"):
        shown["roles"] = [{"environment": r["environment"], "role": r["role"]} for r in person["roles"]]
    return shown


def details(entry: Entry) -> Json:
    """What the chevron opens; only what is there.

    `message`, `reason` and `comment` are texts of people, `customer` a tenant name, `email` the login that the offer named;
    `contacts`, `declined` and `managers` are people `{id, name, title?, roles?: [{environment, role}]}`.
    """
    shown: Json = {}
    for name in ("message", "customer", "email", "reason", "comment"):
        if entry.data.get(name):
            shown[name] = entry.data[name]
    for name in ("contacts", "declined", "managers"):
        if entry.data.get(name):
            shown[name] = [_person(p) for p in entry.data[name]]
    return shown

"""What a person reads in the history: one sentence an entry, and what its chevron opens.

Pure, and tolerant: an entry that was written by an older or a newer release still reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.history.domain.entries import Entry

Json = dict[str, Any]


def count(number: int, word: str) -> str:
    """`1 contact`, `2 contacts`, `no contacts`."""
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


def names(people: Sequence[Mapping[str, Any]], most: int = 5) -> str:
    """`Ada`, `Ada and Nils`, `Ada, Nils and Mia`; from the sixth on `and 3 more`."""
    shown = [str(person.get("name") or "somebody") for person in people]
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


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


def _held(entry: Entry) -> str:
    customer = entry.data.get("customer", "the customer")
    proposed = count(len(entry.data.get("contacts", [])), "contact")
    return f"{doer(entry)} wrote a new offer to {customer} with {proposed}; it leaves once they know that the last one is over."


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


_TOO_LATE = " after it had been answered; the answer counts"


def _late(entry: Entry) -> str:
    return "" if entry.data.get("counts", True) else _TOO_LATE


def _to(entry: Entry) -> str:
    return str(entry.data.get("to") or "the customer")


def _withdrawn(entry: Entry) -> str:
    if entry.side == "them":
        return f"{doer(entry)} withdrew the offer{_late(entry)}."
    held = "" if entry.data.get("told", True) else ", which had not left yet"
    return f"{doer(entry)} withdrew the offer to {_to(entry)}{held}."


def _expired(entry: Entry) -> str:
    if entry.side == "them":
        return f"{entry.company or 'The partner'}’s offer expired{_late(entry)}."
    held = "" if entry.data.get("told", True) else ", which had not left yet,"
    return f"The offer to {_to(entry)}{held} expired without an answer."


def _reminded(entry: Entry) -> str:
    if entry.side == "them":
        return f"{doer(entry)} reminded us of the offer{_late(entry)}."
    return f"{doer(entry)} reminded {_to(entry)} of the offer."


def _ended(entry: Entry) -> str:
    return f"{doer(entry)} ended the partnership{'' if entry.data.get('first', True) else ' as well'}."


def _wishes(entry: Entry) -> str:
    """`to add 2 contacts and to release 1 contact`."""
    actions = [item.get("action") for item in entry.data.get("items", [])]
    wishes = [
        f"to {action} {count(actions.count(action), 'contact')}" for action in ("add", "release") if action in actions
    ]
    return " and ".join(wishes) or "a change"


def _proposed(entry: Entry) -> str:
    return f"{doer(entry)} proposed {_wishes(entry)}."


def _retracted(entry: Entry) -> str:
    return f"{doer(entry)} withdrew the proposal {_wishes(entry)}{_late(entry)}."


def _answered(entry: Entry) -> str:
    items: Sequence[Mapping[str, Any]] = entry.data.get("items", [])
    if entry.data.get("automatic"):
        return f"{entry.name} {_by_itself(items, _whose(entry))}."
    accepted = [item for item in items if item.get("decision") == "accept"]
    if not items:
        what = "answered a proposal"
    elif len(items) == 1:
        what = f"{'accepted' if accepted else 'declined'} the change"
    elif len(accepted) in {0, len(items)}:
        what = f"{'accepted' if accepted else 'declined'} all {count(len(items), 'change')}"
    else:
        what = f"accepted {len(accepted)} of {count(len(items), 'change')}"
    whose = f" that {entry.company} proposed" if entry.side == "us" and entry.company else ""
    instead = " and suggested something else" if entry.data.get("suggestion") else ""
    return f"{doer(entry)} {what}{whose}{instead}."


def _whose(entry: Entry) -> str:
    """Whose proposal was answered: when both sides propose the same there are two answers, and each is told."""
    return f"that {entry.company or 'the other side'} proposed" if entry.side == "us" else "that we proposed"


def _by_itself(items: Sequence[Mapping[str, Any]], whose: str) -> str:
    """What a rule decided, and why (protocol rule 2): proposed by both, or done already, it was agreed."""
    released = [i for i in items if (i.get("action"), i.get("decision")) == ("release", "accept")]
    there = [i for i in items if (i.get("action"), i.get("decision")) == ("add", "decline")]
    said = []
    if released:
        said.append(f"accepted the release of {names(released)} {whose}, since both sides have agreed to it")
    if there:
        said.append(f"did not add {names(there)}, who {'works' if len(there) == 1 else 'work'} there already")
    if len(released) + len(there) < len(items):
        said.append(f"decided {count(len(items) - len(released) - len(there), 'change')} by a rule")
    return ", and ".join(said) or "decided by a rule"


def _owner_changed(entry: Entry) -> str:
    return f"{doer(entry)} made {names([entry.data.get('owner') or {}])} the account owner."


def _owner_named(entry: Entry) -> str:
    owner = entry.data.get("owner") or {}
    if not owner.get("name"):
        return f"{entry.name or 'The other side'} has no account owner at the moment."
    if entry.data.get("renamed"):
        return f"The account owner of {entry.name or 'the other side'} is called {owner['name']} now."
    return f"{names([owner])} is the account owner of {entry.name or 'the other side'} now."


def _team_changed(entry: Entry) -> str:
    added, removed = entry.data.get("added", []), entry.data.get("removed", [])
    if entry.data.get("cause") == "deactivated":
        alone = ", and nobody is left in it" if entry.data.get("empty") else ""
        has = "has" if len(removed) == 1 else "have"
        return f"{names(removed) or 'Somebody'} {has} no active login any more and left the team{alone}."
    if removed and not added:
        if [person.get("id") for person in removed] == [entry.data.get("by_id")]:
            return f"{doer(entry)} left the team."
        return f"{doer(entry)} removed {names(removed)} from the team."
    if added:
        return f"{doer(entry)} added {names(added)} to the team."
    return f"{doer(entry)} changed the team."


_TITLES: Mapping[str, Callable[[Entry], str]] = {
    "offer.sent": _sent,
    "offer.held": _held,
    "offer.accepted": _accepted,
    "offer.declined": _declined,
    "offer.undeliverable": _undeliverable,
    "offer.withdrawn": _withdrawn,
    "offer.expired": _expired,
    "offer.reminded": _reminded,
    "partnership.ended": _ended,
    "modification.proposed": _proposed,
    "modification.answered": _answered,
    "modification.withdrawn": _retracted,
    "owner.changed": _owner_changed,
    "owner.named": _owner_named,
    "team.changed": _team_changed,
}


def title(entry: Entry) -> str:
    """One English sentence that says what happened and who did it."""
    known = _TITLES.get(entry.type)
    return known(entry) if known else f"{doer(entry)}: {entry.type.replace('.', ' ').replace('_', ' ')}."


_TEXTS = ("message", "customer", "email", "reason", "comment", "suggestion", "in_reply_to")
_PEOPLE = ("contacts", "declined", "managers", "added", "removed")
_PERSONS = ("previous_owner", "owner")


def _roles(roles: Sequence[Mapping[str, Any]]) -> list[Json]:
    return [{"environment": r["environment"], "role": r["role"]} for r in roles]


def _person(person: Mapping[str, Any]) -> Json:
    shown: Json = {"id": person["id"], "name": person["name"]}
    if person.get("title"):
        shown["title"] = person["title"]
    if person.get("roles"):
        shown["roles"] = _roles(person["roles"])
    return shown


def _item(item: Mapping[str, Any]) -> Json:
    shown: Json = {"contact_id": item["contact_id"], "name": item["name"], "action": item["action"]}
    for name in ("title", "decision", "comment"):
        if item.get(name):
            shown[name] = item[name]
    if item.get("roles"):
        shown["roles"] = _roles(item["roles"])
    return shown


def details(entry: Entry) -> Json:
    """What the chevron opens; only what is there.

    `message`, `reason`, `comment` and `suggestion` are texts of people, `customer` a tenant name, `email` the login that the offer
    named, `in_reply_to` the id of the proposal that was answered with a suggestion. `contacts`, `declined`, `managers`, `added` and `removed` are people
    `{id, name, title?, roles?: [{environment, role}]}`, `previous_owner` and `owner` one each; `items` are
    `{contact_id, name, action, title?, decision?, comment?, roles?}`.
    """
    shown: Json = {name: entry.data[name] for name in _TEXTS if entry.data.get(name)}
    shown |= {name: [_person(p) for p in entry.data[name]] for name in _PEOPLE if entry.data.get(name)}
    shown |= {name: _person(entry.data[name]) for name in _PERSONS if entry.data.get(name)}
    if entry.data.get("items"):
        shown["items"] = [_item(item) for item in entry.data["items"]]
    return shown

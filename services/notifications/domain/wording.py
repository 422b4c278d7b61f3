"""What people read, in the app and in mails: a title, a text of one or two sentences, and the way to where they act.

Pure, and tolerant: a notification of an older or a newer release still reads. The words of the other side stand in quotation marks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a person wrote: a message, a reason, a comment, a suggestion. `lead` says what it is, where that is not plain."""

    words: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A title without full stop, a text of sentences, and what people wrote, if they did."""

    title: str
    text: str
    quotes: tuple[Quote, ...] = ()


def quoted(*texts: Any) -> tuple[Quote, ...]:
    """Those texts that are there."""
    return tuple(Quote(str(text)) for text in texts if text)


def count(number: int, word: str) -> str:
    """`1 contact`, `2 contacts`, `no contacts`."""
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"


def names(people: Sequence[Data], most: int = 5) -> str:
    """`Ada`, `Ada and Nils`, `Ada, Nils and Mia`; from the sixth on `and 3 more`."""
    shown = [str(person.get("name", "")) for person in people]
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _company(data: Data, unknown: str = "A business") -> str:
    return str(data.get("company") or data.get("customer") or data.get("partner") or unknown)


def _named(person: Any) -> str:
    return str((person or {}).get("name") or "Somebody")


def _name(data: Data, key: str = "by") -> str:
    return _named(data.get(key))


def _of(data: Data, key: str = "by") -> str:
    """Somebody of the other side."""
    return f"{_name(data, key)} of {_company(data)}"


# Offers


def _offer_submitted(data: Data) -> Words:
    contacts = data.get("contacts", [])
    return Words(
        f"You look after the offer to {_company(data)}",
        f"{_name(data, 'sent_by')} sent it and chose you as a partner manager. It proposes {count(len(contacts), 'contact')}:"
        f" {names(contacts)}.",
        quoted(data.get("message")),
    )


def _offer_received(data: Data) -> Words:
    contacts = data.get("contacts", [])
    return Words(
        f"{_company(data)} offers to work with you",
        f"{_of(data, 'sent_by')} offers {count(len(contacts), 'contact')}: {names(contacts)}.",
        quoted(data.get("message")),
    )


def _offer_undeliverable(data: Data) -> Words:
    # Which of the two was wrong is never said.
    return Words(
        f"Your offer to {data.get('customer', 'the customer')} could not be delivered",
        f"No business with that tenant name and login e-mail: {data.get('customer', '')}, {data.get('email', '')}.",
    )


def _some_of(data: Data) -> str:
    accepted, declined = data.get("contacts", []), data.get("declined", [])
    if not declined:
        return f"{count(len(accepted), 'contact')}: {names(accepted)}"
    return f"{len(accepted)} of {count(len(accepted) + len(declined), 'contact')}: {names(accepted)}"


def _acceptance_given(data: Data) -> Words:
    return Words(
        f"You look after the partnership with {_company(data)} now",
        f"{_name(data)} accepted the offer with {_some_of(data)}.",
        quoted(data.get("comment")),
    )


def _acceptance_received(data: Data) -> Words:
    return Words(
        f"{_company(data)} accepted your offer",
        f"{_of(data)} accepted {_some_of(data)}.",
        quoted(data.get("comment")),
    )


def _decline_given(data: Data) -> Words:
    return Words(
        f"The offer of {_company(data)} was declined",
        f"{_name(data)} declined it.",
        quoted(data.get("reason")),
    )


def _decline_received(data: Data) -> Words:
    return Words(
        f"{_company(data)} declined your offer",
        f"{_of(data)} declined your offer.",
        quoted(data.get("reason")),
    )


def _withdrawal_given(data: Data) -> Words:
    return Words(
        f"Your offer to {_company(data)} was withdrawn",
        f"{_name(data)} took it back." if data.get("told", True) else f"{_company(data)} never got it.",
        quoted(data.get("reason")),
    )


def _withdrawal_received(data: Data) -> Words:
    return Words(
        f"{_company(data)} withdrew its offer",
        f"{_of(data)} took it back. It needs no answer any more.",
        quoted(data.get("reason")),
    )


def _expiry_given(data: Data) -> Words:
    return Words(f"Your offer to {_company(data)} has expired", "It was not answered in time. You can send a new one.")


def _expiry_received(data: Data) -> Words:
    return Words(f"The offer of {_company(data)} has expired", "It was not answered in time.")


def _reminder_given(data: Data) -> Words:
    return Words(f"{_company(data)} was reminded of your offer", f"{_name(data)} sent the reminder.")


def _reminder_received(data: Data) -> Words:
    return Words(
        f"{_company(data)} reminds you of its offer", f"{_of(data)} would like to know whether you accept or decline."
    )


# The partnership


def _end_given(data: Data) -> Words:
    return Words(
        f"The partnership with {_company(data)} has ended", f"{_name(data)} ended it.", quoted(data.get("reason"))
    )


def _end_received(data: Data) -> Words:
    return Words(
        f"{_company(data)} ended the partnership",
        f"{_of(data)} ended it. You can still read everything.",
        quoted(data.get("reason")),
    )


def _owner_received(data: Data) -> Words:
    name = str(data.get("name") or "Somebody else")
    return Words(
        f"{_company(data)} has another account owner", f"{name} is the first point of contact on their side now."
    )


def _team_changed(data: Data, user_id: str) -> Words:
    """Each hears what it means for them; without `user_id` it is nobody's own."""
    by = data.get("by")
    # Managers' word may come before that of offers, which alone knows how the other side is called.
    company = _company(data, "another business")
    owner, before = data.get("owner") or {}, data.get("previous_owner")
    gone = data.get("removed", [])
    if any(one.get("id") == user_id for one in data.get("added", [])):
        said = f"{_named(by)} added you to the team" if by else "You were added to the team"
        return Words(
            f"You look after the partnership with {company} now",
            f"{said} and made you the account owner." if owner.get("id") == user_id else f"{said}.",
        )
    if before and owner.get("id") == user_id:
        if data.get("cause") == "deactivated":
            why = f"{_named(before)} has no active login any more."
        elif gone and by:
            why = (
                f"{_named(by)} left the team."
                if (by or {}).get("id") == (before or {}).get("id")
                else f"{_named(by)} removed {_named(before)} from the team."
            )
        else:
            why = f"{_named(by)} chose you. Before, it was {_named(before)}."
        return Words(f"You are the account owner of the partnership with {company} now", why)
    if not data.get("members"):
        return Words(
            f"Nobody looks after the partnership with {company} any more",
            f"{names(gone) or 'The last partner manager'} has no active login any more. Choose somebody else.",
        )
    return Words(f"The team of the partnership with {company} has changed", "Open it to see who looks after it.")


# Changes of who is lent


def _wishes(data: Data) -> str:
    """`to add Mia and Olof and to release Ann`."""
    items = data.get("items", [])
    wishes = []
    for action in ("add", "release"):
        people = [item for item in items if item.get("action") == action]
        if people:
            wishes.append(f"to {action} {names(people)}")
    return " and ".join(wishes) or "a change"


def _proposal_given(data: Data) -> Words:
    return Words(
        f"A change was proposed to {_company(data)}",
        f"{_name(data)} proposes {_wishes(data)}.",
        quoted(data.get("reason")),
    )


def _proposal_received(data: Data) -> Words:
    return Words(
        f"{_company(data)} proposes a change", f"{_of(data)} proposes {_wishes(data)}.", quoted(data.get("reason"))
    )


def _decided(data: Data) -> str:
    """`agreed to add Olof and declined to release Mia`."""
    said = []
    for decision, verb in (("accept", "agreed"), ("decline", "declined")):
        items = [item for item in data.get("items", []) if item.get("decision") == decision]
        if items:
            said.append(f"{verb} {_wishes({'items': items})}")
    return " and ".join(said) or "answered the proposal"


def _comments(data: Data) -> tuple[Quote, ...]:
    on_items = [
        Quote(str(item["comment"]), f"On {_named(item)}:") for item in data.get("items", []) if item.get("comment")
    ]
    instead = [Quote(str(data["suggestion"]), "Suggested instead:")] if data.get("suggestion") else []
    return (*quoted(data.get("comment")), *on_items, *instead)


def _by_itself(data: Data) -> Words:
    """Decided without anybody (protocol rule 2), and why."""
    items = data.get("items", [])
    released = [i for i in items if (i.get("action"), i.get("decision")) == ("release", "accept")]
    there = [i for i in items if (i.get("action"), i.get("decision")) == ("add", "decline")]
    said = []
    if released:
        verb = "is" if len(released) == 1 else "are"
        said.append(f"{names(released)} {verb} released: both sides have agreed to it.")
    if there:
        verb = "works" if len(there) == 1 else "work"
        said.append(f"{names(there)} {verb} there already and did not need to be added.")
    return Words(
        f"A change in the partnership with {_company(data)} needed no answer",
        " ".join(said) or "It was decided by a rule.",
    )


def _answer_given(data: Data) -> Words:
    if not data.get("by"):
        return _by_itself(data)
    return Words(
        f"The change that {_company(data)} proposed was answered", f"{_name(data)} {_decided(data)}.", _comments(data)
    )


def _answer_received(data: Data) -> Words:
    if not data.get("by"):
        return _by_itself(data)
    return Words(f"{_company(data)} answered your change", f"{_of(data)} {_decided(data)}.", _comments(data))


def _retraction_given(data: Data) -> Words:
    return Words(
        f"A change proposed to {_company(data)} was withdrawn", f"{_name(data)} no longer proposes {_wishes(data)}."
    )


def _retraction_received(data: Data) -> Words:
    return Words(f"{_company(data)} withdrew a change", f"{_of(data)} no longer proposes {_wishes(data)}.")


_WORDS: Mapping[str, Callable[[Data], Words]] = {
    "offer.submitted": _offer_submitted,
    "offer.received": _offer_received,
    "offer.undeliverable": _offer_undeliverable,
    "acceptance.given": _acceptance_given,
    "acceptance.received": _acceptance_received,
    "decline.given": _decline_given,
    "decline.received": _decline_received,
    "withdrawal.given": _withdrawal_given,
    "withdrawal.received": _withdrawal_received,
    "expiry.given": _expiry_given,
    "expiry.received": _expiry_received,
    "reminder.given": _reminder_given,
    "reminder.received": _reminder_received,
    "end.given": _end_given,
    "end.received": _end_received,
    "owner.received": _owner_received,
    "proposal.given": _proposal_given,
    "proposal.received": _proposal_received,
    "answer.given": _answer_given,
    "answer.received": _answer_received,
    "retraction.given": _retraction_given,
    "retraction.received": _retraction_received,
}
UNKNOWN = Words("Something changed in a partnership", "Open it to see what changed.")


def words(type_: str, data: Data, user_id: str = "") -> Words:
    """What a notification of this type says to this person."""
    if type_ == "team.changed":
        return _team_changed(data, user_id)
    known = _WORDS.get(type_)
    return known(data) if known else UNKNOWN


def text(said: Words) -> str:
    """The text with what people wrote behind it, for the app."""
    return " ".join([said.text, *(f"{quote.lead} “{quote.words}”".strip() for quote in said.quotes)])


@dataclass(frozen=True, slots=True)
class Way:
    """Where a notification leads: the path of a page, and what the button that leads there says."""

    path: str
    button: str


def way(type_: str, data: Data, partnership_id: str, *, answers: bool) -> Way:
    """To where the recipient acts, else to the partnership. `answers`: they may answer what the other side proposes."""
    page = f"/partnerships/{partnership_id}"
    if type_ == "proposal.received" and answers and data.get("modification_id"):
        return Way(f"{page}/modifications/{data['modification_id']}/answer", "Review the change")
    if type_ == "team.changed" and not data.get("members"):
        return Way(f"{page}/managers", "Choose a partner manager")
    about_offer = type_.partition(".")[0] in {"offer", "decline", "withdrawal", "expiry", "reminder"}
    return Way(page, "Open the offer" if about_offer else "Open the partnership")

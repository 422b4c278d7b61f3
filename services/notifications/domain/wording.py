"""What people read, in the app and in mails: a title, and a text of one or two sentences.

Pure, and tolerant: a notification of an older or a newer release still reads. The words of the other side stand in quotation marks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Words:
    """A title without full stop, a text of sentences, and what the other side wrote (a message, a reason, a comment), if it did."""

    title: str
    text: str
    quote: str = ""


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


def _company(data: Data) -> str:
    return str(data.get("company") or data.get("customer") or data.get("partner") or "A business")


def _name(data: Data, key: str) -> str:
    return str((data.get(key) or {}).get("name") or "Somebody")


def _offer_received(data: Data) -> Words:
    contacts = data.get("contacts", [])
    return Words(
        f"{_company(data)} offers to work with you",
        f"{_name(data, 'sent_by')} of {_company(data)} offers {count(len(contacts), 'contact')}: {names(contacts)}.",
        str(data.get("message", "")),
    )


def _offer_undeliverable(data: Data) -> Words:
    # Which of the two was wrong is never said.
    return Words(
        f"Your offer to {data.get('customer', 'the customer')} could not be delivered",
        f"No business with that tenant name and login e-mail: {data.get('customer', '')}, {data.get('email', '')}.",
    )


def _acceptance_received(data: Data) -> Words:
    accepted, declined = data.get("contacts", []), data.get("declined", [])
    number = f"{len(accepted)} of {count(len(accepted) + len(declined), 'contact')}"
    if not declined:
        number = count(len(accepted), "contact")
    return Words(
        f"{_company(data)} accepted your offer",
        f"{_name(data, 'by')} of {_company(data)} accepted {number}: {names(accepted)}.",
        str(data.get("comment", "")),
    )


def _decline_received(data: Data) -> Words:
    return Words(
        f"{_company(data)} declined your offer",
        f"{_name(data, 'by')} of {_company(data)} declined your offer.",
        str(data.get("reason", "")),
    )


_WORDS: Mapping[str, Callable[[Data], Words]] = {
    "offer.received": _offer_received,
    "offer.undeliverable": _offer_undeliverable,
    "acceptance.received": _acceptance_received,
    "decline.received": _decline_received,
}


def words(type_: str, data: Data) -> Words:
    """What a notification of this type says."""
    known = _WORDS.get(type_)
    return known(data) if known else Words("Something changed in a partnership", "Open it to see what changed.")


def text(said: Words) -> str:
    """The text with the quote behind it, for the app."""
    return f"{said.text} “{said.quote}”" if said.quote else said.text


def page(partnership_id: str) -> str:
    """The path of the page that a notification leads to."""
    return f"/partnerships/{partnership_id}"

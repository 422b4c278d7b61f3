"""What contacts says: details of lent people to contacts of the other side, and what it holds to its own side."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.messages import Fact, Key, Number, PeerMessage, Timer, Value
from shared.text import HeardLine


class ContactDetails(Value):
    """A lent person as the customer may know them."""

    id: Key
    name: HeardLine
    email: HeardLine
    phone: HeardLine = ""
    title: HeardLine = ""


class DetailsShared(PeerMessage):
    """Details of the accepted contacts, whole, with a counter (protocol rule 7). Subject: the partnership."""

    publisher: ClassVar[str] = "contacts"
    type: ClassVar[str] = "details.shared"
    counter: Number
    contacts: Annotated[list[ContactDetails], Field(max_length=2000)]


class AssignmentsChanged(Fact):
    """How many of the partner's people work at the customer now; the newest version counts. Subject: the partnership."""

    publisher: ClassVar[str] = "contacts"
    type: ClassVar[str] = "assignments.changed"
    version: int
    working: int


class DetailsDue(Timer):
    """A person was changed: tell whom they are lent to. Subject: the contact. `after`: the last run's cursor."""

    publisher: ClassVar[str] = "contacts"
    type: ClassVar[str] = "details.due"
    after: str | None = None

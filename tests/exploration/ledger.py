"""What use cases work with here: records in a dictionary, and a list of what they say. It is a transaction without a database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from shared.bus.records import Record
from shared.bus.work import Page
from shared.contracts.messages import Fact, Message, PeerMessage, Timer

R = TypeVar("R", bound=Record)
Records = Mapping[tuple[str, str], Any]
"""Records by the name of their class and their id; all of one tenant."""


@dataclass(frozen=True, slots=True)
class Said:
    """A fact, or a message `to` another tenant; `body` is its text, by which two are told apart."""

    type: str
    body: str
    to: str
    subject: str
    message: Message = field(compare=False)

    @classmethod
    def of(cls, message: Message, to: str, subject: str) -> Said:
        return cls(message.type, message.model_dump_json(), to, subject, message)


class Ledger:
    """Implements what the explored use cases need of `Work`. `known` are records that are only looked up, and never part of a state."""

    def __init__(self, records: Records, known: Records) -> None:
        self.records = dict(records)
        self.known = known
        self.says: list[Said] = []

    def get(self, record: type[R], tenant: str, id: str) -> R | None:
        key = (record.__name__, id)
        return self.records.get(key) or self.known.get(key)

    peek = get

    def get_many(self, record: type[R], tenant: str, ids: Iterable[str]) -> dict[str, R]:
        found = {id: self.get(record, tenant, id) for id in sorted(set(ids))}
        return {id: one for id, one in found.items() if one is not None}

    def put(self, record: R) -> R:
        # The version stays 0: it counts saves, and only people with an old page ask for it.
        self.records[(type(record).__name__, record.id)] = _plain(record)
        return record

    def add(self, record: R) -> R:
        return self.put(record)

    def delete(self, record: type[Record], tenant: str, id: str) -> None:
        self.records.pop((record.__name__, id), None)

    def find(self, record: type[R], tenant: str, *, where: Mapping[str, Any], limit: int) -> Page[R]:
        """Only by their ids, among what is known."""
        found = (self.known.get((record.__name__, id)) for id in where["id"])
        return Page([one for one in found if one is not None], None)

    def count(self, record: type[Record], tenant: str, **chosen: Any) -> dict[Any, int]:
        """Nothing counts: a business here sends a few offers, and no limit is near."""
        return {}

    def say(self, fact: Fact, *, tenant: str, subject: str) -> None:
        self.says.append(Said.of(fact, tenant, subject))

    def tell(self, message: PeerMessage, *, tenant: str, to: str, subject: str) -> None:
        self.says.append(Said.of(message, to, subject))

    def later(self, timer: Timer, *, tenant: str, subject: str, at: datetime) -> None:
        """Our clock may ring at any time: the exploration rings it."""

    def said(self, tenant: str, subject: str) -> int:
        """The numbers of facts are for services that are asked and for offers' list; nothing here goes by them."""
        return 0


_ASIDE: dict[str, Any] = {
    "told": 0,
    "number": 0,
    "withdrawal": 0,
    "details": (),
    "details_counter": 0,
    "details_by": "",
}
"""What contacts keeps beside the matter itself: how far a proposal has come, and how to reach lent people (a shared value, rule 7).

Nothing that is said or decided goes by it, and it would only tell states apart that are alike.
"""


def _plain(record: R) -> R:
    if not type(record).__module__.startswith("services.contacts"):
        return record
    aside = {name: value for name, value in _ASIDE.items() if getattr(record, name, value) != value}
    return replace(record, **aside) if aside else record  # type: ignore[type-var]

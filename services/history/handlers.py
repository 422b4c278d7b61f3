"""Use cases of history: each fact becomes one entry; the entries of a partnership are listed, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from services.history.domain.entries import Entry, Side
from services.history.domain.wording import details, title
from shared.bus.work import Heard, Work
from shared.calls import Call, Paged
from shared.clock import iso
from shared.contracts.messages import Value
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    DeclineReceived,
    OfferReceived,
    OffersFact,
    OfferSubmitted,
    OfferUndeliverable,
)
from shared.ids import derived_id

Json = dict[str, Any]
# Nobody did it: the platform found no addressee. It is shown under this name, on the side that learns of it.
ACCORD = "Accord"


class ListEntries(Paged):
    """Query of the timeline: only a page."""


def _people(people: Sequence[Value]) -> list[Json]:
    return [person.model_dump(mode="json") for person in people]


def _keep(
    work: Work,
    message: Heard[Any],
    type_: str,
    side: Side,
    name: str,
    at: datetime,
    data: Mapping[str, Any],
    *,
    company: str = "",
    shared: bool = True,
) -> None:
    fact: OffersFact = message.data
    work.add(
        Entry(
            tenant=message.tenant,
            # The same fact always gets the same id, so a replay or a simulated run writes the same history.
            id=derived_id(at, message.tenant, fact.publisher, message.subject, str(message.sequence)),
            partnership_id=message.subject,
            type=type_,
            at=at,
            side=side,
            name=name,
            company=company,
            shared=shared,
            data=data,
        )
    )


def offer_submitted(work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
    """We sent an offer (OE-06)."""
    fact = message.data
    data = {
        "customer": fact.customer,
        "email": fact.email,
        "message": fact.message,
        "contacts": _people(fact.contacts),
        "managers": [{"id": m.id, "name": m.name} for m in fact.managers],
    }
    _keep(work, message, "offer.sent", "us", fact.sent_by.name, fact.sent_at, data)


def offer_received(work: Work, message: Heard[OfferReceived], now: datetime) -> None:
    """They sent us an offer (OE-07)."""
    fact = message.data
    data = {"partner": fact.company, "message": fact.message, "contacts": _people(fact.contacts)}
    _keep(work, message, "offer.sent", "them", fact.sent_by.name, fact.sent_at, data, company=fact.company)


def offer_undeliverable(work: Work, message: Heard[OfferUndeliverable], now: datetime) -> None:
    """Our offer found nobody. Not shared: the other side, if there is one, must never learn of it."""
    fact = message.data
    data = {
        "customer": fact.customer,
        "email": fact.email,
        # Which of the two was wrong is never said.
        "reason": "No business with that tenant name and login e-mail.",
    }
    _keep(work, message, "offer.undeliverable", "us", ACCORD, message.time, data, shared=False)


def acceptance_given(work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
    """We accepted their offer (OE-08). The roles are ours and stand on our side only."""
    fact = message.data
    data = {
        "partner": fact.company,
        "contacts": _people(fact.contacts),
        "declined": _people(fact.declined),
        "managers": [{"id": m.id, "name": m.name} for m in fact.managers],
        "comment": fact.comment,
    }
    _keep(work, message, "offer.accepted", "us", fact.by.name, fact.at, data)


def acceptance_received(work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
    """They accepted our offer (OE-08)."""
    fact = message.data
    data = {"contacts": _people(fact.contacts), "declined": _people(fact.declined), "comment": fact.comment}
    _keep(work, message, "offer.accepted", "them", fact.by.name, fact.at, data, company=fact.company)


def decline_given(work: Work, message: Heard[DeclineGiven], now: datetime) -> None:
    """We declined their offer (OE-09)."""
    fact = message.data
    data = {"partner": fact.company, "reason": fact.reason}
    _keep(work, message, "offer.declined", "us", fact.by.name, fact.at, data)


def decline_received(work: Work, message: Heard[DeclineReceived], now: datetime) -> None:
    """They declined our offer; their reason is for us to read (OE-09)."""
    fact = message.data
    _keep(work, message, "offer.declined", "them", fact.by.name, fact.at, {"reason": fact.reason}, company=fact.company)


def shown(entry: Entry) -> Json:
    """An entry in the shape of the public contract."""
    return {
        "id": entry.id,
        "type": entry.type,
        "at": iso(entry.at),
        "by": {"side": entry.side, "name": entry.name},
        "title": title(entry),
        "details": details(entry),
        "shared": entry.shared,
    }


def list_entries(work: Work, call: Call, query: ListEntries, now: datetime) -> Json:
    """The timeline of a partnership, newest first: `{items, next}`. Whether the caller may see it was asked at the door."""
    page = work.find(
        Entry,
        call.tenant,
        where={"partnership_id": call.ids["partnership_id"]},
        order="-at",
        after=query.cursor,
        limit=query.limit,
    )
    return {"items": [shown(entry) for entry in page.items], "next": page.next}

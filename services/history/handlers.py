"""Use cases of history: each fact becomes one entry; the entries of a partnership are listed, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from services.history.domain.entries import Entry, Side
from services.history.domain.wording import details, title
from shared.bus.work import Heard, Work
from shared.calls import Call, Paged
from shared.clock import iso
from shared.contracts.contacts import (
    AnswerGiven,
    AnswerReceived,
    ProposalGiven,
    ProposalReceived,
    RetractionGiven,
    RetractionReceived,
)
from shared.contracts.managers import TeamChanged
from shared.contracts.messages import Fact, Value
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    DeclineReceived,
    EndGiven,
    EndReceived,
    ExpiryGiven,
    ExpiryReceived,
    Manager,
    OfferLeft,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
    OwnerReceived,
    Person,
    ReminderGiven,
    ReminderReceived,
    WithdrawalGiven,
    WithdrawalReceived,
)
from shared.ids import derived_id

Json = dict[str, Any]
# No person did it: a clock, a rule, a login that was taken away. It is shown under this name, on the side where it happened.
ACCORD = "Accord"


class ListEntries(Paged):
    """Query of the timeline: a page, perhaps only of some kind or by one side."""

    kind: Literal["offer", "contacts", "team", "end"] | None = None
    side: Literal["us", "them"] | None = None


def _people(people: Sequence[Value]) -> list[Json]:
    return [person.model_dump(mode="json") for person in people]


def _named(people: Sequence[Manager | Person]) -> list[Json]:
    return [{"id": person.id, "name": person.name} for person in people]


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
    fact: Fact = message.data
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
    """We sent an offer (OE-06). One that is held back is known to nobody else, until `offer.left` says so."""
    fact = message.data
    data = {
        "customer": fact.customer,
        "email": fact.email,
        "message": fact.message,
        "contacts": _people(fact.contacts),
        "managers": _named(fact.managers),
    }
    if fact.held:
        _keep(work, message, "offer.held", "us", fact.sent_by.name, fact.sent_at, data, shared=False)
    else:
        _keep(work, message, "offer.sent", "us", fact.sent_by.name, fact.sent_at, data)


def offer_left(work: Work, message: Heard[OfferLeft], now: datetime) -> None:
    """An offer that was held back has left: the entry that both sides share (OE-06)."""
    fact = message.data
    data = {
        "customer": fact.customer,
        "email": fact.email,
        "message": fact.message,
        "contacts": _people(fact.contacts),
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
        "managers": _named(fact.managers),
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


def withdrawal_given(work: Work, message: Heard[WithdrawalGiven], now: datetime) -> None:
    """We took our open offer back (BX-01). What was held back and never left is nothing to the other side."""
    fact = message.data
    data = {"to": fact.company or fact.customer, "reason": fact.reason, "told": fact.told}
    _keep(work, message, "offer.withdrawn", "us", fact.by.name, fact.at, data, shared=fact.told)


def withdrawal_received(work: Work, message: Heard[WithdrawalReceived], now: datetime) -> None:
    """They took their offer back (BX-01); it may come after our answer, and then that counts."""
    fact = message.data
    data = {"reason": fact.reason, "counts": fact.counts}
    _keep(work, message, "offer.withdrawn", "them", fact.by.name, fact.at, data, company=fact.company)


def expiry_given(work: Work, message: Heard[ExpiryGiven], now: datetime) -> None:
    """Our offer was not answered in time (BX-01). Our clock ended it: it is on our side, and nobody's doing."""
    fact = message.data
    data = {"to": fact.company or fact.customer, "told": fact.told}
    _keep(work, message, "offer.expired", "us", ACCORD, fact.at, data, shared=fact.told)


def expiry_received(work: Work, message: Heard[ExpiryReceived], now: datetime) -> None:
    """Their clock ended their offer (BX-01)."""
    fact = message.data
    _keep(work, message, "offer.expired", "them", ACCORD, fact.at, {"counts": fact.counts}, company=fact.company)


def reminder_given(work: Work, message: Heard[ReminderGiven], now: datetime) -> None:
    """We reminded them of our offer (BX-01)."""
    fact = message.data
    data = {"to": fact.company or fact.customer}
    _keep(work, message, "offer.reminded", "us", fact.by.name, fact.at, data)


def reminder_received(work: Work, message: Heard[ReminderReceived], now: datetime) -> None:
    """They reminded us of their offer (BX-01)."""
    fact = message.data
    data = {"counts": fact.counts}
    _keep(work, message, "offer.reminded", "them", fact.by.name, fact.at, data, company=fact.company)


def end_given(work: Work, message: Heard[EndGiven], now: datetime) -> None:
    """We ended the partnership (OE-19)."""
    fact = message.data
    _keep(work, message, "partnership.ended", "us", fact.by.name, fact.at, {"reason": fact.reason})


def end_received(work: Work, message: Heard[EndReceived], now: datetime) -> None:
    """They ended the partnership (OE-19). When both did, each author has an entry (protocol rule 4)."""
    fact = message.data
    data = {"reason": fact.reason, "first": fact.first}
    _keep(work, message, "partnership.ended", "them", fact.by.name, fact.at, data, company=fact.company)


def owner_received(work: Work, message: Heard[OwnerReceived], now: datetime) -> None:
    """Somebody else is the account owner on their side (OE-17). Who made it so is their own matter, and so it is not shared."""
    fact = message.data
    data = {"owner": {"id": "", "name": fact.name}, "renamed": fact.renamed}
    _keep(work, message, "owner.named", "them", fact.company, fact.at, data, shared=False)


def proposal_given(work: Work, message: Heard[ProposalGiven], now: datetime) -> None:
    """We proposed to add and to release people (OE-12 to OE-15)."""
    _keep_proposal(work, message, "us")


def proposal_received(work: Work, message: Heard[ProposalReceived], now: datetime) -> None:
    """They proposed to add and to release people (OE-12 to OE-15)."""
    _keep_proposal(work, message, "them")


def _keep_proposal(work: Work, message: Heard[ProposalGiven] | Heard[ProposalReceived], side: Side) -> None:
    fact = message.data
    data = {
        "modification_id": fact.modification_id,
        "reason": fact.reason,
        "items": _people(fact.items),
        "in_reply_to": fact.in_reply_to,
    }
    _keep(work, message, "modification.proposed", side, fact.by.name, fact.at, data, company=fact.company)


def answer_given(work: Work, message: Heard[AnswerGiven], now: datetime) -> None:
    """We decided items of their proposal, or a rule did (OE-16, BX-04). The roles are ours and stand on our side only."""
    _keep_answer(work, message, "us", _people(message.data.items))


def answer_received(work: Work, message: Heard[AnswerReceived], now: datetime) -> None:
    """They decided items of our proposal, or a rule did on their side (OE-16, BX-04)."""
    _keep_answer(
        work, message, "them", [item.model_dump(mode="json", exclude={"roles"}) for item in message.data.items]
    )


def _keep_answer(
    work: Work, message: Heard[AnswerGiven] | Heard[AnswerReceived], side: Side, items: Sequence[Json]
) -> None:
    fact = message.data
    data = {
        "modification_id": fact.modification_id,
        "items": items,
        "comment": fact.comment,
        "suggestion": fact.suggestion,
        "automatic": fact.by is None,
    }
    name = fact.by.name if fact.by else ACCORD
    _keep(work, message, "modification.answered", side, name, fact.at, data, company=fact.company)


def retraction_given(work: Work, message: Heard[RetractionGiven], now: datetime) -> None:
    """We took back what was open of a proposal of ours."""
    _keep_retraction(work, message, "us", counts=True)


def retraction_received(work: Work, message: Heard[RetractionReceived], now: datetime) -> None:
    """They took back what was open of a proposal of theirs; it may come after our answer, and then that counts (protocol rule 1)."""
    _keep_retraction(work, message, "them", counts=message.data.counts)


def _keep_retraction(
    work: Work, message: Heard[RetractionGiven] | Heard[RetractionReceived], side: Side, *, counts: bool
) -> None:
    fact = message.data
    data = {"modification_id": fact.modification_id, "items": _people(fact.items), "counts": counts}
    _keep(work, message, "modification.withdrawn", side, fact.by.name, fact.at, data, company=fact.company)


def team_changed(work: Work, message: Heard[TeamChanged], now: datetime) -> None:
    """Our team or its account owner changed (OE-17). A team is private: nothing of it is shared.

    The team an offer or an acceptance names stands in their entries, and a new name changes nobody: neither makes an entry.
    """
    fact = message.data
    if fact.cause in {"formed", "renamed"}:
        return
    data: Json = {
        "cause": fact.cause,
        "by_id": fact.by.id if fact.by else "",
        "added": _named(fact.added),
        "removed": _named(fact.removed),
        "empty": not fact.members,
    }
    if fact.previous_owner or fact.cause == "owner":
        data["previous_owner"] = _named([fact.previous_owner])[0] if fact.previous_owner else None
        data["owner"] = _named([fact.owner])[0] if fact.owner else None
    type_ = "owner.changed" if fact.cause == "owner" else "team.changed"
    name = fact.by.name if fact.by else ACCORD
    _keep(work, message, type_, "us", name, fact.at or message.time, data, shared=False)


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
        "known": entry.known,
    }


# What a reader may ask for, by how the types of its entries begin.
KINDS = {
    "offer": ("offer.",),
    "contacts": ("modification.",),
    "team": ("team.", "owner."),
    "end": ("partnership.",),
}
# How often a page is looked for what fits. A timeline in which nothing fits for so long answers with fewer, and with where to go on.
ROUNDS = 20


def list_entries(work: Work, call: Call, query: ListEntries, now: datetime) -> Json:
    """The timeline of a partnership, newest first: `{items, next}`. Whether the caller may see it was asked at the door."""
    wanted = KINDS[query.kind] if query.kind else ("",)
    found: list[Entry] = []
    cursor, rounds = query.cursor, 0
    while True:
        page = work.find(
            Entry,
            call.tenant,
            where={"partnership_id": call.ids["partnership_id"]},
            order="-at",
            after=cursor,
            limit=query.limit - len(found),
        )
        found += [e for e in page.items if e.type.startswith(wanted) and query.side in {None, e.side}]
        cursor, rounds = page.next, rounds + 1
        if cursor is None or len(found) >= query.limit or rounds >= ROUNDS:
            return {"items": [shown(entry) for entry in found], "next": cursor}

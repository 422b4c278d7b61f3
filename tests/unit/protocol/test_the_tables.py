"""The tables of docs/architecture/protocol.md, cell by cell, against the code: a row is a state, a column a message, a cell what comes of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.paths import ROOT
from services.contacts.domain import modifying
from services.contacts.domain.lending import Assignment
from services.contacts.domain.lending import Partnership as Lending
from services.contacts.domain.modifying import Agreement, Answer, Item, Modification
from services.contacts.domain.parking import Parked
from services.contacts.handlers import lending
from services.contacts.store import TABLES as CONTACTS
from services.offers.domain.partnership import Ending, Named, Offered, Partnership
from services.offers.handlers import answering, ending, expiry, naming, reminding, sending, withdrawing
from services.offers.store import TABLES as OFFERS
from shared.bus.memory import MemoryDatabase
from shared.bus.records import Tables
from shared.bus.session import Session
from shared.bus.work import Heard
from shared.calls import Call
from shared.contracts import contacts as from_contacts
from shared.contracts import offers as from_offers
from shared.contracts.messages import CATALOGUE
from shared.errors import WrongState
from tests.support.hearing import START

PAGE = (ROOT / "docs" / "architecture" / "protocol.md").read_text()
ID, MID = "01973f00-0000-7000-8000-000000000001", "01973f00-0000-7000-8000-0000000000d1"
MIA = "01973f00-0000-7000-8000-0000000000c1"
ADA = from_offers.Person(id="a", name="Ada")
LATER = START + timedelta(days=1)


def cells(heading: str) -> Iterator[tuple[str, str, str]]:
    """(state, message, what comes of it) of the table below a heading; without what stands in brackets and without emphasis."""
    part = PAGE.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    (_, *messages), _, *states = rows
    assert states and messages
    for state, *values in states:
        for message, value in zip(messages, values, strict=True):
            yield state, message, re.sub(r" \(.*\)", "", value.strip("*"))


def table(heading: str) -> Any:
    return pytest.mark.parametrize(("state", "message", "result"), list(cells(heading)))


# Offers

MESSAGES: dict[str, tuple[Any, Callable[..., None]]] = {
    "offer.sent": (
        from_offers.OfferSent(
            company="K", email="n@x.example", message="", sent_by=ADA, sent_at=START, expires_at=LATER, contacts=[]
        ),
        sending.receive_offer,
    ),
    "offer.accepted": (
        from_offers.OfferAccepted(company="N", accepted_by=ADA, accepted_at=START, contact_ids=[MIA]),
        answering.receive_acceptance,
    ),
    "offer.declined": (
        from_offers.OfferDeclined(company="N", declined_by=ADA, declined_at=START),
        answering.receive_decline,
    ),
    "offer.bounced": (from_offers.OfferBounced(), sending.receive_bounce),
    "offer.withdrawn": (
        from_offers.OfferWithdrawn(company="K", withdrawn_by=ADA, withdrawn_at=START),
        withdrawing.receive_withdrawal,
    ),
    "offer.expired": (from_offers.OfferExpired(expired_at=START), expiry.receive_expiry),
    "offer.reminded": (
        from_offers.OfferReminded(company="K", reminded_by=ADA, reminded_at=START),
        reminding.receive_reminder,
    ),
    "partnership.ended": (
        from_offers.PartnershipEnded(company="N", ended_by=ADA, ended_at=START, reason="x"),
        ending.receive_end,
    ),
    "owner.named": (from_offers.OwnerNamed(counter=5, name="Mia", named_at=START), naming.receive_owner),
}


def offers(role: str, state: str, message: str) -> tuple[Partnership | None, Partnership | None, set[str]]:
    """What we held before and after a message, and the types of what we said."""
    database = MemoryDatabase()
    session = Session(database, "offers", Tables(OFFERS), clock=lambda: LATER)
    before = None
    if state != "none":
        before = Partnership(
            tenant="us",
            id=ID,
            role=role,  # type: ignore[arg-type]
            counterpart="them",
            company="Them",
            status=state,  # type: ignore[arg-type]
            email="n@x.example",
            message="",
            sent_by=Named("a", "Ada"),
            sent_at=START,
            expires_at=START,
            offered=(Offered(MIA, "Mia"),),
            sent=1,
            ended_by_us=Ending(Named("u", "Us"), START, "y") if state == "terminated" else None,
            updated_at=START,
        )
    data, handler = MESSAGES[message]
    heard = Heard("us", "them", ID, 1, LATER, data)

    def step(work: Any, call: Call, now: Any) -> Partnership | None:
        if before is not None:
            work.put(before)
        handler(work, heard, now)
        return work.peek(Partnership, "us", ID)  # type: ignore[no-any-return]

    after = session.run(step, Call("hear", "us", "system"))
    return before, after, {row.type for row in database.outbox}


def check_offers(role: str, state: str, message: str, result: str) -> None:
    before, after, said = offers(role, state, message)
    raw = next(v for s, m, v in _raw(role) if (s, m) == (state, message))
    expected = state if result == "=" else result
    assert (after.status if after else "none") == expected
    if (
        before
        and after
        and result == "="
        and message not in {"owner.named", "partnership.ended"}
        and "bounced again" not in raw
    ):
        assert replace(after, version=0, early=(), sent=before.sent, reminded_at=None) == before
    assert bool(said & {"withdrawal.received", "expiry.received", "reminder.received"}) == (
        "noted" in raw or raw in {"withdrawn", "expired"}
    )
    assert bool(after and after.early) == ("kept" in raw)
    assert ("offer.bounced" in said) == ("bounced again" in raw)
    assert ("end.received" in said) == (raw == "terminated" or "both ended it" in raw)


def _raw(role: str) -> Iterator[tuple[str, str, str]]:
    part = PAGE.split(f"### Offers, where we are the {role}\n", 1)[1].split("\n#", 1)[0]
    rows = [[c.strip() for c in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    (_, *messages), _, *states = rows
    for state, *values in states:
        yield from ((state, message, value) for message, value in zip(messages, values, strict=True))


@table("Offers, where we are the partner")
def test_what_the_customer_says_of_an_offer(state: str, message: str, result: str) -> None:
    check_offers("partner", state, message, result)


@table("Offers, where we are the customer")
def test_what_the_partner_says_of_an_offer(state: str, message: str, result: str) -> None:
    check_offers("customer", state, message, result)


# Contacts


def agreement(by: str, value: str, *, phase: str = "accepted") -> Agreement:
    """One proposal with one addition that has this value."""
    states = {"accept": "accepted", "decline": "declined", "withdrawn": "withdrawn", "void": "withdrawn"}
    item = Item(
        action="add",
        contact_id=MIA,
        assignment_id="x1",
        name="Mia",
        decision=None if value == "open" else value,  # type: ignore[arg-type]
    )
    assignment = Assignment(
        id="x1",
        contact_id=MIA,
        name="Mia",
        state=states.get(value, "offered"),  # type: ignore[arg-type]
        proposed_at=START,
    )
    side = "partner" if by == "us" else "customer"
    partnership = Lending(
        tenant="us",
        id=ID,
        side=side,  # type: ignore[arg-type]
        counterpart="them",
        phase=phase,  # type: ignore[arg-type]
        assignments=(assignment,),
    )
    proposal = Modification(
        tenant="us",
        id=modifying.key(ID, MID),
        partnership_id=ID,
        by=by,  # type: ignore[arg-type]
        reason="x",
        proposer_id="a",
        proposer="Ada",
        created_at=START,
        items=(item,),
    )
    return Agreement(partnership, {MID: proposal})


def happens(before: Agreement, message: str) -> Agreement:
    if message.endswith(("accept", "decline")):
        verdict: Any = message.rpartition(" ")[2]
        return modifying.decide(before, MID, {MIA: Answer(verdict)}, by="Ada", at=START)
    if message == "our own withdrawal":
        # A command: refused once nothing is open.
        with contextlib.suppress(WrongState):
            modifying.ensure_withdrawable(before, MID)
            return modifying.withdraw(before, MID)
        return before
    return modifying.end(before) if message == "an end" else modifying.withdraw(before, MID)


def value_of(found: Agreement) -> str:
    return found.modifications[MID].items[0].decision or "open"


@table("Contacts: an item of a proposal of ours")
def test_an_item_that_we_proposed(state: str, message: str, result: str) -> None:
    after = happens(agreement("us", state), message)
    assert value_of(after) == (state if result == "=" else result)


@table("Contacts: an item of a proposal of theirs")
def test_an_item_that_they_proposed(state: str, message: str, result: str) -> None:
    before = agreement("them", state)
    if message.startswith("our own answer"):
        # A command: refused, or it repeats what was decided.
        verdict: Any = message.rpartition(" ")[2]
        answers: dict[str, Answer] = {}
        with contextlib.suppress(WrongState):
            partner = replace(before, partnership=replace(before.partnership, side="partner"))
            answers = modifying.ensure_answer(partner, MID, [(MIA, Answer(verdict))])
        after = modifying.decide(before, MID, answers, by="Ada", at=START) if answers else before
    else:
        after = happens(before, message)
    assert value_of(after) == (state if result == "=" else result)


ITEM = from_contacts.ProposedItem(action="add", contact_id=MIA[:-1] + "2", assignment_id=MID, name="Olof")
SPOKEN: dict[str, Any] = {
    "modification.proposed": from_contacts.ModificationProposed(
        id=MID[:-1] + "2", reason="x", proposed_by=ADA, proposed_at=START, items=[ITEM]
    ),
    "modification.decided": from_contacts.ModificationDecided(
        modification_id=MID,
        decided_by=ADA,
        decided_at=START,
        items=[from_contacts.DecidedItem(contact_id=MIA, decision="accept")],
    ),
    "modification.withdrawn": from_contacts.ModificationWithdrawn(
        modification_id=MID, withdrawn_by=ADA, withdrawn_at=START, contact_ids=[MIA]
    ),
    "details.shared": from_contacts.DetailsShared(
        counter=1, contacts=[from_contacts.ContactDetails(id=MIA, name="Mia", email="m@x.example")]
    ),
}


@table("Contacts: what they propose, by what our own offers has told")
def test_what_contacts_of_the_other_side_says(state: str, message: str, result: str) -> None:
    database = MemoryDatabase()
    session = Session(database, "contacts", Tables(CONTACTS), clock=lambda: LATER)
    by = "us" if message == "modification.decided" else "them"
    before = agreement(by, "void" if state == "ended" else "open", phase=state if state != "unknown" else "open")

    def step(work: Any, call: Call, now: Any) -> tuple[Any, Any, Any]:
        if state != "unknown":
            work.put(replace(before.partnership, open=() if state == "ended" else (MID,)))
            work.put(before.modifications[MID])
        lending.receive(work, Heard("us", "them", ID, 1, LATER, SPOKEN[message]), now)
        new = work.peek(Modification, "us", modifying.key(ID, SPOKEN["modification.proposed"].id))
        return work.peek(Parked, "us", ID), new, work.peek(Modification, "us", modifying.key(ID, MID))

    parked, new, known = session.run(step, Call("hear", "us", "system"))
    assert (parked is not None) == (result == "parked")
    if message == "modification.proposed":
        shown = "parked" if new is None else (new.items[0].decision or "open")
        assert shown == result
    elif result == "heard" and message != "details.shared":
        assert known.items[0].decision == {"modification.decided": "accept"}.get(message, "withdrawn")


@table("An assignment")
def test_an_assignment_goes_one_way(state: str, message: str, result: str) -> None:
    release = message == "its release is accepted"
    before = agreement("them", "open")
    partnership = replace(
        before.partnership, assignments=tuple(replace(a, state=state) for a in before.partnership.assignments)
    )
    proposal = before.modifications[MID]
    items = tuple(replace(i, action="release" if release else "add") for i in proposal.items)
    before = Agreement(partnership, {MID: replace(proposal, items=items)})
    what = {"the addition is accepted": "accept", "declined": "decline", "its release is accepted": "accept"}
    after = happens(before, f"answer: {what[message]}") if message in what else modifying.withdraw(before, MID)
    assert after.partnership.assignments[0].state == (state if result == "=" else result)


def test_each_status_and_each_peer_message_has_its_row_and_column() -> None:
    partner = {(s, m) for s, m, _ in _raw("partner")}
    customer = {(s, m) for s, m, _ in _raw("customer")}
    ours = {"open", "accepted", "modified", "declined", "withdrawn", "expired", "undeliverable", "terminated"}
    assert {s for s, _ in partner} == ours
    assert {s for s, _ in customer} == (ours - {"undeliverable"}) | {"none", "arriving", "bounced"}
    assert {m for _, m in partner | customer} == set(MESSAGES)
    assert len(partner) == 8 * 5 and len(customer) == 10 * 6
    # Other tests add messages of their own to the catalogue.
    said = {key for key, model in CATALOGUE.items() if model.__module__.startswith("shared.contracts")}
    assert set(MESSAGES) == {type_ for kind, publisher, type_ in said if (kind, publisher) == ("peer", "offers")}
    assert set(SPOKEN) == {type_ for kind, publisher, type_ in said if (kind, publisher) == ("peer", "contacts")}

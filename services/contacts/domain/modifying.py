"""Proposals to add and to release people: what each item is worth, and what is decided without anybody asking (OE-12 to OE-16, BX-04, BX-05).

Protocol rules 1 to 4. A command may be refused; what the other side says never is: it takes effect as far as it is the strongest that
is known of an item, and both sides end with the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Literal

from services.contacts.domain.lending import Assignment, Delivery, Grant, Partnership, assignment_id, reached, working
from shared.errors import ContactHasPendingChange, ValidationError, WrongState

Action = Literal["add", "release"]
Verdict = Literal["accept", "decline"]
Value = Literal["accept", "decline", "withdrawn", "void"] | None
By = Literal["us", "them"]
State = Literal["pending", "answered", "withdrawn", "void"]

MOST_ITEMS = 200
"""How many items a proposal has at most, so that one answer can name them all."""
MOST_OPEN = 1000
"""How many items of a side may be open at once; what is more is declined by itself, so that nobody can bury the other side in wishes."""
MOST_PEOPLE = 1000
"""How many people may be lent in one partnership, so that one message can name them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One wish about one person. `assignment_id` is the one it would make, or the one it would release (rule 3). None is open."""

    action: Action
    contact_id: str
    assignment_id: str
    name: str
    title: str = ""
    decision: Value = None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modification:
    """A proposal of one side, as our side knows it. `id` is what both sides call it, behind the partnership (see `key`).

    `number` is that of our message that proposed it, `withdrawal` that of the one that took it back, 0 for theirs and for none; `looked`: a person of ours has seen theirs.
    """

    tenant: str
    id: str
    version: int = 0
    partnership_id: str
    by: By
    reason: str
    proposer_id: str
    proposer: str
    created_at: datetime
    items: tuple[Item, ...]
    in_reply_to: str = ""
    comment: str = ""
    suggestion: str = ""
    answered_by: str = ""
    answered_at: datetime | None = None
    number: int = 0
    withdrawal: int = 0
    looked: bool = False

    @property
    def mid(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def open(self) -> bool:
        return any(item.decision is None for item in self.items)

    @property
    def state(self) -> State:
        """What a list shows it under."""
        values = {item.decision for item in self.items}
        if None in values:
            return "pending"
        if values & {"accept", "decline"}:
            return "answered"
        return "withdrawn" if "withdrawn" in values else "void"

    def item(self, contact_id: str) -> Item | None:
        """The item about a person; a proposal has one at most."""
        return next((item for item in self.items if item.contact_id == contact_id), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an addressee decides of one item; roles for an accepted addition, on the customer's side."""

    decision: Verdict
    comment: str = ""
    roles: tuple[Grant, ...] = ()


@dataclass(frozen=True)
class Agreement:
    """A partnership with those of its modifications that matter now, by `mid`: all with an open item, and the one that is spoken of."""

    partnership: Partnership
    modifications: Mapping[str, Modification] = field(default_factory=dict)

    def with_(self, *changed: Modification, partnership: Partnership | None = None) -> Agreement:
        """The agreement with these modifications instead of, or beside, those it had."""
        return Agreement(partnership or self.partnership, {**self.modifications, **{one.mid: one for one in changed}})

    @cached_property
    def assignments(self) -> Mapping[str, Assignment]:
        """The assignments by their ids."""
        return {one.id: one for one in self.partnership.assignments}

    @cached_property
    def working(self) -> frozenset[str]:
        """The contacts who work there."""
        return frozenset(working(self.partnership))

    @cached_property
    def releasing(self) -> frozenset[str]:
        """The assignments that we have an open wish to release."""
        return frozenset(item.assignment_id for _, item in self.open("us") if item.action == "release")

    def open(self, by: By) -> Iterator[tuple[Modification, Item]]:
        """The open items that one side proposed, the oldest proposal first."""
        for one in sorted(self.modifications.values(), key=lambda m: (m.created_at, m.id)):
            if one.by == by:
                yield from ((one, item) for item in one.items if item.decision is None)


def key(partnership_id: str, mid: str) -> str:
    """Under which a modification is kept: what the other side calls something is only ever looked up together with where it was said."""
    return f"{partnership_id}/{mid}"


# What an item is worth

_STRENGTH: Mapping[Value, int] = {None: 0, "void": 1, "withdrawn": 2, "accept": 3, "decline": 3}


def outranks(new: Value, known: Value) -> bool:
    """Whether `new` is stronger than what is known of an item (rule 1): its addressee's word > withdrawn > void > open.

    So an answer counts after a withdrawal and after the end, and of two answers the first.
    """
    return _STRENGTH[new] > _STRENGTH[known]


def _take(agreement: Agreement, mid: str, values: Mapping[str, Answer | Value]) -> Agreement:
    """Let items have these values as far as they outrank what they have, with what follows for the assignments."""
    before = agreement.modifications[mid]
    partnership, items = agreement.partnership, []
    for item in before.items:
        given = values.get(item.contact_id)
        answer = given if isinstance(given, Answer) else None
        value: Value = answer.decision if answer else given  # type: ignore[assignment]
        if value is not None and outranks(value, item.decision):
            item = replace(item, decision=value, comment=answer.comment if answer else item.comment)
            partnership = _effect(partnership, item, answer.roles if answer else ())
        items.append(item)
    return agreement.with_(replace(before, items=tuple(items)), partnership=partnership)


def _effect(partnership: Partnership, item: Item, roles: tuple[Grant, ...]) -> Partnership:
    """What the value of an item means for its assignment, which goes offered → accepted → released and never back (rule 3)."""

    def after(one: Assignment) -> Assignment:
        if item.action == "release":
            return replace(one, state="released") if item.decision == "accept" and one.state == "accepted" else one
        if one.state not in {"offered", "withdrawn"}:
            return one
        if item.decision == "accept":
            return replace(one, state="accepted", roles=roles)
        return replace(one, state="declined" if item.decision == "decline" else "withdrawn")

    return replace(
        partnership,
        assignments=tuple(after(one) if one.id == item.assignment_id else one for one in partnership.assignments),
    )


# Proposing


def wishes(
    agreement: Agreement, *, mid: str, add: Sequence[tuple[str, str, str] | None], release: Sequence[str], at: datetime
) -> tuple[Item, ...]:
    """The items of a proposal of ours: people to add as (id, name, title), None for one nobody knows, and contacts to release.

    Raises WrongState unless the partnership is accepted, ContactHasPendingChange (409), then ValidationError with each field at fault.
    """
    partnership = agreement.partnership
    ensure_living(partnership)
    mine = {item.contact_id: item.action for _, item in agreement.open("us")}
    if any(one[0] in mine for one in add if one) or any(id in mine for id in release):
        raise ContactHasPendingChange()
    there = {one.contact_id: one for one in partnership.assignments if one.state == "accepted"}
    errors: list[tuple[str, str]] = []
    items: list[Item] = []
    if not add and not release:
        errors.append(("add_contact_ids", "Choose at least one contact to add or to release."))
    if add and partnership.side == "customer":
        errors.append(("add_contact_ids", "Only the partner offers people. You can propose to release some."))
    elif len(add) + len(release) > MOST_ITEMS:
        errors.append(("add_contact_ids", f"One proposal changes at most {MOST_ITEMS} contacts."))
    elif len(mine) + len(add) + len(release) > MOST_OPEN:
        errors.append(
            ("add_contact_ids", f"At most {MOST_OPEN} changes wait for an answer at once. Wait, or withdraw some.")
        )
    elif add and len(there) + list(mine.values()).count("add") + len(add) > MOST_PEOPLE:
        errors.append(("add_contact_ids", f"At most {MOST_PEOPLE} people are lent in one partnership."))
    else:
        for i, one in enumerate(add):
            if one is None:
                errors.append((f"add_contact_ids.{i}", "This contact is not in your directory."))
            elif one[0] in there:
                errors.append((f"add_contact_ids.{i}", f"{one[1]} works there already."))
            elif one[0] in release:
                errors.append((f"add_contact_ids.{i}", f"{one[1]} cannot be added and released in one proposal."))
            else:
                id, name, title = one
                made = assignment_id(mid, id, at)
                items.append(Item(action="add", contact_id=id, assignment_id=made, name=name, title=title))
    for i, id in enumerate(release):
        here = there.get(id)
        if here is None:
            errors.append((f"release_contact_ids.{i}", "This contact does not work in this partnership."))
        else:
            items.append(Item(action="release", contact_id=id, assignment_id=here.id, name=here.name, title=here.title))
    if errors:
        raise ValidationError.of(*errors)
    return tuple(items)


def ensure_living(partnership: Partnership) -> None:
    """Raises WrongState unless people work together here: before the acceptance and after the end nothing can be changed."""
    if partnership.phase == "ended":
        raise WrongState("The partnership has ended: nothing of it can be changed any more.")
    if partnership.phase != "accepted":
        raise WrongState("Contacts can be changed once the offer has been accepted.")


def propose(agreement: Agreement, proposal: Modification) -> Agreement:
    """The agreement with a proposal, ours or theirs: whom it would add is offered. After an end all of it is void (rule 4)."""
    partnership = agreement.partnership
    known = agreement.assignments
    # Only the partner lends people: what a customer wishes to add is declined, and nobody's place here.
    lends = (proposal.by == "us") == (partnership.side == "partner")
    offered = tuple(
        Assignment(
            id=item.assignment_id,
            contact_id=item.contact_id,
            name=item.name,
            title=item.title,
            proposed_at=proposal.created_at,
        )
        for item in proposal.items
        if lends and item.action == "add" and item.assignment_id not in known
    )
    partnership = replace(partnership, assignments=(*partnership.assignments, *offered))
    after = agreement.with_(proposal, partnership=partnership)
    return _void(after, proposal) if partnership.phase == "ended" else after


# Answering


_WORDS: Mapping[tuple[Action, Value], str] = {
    ("add", "accept"): "the addition was accepted",
    ("add", "decline"): "the addition was declined",
    ("release", "accept"): "the release was accepted",
    ("release", "decline"): "the release was declined",
}


def ensure_answer(
    agreement: Agreement, mid: str, answers: Sequence[tuple[str, Answer]], *, faults: Sequence[tuple[str, str]] = ()
) -> dict[str, Answer]:
    """What an answer of ours decides: every item that is still open, and nothing else. Empty when it only repeats what was decided.

    `faults` are those found in the roles. Raises WrongState, then ValidationError (OE-16, BX-04).
    """
    ensure_living(agreement.partnership)
    modification = agreement.modifications[mid]
    if modification.by == "us":
        raise WrongState("Only the other side answers your proposal. You can withdraw it.")
    items = {item.contact_id: item for item in modification.items}
    decided = {id: answer for id, answer in answers if id in items and items[id].decision is not None}
    if any(items[id].decision != answer.decision for id, answer in decided.items()) or (
        not modification.open and len(decided) < len(answers)
    ):
        one = next(
            (items[id] for id, answer in answers if id in decided and items[id].decision != answer.decision), None
        )
        raise WrongState(
            f"{one.name}: {_WORDS[one.action, one.decision]} already."
            if one and modification.open
            else f"This was decided already: the proposal is {modification.state}."
        )
    if not modification.open:
        return {}
    errors = [*faults]
    for i, (id, answer) in enumerate(answers):
        if id not in items:
            errors.append((f"items.{i}.contact_id", "The proposal says nothing of this contact."))
        elif any(id == other for other, _ in answers[:i]):
            errors.append((f"items.{i}.contact_id", "The same contact stands here twice."))
        elif id not in decided:
            errors += _misfits(agreement.partnership, items[id], answer, f"items.{i}.roles")
    missing = [
        item.name for item in modification.items if item.decision is None and item.contact_id not in dict(answers)
    ]
    if missing:
        errors.append(("items", f"Decide every item that is still open: {', '.join(missing)}."))
    if errors:
        raise ValidationError.of(*errors)
    return {id: answer for id, answer in answers if id not in decided}


def _misfits(partnership: Partnership, item: Item, answer: Answer, field: str) -> list[tuple[str, str]]:
    needed = partnership.side == "customer" and item.action == "add" and answer.decision == "accept"
    if needed and not answer.roles:
        return [(field, f"Give {item.name} at least one role in one environment.")]
    if answer.roles and not needed:
        return [(field, "Roles go with an addition that you accept, and with nothing else.")]
    return []


def decide(
    agreement: Agreement,
    mid: str,
    answers: Mapping[str, Answer],
    *,
    by: str,
    at: datetime,
    comment: str = "",
    suggestion: str = "",
) -> Agreement:
    """The agreement after its addressee, we or they, decided these items of a modification. `by` is empty when it decided by itself."""
    after = _take(agreement, mid, answers)
    modification = after.modifications[mid]
    return after.with_(
        replace(
            modification,
            answered_by=by or modification.answered_by,
            answered_at=at,
            comment=comment or modification.comment,
            suggestion=suggestion or modification.suggestion,
        )
    )


# Withdrawing, and the end


def ensure_withdrawable(agreement: Agreement, mid: str) -> None:
    """Raises WrongState unless it is a proposal of ours with an open item."""
    ensure_living(agreement.partnership)
    modification = agreement.modifications[mid]
    if modification.by != "us":
        raise WrongState("Only the side that proposed a change can withdraw it. You can decline it.")
    if not modification.open:
        raise WrongState(f"Nothing of this proposal is open any more: it is {modification.state}.")


def withdraw(agreement: Agreement, mid: str) -> Agreement:
    """The agreement after its proposer, we or they, took a modification back: a value that its addressee gave before stays (rule 1)."""
    return _take(agreement, mid, {item.contact_id: "withdrawn" for item in agreement.modifications[mid].items})


def end(agreement: Agreement) -> Agreement:
    """The agreement after an end, of either side: what is open is void. What a service that had not seen it decided still counts (rule 4)."""
    if agreement.partnership.phase == "ended":
        return agreement
    after = replace(agreement, partnership=replace(agreement.partnership, phase="ended"))
    for modification in agreement.modifications.values():
        after = _void(after, modification)
    return after


def _void(agreement: Agreement, modification: Modification) -> Agreement:
    return _take(agreement, modification.mid, {item.contact_id: "void" for item in modification.items})


# What an addressee decides by itself


def obvious(agreement: Agreement, item: Item) -> Verdict | None:
    """What we decide of an open item of theirs without asking anybody (rule 2), or None for what people decide.

    Both who release agree; who is gone is released; who is there needs no addition. A customer adds nobody, and nobody releases whom they do
    not name.
    """
    if item.action == "add":
        return "decline" if item.contact_id in agreement.working or agreement.partnership.side == "partner" else None
    one = agreement.assignments.get(item.assignment_id)
    if one is None or one.contact_id != item.contact_id or one.state not in {"accepted", "released"}:
        return "decline"
    return "accept" if one.state == "released" or crossing(agreement, item) else None


def crossing(agreement: Agreement, item: Item) -> bool:
    """Whether we have an open release of the same assignment ourselves."""
    return item.assignment_id in agreement.releasing


def settle(agreement: Agreement, at: datetime) -> tuple[Agreement, tuple[tuple[str, dict[str, Answer]], ...]]:
    """Decide what is obvious, until nothing more is; with what was decided of which modification, to be said like any decision.

    A service that has seen an end decides nothing any more.
    """
    said: list[tuple[str, dict[str, Answer]]] = []
    more = agreement.partnership.phase == "accepted"
    while more:
        more, before = False, 0
        for mid in dict.fromkeys(modification.mid for modification, _ in agreement.open("them")):
            items = [item for item in agreement.modifications[mid].items if item.decision is None]
            verdicts = ((item, obvious(agreement, item) or _too_many(before + i)) for i, item in enumerate(items))
            answers = {item.contact_id: Answer(verdict) for item, verdict in verdicts if verdict is not None}
            before += len(items)
            if answers:
                agreement = decide(agreement, mid, answers, by="", at=at)
                said.append((mid, answers))
                more = True
    return agreement, tuple(said)


def _too_many(before: int) -> Verdict | None:
    """What is decided of an item that has so many open ones of the same side before it."""
    return "decline" if before >= MOST_OPEN else None


# What a person reads


def label(agreement: Agreement, assignment: Assignment) -> str | None:
    """What stands beside the name of somebody whose place here is being talked about, or None (OE-16)."""
    if assignment.state == "offered":
        return "Offered"
    sides: tuple[By, By] = ("us", "them")
    for by in sides:
        for _, item in agreement.open(by):
            if item.action == "release" and item.assignment_id == assignment.id:
                partners = (agreement.partnership.side == "partner") == (by == "us")
                return "Released" if by == "us" else f"Released by {'Partner' if partners else 'Customer'}"
    return None


def delivery(partnership: Partnership, modification: Modification) -> Delivery:
    """How far a proposal has come to whom it is for (BX-03)."""
    if modification.state == "answered":
        return "answered"
    if modification.by == "them":
        return "seen" if modification.looked else "delivered"
    return reached(partnership, modification.number)

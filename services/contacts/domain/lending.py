"""Who is lent to whom: the assignments of one partnership, as one side holds them.

A record is a fold over what offers of our side states and what contacts of the other side tells (protocol rules 1, 3, 4
and 7). Nothing here refuses: what comes late or does not fit leaves the record as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.ids import derived_id
from shared.text import fold

Side = Literal["partner", "customer"]
Phase = Literal["open", "accepted", "declined", "withdrawn", "expired", "undeliverable", "ended"]
Delivery = Literal["queued", "delivered", "seen", "answered"]
State = Literal["offered", "accepted", "declined", "withdrawn", "released"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role that a lent person holds in an environment of the customer. Known on the customer's side only."""

    environment_id: str
    environment: str
    role_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One contact in one proposal: offered → accepted → released, or offered → declined or withdrawn, never back."""

    id: str
    contact_id: str
    name: str
    title: str = ""
    state: State = "offered"
    proposed_at: datetime
    roles: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """What the customer may know of a person it has accepted."""

    id: str
    name: str
    email: str
    phone: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What offers shows of our matter: how many work there, how many proposals are pending, and how many wait for whom since when.

    `last_word`: how far what a person of ours proposed, answered or withdrew last has come (BX-03).
    """

    working: int = 0
    pending: int = 0
    to_answer: int = 0
    to_answer_since: datetime | None = None
    awaiting: int = 0
    awaiting_since: datetime | None = None
    last_word: Delivery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Partnership:
    """The people of one partnership. `details` is a shared value (rule 7): the highest (counter, by) wins.

    `open` are the modifications with an open item, `figures` what was stated of them last. `told` counts what we said to contacts of the
    other side, `confirmed` and `seen` how much of it is there and was looked at. `word` is the number of the last that a person said;
    `word_answered` when it was a proposal and has its answer.
    """

    tenant: str
    id: str
    version: int = 0
    side: Side
    counterpart: str
    company: str = ""
    phase: Phase = "open"
    assignments: tuple[Assignment, ...] = ()
    details: tuple[Lent, ...] = ()
    details_counter: int = 0
    details_by: str = ""
    open: tuple[str, ...] = ()
    figures: Figures = Figures()
    told: int = 0
    confirmed: int = 0
    seen: int = 0
    word: int = 0
    word_answered: bool = False


def reached(partnership: Partnership, number: int) -> Delivery:
    """How far what we said to contacts of the other side as `number` has come (BX-03)."""
    if partnership.seen >= number:
        return "seen"
    return "delivered" if partnership.confirmed >= number else "queued"


def last_word(partnership: Partnership) -> Delivery | None:
    """How far the last that a person of ours said has come, None when nobody has said anything."""
    if partnership.word_answered:
        return "answered"
    return reached(partnership, partnership.word) if partnership.word else None


def assignment_id(proposal: str, contact: str, at: datetime) -> str:
    """The id both sides give the assignment that a proposal, made `at`, makes of a contact (rule 3); so nobody has to tell it."""
    return derived_id(at, proposal, contact)


def offered(
    *,
    tenant: str,
    id: str,
    side: Side,
    counterpart: str,
    company: str = "",
    contacts: Sequence[tuple[str, str, str]],
    at: datetime,
) -> Partnership:
    """The partnership of an offer with these contacts, each as (id, name, title)."""
    return Partnership(
        tenant=tenant,
        id=id,
        side=side,
        counterpart=counterpart,
        company=company,
        assignments=tuple(
            Assignment(id=assignment_id(id, contact, at), contact_id=contact, name=name, title=title, proposed_at=at)
            # An offer that names somebody twice (no offers of ours does) means them once.
            for contact, name, title in {one[0]: one for one in contacts}.values()
        ),
    )


_UNANSWERED: frozenset[Phase] = frozenset({"open", "withdrawn", "expired"})
"""What an answer of the addressee, and accounts' word that nobody is there, are stronger than (rule 1)."""


def _each(partnership: Partnership, phase: Phase, state: Mapping[str, State], otherwise: State) -> Partnership:
    return replace(
        partnership,
        phase=phase,
        assignments=tuple(
            replace(one, state=state.get(one.contact_id, otherwise)) if one.state in {"offered", "withdrawn"} else one
            for one in partnership.assignments
        ),
    )


def accepted(partnership: Partnership, roles: Mapping[str, tuple[Grant, ...]]) -> Partnership:
    """The offer was accepted with the contacts that `roles` names; the others are declined (OE-08)."""
    if partnership.phase not in _UNANSWERED:
        return partnership
    after = _each(partnership, "accepted", dict.fromkeys(roles, "accepted"), "declined")
    return replace(
        after,
        assignments=tuple(
            replace(one, roles=roles[one.contact_id]) if one.state == "accepted" else one for one in after.assignments
        ),
    )


def declined(partnership: Partnership) -> Partnership:
    """The offer was declined, and everybody in it (OE-09)."""
    return _each(partnership, "declined", {}, "declined") if partnership.phase in _UNANSWERED else partnership


def gone(partnership: Partnership, phase: Literal["withdrawn", "expired", "undeliverable"]) -> Partnership:
    """The offer was taken back, ran out or found nobody, and everybody in it is withdrawn. An answer given before is stronger."""
    if partnership.phase in ({"open"} if phase != "undeliverable" else _UNANSWERED):
        return _each(partnership, phase, {}, "withdrawn")
    return partnership


def working(partnership: Partnership) -> tuple[str, ...]:
    """The contacts of the partner who work at the customer, each once, in the order of their assignments."""
    return tuple(dict.fromkeys(one.contact_id for one in partnership.assignments if one.state == "accepted"))


def share(partnership: Partnership, people: Sequence[Lent]) -> Partnership:
    """Our word on the people we have lent, with the next counter; the same record when just this was told."""
    if partnership.side != "partner" or tuple(people) == partnership.details:
        return partnership
    return replace(
        partnership,
        details=tuple(people),
        details_counter=partnership.details_counter + 1,
        details_by=partnership.tenant,
    )


def hear(partnership: Partnership, *, counter: int, by: str, people: Sequence[Lent]) -> Partnership:
    """The partner's word on the people it lent us; an older one changes nothing. Only the partner speaks for them."""
    if partnership.side != "customer" or by != partnership.counterpart:
        return partnership
    if (counter, by) <= (partnership.details_counter, partnership.details_by):
        return partnership
    known = {one.contact_id for one in partnership.assignments}
    ours = tuple(one for one in people if one.id in known)
    return replace(partnership, details=ours, details_counter=counter, details_by=by)


def holds(partnership: Partnership | None) -> frozenset[str]:
    """What must not be deleted now: our own contacts that are offered or lent, our roles that are granted."""
    if partnership is None or partnership.phase not in {"open", "accepted"}:
        return frozenset()
    living = [one for one in partnership.assignments if one.state in {"offered", "accepted"}]
    if partnership.side == "partner":
        return frozenset(holds_contact(one.contact_id) for one in living)
    return frozenset(holds_role(grant.role_id) for one in living for grant in one.roles)


def holds_contact(contact: str) -> str:
    """How a hold names a contact of ours."""
    return f"contact:{contact}"


def holds_role(role: str) -> str:
    """How a hold names a role in an environment of ours."""
    return f"role:{role}"


def newest_first(partnership: Partnership) -> list[Assignment]:
    """The assignments as a list shows them: the newest proposal first, within one by name."""
    by_name = sorted(partnership.assignments, key=lambda one: (fold(one.name), one.id))
    return sorted(by_name, key=lambda one: one.proposed_at, reverse=True)

"""Which partnership is meant, who asks, and what the neighbours said at the door: what all use cases begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.offers.domain.early import keep
from services.offers.domain.limiting import Limits
from services.offers.domain.partnership import HIDDEN, Early, Login, Partnership
from shared.bus.door import Person
from shared.bus.work import Heard, Json, Stranger, Work
from shared.calls import LONGEST_LIST, Call
from shared.contracts import offers as said
from shared.errors import Forbidden, NotFound
from shared.ids import is_id

OFFER_DAYS = 30


@dataclass(frozen=True, slots=True)
class Answers:
    """What the neighbours said at the door: people by id, contacts by id, environments, the chosen settings and the limits."""

    people: Mapping[str, Json]
    contacts: Mapping[str, Json] = field(default_factory=dict)
    environments: Sequence[Json] = ()
    offer_days: int = OFFER_DAYS
    limits: Limits = Limits()


def named(call: Call, field: str, *more: str) -> list[str]:
    """`more`, and the ids a list of the body names before its form is checked: asked about meanwhile, refused later if need be."""
    wanted = call.body.get(field)
    found = [id for id in wanted if is_id(id)][:LONGEST_LIST] if isinstance(wanted, list) else []
    return list(dict.fromkeys([*more, *found]))


def team(ids: Sequence[str], person: Person, answers: Answers, errors: list[tuple[str, str]]) -> list[said.Manager]:
    """The team: those who were chosen, and whoever acts (contradiction 7)."""
    team = [said.Manager(id=person.id, name=person.name, email=person.email)]
    for i, id in enumerate(ids):
        user = answers.people.get(id)
        if user is None or not user["active"]:
            errors.append((f"manager_ids.{i}", "A partner manager needs an active login in your business."))
        elif id != person.id:
            team.append(said.Manager(id=id, name=user["name"], email=user["email"]))
    return team


def person_of(work: Work, call: Call) -> Person | None:
    """Who asks, as accounts last told; None when it has not told of them."""
    login = work.peek(Login, call.tenant, call.actor)
    if login is None:
        return None
    if not login.active:
        raise Forbidden("This person has no active login here.")
    return Person(login.id, login.name, login.email, login.role)


def looked_up(work: Work, call: Call) -> Partnership:
    p = work.peek(Partnership, call.tenant, call.ids["partnership_id"])
    if p is None:
        raise NotFound()
    return p


def ours(work: Work, call: Call) -> Partnership:
    p = work.get(Partnership, call.tenant, call.ids["partnership_id"])
    if p is None or p.status in HIDDEN:
        raise NotFound()
    return p


def visible(p: Partnership, person: Person) -> Partnership:
    if not p.seen_by(person.id, all=person.changes):
        raise NotFound()
    return p


def about(work: Work, message: Heard[Any]) -> Partnership | None:
    """The partnership a peer message is about. Raises Stranger unless its counterpart speaks: that message is dead, for an operator to see."""
    p = work.get(Partnership, message.tenant, message.subject)
    if p is not None and p.counterpart != message.origin:
        raise Stranger(message.origin)
    return p


def ready(work: Work, message: Heard[Any]) -> Partnership | None:
    """The partnership a message to a receiver is about, once accounts has said whose it is: until then the message is kept in the record.

    What is said of an offer that was turned away counts for nothing: nobody here knows of it.
    """
    p = about(work, message)
    if p is not None and p.status == "arriving":
        after = keep(p, Early(message.data.type, message.data.model_dump_json()))
        if after is not p:
            work.put(after)
    return None if p is None or p.status in HIDDEN else p

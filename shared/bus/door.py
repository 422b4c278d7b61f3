"""At the door ask: who is this, and may they?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from shared.bus.session import Stated
from shared.calls import SYSTEM, Call
from shared.errors import ChangedMeanwhile, Forbidden, Refusal, Unavailable
from shared.ids import new_id

CHANGERS = ("admin", "partnerships")
"""Who sees and changes every partnership of their tenant; a member sees only those they manage."""


class Accounts(Protocol):
    """What is asked of accounts."""

    def get_people(self, *, tenant: str, actor: str, ids: list[str]) -> dict[str, Any]:
        """`{"company": …, "items": [{id, name, email, role, active}]}`; unknown ids are left out."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the caller's tenant."""

    id: str
    name: str
    email: str
    role: str
    company: str = ""

    @property
    def changes(self) -> bool:
        return self.role in CHANGERS


SYSTEM_PERSON = Person(SYSTEM, "Accord", "", "admin")


def admit(accounts: Accounts, call: Call, *roles: str) -> Person:
    """The person who asks. Raises Forbidden when they are no active user of their tenant, or have none of `roles` (any, if none is named)."""
    if call.actor == SYSTEM:
        return SYSTEM_PERSON
    return admitted(accounts.get_people(tenant=call.tenant, actor=SYSTEM, ids=[call.actor]), call, *roles)


def admitted(found: dict[str, Any], call: Call, *roles: str) -> Person:
    """The person who asks, by an answer of accounts that is here already. Raises Forbidden as `admit` does."""
    person = next((p for p in found["items"] if p["id"] == call.actor and p["active"]), None)
    if person is None:
        raise Forbidden("This person has no active login here.")
    if roles and person["role"] not in roles:
        raise Forbidden()
    return Person(person["id"], person["name"], person["email"], person["role"], found["company"])


def check_version(call: Call, version: int) -> None:
    """Raises ChangedMeanwhile when the call's If-Match names another version."""
    if call.if_match is not None and call.if_match.strip().strip('"') != str(version):
        raise ChangedMeanwhile()


def standing(offers: Any, call: Call, *, change: bool = False) -> dict[str, Any]:
    """What offers says of the partnership of this call.

    `{"role", "counterpart", "status", "suspended", "version", "revision", "managers", "changes"}`; `version`: how many facts offers has stated,
    `revision`: the partnership's version as people see it; `changes`: the actor may. Raises what offers refuses: NotFound, Forbidden, and
    with `change` WrongState.
    """
    found: dict[str, Any] = offers.get_standing(
        tenant=call.tenant, actor=call.actor, partnership_id=call.ids["partnership_id"], change=change
    )
    return found


def stated(call: Call, found: dict[str, Any]) -> Stated:
    """All that offers had stated of the partnership when it answered `found`: what is to be heard before anything is looked up here."""
    return Stated("offers", call.ids["partnership_id"], found["version"])


@contextlib.contextmanager
def reserving_contacts(contacts: Any, call: Call, ids: list[str], *, needed_by: str) -> Iterator[Any]:
    """Within, what was asked of contacts: `result()["items"]` are those of these contacts that are there, and stay there.

    `needed_by`: an id of its own, under which contacts may hear what needs them. A refusal within lets them go; when the outcome is unknown
    they go by themselves, after a while.
    """
    asked = contacts.start("reserve_contacts", tenant=call.tenant, actor=SYSTEM, needed_by=needed_by, contact_ids=ids)
    try:
        yield asked
    except Unavailable:
        asked.forget()
        raise
    except Refusal:
        with contextlib.suppress(Refusal):
            asked.result()
        release_contacts(contacts, call, needed_by)
        raise


def release_contacts(contacts: Any, call: Call, needed_by: str) -> None:
    """Let go who was reserved. What cannot be asked now goes by itself."""
    with contextlib.suppress(Refusal):
        contacts.release_contacts(tenant=call.tenant, actor=SYSTEM, needed_by=needed_by)


@contextlib.contextmanager
def reserving_roles(accounts: Any, call: Call, *, needed: bool = True) -> Iterator[list[dict[str, Any]]]:
    """Within, the environments with their roles, none of which is dropped; none when no role is `needed`.

    Nobody tells accounts who holds which role: it asks before it drops one. So at the end they are let go, and nobody waits for that. Only
    whoever may give roles gets here: nobody else can keep one from being dropped.
    """
    if not needed:
        yield []
        return
    needed_by = new_id()
    found = accounts.reserve_roles(tenant=call.tenant, actor=SYSTEM, needed_by=needed_by)
    try:
        yield found["items"]
    except Unavailable:
        raise
    except Refusal:
        _let_go(accounts, call, needed_by)
        raise
    _let_go(accounts, call, needed_by)


def _let_go(accounts: Any, call: Call, needed_by: str) -> None:
    with contextlib.suppress(Refusal):
        accounts.tell("release_roles", tenant=call.tenant, actor=SYSTEM, needed_by=needed_by)

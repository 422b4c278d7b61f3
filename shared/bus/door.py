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
def reserving(owner: Any, what: str, call: Call, *, needed_by: str, **which: Any) -> Iterator[Any]:
    """Within, what was asked of the owner: `result()["items"]` are those of `what` (`which` of them) that are there, and stay there.

    `needed_by`: the id under which the owner will hear what needs them. A refusal within lets them go; when the outcome is unknown they go
    by themselves, after a while.
    """
    asked = owner.start(f"reserve_{what}", tenant=call.tenant, actor=SYSTEM, needed_by=needed_by, **which)
    try:
        yield asked
    except Unavailable:
        raise
    except Refusal:
        with contextlib.suppress(Refusal):
            asked.result()
            getattr(owner, f"release_{what}")(tenant=call.tenant, actor=SYSTEM, needed_by=needed_by)
        raise


@contextlib.contextmanager
def reserving_roles(accounts: Any, call: Call) -> Iterator[Any]:
    """Within, the environments as `reserving` asks for them. Nobody tells accounts who holds which role: it asks before it drops one. So at
    the end the roles are let go."""
    needed_by = new_id()
    with reserving(accounts, "roles", call, needed_by=needed_by) as asked:
        yield asked
        # Nobody waits for this: it is done, and what cannot be asked now goes by itself.
        with contextlib.suppress(Refusal):
            accounts.tell("release_roles", tenant=call.tenant, actor=SYSTEM, needed_by=needed_by)

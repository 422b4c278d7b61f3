"""No role is given and dropped at the same moment: while somebody is about to give one, none is dropped."""

from __future__ import annotations

from datetime import datetime

from services.accounts import views
from services.accounts.commands import Reserve
from services.accounts.domain import reserving as rules
from services.accounts.domain.environments import Environments
from services.accounts.domain.reserving import Reservations
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.errors import NotFound


def reserve_roles(work: Work, call: Call, command: Reserve, now: datetime) -> Json:
    """The environments and their roles, none of which can be dropped until they are released. Raises NotFound."""
    # Locked first: whoever drops roles has done so before, or sees the reservation.
    before = locked(work, call.tenant)
    found = work.peek(Environments, call.tenant, call.tenant)
    if found is None:
        raise NotFound()
    work.put(rules.reserve(before, command.needed_by, now))
    return views.environments(found)


def release_roles(work: Work, call: Call, command: Reserve, now: datetime) -> Json:
    """Contacts can say now who holds what was given; or nothing was."""
    before = locked(work, call.tenant)
    after = rules.release(before, command.needed_by)
    if after != before:
        work.put(after)
    return {}


def locked(work: Work, tenant: str) -> Reservations:
    """Who is about to give roles."""
    return work.get(Reservations, tenant, tenant) or Reservations(tenant=tenant, id=tenant)


def looked_at(work: Work, tenant: str) -> Reservations:
    """The same, without a lock."""
    return work.peek(Reservations, tenant, tenant) or Reservations(tenant=tenant, id=tenant)

"""The environments of a business and the roles in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.accounts import commands, views
from services.accounts.domain import environments
from services.accounts.domain.environments import Environments
from services.accounts.handlers import audit, reserving
from services.accounts.handlers.admission import ADMIN, ANYBODY, admit
from shared.bus.door import check_version
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.errors import ChangedMeanwhile, NotFound, Unavailable
from shared.ids import new_id


def get_environments(work: Work, call: Call, now: datetime) -> Json:
    """The environments of the business and the roles in them."""
    admit(work, call, ANYBODY)
    return views.environments(_environments(work, call.tenant))


@dataclass(frozen=True, slots=True)
class Dropped:
    """The roles that a change of environments would drop, id → name; and of those who were about to give roles, how many had begun until then."""

    roles: dict[str, str]
    begun: int


def dropped_roles(work: Work, call: Call, now: datetime) -> Dropped | None:
    """What a change of environments would drop; None while somebody is about to give a role. Raises what the change would."""
    # First, so that whoever is not seen here has not begun when it is asked who holds what.
    reservations = reserving.looked_at(work, call.tenant)
    roles = _changed_environments(work, call, lock=False)[2]
    return None if roles and reservations.busy(now) else Dropped(roles, reservations.begun)


def set_environments(work: Work, call: Call, unused: Dropped, now: datetime) -> Json:
    """Replace the environments. `unused` are the roles that may be dropped since nobody holds them. Raises ChangedMeanwhile for others,
    Unavailable when somebody was about to give a role meanwhile."""
    reservations = reserving.locked(work, call.tenant)
    before, after, dropped = _changed_environments(work, call, lock=True)
    if not unused.roles.keys() >= dropped.keys():
        # Somebody added roles since we asked who holds which.
        raise ChangedMeanwhile()
    if dropped:
        if reservations.begun != unused.begun:
            raise busy()
        # Kept as it was: who reserves for the first time at this moment must begin anew.
        work.put(reservations)
    if after == before:
        return views.environments(before)
    by = admit(work, call, ADMIN)
    audit.note(work, call, "environments.changed", now, by=by, changes=environments.told(before, after))
    return views.environments(work.put(after))


def busy() -> Unavailable:
    """Somebody is about to give a role: nothing can be dropped now."""
    return Unavailable("Somebody is just being given a role. Try again in a moment.")


def _changed_environments(work: Work, call: Call, *, lock: bool) -> tuple[Environments, Environments, dict[str, str]]:
    before = _environments(work, call.tenant, lock=lock)
    admit(work, call, ADMIN)
    command = call.read(commands.SetEnvironments)
    check_version(call, before.version)
    after = environments.change(before, command.wanted(), new_id)
    return before, after, environments.dropped_roles(before, after)


def _environments(work: Work, tenant: str, *, lock: bool = False) -> Environments:
    found = work.get(Environments, tenant, tenant) if lock else work.peek(Environments, tenant, tenant)
    if found is None:
        raise NotFound()
    return found

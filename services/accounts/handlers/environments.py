"""The environments of a business and the roles in them."""

from __future__ import annotations

from datetime import datetime

from services.accounts import commands, views
from services.accounts.domain import environments
from services.accounts.domain.environments import Environments
from services.accounts.handlers import audit
from services.accounts.handlers.admission import ADMIN, ANYBODY, admit
from shared.bus.door import check_version
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.errors import ChangedMeanwhile, NotFound
from shared.ids import new_id


def get_environments(work: Work, call: Call, now: datetime) -> Json:
    """The environments of the business and the roles in them."""
    admit(work, call, ANYBODY)
    return views.environments(_environments(work, call.tenant))


def dropped_roles(work: Work, call: Call, now: datetime) -> dict[str, str]:
    """The roles that a change of environments would drop: id → name. Raises what the change would."""
    return _changed_environments(work, call, lock=False)[2]


def set_environments(work: Work, call: Call, unused: frozenset[str], now: datetime) -> Json:
    """Replace the environments. `unused` are the roles that may be dropped since nobody holds them. Raises ChangedMeanwhile for others."""
    before, after, dropped = _changed_environments(work, call, lock=True)
    if not unused.issuperset(dropped):
        # Somebody added roles since we asked who holds which.
        raise ChangedMeanwhile()
    if after == before:
        return views.environments(before)
    by = admit(work, call, ADMIN)
    audit.note(work, call, "environments.changed", now, by=by, changes=environments.told(before, after))
    return views.environments(work.put(after))


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

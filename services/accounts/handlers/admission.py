"""Who asks, and whether they may."""

from __future__ import annotations

from datetime import datetime

from services.accounts.domain import people
from services.accounts.domain.businesses import Business
from services.accounts.domain.people import User
from shared.bus.work import Json, Work
from shared.calls import SYSTEM, Call
from shared.errors import NotFound

ADMIN = ("admin",)


ANYBODY: tuple[str, ...] = ()


def admit(work: Work, call: Call, roles: tuple[str, ...]) -> User | None:
    """The user who asks, when active and in one of the roles (any, when none are named); None for the system. Raises Forbidden otherwise."""
    if call.actor == SYSTEM:
        return None
    return people.ensure_may(work.peek(User, call.tenant, call.actor), roles)


def check_admin(work: Work, call: Call, now: datetime) -> Json:
    """Raises Forbidden unless an admin asks."""
    admit(work, call, ADMIN)
    return {}


def business_of(work: Work, tenant: str, *, lock: bool = False) -> Business:
    """The business. Raises NotFound."""
    business = work.get(Business, tenant, tenant) if lock else work.peek(Business, tenant, tenant)
    if business is None:
        raise NotFound()
    return business


def myself(work: Work, call: Call, *, lock: bool = False) -> User:
    """Whoever asks. Raises Forbidden unless an active user."""
    user = work.get(User, call.tenant, call.actor) if lock else work.peek(User, call.tenant, call.actor)
    return people.ensure_may(user, ANYBODY)

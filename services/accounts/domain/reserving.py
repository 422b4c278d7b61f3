"""Roles are about to be given to somebody: none of them may be dropped meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from shared.deadlines import RESERVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservations:
    """Who is about to give roles of a business, one record; its id is the tenant name. `begun` counts them, `open` says until when each counts."""

    tenant: str
    id: str
    version: int = 0
    begun: int = 0
    open: tuple[tuple[str, datetime], ...] = ()

    def busy(self, now: datetime) -> bool:
        """Whether somebody is about to give a role."""
        return any(until > now for _, until in self.open)


def reserve(reservations: Reservations, needed_by: str, now: datetime) -> Reservations:
    """One more is about to give roles. Those who were never heard of again are forgotten."""
    others = tuple((one, until) for one, until in reservations.open if until > now and one != needed_by)
    return replace(reservations, begun=reservations.begun + 1, open=(*others, (needed_by, now + RESERVED)))


def release(reservations: Reservations, needed_by: str) -> Reservations:
    """Whoever was about to give roles has done so, or will not."""
    return replace(reservations, open=tuple(one for one in reservations.open if one[0] != needed_by))

"""People who are about to be needed: by an offer that is being sent, or by the login they are being given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.deadlines import RESERVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Contacts that must not be deleted until the offer `id` is known here, or `until` what needs them can no longer succeed."""

    tenant: str
    id: str
    version: int = 0
    contact_ids: tuple[str, ...]
    until: datetime


def reserve(*, tenant: str, needed_by: str, contacts: Iterable[str], now: datetime) -> Reservation:
    """Keep these contacts for what is about to need them."""
    return Reservation(tenant=tenant, id=needed_by, contact_ids=tuple(sorted(contacts)), until=now + RESERVED)

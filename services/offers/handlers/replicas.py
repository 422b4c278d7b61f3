"""What our own side tells: our business, our logins, our teams, as their owners last said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.offers.domain.partnership import Business, Login, Mailbox, Named, Partnership
from shared.bus.work import Heard, Work
from shared.contracts import accounts as from_accounts
from shared.contracts import managers as from_managers


def tenant_registered(work: Work, message: Heard[from_accounts.TenantRegistered], now: datetime) -> None:
    """A business of this cell."""
    _business(work, message.tenant, company=message.data.company)


def profile_changed(work: Work, message: Heard[from_accounts.ProfileChanged], now: datetime) -> None:
    """Our business has another name."""
    _business(work, message.tenant, company=message.data.company)


def settings_changed(work: Work, message: Heard[from_accounts.SettingsChanged], now: datetime) -> None:
    """Whose offers we want (BX-09)."""
    _business(work, message.tenant, wants_offers=message.data.offers_from == "all", blocked=tuple(message.data.blocked))


def _business(work: Work, tenant: str, **changes: Any) -> None:
    known = work.get(Business, tenant, tenant) or Business(tenant=tenant, id=tenant)
    work.put(replace(known, **changes))


def user_changed(work: Work, message: Heard[from_accounts.UserChanged], now: datetime) -> None:
    """A login of ours, whole."""
    data, tenant = message.data, message.tenant
    before = work.get(Login, tenant, data.id)
    if before is not None and before.email != data.email:
        old = work.get(Mailbox, tenant, before.email)
        if old is not None and old.user_id == data.id:
            work.delete(Mailbox, tenant, before.email)
    work.put(Login(tenant=tenant, id=data.id, name=data.name, email=data.email, role=data.role, active=data.active))
    work.put(Mailbox(tenant=tenant, id=data.email, user_id=data.id, active=data.active))


def team_changed(work: Work, message: Heard[from_managers.TeamChanged], now: datetime) -> None:
    """Our team of a partnership, whole; the newest version counts (rule 8)."""

    p = work.get(Partnership, message.tenant, message.subject)
    data = message.data
    if p is None or data.version <= p.team_version:
        return
    owner = Named(data.owner.id, data.owner.name) if data.owner else None
    work.put(replace(p, managers=tuple(m.id for m in data.members), owner=owner, team_version=data.version))

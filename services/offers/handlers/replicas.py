"""What our own side tells: our business, our logins, our teams, the figures of contacts, other businesses; as their owners last said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from services.offers.domain import folding
from services.offers.domain import naming as names
from services.offers.domain.partnership import Address, Business, Counterpart, Login, Mailbox, Named, Partnership
from services.offers.handlers import naming
from shared.bus.work import Heard, Work
from shared.contracts import accounts as from_accounts
from shared.contracts import contacts as from_contacts
from shared.contracts import managers as from_managers
from shared.contracts import offers as said

_AT_ONCE = 50


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
    """Our team of a partnership, whole; the other side learns no more of it than the account owner's name."""
    p = work.get(Partnership, message.tenant, message.subject)
    data = message.data
    if p is None:
        return
    owner = Named(data.owner.id, data.owner.name) if data.owner else None
    after = names.team(p, members=tuple(m.id for m in data.members), owner=owner, version=data.version)
    if after is not p:
        same = p.owner is not None and owner is not None and p.owner.id == owner.id
        naming.tell_owner(work, work.put(after), now, renamed=same)


def assignments_changed(work: Work, message: Heard[from_contacts.AssignmentsChanged], now: datetime) -> None:
    """What contacts lets us show of its matter: figures, whether it is modified, whose turn it is (BX-02)."""
    p = work.get(Partnership, message.tenant, message.subject)
    if p is None:
        return
    after = folding.fold(p, folding.Figures(**message.data.model_dump()), now)
    if after is not p:
        work.put(after)


def profile_received(work: Work, message: Heard[from_accounts.ProfileReceived], now: datetime) -> None:
    """Another business as it told of itself (OE-20): the highest counter counts, and its name and logo go onto all its tiles."""
    data, tenant, id = message.data, message.tenant, message.subject
    known = work.get(Counterpart, tenant, id)
    if known is not None and data.counter <= known.counter:
        return
    told = data.model_dump()
    addresses = tuple(Address(**one) for one in told.pop("addresses"))
    work.put(Counterpart(tenant=tenant, id=id, addresses=addresses, **told))
    # Not here: there may be many tiles, and lists do not see what this transaction has written.
    work.later(said.NamesDue(), tenant=tenant, subject=id, at=now)


def names_due(work: Work, message: Heard[said.NamesDue], now: datetime) -> None:
    """Put the name and the logo's digest that another business told last onto its tiles, some at a time."""
    tenant, id = message.tenant, message.subject
    known = work.peek(Counterpart, tenant, id)
    page = work.find(Partnership, tenant, where={"counterpart": id}, after=message.data.after, limit=_AT_ONCE)
    locked = work.get_many(Partnership, tenant, [found.id for found in page.items])
    for p in locked.values():
        if known is not None and (p.company, p.logo) != (known.company, known.logo_digest):
            work.put(replace(p, company=known.company, logo=known.logo_digest, updated_at=now))
    if page.next is not None:
        work.later(said.NamesDue(after=page.next), tenant=tenant, subject=id, at=now)

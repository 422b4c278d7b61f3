"""A business registers, with its first admin; and how often one address may do so."""

from __future__ import annotations

from datetime import datetime

from services.accounts import commands, views
from services.accounts.domain import attempts, environments
from services.accounts.domain.businesses import Business
from services.accounts.domain.people import Admins, Login, User
from services.accounts.domain.settings import Settings
from services.accounts.handlers import audit
from services.accounts.handlers.logging_in import count
from services.accounts.handlers.users import say_user
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.contracts.accounts import TenantRegistered
from shared.errors import TenantTaken
from shared.ids import new_id


def count_registration(work: Work, call: Call, limit: float, now: datetime) -> None:
    """Count one more registration from the address the call comes from. Raises RateLimited after `limit` in a minute."""
    sentence = "Too many businesses were registered from your network address. Try again in a minute."
    counted_as = attempts.registrations_key(call.client.address)
    count(work, call.tenant, counted_as, limit, sentence, now, attempts.REGISTRATIONS_WINDOW)


def register_tenant(
    work: Work, call: Call, command: commands.RegisterTenant, password_hash: str, now: datetime
) -> Json:
    """Claim a tenant name and make its first admin. Raises TenantTaken."""
    tenant = command.tenant
    if work.get(Business, tenant, tenant) is not None:
        raise TenantTaken()
    work.put(Business(tenant=tenant, id=tenant, company=command.company, registered_at=now))
    work.put(environments.default_environments(tenant, new_id))
    work.put(Settings(tenant=tenant, id=tenant))
    user = work.put(User(tenant=tenant, id=new_id(), name=command.name, email=command.email, role="admin"))
    work.put(Login(tenant=tenant, id=user.email, user_id=user.id, password_hash=password_hash))
    work.put(Admins(tenant=tenant, id=tenant, user_ids=(user.id,)))
    work.say(TenantRegistered(company=command.company), tenant=tenant, subject=tenant)
    audit.note(work, call, "tenant.registered", now, by=user, company=command.company)
    say_user(work, user)
    return {"tenant": tenant, "company": command.company, "user": views.user_(user)}

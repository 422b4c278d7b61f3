"""What a business has chosen (BX-09)."""

from __future__ import annotations

from datetime import datetime

from services.accounts import commands, views
from services.accounts.domain import audit as trail
from services.accounts.domain import settings
from services.accounts.domain.settings import USUAL_LIMITS, Limits, Settings
from services.accounts.handlers import audit
from services.accounts.handlers.admission import ADMIN, ANYBODY, admit
from shared.bus.door import check_version
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.contracts.accounts import SettingsChanged
from shared.errors import NotFound

PARTS = {
    "offer_expiry_days": "days until an offer expires",
    "offers_from": "who may send offers",
    "blocked_tenants": "blocked businesses",
}


def get_settings(work: Work, call: Call, now: datetime, limits: Limits = USUAL_LIMITS) -> Json:
    """What the business has chosen."""
    admit(work, call, ANYBODY)
    found = work.peek(Settings, call.tenant, call.tenant)
    if found is None:
        raise NotFound()
    return views.settings(found, limits)


def update_settings(work: Work, call: Call, now: datetime, limits: Limits = USUAL_LIMITS) -> Json:
    """Change what the business has chosen (BX-09)."""
    before = work.get(Settings, call.tenant, call.tenant)
    if before is None:
        raise NotFound()
    by = admit(work, call, ADMIN)
    command = call.read(commands.UpdateSettings)
    check_version(call, before.version)
    blocked = None if command.blocked_tenants is None else tuple(command.blocked_tenants)
    after = settings.change(
        before,
        offer_expiry_days=command.offer_expiry_days,
        offers_from=command.offers_from,
        blocked_tenants=blocked,
    )
    if after != before:
        audit.note(work, call, "settings.changed", now, by=by, changes=trail.changes(before, after, PARTS))
    return views.settings(choose(work, before, after), limits)


def choose(work: Work, before: Settings, after: Settings) -> Settings:
    """The settings as they are kept from now on; told when they changed."""
    if after == before:
        return before
    after = work.put(after)
    work.say(
        SettingsChanged(
            offers_from=after.offers_from,
            blocked=list(after.blocked_tenants),
            offer_expiry_days=after.offer_expiry_days,
        ),
        tenant=after.tenant,
        subject=after.tenant,
    )
    return after

"""The profile of a business, as its own people see and change it (OE-20); who else hears of it: sharing.py."""

from __future__ import annotations

from datetime import datetime

from services.accounts import commands, views
from services.accounts.domain import audit as trail
from services.accounts.domain import businesses
from services.accounts.handlers import audit
from services.accounts.handlers.admission import ADMIN, ANYBODY, admit, business_of
from shared.bus.door import check_version
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.contracts.accounts import ProfileChanged, ProfileDue

PARTS = {
    "company": "company",
    "logo": "logo",
    "phone": "phone",
    "email": "e-mail",
    "fax": "fax",
    "website": "website",
    "addresses": "addresses",
}


def get_profile(work: Work, call: Call, now: datetime) -> Json:
    """The profile of the business (OE-20)."""
    admit(work, call, ANYBODY)
    return views.profile(business_of(work, call.tenant))


def update_profile(work: Work, call: Call, now: datetime) -> Json:
    """Change the profile and say so, whole; live counterparts hear of it (OE-20).

    Raises ChangedMeanwhile, ValidationError for two addresses of one type or two defaults.
    """
    before = business_of(work, call.tenant, lock=True)
    by = admit(work, call, ADMIN)
    command = call.read(commands.UpdateProfile)
    check_version(call, before.version)
    after = businesses.change_profile(before, command.changes())
    if after is before:
        return views.profile(before)
    audit.note(work, call, "profile.changed", now, by=by, changes=trail.changes(before, after, PARTS))
    after = work.put(after)
    work.say(
        ProfileChanged(counter=after.counter, **views.told(after)),
        tenant=after.tenant,
        subject=after.tenant,
    )
    # Not here: there may be thousands of them, and lists do not see what this transaction has written.
    work.later(ProfileDue(), tenant=after.tenant, subject=after.tenant, at=now)
    return views.profile(after)

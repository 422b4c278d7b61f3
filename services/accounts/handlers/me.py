"""What people see and change of themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.accounts import commands, views
from services.accounts.domain import people
from services.accounts.handlers.admission import business_of, myself
from services.accounts.handlers.users import say_user
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.errors import ValidationError


def get_me(work: Work, call: Call, now: datetime) -> Json:
    """The logged-in user, its business, what it may do, and its preferences."""
    user = myself(work, call)
    return views.me(user, business_of(work, call.tenant).company)


def update_me(work: Work, call: Call, now: datetime) -> Json:
    """Change one's own name, language, time zone and preferences."""
    before = myself(work, call, lock=True)
    command = call.read(commands.UpdateMe)
    after = people.prefer(people.change(before, name=command.name, role=None, active=None), command.preferences)
    after = replace(after, locale=command.locale or before.locale, time_zone=command.time_zone or before.time_zone)
    if len(after.preferences) > people.PREFERENCES_LIMIT:
        raise ValidationError.of(("preferences", f"At most {people.PREFERENCES_LIMIT} preferences are kept."))
    if after != before:
        after = work.put(after)
    if after.name != before.name:
        say_user(work, after)
    return views.me(after, business_of(work, call.tenant).company)

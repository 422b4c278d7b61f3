"""A new password."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.accounts import commands
from services.accounts.domain.people import Login
from services.accounts.handlers import audit
from services.accounts.handlers.admission import myself
from services.accounts.handlers.sessions import end_all
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.errors import ValidationError


def change_password(
    work: Work, call: Call, command: commands.ChangePassword, checked_hash: str, password_hash: str, now: datetime
) -> Json:
    """Set a new password and end all other sessions. `checked_hash` is the one the old password was compared with."""
    user = myself(work, call, lock=True)
    login = work.get(Login, call.tenant, user.email)
    if login is None or login.password_hash != checked_hash:
        raise wrong_old_password()
    work.put(replace(login, password_hash=password_hash))
    end_all(work, call.tenant, user.id, but=command.session_id)
    audit.note(work, call, "password.changed", now, by=user)
    return {}


def wrong_old_password() -> ValidationError:
    """The refusal of a change by somebody who does not know the password."""
    return ValidationError.of(("old", "This is not your password."))

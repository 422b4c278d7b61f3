"""A new password: by the old one, or by a link in a mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.accounts import commands
from services.accounts.domain import attempts
from services.accounts.domain.attempts import Attempts
from services.accounts.domain.mailed_links import MailedLink
from services.accounts.domain.people import Login, User
from services.accounts.handlers import audit
from services.accounts.handlers.admission import myself
from services.accounts.handlers.logging_in import count
from services.accounts.handlers.mailed_links import dead_link, followed, forget, forget_old
from services.accounts.handlers.sessions import end_all
from shared.bus.work import Heard, Json, Work
from shared.calls import SYSTEM, Call, Client
from shared.contracts.accounts import PasswordChanged, PasswordResetDue, PasswordResetRequested
from shared.errors import ValidationError
from shared.ids import new_id

TOO_MANY_RESETS = "Too many new passwords were asked for. Check your mail, or try again later."


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
    forget(work, call.tenant, user.id, "reset")
    audit.note(work, call, "password.changed", now, by=user)
    _say(work, user, by_mail=False)
    return {}


def wrong_old_password(field: str = "old") -> ValidationError:
    """The refusal of a change by somebody who does not know the password."""
    return ValidationError.of((field, "This is not your password."))


# By mail


def count_resets_from(work: Work, call: Call, address: str, limit: float, now: datetime) -> Json:
    """Count a request from a network address. Raises RateLimited."""
    count(work, call.tenant, attempts.reset_address_key(address), limit, TOO_MANY_RESETS, now)
    return {}


def request_reset(work: Work, call: Call, email: str, limit: float, now: datetime) -> Json:
    """Have a link mailed, if there is such a login: that is found out later, so that this takes as long if there is none.

    Raises RateLimited beyond `limit` in 15 minutes, for an account that does not exist as well.
    """
    count(work, call.tenant, attempts.reset_account_key(call.tenant, email), limit, TOO_MANY_RESETS, now)
    due = PasswordResetDue(email=email, address=call.client.address, agent=call.client.agent)
    work.later(due, tenant=call.tenant, subject=call.tenant, at=now)
    return {}


def reset_due(work: Work, message: Heard[PasswordResetDue], now: datetime) -> None:
    """Mail a link to whoever wants a new password, when they may log in at all. The link itself is made by the mailer."""
    tenant, asked = message.tenant, message.data
    login = work.peek(Login, tenant, asked.email)
    user = work.peek(User, tenant, login.user_id) if login else None
    if user is None or not user.active:
        return
    forget_old(work, tenant, user.id, now)
    link = MailedLink(tenant=tenant, id=new_id(), purpose="reset", user_id=user.id, email=user.email, made_at=now)
    work.put(link)
    call = Call(message.data.type, tenant, SYSTEM, client=Client(asked.address, asked.agent))
    audit.note(work, call, "password_reset.requested", now, about=user.id, user=f"{user.name} ({user.email})")
    work.say(PasswordResetRequested(id=link.id, name=user.name, email=user.email), tenant=tenant, subject=user.id)


def reset_password(work: Work, call: Call, link_id: str, password_hash: str, now: datetime) -> Json:
    """Set a new password by a link in a mail, once: all sessions end, and all other such links. Raises ValidationError."""
    _, user = followed(work, call, link_id, "reset", now)
    login = work.get(Login, call.tenant, user.email)
    if login is None:
        raise dead_link()
    work.put(replace(login, password_hash=password_hash))
    forget(work, call.tenant, user.id, "reset")
    end_all(work, call.tenant, user.id)
    # Whoever was locked out for wrong passwords has a right one now.
    work.delete(Attempts, call.tenant, attempts.account_key(call.tenant, user.email))
    audit.note(work, call, "password_reset.used", now, by=user)
    _say(work, user, by_mail=True)
    return {}


def _say(work: Work, user: User, *, by_mail: bool) -> None:
    fact = PasswordChanged(name=user.name, email=user.email, by_mail=by_mail)
    work.say(fact, tenant=user.tenant, subject=user.id)

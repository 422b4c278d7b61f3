"""Another e-mail to log in with: it counts once a link in a mail to it was followed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.accounts.domain import attempts, mailed_links
from services.accounts.domain.mailed_links import MailedLink
from services.accounts.domain.people import Login
from services.accounts.handlers import audit
from services.accounts.handlers.admission import myself
from services.accounts.handlers.logging_in import count
from services.accounts.handlers.mailed_links import dead_link, followed, forget
from services.accounts.handlers.passwords import wrong_old_password
from services.accounts.handlers.users import say_user
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.contracts.accounts import EmailChanged, EmailChangeRequested
from shared.errors import EmailTaken, ValidationError
from shared.ids import new_id


def request_change(work: Work, call: Call, email: str, checked_hash: str, now: datetime) -> Json:
    """Have a link mailed to the e-mail that one wants to log in with. `checked_hash` is the one the password was compared with.

    Raises EmailTaken, RateLimited, ValidationError for the e-mail one has.
    """
    user = myself(work, call, lock=True)
    login = work.peek(Login, call.tenant, user.email)
    if login is None or login.password_hash != checked_hash:
        raise wrong_old_password("password")
    if email == user.email:
        raise ValidationError.of(("email", "You log in with this e-mail already."))
    if work.peek(Login, call.tenant, email) is not None:
        raise EmailTaken()
    key, sentence = attempts.email_change_key(user.id), "Too many e-mails were asked for. Try again later."
    count(work, call.tenant, key, mailed_links.PER_ACCOUNT, sentence, now)
    # Of several the last one counts: it is what was wanted last.
    forget(work, call.tenant, user.id, "email")
    link = MailedLink(tenant=call.tenant, id=new_id(), purpose="email", user_id=user.id, email=email, made_at=now)
    work.put(link)
    audit.note(work, call, "email_change.requested", now, by=user, email=email)
    fact = EmailChangeRequested(id=link.id, name=user.name, email=email, before=user.email)
    work.say(fact, tenant=call.tenant, subject=user.id)
    return {}


def confirm_change(work: Work, call: Call, link_id: str, now: datetime) -> Json:
    """The e-mail that a link was sent to is what its user logs in with from now on. Raises EmailTaken, ValidationError."""
    link, before = followed(work, call, link_id, "email", now)
    # In the order of their ids, as everything is locked.
    logins = work.get_many(Login, call.tenant, [before.email, link.email])
    if link.email in logins:
        raise EmailTaken()
    if before.email not in logins:
        raise dead_link()
    login = logins[before.email]
    work.delete(Login, call.tenant, login.id)
    work.put(Login(tenant=call.tenant, id=link.email, user_id=before.id, password_hash=login.password_hash))
    after = work.put(replace(before, email=link.email))
    # Also those for a new password that went to the old mailbox.
    forget(work, call.tenant, before.id)
    audit.note(work, call, "email.changed", now, by=before, email=after.email, before=before.email)
    say_user(work, after)
    fact = EmailChanged(name=after.name, email=after.email, before=before.email)
    work.say(fact, tenant=call.tenant, subject=after.id)
    return {}

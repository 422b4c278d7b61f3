"""From an e-mail and a password to a session, and how often one may try."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from services.accounts import views
from services.accounts.domain import attempts, sessions
from services.accounts.domain.attempts import Attempts
from services.accounts.domain.people import Login, User
from services.accounts.domain.sessions import Session, Token
from services.accounts.handlers import audit
from services.accounts.handlers.admission import myself
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.errors import NotAuthenticated, RateLimited
from shared.text import clean

INSTALLATION = "system"
"""What belongs to no business, such as failed logins from an address, is kept under this name, which nobody can claim."""


WRONG_LOGIN = "Tenant, e-mail and password do not fit together."
"""The one answer to every wrong login: which part was wrong is never said."""


PRUNE = 20
"""How many outdated rows a request removes at most on its way."""


class Knocking(NamedTuple):
    """What is known of a login before the password is looked at. `wait` is how many seconds nobody may try, 0 for none.

    `user_id` is empty when there is nobody, `password_hash` when nobody may log in by it.
    """

    wait: int
    user_id: str
    password_hash: str
    counted_as: str


def login_email(text: str) -> str:
    """An e-mail as it is typed into a login, as it is kept."""
    return str(clean(text, breaks=False)).lower()


def find_login(work: Work, call: Call, email: str, counted_as: str, limit: float, now: datetime) -> Knocking:
    """The login with an e-mail. Costs the same when there is none, or its user may not log in.

    `counted_as` is the id of its failures, of which `limit` are let pass.
    """
    login = work.peek(Login, call.tenant, email)
    user = work.peek(User, call.tenant, login.user_id if login else "")
    wait = attempts.wait(work.peek(Attempts, call.tenant, counted_as), limit, now)
    if login is None or user is None or not user.active:
        return Knocking(wait, user.id if user else "", "", counted_as)
    return Knocking(wait, user.id, login.password_hash, counted_as)


def own_login(work: Work, call: Call, limit: float, now: datetime) -> Knocking:
    """The login of whoever asks. Raises Forbidden when there is none."""
    user = myself(work, call)
    return find_login(work, call, user.email, attempts.account_key(call.tenant, user.email), limit, now)


def address_wait(work: Work, call: Call, address: str, limit: float, now: datetime) -> int:
    """For how many seconds nobody may log in from a network address; `limit` failures of an address are let pass."""
    known = work.peek(Attempts, call.tenant, attempts.address_key(address))
    return attempts.wait(known, limit, now)


def note_failed_login(work: Work, call: Call, found: Knocking, action: str, now: datetime) -> None:
    """Count a failed login of an account and note it; one of nobody too, where nobody sees it, so that it takes as long."""
    note_failure(work, call, found.counted_as, now)
    user = work.peek(User, call.tenant, found.user_id)
    name = f"{user.name} ({user.email})" if user else ""
    own = user if action != "login.failed" else None
    audit.note(
        work, call, action, now, by=own, outcome="refused", shown=user is not None, about=found.user_id, user=name
    )


def note_failure(work: Work, call: Call, counted_as: str, now: datetime) -> None:
    """Count a failed login, and forget some whose time is over."""
    _count(work, call.tenant, counted_as, now)


def count(
    work: Work,
    tenant: str,
    counted_as: str,
    limit: float,
    sentence: str,
    now: datetime,
    window: timedelta = attempts.WINDOW,
) -> None:
    """Count something of which `limit` are let pass in a `window` of 15 minutes at most. Raises RateLimited with that sentence beyond them."""
    wait = attempts.wait(work.get(Attempts, tenant, counted_as), limit, now, window)
    if wait > 0:
        raise RateLimited(sentence, retry_after=wait)
    _count(work, tenant, counted_as, now, window)


def _count(work: Work, tenant: str, counted_as: str, now: datetime, window: timedelta = attempts.WINDOW) -> None:
    for old in work.find(Attempts, tenant, order="since", limit=PRUNE).items:
        if old.id != counted_as and now >= old.since + attempts.WINDOW:
            work.delete(Attempts, old.tenant, old.id)
    known = work.get(Attempts, tenant, counted_as)
    work.put(attempts.failed_again(known, tenant=tenant, id=counted_as, now=now, window=window))


def ensure_no_wait(seconds: int) -> None:
    """Raises RateLimited, with `retry_after` in seconds, when there is one."""
    if seconds > 0:
        minutes = -(-seconds // 60)
        when = "a minute" if minutes == 1 else f"{minutes} minutes"
        raise RateLimited(f"Too many failed logins. Try again in {when}.", retry_after=seconds)


def open_session(work: Work, call: Call, found: Knocking, token: Token, now: datetime) -> Json:
    """Open a session for a login whose password was right a moment ago. Raises NotAuthenticated when that changed meanwhile."""
    user = work.get(User, call.tenant, found.user_id)
    login = work.get(Login, call.tenant, user.email) if user else None
    if user is None or login is None or not user.active or login.password_hash != found.password_hash:
        raise NotAuthenticated(WRONG_LOGIN)
    if work.peek(Attempts, call.tenant, found.counted_as) is not None:
        work.delete(Attempts, call.tenant, found.counted_as)
    for old in work.find(Session, call.tenant, where={"user_id": user.id}, limit=PRUNE).items:
        if not sessions.holds(old, now):
            work.delete(Session, old.tenant, old.id)
    client = call.client
    session = work.put(sessions.opened(token, user.id, now, address=client.address, agent=client.agent))
    audit.note(work, call, "login.succeeded", now, by=user)
    return {"token": str(token), "expires_at": views.session(session)["expires_at"], "user": views.user_(user)}

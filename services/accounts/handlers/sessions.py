"""Whose token it is, until the session ends."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from services.accounts import commands, views
from services.accounts.domain import sessions
from services.accounts.domain.businesses import Business
from services.accounts.domain.people import User
from services.accounts.domain.sessions import Session, Token
from services.accounts.handlers import audit
from services.accounts.handlers.admission import myself
from shared.bus.work import Json, Work
from shared.calls import Call, Empty
from shared.errors import NotAuthenticated, NotFound


class Authenticated(NamedTuple):
    """Whose token it is, and whether its use is to be noted."""

    answer: Json
    touch: bool


def authenticate(work: Work, call: Call, token: Token, now: datetime) -> Authenticated:
    """Whose token it is. Raises NotAuthenticated for one that is unknown, expired or revoked, or whose user may not log in any more."""
    session = work.peek(Session, token.tenant, token.session_id)
    if session is None or not sessions.fits(session, token) or not sessions.holds(session, now):
        raise NotAuthenticated()
    user = work.peek(User, token.tenant, session.user_id)
    business = work.peek(Business, token.tenant, token.tenant)
    if user is None or not user.active or business is None:
        raise NotAuthenticated()
    answer = {"session_id": session.id, **views.me(user, business.company)}
    return Authenticated(answer, sessions.touched(session, now) is not session)


def touch_session(work: Work, call: Call, session_id: str, now: datetime) -> None:
    """Note that a session was used, at most once a minute. One that has ended meanwhile stays ended."""
    session = work.get(Session, call.tenant, session_id)
    if session is not None and sessions.touched(session, now) is not session:
        work.put(sessions.touched(session, now))


def close_session(work: Work, call: Call, token: Token, now: datetime) -> Json:
    """End the session of a token. Does nothing when it has ended already."""
    session = work.get(Session, token.tenant, token.session_id)
    if session is not None and sessions.fits(session, token):
        audit.note(work, call, "session.closed", now, by=work.peek(User, session.tenant, session.user_id))
        work.delete(Session, session.tenant, session.id)
    return {}


def list_sessions(work: Work, call: Call, now: datetime) -> Json:
    """The sessions of whoever asks, the newest first."""
    user = myself(work, call)
    command = call.read(commands.ListSessions)
    page = work.find(
        Session, call.tenant, where={"user_id": user.id}, order="-id", after=command.cursor, limit=command.limit
    )
    return {
        "items": [views.session(one, command.session_id) for one in page.items if sessions.holds(one, now)],
        "next": page.next,
    }


def revoke_session(work: Work, call: Call, now: datetime) -> Json:
    """End one of one's own sessions. Raises NotFound for anybody else's."""
    session = work.get(Session, call.tenant, call.ids["session_id"])
    if session is None or session.user_id != call.actor:
        raise NotFound()
    user = myself(work, call)
    call.read(Empty)
    audit.note(work, call, "session.revoked", now, by=user, session=f"{session.agent} {session.address}".strip())
    work.delete(Session, session.tenant, session.id)
    return {}


def revoke_sessions(work: Work, call: Call, now: datetime) -> Json:
    """End all of one's own sessions but the one that asks."""
    user = myself(work, call)
    command = call.read(commands.EndSessions)
    audit.note(work, call, "sessions.revoked", now, by=user)
    end_all(work, call.tenant, user.id, but=command.session_id)
    return {}


def end_all(work: Work, tenant: str, user_id: str, *, but: str | None = None) -> None:
    """End all sessions of a user, but that one."""
    after: str | None = None
    while True:
        page = work.find(Session, tenant, where={"user_id": user_id}, after=after, limit=200)
        for session in page.items:
            if session.id != but:
                work.delete(Session, tenant, session.id)
        after = page.next
        if after is None:
            return

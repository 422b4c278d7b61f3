"""Keys for programs (BX-13): made by people for themselves, seen and revoked by them and by admins, gone with who made them."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.accounts import commands, views
from services.accounts.domain import api_keys as rules
from services.accounts.domain.api_keys import ApiKey, Key
from services.accounts.domain.businesses import Business
from services.accounts.domain.people import User
from services.accounts.handlers import audit
from services.accounts.handlers.admission import myself
from services.accounts.handlers.sessions import Authenticated
from shared.bus.work import Json, Work
from shared.calls import Call, Empty
from shared.errors import NotAuthenticated, NotFound


def create_api_key(work: Work, call: Call, key: Key, now: datetime) -> Json:
    """Make a key for whoever asks. The answer, which is kept for a repetition, has null in its place: a credential is not to be kept.

    Raises Forbidden for a scope beyond the role, ValidationError, TooMany.
    """
    # Locked, so that of many at once none sees fewer keys than there are.
    user = myself(work, call, lock=True)
    command = call.read(commands.CreateApiKey)
    days = command.expires_in_days or rules.USUAL_DAYS
    held = work.count(ApiKey, call.tenant, by="user_id", where={"user_id": user.id})
    made = rules.make(
        key,
        user,
        name=command.name,
        scopes=command.scopes,
        expires_at=command.expires_at or now + timedelta(days=days),
        held=held.get(user.id, 0),
        now=now,
    )
    audit.note(
        work, call, "api_key.created", now, by=user, about=made.id, name=made.name, scopes=", ".join(made.scopes)
    )
    return {**views.api_key(work.add(made), user, now), "key": None}


def list_api_keys(work: Work, call: Call, now: datetime) -> Json:
    """One's own keys, the newest first; for an admin, those of everybody."""
    asking = myself(work, call)
    command = call.read(commands.ListApiKeys)
    page = work.find(
        ApiKey,
        call.tenant,
        where=None if asking.role == "admin" else {"user_id": asking.id},
        order="-id",
        after=command.cursor,
        limit=command.limit,
    )
    ids = sorted({one.user_id for one in page.items})
    users = (
        {user.id: user for user in work.find(User, call.tenant, where={"id": ids}, limit=len(ids)).items} if ids else {}
    )
    return {
        "items": [views.api_key(one, users[one.user_id], now) for one in page.items if one.user_id in users],
        "next": page.next,
    }


def revoke_api_key(work: Work, call: Call, now: datetime) -> Json:
    """End one of one's own keys; an admin, anybody's. Raises NotFound for others."""
    one = work.get(ApiKey, call.tenant, call.ids["api_key_id"])
    asking = myself(work, call)
    if one is None or (one.user_id != asking.id and asking.role != "admin"):
        raise NotFound()
    call.read(Empty)
    work.delete(ApiKey, one.tenant, one.id)
    whose = work.peek(User, one.tenant, one.user_id) if one.user_id != asking.id else None
    name = f"{one.name} of {whose.name}" if whose else one.name
    audit.note(work, call, "api_key.revoked", now, by=asking, about=one.id, name=name)
    return {}


def authenticate(work: Work, call: Call, key: Key, now: datetime) -> Authenticated:
    """Whose key it is. Raises NotAuthenticated for one that is unknown, expired or revoked, or whose user may not log in any more."""
    one = work.peek(ApiKey, key.tenant, key.id)
    if one is None or not rules.fits(one, key) or not rules.holds(one, now):
        raise NotAuthenticated()
    user = work.peek(User, key.tenant, one.user_id)
    business = work.peek(Business, key.tenant, key.tenant)
    if user is None or not user.active or business is None:
        raise NotAuthenticated()
    scopes = rules.granted(one.scopes, user.role)
    answer = {**views.me(user, business.company), "session_id": one.id, "scopes": scopes, "permissions": scopes}
    return Authenticated(answer, rules.touched(one, now) is not one)


def touch_api_key(work: Work, call: Call, key_id: str, now: datetime) -> None:
    """Note that a key was used, at most once a minute. One that was revoked meanwhile stays so."""
    one = work.get(ApiKey, call.tenant, key_id)
    if one is not None and rules.touched(one, now) is not one:
        work.put(rules.touched(one, now))


def revoke_all(work: Work, tenant: str, user_id: str) -> None:
    """Revoke all keys of a user."""
    for one in work.find(ApiKey, tenant, where={"user_id": user_id}, limit=rules.KEYS_LIMIT).items:
        work.delete(ApiKey, tenant, one.id)

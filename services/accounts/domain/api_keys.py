"""API keys (BX-13): what one looks like, what it may do, and how long it holds.

A key is `accord_<tenant>_<id>_key<secret><checksum>`. Like the token of a session it carries its tenant, and only the SHA-256 of the
secret is kept; `key` tells it apart, and the checksum (CRC-32 of all before it) lets anybody tell a mistyped key, or a found one, without
asking anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from services.accounts.domain.people import User, permissions
from shared.errors import Forbidden, NotAuthenticated, TooMany, ValidationError

Scope = Literal["contacts:read", "contacts:write", "partnerships:read", "partnerships:write", "settings"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

USUAL_DAYS = 90
MOST_DAYS = 366
"""A key that nobody renews ends: a year and a day after it was made at the latest."""

KEYS_LIMIT = 50
"""How many keys somebody may have, expired ones included."""

TOUCH_AFTER = timedelta(minutes=1)
"""How stale the noted last use may get, so that reading does not write each time."""

_KEY = re.compile(
    r"(accord_(?P<tenant>[a-z][a-z0-9-]{0,61}[a-z0-9])"
    r"_(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})_key(?P<secret>[0-9a-f]{64}))(?P<sum>[0-9a-f]{8})"
)
_ROUGHLY = re.compile(r"accord_[^_]*_[^_]*_key.*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of a user. `scopes` is what its maker asked for; what it may do now depends on the role of the user, too.

    `secret_hash` is the SHA-256 of its secret, in hex.
    """

    tenant: str
    id: str
    version: int = 0
    user_id: str
    name: str
    scopes: tuple[Scope, ...]
    secret_hash: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key taken apart. `secret` is 64 hex digits."""

    tenant: str
    id: str
    secret: str

    def __str__(self) -> str:
        text = f"accord_{self.tenant}_{self.id}_key{self.secret}"
        return text + _checksum(text)

    def __repr__(self) -> str:
        return f"Key({self.tenant!r}, {self.id!r}, …)"


def read_key(text: object) -> Key | None:
    """The parts of a key, or None when it is none. Raises NotAuthenticated for one that is mistyped or cut off."""
    if not isinstance(text, str) or not _ROUGHLY.fullmatch(text):
        return None
    found = _KEY.fullmatch(text)
    if found is None or _checksum(found[1]) != found["sum"]:
        raise NotAuthenticated("This API key is mistyped or incomplete: its checksum does not fit.")
    return Key(found["tenant"], found["id"], found["secret"])


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def make(
    key: Key, user: User, *, name: str, scopes: Collection[Scope], expires_at: datetime, held: int, now: datetime
) -> ApiKey:
    """The record of a new key of `user`, who holds `held` already.

    Raises Forbidden for a scope that the role of the user does not include, ValidationError for an end that is past or too far away,
    TooMany.
    """
    missing = [scope for scope in SCOPES if scope in scopes and scope not in permissions(user.role)]
    if missing:
        raise Forbidden(f"Your role does not include {' and '.join(missing)}.")
    if held >= KEYS_LIMIT:
        raise TooMany(f"You have {KEYS_LIMIT} API keys. Revoke one that is no longer used first.")
    if not now < expires_at <= now + timedelta(days=MOST_DAYS):
        raise ValidationError.of(("expires_at", f"Choose a moment in the next {MOST_DAYS} days."))
    return ApiKey(
        tenant=key.tenant,
        id=key.id,
        user_id=user.id,
        name=name,
        scopes=_sorted(scopes),
        secret_hash=_hashed(key.secret),
        made_at=now,
        expires_at=expires_at,
    )


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _sorted(scopes: Collection[Scope]) -> tuple[Scope, ...]:
    return tuple(scope for scope in SCOPES if scope in scopes)


def holds(one: ApiKey, now: datetime) -> bool:
    """Whether the key has not expired."""
    return now < one.expires_at


def fits(one: ApiKey, key: Key) -> bool:
    """Whether the key is the recorded one, compared in constant time."""
    return hmac.compare_digest(one.secret_hash, _hashed(key.secret))


def granted(scopes: Sequence[Scope], role: str) -> list[Scope]:
    """What a key with these scopes may do while its user has this role: never more than the user. Whoever may write may read."""
    wide = {scope for given in scopes for scope in (given, given.replace(":write", ":read"))}
    return [scope for scope in SCOPES if scope in wide and scope in permissions(role)]


def touched(one: ApiKey, now: datetime) -> ApiKey:
    """The key with its use noted, when the note before is older than `TOUCH_AFTER`; otherwise the same."""
    return replace(one, used_at=now) if one.used_at is None or now >= one.used_at + TOUCH_AFTER else one

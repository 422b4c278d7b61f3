"""Sessions: what a token looks like, and how long it holds.

A token is `accord_<tenant>_<id>_<secret>`. It carries its tenant, so that even looking it up happens under that tenant's policy; only
the SHA-256 of the secret is kept. A fast hash is enough: the secret has 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

IDLE = timedelta(hours=12)
"""A session ends when it has not been used for so long."""

ABSOLUTE = timedelta(days=30)
"""A session ends so long after it was opened, used or not."""

TOUCH_AFTER = timedelta(minutes=1)
"""How stale the noted last use may get, so that reading does not write each time."""

_TOKEN = re.compile(
    r"accord_(?P<tenant>[a-z][a-z0-9-]{0,61}[a-z0-9])"
    r"_(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})_(?P<secret>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login that holds. `secret_hash` is the SHA-256 of the token's secret, in hex; `address` and `agent` are where it was opened."""

    tenant: str
    id: str
    version: int = 0
    user_id: str
    secret_hash: str
    opened_at: datetime
    used_at: datetime
    address: str = ""
    agent: str = ""

    @property
    def expires_at(self) -> datetime:
        """When it ends at the latest; it ends earlier when it is not used for `IDLE`."""
        return self.opened_at + ABSOLUTE


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart. `secret` is 64 hex digits."""

    tenant: str
    session_id: str
    secret: str

    def __str__(self) -> str:
        return f"accord_{self.tenant}_{self.session_id}_{self.secret}"

    def __repr__(self) -> str:
        return f"Token({self.tenant!r}, {self.session_id!r}, …)"


def read_token(text: object) -> Token | None:
    """The parts of a token, or None when it is not one."""
    found = _TOKEN.fullmatch(text) if isinstance(text, str) else None
    return Token(found["tenant"], found["id"], found["secret"]) if found else None


def hashed(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def opened(token: Token, user_id: str, now: datetime, *, address: str = "", agent: str = "") -> Session:
    """The session that `token` opens from now on."""
    return Session(
        tenant=token.tenant,
        id=token.session_id,
        user_id=user_id,
        secret_hash=hashed(token.secret),
        opened_at=now,
        used_at=now,
        address=address,
        agent=agent,
    )


def holds(session: Session, now: datetime) -> bool:
    """Whether the session has not expired."""
    return now < session.expires_at and now < session.used_at + IDLE


def fits(session: Session, token: Token) -> bool:
    """Whether the token is the session's, compared in constant time."""
    return hmac.compare_digest(session.secret_hash, hashed(token.secret))


def touched(session: Session, now: datetime) -> Session:
    """The session with its use noted, when the note before is older than `TOUCH_AFTER`; otherwise the same."""
    return replace(session, used_at=now) if now >= session.used_at + TOUCH_AFTER else session

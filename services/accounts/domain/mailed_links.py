"""What waits for somebody to follow a link in a mail: a new password, another e-mail (shared/links.py makes and reads the links).

It is used once and holds for a while. Both end with what they were made for: a link that was sent to an e-mail is worth nothing once
that is no longer the login's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.accounts.domain.people import User
from shared.links import Purpose

HOLDS = {"reset": timedelta(minutes=30), "email": timedelta(hours=24)}
"""For how long a link may be followed."""

PER_ACCOUNT = 3
PER_ADDRESS = 30
"""How many new passwords may be asked for in 15 minutes for one account, and from one network address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedLink:
    """A link in a mail that has not been followed yet. `email` is where it was sent to."""

    tenant: str
    id: str
    version: int = 0
    purpose: Purpose
    user_id: str
    email: str
    made_at: datetime

    @property
    def expires_at(self) -> datetime:
        """From when on it does not hold."""
        return self.made_at + HOLDS[self.purpose]


def holds(link: MailedLink | None, user: User | None, purpose: Purpose, now: datetime) -> bool:
    """Whether following the link does something: it is there, not too old, for this, and its user may still log in.

    One for a new password must have gone to the e-mail that the user has now.
    """
    if link is None or user is None or not user.active or link.purpose != purpose or now >= link.expires_at:
        return False
    return purpose == "email" or link.email == user.email

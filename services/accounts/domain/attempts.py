"""What is counted so that nobody does too much of it: failed logins, so that passwords cannot be tried out, requests for mails, so that
nobody is flooded with them, by account and by network address; and registrations, by network address.

An account is counted whether it exists or not: otherwise the limit itself would tell which do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
"""How long failed logins count."""
PER_ACCOUNT = 10
PER_ADDRESS = 100

REGISTRATIONS_WINDOW = timedelta(minutes=1)
REGISTRATIONS_PER_ADDRESS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Failed logins, or registrations, from `since` on. What is counted is known by a hash only: nobody's e-mail stands here for having been
    mistyped."""

    tenant: str
    id: str
    version: int = 0
    failed: int = 0
    since: datetime


def account_key(tenant: str, email: str) -> str:
    """The id under which the failed logins of an account are counted."""
    return _key("account", f"{tenant} {email}")


def address_key(address: str) -> str:
    """The id under which the failed logins from a network address are counted."""
    return _key("address", address)


def reset_account_key(tenant: str, email: str) -> str:
    """The id under which requests for a new password are counted for an account."""
    return _key("reset", f"{tenant} {email}")


def reset_address_key(address: str) -> str:
    """The id under which requests for a new password are counted for a network address."""
    return _key("resets-from", address)


def email_change_key(user_id: str) -> str:
    """The id under which the e-mails that somebody wants to log in with are counted."""
    return _key("email", user_id)


def registrations_key(address: str) -> str:
    """The id under which the registrations from a network address are counted."""
    return _key("registrations", address)


def _key(kind: str, text: str) -> str:
    return f"{kind}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def failed_again(
    attempts: Attempts | None, *, tenant: str, id: str, now: datetime, window: timedelta = WINDOW
) -> Attempts:
    """The count with one more; a new window when the last one is over."""
    if attempts is None:
        return Attempts(tenant=tenant, id=id, failed=1, since=now)
    if now >= attempts.since + window:
        return replace(attempts, failed=1, since=now)
    return replace(attempts, failed=attempts.failed + 1)


def wait(attempts: Attempts | None, limit: float, now: datetime, window: timedelta = WINDOW) -> int:
    """For how many seconds nothing more is let pass, 0 when it may be."""
    if attempts is None or attempts.failed < limit:
        return 0
    return max(0, -int((now - attempts.since - window).total_seconds() // 1))

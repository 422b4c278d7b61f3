"""The audit trail of a business: who did what to its logins and settings, when, from where, and what came of it.

An entry is kept with the change it tells of, in one transaction, and is never changed. It holds no secret, and names as they were then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

KEPT = timedelta(days=365)
"""How long an entry is kept."""

DETAIL_LIMIT = 300

Outcome = Literal["done", "refused"]
Details = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something that was done or refused.

    `actor_id` is empty for whoever did not log in, `actor_name` what people read. `address` and `agent` are what the request said of
    itself. `details` say what it was about, in words that were right then. `shown` is false for what is kept for the sake of equal
    cost alone: a wrong login of nobody.
    """

    tenant: str
    id: str
    version: int = 0
    at: datetime
    action: str
    outcome: Outcome = "done"
    actor_id: str = ""
    actor_name: str = ""
    address: str = ""
    agent: str = ""
    details: dict[str, str] = field(default_factory=dict)
    shown: bool = True


def kept_details(details: Details) -> dict[str, str]:
    """Details as they are kept: cut to size, empty ones left out."""
    return {name: value[:DETAIL_LIMIT] for name, value in details.items() if value}


def changes(before: Any, after: Any, parts: Mapping[str, str]) -> str:
    """What differs between two values: `e-mail, phone`; a short text or a number with what it is now. `parts`: attribute → what people call it."""
    said = []
    for name, called in parts.items():
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            short = isinstance(new, int | str) and 0 < len(str(new)) <= 60
            said.append(f"{called} from {old} to {new}" if short and old not in {"", None} else called)
    return ", ".join(said)


def _of(details: Details, name: str, otherwise: str) -> str:
    return details.get(name) or otherwise


def _whom(details: Details) -> str:
    return _of(details, "user", "somebody")


def _changed(what: str) -> Callable[[Details], str]:
    def said(details: Details) -> str:
        changes = details.get("changes")
        return f"changed {what}: {changes}" if changes else f"changed {what}"

    return said


def _always(words: str) -> Callable[[Details], str]:
    return lambda details: words


ACTIONS: Mapping[str, tuple[str, Callable[[Details], str]]] = {
    "tenant.registered": ("Registration", lambda d: f"registered {_of(d, 'company', 'the business')}"),
    "login.succeeded": ("Login", _always("logged in")),
    "login.failed": ("Failed login", lambda d: f"tried to log in as {_whom(d)} with a wrong password"),
    "session.closed": ("Logout", _always("logged out")),
    "session.revoked": ("Session ended", lambda d: f"ended a session{': ' + d['session'] if d.get('session') else ''}"),
    "sessions.revoked": ("Sessions ended", _always("ended all other sessions of their own")),
    "password.changed": ("Password changed", _always("changed their password")),
    "password.refused": ("Password change refused", _always("gave a wrong password where their own was asked for")),
    "password_reset.requested": ("Password reset requested", lambda d: f"asked for a new password for {_whom(d)}"),
    "password_reset.used": ("Password reset", _always("chose a new password by a link in a mail")),
    "email_change.requested": (
        "E-mail change requested",
        lambda d: f"asked to log in with {_of(d, 'email', 'another e-mail')} from now on",
    ),
    "email.changed": (
        "E-mail changed",
        lambda d: (
            f"logs in with {_of(d, 'email', 'another e-mail')} now, no longer with {_of(d, 'before', 'the one before')}"
        ),
    ),
    "user.created": ("User added", lambda d: f"gave a login to {_whom(d)} as {_of(d, 'role', 'member')}"),
    "user.changed": ("User changed", lambda d: _changed(f"the login of {_whom(d)}")(d)),
    "user.deactivated": ("User deactivated", lambda d: f"deactivated the login of {_whom(d)}"),
    "user.activated": ("User activated", lambda d: f"activated the login of {_whom(d)}"),
    "api_key.created": ("API key made", lambda d: f"made the API key {_of(d, 'name', '')}".rstrip()),
    "api_key.revoked": ("API key revoked", lambda d: f"revoked the API key {_of(d, 'name', '')}".rstrip()),
    "profile.changed": ("Profile changed", _changed("the profile")),
    "settings.changed": ("Settings changed", _changed("the settings")),
    "environments.changed": ("Environments changed", _changed("environments and roles")),
}
"""Each action with what people call it, and what its doer did, in words that follow a name."""


def sentence(entry: Entry) -> str:
    """What happened, as one sentence: `Ada Lovelace deactivated the login of Bob.`; an action of other code is named as it is."""
    known = ACTIONS.get(entry.action)
    did = known[1](entry.details) if known else entry.action
    return f"{entry.actor_name or 'Somebody'} {did}."

"""People who can log in: roles, what each role may do, and that a business always keeps an active admin."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.errors import Forbidden, LastAdmin

Role = Literal["admin", "partnerships", "member"]
Preference = str | int | bool

PREFERENCES_LIMIT = 100
"""How many preferences are kept for a person."""

_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "admin": ("contacts:read", "contacts:write", "partnerships:read", "partnerships:write", "settings"),
    "partnerships": ("contacts:read", "contacts:write", "partnerships:read", "partnerships:write"),
    # A member sees the partnerships it manages, and the directory; what it may do there, offers decides per partnership.
    "member": ("contacts:read", "partnerships:read"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A contact with a login; the id is the contact's too. `email` is folded to lower case and does not change."""

    tenant: str
    id: str
    version: int = 0
    name: str
    email: str
    role: Role
    active: bool = True
    locale: str = "en"
    time_zone: str = "UTC"
    preferences: dict[str, Preference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What one logs in with. Its id is the e-mail, so that nobody else in the business can have the same one.

    `password_hash` is an Argon2id hash with its parameters, or empty while the person has no password.
    """

    tenant: str
    id: str
    version: int = 0
    user_id: str
    password_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admins:
    """The ids of the active admins of a business, kept as one record: whoever changes them locks it, so two cannot leave at once."""

    tenant: str
    id: str
    version: int = 0
    user_ids: tuple[str, ...]


def permissions(role: str) -> list[str]:
    """What a role may do, by the names that API keys use for scopes; sorted."""
    return sorted(_PERMISSIONS.get(role, ()))


def ensure_may(user: User | None, roles: Collection[str]) -> User:
    """The user, when active and in one of `roles` (any, when there are none). Raises Forbidden otherwise."""
    if user is None or not user.active or (roles and user.role not in roles):
        raise Forbidden()
    return user


def change(user: User, *, name: str | None, role: Role | None, active: bool | None) -> User:
    """The user with what is not None changed."""
    return replace(
        user,
        name=user.name if name is None else name,
        role=user.role if role is None else role,
        active=user.active if active is None else active,
    )


def admins_with(admins: Admins, user: User) -> Admins:
    """The admins once `user` is as given. Raises LastAdmin when nobody would be left."""
    others = tuple(user_id for user_id in admins.user_ids if user_id != user.id)
    after = (*others, user.id) if user.active and user.role == "admin" else others
    if not after:
        raise LastAdmin()
    return replace(admins, user_ids=after)


def prefer(user: User, changes: dict[str, Preference | None]) -> User:
    """The user with these preferences set; None forgets one."""
    merged = {**user.preferences, **changes}
    return replace(user, preferences={key: value for key, value in merged.items() if value is not None})

"""The directory of a business: its people, with and without a login."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Login = Literal["none", "active", "disabled"]
OF_A_LOGIN = "This person has a login: an admin changes this under Users."


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person of ours. Who has or had a login is a user too, under the same id; accounts owns name and e-mail."""

    tenant: str
    id: str
    version: int = 0
    name: str
    email: str
    phone: str = ""
    title: str = ""
    login: Login = "none"
    created_at: datetime
    updated_at: datetime


def changed(
    contact: Contact,
    *,
    now: datetime,
    name: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    title: str | None = None,
) -> Contact:
    """The contact with the values that are given; the same object when nothing is different."""
    after = replace(
        contact,
        name=contact.name if name is None else name,
        email=contact.email if email is None else email,
        phone=contact.phone if phone is None else phone,
        title=contact.title if title is None else title,
    )
    return contact if after == contact else replace(after, updated_at=now)


def belongs_to_accounts(contact: Contact, after: Contact) -> tuple[str, ...]:
    """The changed fields that only accounts may change, because the contact has a login."""
    if contact.login == "none":
        return ()
    return tuple(field for field in ("name", "email") if getattr(contact, field) != getattr(after, field))


def with_login(
    contact: Contact | None, *, tenant: str, id: str, name: str, email: str, active: bool, now: datetime
) -> Contact:
    """The contact of a user: a new one, or the one there is, with what accounts says of it. Phone and title stay."""
    login: Login = "active" if active else "disabled"
    if contact is None:
        return Contact(tenant=tenant, id=id, name=name, email=email, login=login, created_at=now, updated_at=now)
    after = replace(contact, name=name, email=email, login=login)
    return contact if after == contact else replace(after, updated_at=now)


def reads_the_same(before: Contact, after: Contact) -> bool:
    """Whether businesses that this person is lent to need not be told of the change."""
    return (before.name, before.email, before.phone, before.title) == (
        after.name,
        after.email,
        after.phone,
        after.title,
    )

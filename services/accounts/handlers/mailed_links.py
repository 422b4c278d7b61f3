"""Links in mails that may still be followed, and what ends them."""

from __future__ import annotations

from datetime import datetime

from services.accounts.domain import mailed_links
from services.accounts.domain.mailed_links import MailedLink
from services.accounts.domain.people import User
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.clock import iso
from shared.errors import ValidationError
from shared.links import Purpose


def dead_link() -> ValidationError:
    """The refusal of a link that does not hold; never said why, since it may be somebody else's."""
    return ValidationError.of(
        ("token", "This link does not work any more: it was used, or is too old, or was cut off on its way.")
    )


def followed(work: Work, call: Call, link_id: str, purpose: Purpose, now: datetime) -> tuple[MailedLink, User]:
    """The link and its user, both locked, the user first as everywhere. Raises ValidationError for a link that does not hold."""
    seen = work.peek(MailedLink, call.tenant, link_id)
    user = work.get(User, call.tenant, seen.user_id) if seen else None
    link = work.get(MailedLink, call.tenant, link_id)
    if link is None or user is None or not mailed_links.holds(link, user, purpose, now):
        raise dead_link()
    return link, user


def look(work: Work, call: Call, link_id: str, purpose: Purpose, now: datetime) -> Json:
    """What a link is for, without using it: `{tenant, email, name, expires_at}`. Raises ValidationError for one that does not hold."""
    link = work.peek(MailedLink, call.tenant, link_id)
    user = work.peek(User, call.tenant, link.user_id) if link else None
    if link is None or user is None or not mailed_links.holds(link, user, purpose, now):
        raise dead_link()
    return {"tenant": link.tenant, "email": link.email, "name": user.name, "expires_at": iso(link.expires_at)}


def forget(work: Work, tenant: str, user_id: str, purpose: Purpose | None = None) -> None:
    """The links of a user hold no more: all, or those for one purpose."""
    for link in work.find(MailedLink, tenant, where={"user_id": user_id}, limit=200).items:
        if purpose is None or link.purpose == purpose:
            work.delete(MailedLink, tenant, link.id)


def forget_old(work: Work, tenant: str, user_id: str, now: datetime) -> None:
    """Remove the links of a user that nobody has followed in time."""
    for link in work.find(MailedLink, tenant, where={"user_id": user_id}, limit=200).items:
        if now >= link.expires_at:
            work.delete(MailedLink, tenant, link.id)

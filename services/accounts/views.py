"""What the answers look like: the JSON shapes of the public contract."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from services.accounts.domain import audit
from services.accounts.domain.api_keys import ApiKey, holds
from services.accounts.domain.audit import Entry
from services.accounts.domain.businesses import Business
from services.accounts.domain.counterparts import Profile
from services.accounts.domain.environments import Environments
from services.accounts.domain.people import User, permissions
from services.accounts.domain.sessions import Session
from services.accounts.domain.settings import Limits, Settings
from shared.bus.work import Json
from shared.clock import iso


def person(user: User) -> Json:
    """A person as services of the same side know it."""
    return {"id": user.id, "name": user.name, "email": user.email, "role": user.role, "active": user.active}


def user_(user: User) -> Json:
    """A user, with how it likes to read dates and words."""
    return {**person(user), "locale": user.locale, "time_zone": user.time_zone}


def me(user: User, company: str) -> Json:
    """The logged-in user, its business and what it may do."""
    return {
        "user": user_(user),
        "tenant": user.tenant,
        "company": company,
        "permissions": permissions(user.role),
        "preferences": dict(user.preferences),
    }


def api_key(one: ApiKey, user: User, now: datetime) -> Json:
    """A key as its user and admins see it, without anything that would let one use it."""
    return {
        "id": one.id,
        "name": one.name,
        "scopes": list(one.scopes),
        "user": {"id": user.id, "name": user.name},
        "created_at": iso(one.made_at),
        "expires_at": iso(one.expires_at),
        "last_used_at": iso(one.used_at) if one.used_at else None,
        "active": holds(one, now),
    }


def session(one: Session, current: str | None = None) -> Json:
    """A session, without anything that would let one use it; `current` is the id of the one that asks."""
    return {
        "id": one.id,
        "opened_at": iso(one.opened_at),
        "used_at": iso(one.used_at),
        "expires_at": iso(one.expires_at),
        "address": one.address,
        "user_agent": one.agent,
        "current": one.id == current,
    }


def audit_entry(one: Entry) -> Json:
    """An entry of the audit trail, with its sentence; `actor` is null for whoever did not log in."""
    return {
        "id": one.id,
        "at": iso(one.at),
        "action": one.action,
        "outcome": one.outcome,
        "title": audit.sentence(one),
        "actor": {"id": one.actor_id, "name": one.actor_name} if one.actor_id else None,
        "address": one.address,
        "user_agent": one.agent,
        "details": dict(one.details),
    }


def told(profile: Business | Profile) -> Json:
    """What a profile says, ours or a counterpart's (OE-20): to people, to our own side and to live counterparts the same."""
    return {
        "company": profile.company,
        "logo": profile.logo,
        "phone": profile.phone,
        "email": profile.email,
        "fax": profile.fax,
        "website": profile.website,
        "addresses": [asdict(address) for address in profile.addresses],
    }


def profile(business: Business) -> Json:
    """The profile of our business."""
    return {"tenant": business.tenant, **told(business), "version": business.version}


def environments(all_: Environments) -> Json:
    """The environments and their roles, in the order in which they are shown."""
    return {
        "items": [
            {"id": one.id, "name": one.name, "roles": [{"id": role.id, "name": role.name} for role in one.roles]}
            for one in all_.items
        ],
        "next": None,
        "version": all_.version,
    }


def settings(one: Settings, limits: Limits) -> Json:
    """The settings of a business; the limits are the installation's and shown only."""
    return {
        "offer_expiry_days": one.offer_expiry_days,
        "offers_from": one.offers_from,
        "blocked_tenants": list(one.blocked_tenants),
        "limits": asdict(limits),
        "version": one.version,
    }

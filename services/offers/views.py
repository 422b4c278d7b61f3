"""What the API shows of a partnership."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from services.offers.domain.partnership import RUNNING, Counterpart, Partnership
from services.offers.domain.reminding import may_remind
from shared.clock import iso


def actions(p: Partnership, *, changes: bool, now: datetime) -> list[str]:
    """What the viewer may do now, in the order of the public contract; the menus offer exactly this (OE-01)."""
    if not changes:
        return ["view"]
    if p.status == "open" and p.role == "customer":
        return ["accept", "decline", "view"]
    if p.status == "open":
        return ["view", "withdraw", "remind"] if may_remind(p, now) else ["view", "withdraw"]
    if p.status in RUNNING:
        return ["edit", "end", "view"]
    return ["view", "remove"] if p.final else ["view"]


def ended(p: Partnership) -> dict[str, Any] | None:
    """Who ended it and why (OE-19): our reason first, when we ended it; `at` is the earlier of two ends."""
    ours, theirs = p.ended_by_us, p.ended_by_them
    endings = [one for one in (ours, theirs) if one is not None]
    if not endings:
        return None
    return {
        "by": "both" if ours and theirs else "us" if ours else "them",
        "reason": endings[0].reason,
        "their_reason": theirs.reason if theirs else None,
        "at": iso(min(one.at for one in endings)),
    }


def profile(counterpart: Counterpart | None) -> dict[str, Any]:
    """What the other business told of itself (OE-20); empty while it has told nothing."""
    if counterpart is None:
        return {}
    return {
        "phone": counterpart.phone,
        "email": counterpart.email,
        "fax": counterpart.fax,
        "website": counterpart.website,
        "logo": counterpart.logo,
        "addresses": [asdict(one) for one in counterpart.addresses],
    }


def partnership(
    p: Partnership, *, changes: bool, now: datetime, counterpart: Counterpart | None = None
) -> dict[str, Any]:
    """A partnership as our side sees it, in the shape of the public contract. `changes`: the viewer may change it.

    Lists go without what the `counterpart` told of itself.
    """
    open_ = p.status == "open"
    return {
        "id": p.id,
        "role": p.role,
        "counterpart": {
            "tenant": p.counterpart,
            "company": p.company,
            "logo": p.logo or None,
            "profile": profile(counterpart),
        },
        "status": p.status,
        "turn": p.turn,
        "turn_since": iso(p.turn_since) if p.turn_since else None,
        "delivery": p.delivery,
        "message": p.message,
        "sent_by": {"id": p.sent_by.id, "name": p.sent_by.name},
        "sent_at": iso(p.sent_at),
        "expires_at": iso(p.expires_at),
        "customer_email": p.email,
        "contacts_count": 0 if open_ else p.working,
        "offered_count": len(p.offered),
        "offered": [{"contact_id": c.id, "name": c.name, "title": c.title} for c in p.offered],
        "managers_count": len(p.managers),
        "pending_modifications": p.pending,
        "owners": {
            "ours": {"id": p.owner.id, "name": p.owner.name} if p.owner else None,
            "theirs": {"name": p.their_owner} if p.their_owner else None,
        },
        "ended": ended(p),
        "decline_reason": p.decline_reason or None,
        "removed": p.removed,
        "actions": actions(p, changes=changes, now=now),
        "more_actions": [],
        "version": p.revision,
        "updated_at": iso(p.updated_at),
    }

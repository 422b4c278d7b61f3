"""What the API shows of a partnership."""

from __future__ import annotations

from typing import Any

from services.offers.domain.partnership import Partnership
from shared.clock import iso


def actions(p: Partnership, *, changes: bool) -> list[str]:
    """What the viewer may do now; the menus offer exactly this (OE-01)."""
    allowed = []
    if changes and p.status == "open" and p.role == "customer":
        allowed += ["accept", "decline"]
    allowed.append("view")
    if changes and p.final:
        allowed.append("remove")
    return allowed


def partnership(p: Partnership, *, changes: bool) -> dict[str, Any]:
    """A partnership as our side sees it, in the shape of the public contract. `changes`: the viewer may change it."""
    open_ = p.status == "open"
    return {
        "id": p.id,
        "role": p.role,
        "counterpart": {"tenant": p.counterpart, "company": p.company, "profile": {}},
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
        "pending_modifications": 0,
        "owners": {
            "ours": {"id": p.owner.id, "name": p.owner.name} if p.owner else None,
            "theirs": {"name": p.their_owner} if p.their_owner else None,
        },
        "ended": None,
        "decline_reason": p.decline_reason or None,
        "actions": actions(p, changes=changes),
        "more_actions": [],
        "version": p.version,
        "updated_at": iso(p.updated_at),
    }

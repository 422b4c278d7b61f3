"""What the API shows of contacts and modifications, and how the roles that people name are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.contacts.commands import RoleGiven
from services.contacts.domain.directory import Contact
from services.contacts.domain.lending import Grant, Partnership
from services.contacts.domain.modifying import Modification, delivery
from shared.clock import iso
from shared.roles import find_role

Json = dict[str, Any]


def contact(one: Contact) -> Json:
    """A contact as the public contract shows it."""
    return {
        "id": one.id,
        "name": one.name,
        "email": one.email,
        "phone": one.phone,
        "title": one.title,
        "is_user": one.login == "active",
        "version": one.version,
        "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at),
    }


def modification(partnership: Partnership, one: Modification, *, changes: bool) -> Json:
    """A modification as our side sees it, in the shape of the public contract. `actions` is what the viewer may do with it now."""
    may = changes and one.open and partnership.phase == "accepted"
    return {
        "id": one.mid,
        "partnership_id": one.partnership_id,
        "proposed_by": one.by,
        "state": one.state,
        "reason": one.reason,
        "items": [
            {
                "contact_id": item.contact_id,
                "assignment_id": item.assignment_id,
                "name": item.name,
                "title": item.title or None,
                "action": item.action,
                "decision": item.decision,
                "comment": item.comment or None,
            }
            for item in one.items
        ],
        "comment": one.comment or None,
        "suggestion": one.suggestion or None,
        "in_reply_to": one.in_reply_to or None,
        "delivery": delivery(partnership, one),
        "created_at": iso(one.created_at),
        "created_by": {"name": one.proposer},
        "answered_by": {"name": one.answered_by} if one.answered_by else None,
        "answered_at": iso(one.answered_at) if one.answered_at else None,
        "actions": ["withdraw" if one.by == "us" else "answer"] if may else [],
        "version": one.version,
    }


def grants(
    field: str, roles: Sequence[RoleGiven], environments: Sequence[Json], faults: list[tuple[str, str]]
) -> tuple[Grant, ...]:
    """The roles that stand in `field`, each found by id or exact name; what is not found is added to `faults`."""
    found = (
        find_role(f"{field}.roles.{j}", one.environment, one.role, environments, faults) for j, one in enumerate(roles)
    )
    return tuple(dict.fromkeys(Grant(**role) for role in found if role is not None))

"""Roles in environments as people name them: by id or by exact name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def find_role(
    field: str,
    environment: str,
    role: str,
    environments: Sequence[Mapping[str, Any]],
    faults: list[tuple[str, str]],
) -> dict[str, str] | None:
    """`{environment_id, environment, role_id, role}` of a role that stands in `field`; None, and a fault with a sentence, for one nobody knows."""
    place = next((e for e in environments if environment in (e["id"], e["name"])), None)
    if place is None:
        faults.append((f"{field}.environment", "You have no environment of this name or id."))
        return None
    found = next((r for r in place["roles"] if role in (r["id"], r["name"])), None)
    if found is None:
        faults.append((f"{field}.role", f"{place['name']} has no role of this name or id."))
        return None
    return {
        "environment_id": place["id"],
        "environment": place["name"],
        "role_id": found["id"],
        "role": found["name"],
    }

"""A message as large as an offer with two contacts, for the baselines."""

from __future__ import annotations

from typing import Any

import uuid_utils


def offer(number: int) -> dict[str, Any]:
    """The envelope and data of one offer; `id` and `subject` are new ones, `number` says which it is."""
    return {
        "specversion": "1.0", "id": str(uuid_utils.uuid7()), "type": "offer.sent", "source": "offers",
        "subject": f"thing-{number:07}", "time": "2026-01-01T12:00:00.000000Z", "origin": f"origin-{number:07}",
        "destination": "northwind", "sequence": 1, "previous": "", "epoch": 1, "kind": "peer",
        "data": {
            "company": "Kazenor GmbH", "email": "nils@northwind.example", "message": "We would like to work with you. " * 3,
            "sent_by": {"id": str(uuid_utils.uuid7()), "name": "Ada Kazenor"}, "sent_at": "2026-01-01T12:00:00Z",
            "expires_at": "2026-01-31T12:00:00Z",
            "contacts": [{"id": str(uuid_utils.uuid7()), "name": name, "title": "Engineer"} for name in ("Bea", "Carl")],
        },
    }  # fmt: skip

"""How each service does, in one line."""

from __future__ import annotations

from typing import Any

from shared.ops import letters
from shared.ops.database import connected
from shared.ops.trouble import NotSet, Trouble

LATE = 60.0
"""Seconds that a due message may wait before somebody should look."""
_COUNTS = """
select
    (select coalesce(extract(epoch from now() - min(due_at)), 0)::float8 from outbox where due_at <= now()) as lag,
    (select count(*) from outbox where due_at <= now()) as due,
    (select count(*) from outbox where kind = 'peer' and due_at is not null and created_at < now() - interval '1 minute') as behind,
    (select count(*) from inbox where state = 'failed') as failing,
    (select count(*) from inbox where state = 'dead') as dead,
    (select count(*) from (select distinct tenant, subject, peer, service from inbox where state = 'parked') p) as parked,
    (select count(*) from streams where forked) as forked
"""


def of(service: str) -> dict[str, Any]:
    """The figures of a service; those that cannot be had are None, and `trouble` says why. `look` names what needs an operator.

    Raises NotSet when a setting is missing.
    """
    row: dict[str, Any] = {"service": service, "trouble": None}
    said = []
    try:
        with connected(service) as connection:
            row |= connection.execute(_COUNTS).fetchone() or {}
    except NotSet:
        raise
    except Trouble as trouble:
        said.append(str(trouble))
    try:
        row |= {"waiting": 0, "letters": 0}
        for place in letters.places(service):
            with letters.channel(place.uri) as opened:
                row["waiting"] += letters.depth(opened, place.origin)
                row["letters"] += letters.depth(opened, place.queue)
    except NotSet:
        raise
    except Trouble as trouble:
        row |= {"waiting": None, "letters": None}
        said.append(str(trouble))
    row["trouble"] = " ".join(said) or None
    row["look"] = [name for name in ("dead", "letters", "parked", "forked") if row.get(name)]
    if (row.get("lag") or 0) > LATE:
        row["look"].append("lag")
    return row


COLUMNS = {
    "SERVICE": "service",
    "LAG S": "lag",
    "DUE": "due",
    "QUEUED": "waiting",
    "FAILING": "failing",
    "BEHIND": "behind",
    "PARKED": "parked",
    "DEAD": "dead",
    "LETTERS": "letters",
    "FORKED": "forked",
}

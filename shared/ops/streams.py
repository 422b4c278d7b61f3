"""Streams between tenants that need an eye: forked ones, and those whose other side has not receipted for a while."""

from __future__ import annotations

from collections.abc import Iterator

from shared.ops.database import Connection
from shared.ops.rows import STREAM_REF, Found

BEHIND_AFTER = 60
"""Seconds after which an unreceipted message is worth a look: by then it was sent three times."""
_PAGE = 1_000

_FORKED = f"select {STREAM_REF} as ref, s.* from streams s where s.forked order by s.tenant, s.subject limit %(limit)s"
_BEHIND = f"""
select {STREAM_REF} as ref, s.*, o.since, o.messages, o.again_at from streams s join (
    select tenant, subject, destination, service, min(created_at) as since, count(*) as messages, min(due_at) as again_at
    from outbox where kind = 'peer' and due_at is not null group by 1, 2, 3, 4
    having min(created_at) < now() - make_interval(secs => {BEHIND_AFTER})
) o on o.tenant = s.tenant and o.subject = s.subject and o.destination = s.peer and o.service = s.service
order by o.since limit %(limit)s
"""


def forked(connection: Connection, service: str, limit: int) -> list[Found]:
    """Streams in which two different messages were said under one number: somebody was set back to a backup."""
    found = connection.execute(_FORKED, {"limit": limit}).fetchall()
    return [r | {"ref": f"{service}-{r['ref']}", "what": "forked", "since": None, "messages": None} for r in found]


def behind(connection: Connection, service: str, limit: int) -> list[Found]:
    """Streams of which the other side has not receipted all, for longer than a minute; the longest first."""
    found = connection.execute(_BEHIND, {"limit": limit}).fetchall()
    return [r | {"ref": f"{service}-{r['ref']}", "what": "behind"} for r in found]


def named(connection: Connection, service: str, refs: list[str]) -> list[Found]:
    """The streams with these short names."""
    found = connection.execute(
        f"select {STREAM_REF} as ref, s.* from streams s where s.peer <> s.tenant and {STREAM_REF} = any (%s)", [refs]
    ).fetchall()
    return [r | {"ref": f"{service}-{r['ref']}"} for r in found]


def between_tenants(connection: Connection, service: str) -> Iterator[list[Found]]:
    """All streams of the service with other tenants, page by page."""
    last = ("", "", "", "")
    while True:
        found = connection.execute(
            """
            select * from streams where service = %s and peer <> tenant and (tenant, subject, peer, service) > (%s, %s, %s, %s)
            order by tenant, subject, peer, service limit %s
            """,
            [service, *last, _PAGE],
        ).fetchall()
        if not found:
            return
        yield found
        row = found[-1]
        last = (row["tenant"], row["subject"], row["peer"], row["service"])

"""Streams between tenants that need an eye: forked ones, until they are settled, and those whose other side has not receipted for a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.ops import rows
from shared.ops.database import Connection
from shared.ops.rows import AT_ONCE, MESSAGE_REF, STREAM_REF, Found

BEHIND_AFTER = 60
"""Seconds after which an unreceipted message is worth a look: by then it was sent three times."""
_PAGE = 1_000

_FORKED = f"select {STREAM_REF} as ref, s.* from streams s where s.forked order by s.tenant, s.subject limit %(limit)s"
_SETTLING = f"""
select {STREAM_REF} as ref, s.* from streams s
where s.forked and (%(refs)s::text[] is null or {STREAM_REF} = any (%(refs)s))
    and (s.tenant, s.subject, s.peer, s.service) > (%(tenant)s, %(subject)s, %(peer)s, %(service)s)
order by s.tenant, s.subject, s.peer, s.service limit {AT_ONCE}
"""
_CONTRADICTING = f"""
select {MESSAGE_REF} as ref from inbox i
where i.tenant = %(tenant)s and i.subject = %(subject)s and i.peer = %(peer)s and i.service = %(service)s and i.state = 'dead' and i.error like 'fork%%'
order by i.sequence, i.id
"""
_NAMED = 3
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


def settle(connection: Connection, service: str, refs: Sequence[str]) -> Iterator[tuple[list[Found], dict[str, str]]]:
    """Take the mark of a fork from these streams (short names), or from all, page by page: the streams, and what became of each by ref.

    One transaction a page. A stream keeps its mark while a message that contradicts it is dead here. What the last receipt named marks it
    no more (`claimed`); anything else does.
    """
    last: Found = {"tenant": "", "subject": "", "peer": "", "service": ""}
    while True:
        with connection.transaction():
            # In the order in which the bus locks: nobody waits for each other.
            found = connection.execute(_SETTLING, last | {"refs": list(refs) or None}).fetchall()
            found = [r | {"ref": f"{service}-{r['ref']}"} for r in found]
            became = {row["ref"]: _settle(connection, service, row) for row in found}
        if not found:
            return
        yield found, became
        last = {name: found[-1][name] for name in last}


def _settle(connection: Connection, service: str, row: Found) -> str:
    stream = rows.lock_stream(connection, row)
    if stream is None or not stream["forked"]:
        return "is not forked any more"
    dead = [f"{service}-{found['ref']}" for found in connection.execute(_CONTRADICTING, row).fetchall()]
    if dead:
        more = f" and {len(dead) - _NAMED} more" if len(dead) > _NAMED else ""
        return (
            f"stays marked: what contradicts it is dead here, {', '.join(dead[:_NAMED])}{more}. "
            "Look with dead show, give it up with dead drop, then settle"
        )
    connection.execute(
        """
        update streams set forked = false
        where tenant = %(tenant)s and subject = %(subject)s and peer = %(peer)s and service = %(service)s
        """,
        row,
    )
    return "settled"

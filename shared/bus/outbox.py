"""The outbox: what is due in it, what its rows become on the wire, and how it is kept small. `shared.bus.relay` is the process that works on it."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import NamedTuple

from shared import traces
from shared.bus import topology
from shared.bus.publisher import Outgoing, Verdict
from shared.clock import now
from shared.contracts.messages import Envelope, Receipt
from shared.ids import new_id

messages = logging.getLogger("accord.messages")
_TRACEPARENT = re.compile(r'"traceparent": ?"([0-9a-f-]{55})"')

BATCH = 500
LOCAL_KINDS = ("fact", "timer", "retry")
PEER_KINDS = ("peer",)


def _take(kinds: Sequence[str]) -> str:
    """Begin a transaction and take what is due, in one round trip without parameters: half the time of two with some.

    Not by position: a row that commits late is due all the same (N18). Locked until it is known what became of it, so
    that a second relay takes others, and a receipt that confirms it meanwhile is not overwritten.
    """
    return f"""
        begin;
        select tenant, id, kind, service, subject, destination, type, sequence, body, attempts
        from outbox
        where due_at <= now() and kind in ({", ".join(f"'{kind}'" for kind in kinds)})
        order by due_at, id
        limit {BATCH}
        for update skip locked
    """


# By whether the vhosts of the cell and of the peers can be reached: one that is away must not fill the batch of the other.
TAKE = {
    (True, True): _take([*LOCAL_KINDS, *PEER_KINDS]),
    (True, False): _take(LOCAL_KINDS),
    (False, True): _take(PEER_KINDS),
}

# A peer message is sent again until it is receipted (rule 9). What the broker refuses is tried again, too; a local
# fact soon, since only an operator's hand on the topology can be the reason.
MARK = """
update outbox o
set attempts = o.attempts + 1,
    sent_at = case when d.sent then clock_timestamp() else o.sent_at end,
    due_at = case
        when o.due_at is null or (d.sent and o.kind <> 'peer') then null
        else clock_timestamp() + %s::float8 * case
            when o.attempts = 0 then interval '5 seconds'
            when o.attempts = 1 or o.kind <> 'peer' then interval '30 seconds'
            when o.attempts = 2 then interval '5 minutes'
            else interval '1 hour'
        end
    end
from unnest(%s::text[], %s::text[], %s::boolean[]) as d (tenant, id, sent)
where o.tenant = d.tenant and o.id = d.id
"""

TAKE_RECEIPTS = """
update streams s
set receipt_due = false
from (
    select tenant, subject, peer, service from streams
    where receipt_due and service = %s
    limit %s
    for update skip locked
) d
where s.tenant = d.tenant and s.subject = d.subject and s.peer = d.peer and s.service = d.service
returning s.tenant, s.subject, s.peer, s.applied, s.applied_digest, s.seen, s.sent, s.parked_type
"""

RECEIPTS_DUE = """
update streams s
set receipt_due = true
from unnest(%s::text[], %s::text[], %s::text[]) as d (tenant, subject, peer)
where s.tenant = d.tenant and s.subject = d.subject and s.peer = d.peer and s.service = %s
"""

LAG = "select coalesce(extract(epoch from now() - min(due_at)), 0)::float8 from outbox where due_at <= now()"
WAITING = """
select count(*) filter (where state = 'parked'), count(*) filter (where state = 'dead')
from inbox where state <> 'applied'
"""

# Page by page: no index is worth keeping for this, and no statement holds much or takes long.
PAGES = "select pg_relation_size('outbox') / current_setting('block_size')::int"
PRUNE_OUTBOX = """
delete from outbox where ctid >= format('(%%s,0)', %(page)s::bigint)::tid and ctid < format('(%%s,0)',
%(page)s::bigint + %(pages)s::bigint)::tid
    and kind <> 'peer' and due_at is null and sent_at < now() - interval '7 days'
"""
PRUNE_ANSWERS = """
delete from answers
where ctid = any (array(select ctid from answers where created_at < now() - interval '48 hours' limit 1000))
"""


class Row(NamedTuple):
    """A row of the outbox that is due. `body` is the exact text that travels; `attempts` tells how often the broker has answered for it."""

    tenant: str
    id: str
    kind: str
    service: str
    subject: str
    destination: str
    type: str
    sequence: int
    body: str
    attempts: int = 0


class ReceiptRow(NamedTuple):
    """What a stream's receipt says: see Receipt."""

    tenant: str
    subject: str
    peer: str
    applied: int
    digest: str
    seen: int
    sent: int
    parked_type: str | None
    wanted: bool = False


def outgoing(service: str, row: Row) -> Outgoing:
    """The message of a row. Raises ValueError for a tenant name that cannot stand in a routing key."""
    if row.kind == "peer":
        key = topology.peer_key(row.destination, service, row.tenant)
        return Outgoing(row.id, row.type, topology.PEERS, key, row.body, mandatory=True)
    if row.kind == "fact":
        return Outgoing(row.id, row.type, topology.EVENTS, topology.fact_key(service, row.type), row.body)
    return Outgoing(
        row.id, row.type, topology.DEFAULT_EXCHANGE, topology.events_queue(service), row.body, mandatory=True
    )


def receipt(service: str, row: ReceiptRow) -> Outgoing:
    """The receipt a stream owes the other side, outside of any numbering. Raises ValueError as `outgoing` does."""
    said = Receipt(
        applied=row.applied, digest=row.digest, seen=row.seen, sent=row.sent, parked=row.parked_type, wanted=row.wanted
    )  # fmt: skip
    envelope = Envelope(
        id=new_id(),
        type=Receipt.type,
        source=service,
        subject=row.subject,
        time=now(),
        origin=row.tenant,
        destination=row.peer,
        sequence=0,
        kind="peer",
        data=said.model_dump(mode="json"),
    )
    key = topology.peer_key(row.peer, service, row.tenant)
    return Outgoing(envelope.id, envelope.type, topology.PEERS, key, envelope.model_dump_json(), mandatory=True)


def note(row: Row, verdict: Verdict) -> None:
    """One line for each message: what crosses to another business is worth one always, the rest for whoever looks closely."""
    level = logging.INFO if row.kind == "peer" else logging.DEBUG
    if messages.isEnabledFor(level):
        with traces.within(trace_of(row.body)):
            messages.log(
                level,
                verdict.value,
                extra={"type": row.type, "tenant": row.tenant, "destination": row.destination, "subject": row.subject},
            )


def trace_of(body: str) -> traces.Trace | None:
    """The trace that the envelope of a message names, found without reading all of it: `data` comes last."""
    found = _TRACEPARENT.search(body, 0, body.find('"data"'))
    return None if found is None else traces.read(found[1])

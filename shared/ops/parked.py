"""Streams that wait: for a message that has not come, for code that knows a type, for a message that fails. Seen, asked for, given up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import amqp

from shared import settings
from shared.bus import topology
from shared.bus.outbox import ReceiptRow, receipt
from shared.contracts.messages import Envelope
from shared.ops import rows
from shared.ops.database import Connection, connected, wake_relay
from shared.ops.letters import channel, say
from shared.ops.rows import AT_ONCE, STREAM_REF, Found
from shared.ops.trouble import Trouble

_WAITING = f"""
with waiting as (
    select tenant, subject, peer, service, count(*) as messages, min(sequence) as lowest, max(sequence) as highest,
        min(received_at) as since
    from inbox where state = 'parked' and (tenant, subject, peer, service) > (%(after_tenant)s, %(after_subject)s, %(after_peer)s, %(after_service)s) group by 1, 2, 3, 4
    having min(received_at) <= %(before)s
)
select {STREAM_REF} as ref, s.*, w.messages, w.lowest, w.highest, w.since, h.id as head_id, h.state as head_state, h.type as head_type,
    h.error as head_error, h.not_before as head_not_before
from waiting w join streams s using (tenant, subject, peer, service)
left join lateral (
    select i.* from inbox i where i.tenant = s.tenant and i.subject = s.subject and i.peer = s.peer and i.service = s.service
        and i.sequence = s.applied + 1 and i.state <> 'applied' order by i.state = 'dead', i.id limit 1
) h on true
where (%(refs)s::text[] is null or {STREAM_REF} = any (%(refs)s)) and (%(tenant)s::text is null or s.tenant = %(tenant)s)
"""
_FIND = _WAITING + "order by w.since, s.tenant, s.subject limit %(limit)s"
_PAGE = _WAITING + "order by s.tenant, s.subject, s.peer, s.service limit %(limit)s"
_ANY: Found = {
    "refs": None, "tenant": None, "before": "infinity", "after_tenant": "", "after_subject": "", "after_peer": "", "after_service": "",
}  # fmt: skip


def find(
    connection: Connection, service: str, *, refs: Sequence[str] = (), tenant: str | None = None, limit: int = AT_ONCE
) -> list[Found]:
    """The streams that wait, the longest waiting first; each with `ref`, `reason`, `waits_for`."""
    which = {"refs": list(refs) or None, "tenant": tenant, "limit": limit}
    return [_named(service, row) for row in connection.execute(_FIND, _ANY | which).fetchall()]


def pages(connection: Connection, service: str) -> Iterator[list[Found]]:
    """All streams that wait now, some at a time and each once: what begins to wait, or waits again, meanwhile is left for the next time."""
    which = _ANY | {"before": rows.now(connection), "limit": AT_ONCE}
    while found := connection.execute(_PAGE, which).fetchall():
        yield [_named(service, row) for row in found]
        which |= {f"after_{name}": found[-1][name] for name in ("tenant", "subject", "peer", "service")}


def _named(service: str, row: Found) -> Found:
    return row | {"ref": f"{service}-{row['ref']}"} | _why(row)


def _why(row: Found) -> dict[str, str]:
    number = row["applied"] + 1
    if row["lowest"] < number:
        return {"reason": "overtaken", "waits_for": f"nothing: another message was applied as number {row['lowest']}"}
    if row["head_state"] is None:
        last = row["lowest"] - 1
        numbers = f"number {number}" if last == number else f"the numbers {number} to {last}"
        return {"reason": "gap", "waits_for": f"{numbers}, which did not come"}
    if row["head_state"] == "parked":
        if row["head_error"]:
            return {"reason": "unknown type", "waits_for": f"code that knows {row['head_type']}"}
        return {"reason": "ready", "waits_for": "a look at it: its turn has come"}
    if row["head_state"] == "dead":
        return {"reason": "dead", "waits_for": f"an operator: number {number} ({row['head_type']}) is dead"}
    return {"reason": "failing", "waits_for": f"number {number} ({row['head_type']}), which is tried again"}


def ask(connection: Connection, service: str, row: Found) -> str:
    """Have what a stream waits for come again: from the other side, from the service that stated it, or from our own inbox.

    What became of it. Done twice it does nothing twice: what comes twice is absorbed.
    """
    if row["reason"] == "dead":
        return "waits for a dead message: dead list shows it, dead replay has it taken again"
    if row["reason"] == "overtaken":
        return "waits for nothing: parked drop removes what was overtaken"
    if row["reason"] != "gap":
        with connection.transaction():
            head = connection.execute(
                """
                select * from inbox where tenant = %(tenant)s and subject = %(subject)s and peer = %(peer)s
                    and service = %(service)s and sequence = %(applied)s + 1 and id = %(head_id)s
                """,
                row,
            ).fetchone()
            if head is None:
                return "waits for this no more"
            rows.try_again(connection, service, head)
            wake_relay(connection)
        return "is looked at again"
    if row["peer"] == row["tenant"]:
        return _ask_publisher(row)
    if ask_other_side(service, [row]):
        return f"waits for {row['peer']}, for whom nobody takes messages at the moment"
    return f"{row['peer']} was asked to send it again"


def ask_other_side(service: str, streams: Sequence[Found]) -> list[Found]:
    """Ask the other side of each of these streams to send again what follows what we have, by a receipt that says so.

    Those that nobody takes messages for at the moment. Raises Trouble when the broker does not answer.
    """
    nobody = []
    with channel(settings.peers_amqp_uri()) as opened:
        for s in streams:
            said = ReceiptRow(
                s["tenant"], s["subject"], s["peer"], s["applied"], s["applied_digest"], s["seen"], s["sent"], s["parked_type"],
                wanted=True,
            )  # fmt: skip
            out = receipt(service, said)
            message = amqp.Message(
                out.body, content_type=topology.CONTENT_TYPE, delivery_mode=2, message_id=out.id, type=out.type
            )
            if not say(opened, out.exchange, out.key, message):
                nobody.append(s)
    return nobody


def _ask_publisher(row: Found) -> str:
    """Facts of our own side: have their publisher's relay send them again. It keeps them for a week."""
    with connected(row["service"]) as publisher, publisher.transaction():
        done = publisher.execute(
            """
            update outbox set due_at = now()
            where kind = 'fact' and tenant = %(tenant)s and subject = %(subject)s and service = %(service)s
                and sequence > %(applied)s and sequence < %(lowest)s
            """,
            row,
        ).rowcount
        wake_relay(publisher)
    missing = row["lowest"] - 1 - row["applied"]
    if done < missing:
        return (
            f"{missing - done} of {missing} are not kept by {row['service']} any more: parked drop goes on without them"
        )
    return f"{row['service']} sends it again"


def drop(connection: Connection, service: str, row: Found, by: str) -> str:
    """Give up what a stream waits for, and go on with what it has. It never has an effect here. What became of it."""
    if row["reason"] in {"dead", "failing"}:
        return "waits for a message that fails: dead drop gives that up, once it is dead"
    with connection.transaction():
        stream = rows.lock_stream(connection, row)
        if stream is None or stream["applied"] != row["applied"]:
            return "has gone on meanwhile: look again"
        waiting = connection.execute(
            """
            select * from inbox where tenant = %(tenant)s and subject = %(subject)s and peer = %(peer)s and service = %(service)s
                and state = 'parked' order by sequence, id limit 1 for update
            """,
            row,
        ).fetchone()
        if waiting is None:
            return "waits for this no more"
        if waiting["sequence"] <= stream["applied"]:
            # Another message was applied under its number. Never back to before that.
            rows.give_up_overtaken(connection, stream)
        elif waiting["sequence"] == stream["applied"] + 1:
            if row["reason"] == "ready":
                rows.try_again(connection, service, waiting)
                wake_relay(connection)
                return "waits for nothing: it is looked at again"
            rows.skip(connection, service, stream, waiting, by)
        else:
            _close_gap(connection, service, stream, waiting)
        wake_relay(connection)
    return "dropped"


def _close_gap(connection: Connection, service: str, stream: Found, waiting: Found) -> None:
    """Go on with the first that waits: it names the digest of the one that is missing before it."""
    try:
        previous = Envelope.model_validate_json(waiting["body"]).previous
    except ValueError as error:
        raise Trouble("What waits cannot be read: drop it as a dead message.") from error
    stream["applied"], stream["applied_digest"] = waiting["sequence"] - 1, previous
    rows.write_stream(connection, stream)
    rows.try_again(connection, service, waiting)


def described(row: Found) -> dict[str, Any]:
    """What `show` says of a stream."""
    names = (
        "ref",
        "service",
        "tenant",
        "peer",
        "subject",
        "reason",
        "waits_for",
        "since",
        "applied",
        "messages",
        "lowest",
        "highest",
    )
    return {name: row[name] for name in names} | {
        "head_error": row["head_error"],
        "tried_again_at": row["head_not_before"],
    }

"""Dead rows of the inbox: messages that failed five times, or contradict what was said before. Found, replayed, dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.ops import rows
from shared.ops.database import Connection, wake_relay
from shared.ops.rows import AT_ONCE, MESSAGE_REF, Found


@dataclass(frozen=True)
class Filter:
    """Which dead messages: all that fit everything that is named."""

    tenant: str | None = None
    origin: str | None = None
    type: str | None = None
    subject: str | None = None
    refs: tuple[str, ...] = ()
    """Short names, without the service; empty for any."""


_WHERE = f"""
    i.state = 'dead' and (%(tenant)s::text is null or i.tenant = %(tenant)s) and (%(origin)s::text is null or i.peer = %(origin)s)
    and (%(type)s::text is null or i.type = %(type)s) and (%(subject)s::text is null or i.subject = %(subject)s)
    and (%(refs)s::text[] is null or {MESSAGE_REF} = any (%(refs)s))
"""
_KEY = ("received_at", "tenant", "subject", "peer", "service", "sequence", "id")
_PAGE = f"""
select {MESSAGE_REF} as ref, i.* from inbox i where {_WHERE} and i.received_at <= %(before)s
    and (i.received_at, i.tenant, i.subject, i.peer, i.service, i.sequence, i.id)
        > (%(after_received_at)s, %(after_tenant)s, %(after_subject)s, %(after_peer)s, %(after_service)s, %(after_sequence)s, %(after_id)s)
order by i.received_at, i.tenant, i.subject, i.peer, i.service, i.sequence, i.id limit %(limit)s
"""


def _values(which: Filter) -> dict[str, Any]:
    return {
        "tenant": which.tenant,
        "origin": which.origin,
        "type": which.type,
        "subject": which.subject,
        "refs": list(which.refs) or None,
    }


def count(connection: Connection, which: Filter) -> int:
    """How many there are."""
    found = connection.execute(f"select count(*) as n from inbox i where {_WHERE}", _values(which)).fetchone()
    return int(found["n"]) if found else 0


def find(connection: Connection, service: str, which: Filter, limit: int) -> list[Found]:
    """The oldest of them, each with its `ref`; the whole rows."""
    found = connection.execute(
        f"select {MESSAGE_REF} as ref, i.* from inbox i where {_WHERE} order by i.received_at, i.id limit %(limit)s",
        _values(which) | {"limit": limit},
    ).fetchall()
    return [_named(service, row) for row in found]


def _named(service: str, row: Found) -> Found:
    return row | {"ref": f"{service}-{row['ref']}", "place": "inbox"}


def pages(connection: Connection, service: str, which: Filter) -> Iterator[list[Found]]:
    """All that are dead now, the oldest first, some at a time and each once: what dies again meanwhile is left for the next time."""
    values = _values(which) | {"before": rows.now(connection), "limit": AT_ONCE}
    values |= {f"after_{name}": "" for name in _KEY} | {"after_received_at": "-infinity", "after_sequence": -1}
    while found := connection.execute(_PAGE, values).fetchall():
        yield [_named(service, row) for row in found]
        values |= {f"after_{name}": found[-1][name] for name in _KEY}


def replay(connection: Connection, service: str, found: Sequence[Found]) -> dict[str, str]:
    """Have the service take these again, their attempts begun anew; what waits behind them follows. What became of each, by ref.

    One transaction for up to `AT_ONCE` of them. Done twice it does nothing twice.
    """
    return _each(connection, service, found, _replay)


def drop(connection: Connection, service: str, found: Sequence[Found], by: str) -> dict[str, str]:
    """Give these up: they never have an effect here, and what waits behind them goes on. What became of each, by ref."""

    def one(connection: Connection, service: str, stream: Found | None, row: Found) -> str:
        return _drop(connection, service, stream, row, by)

    return _each(connection, service, found, one)


def _each(connection: Connection, service: str, found: Sequence[Found], act: Any) -> dict[str, str]:
    said: dict[str, str] = {}
    # In the order in which the bus locks: nobody waits for each other.
    ordered = sorted(found, key=lambda r: (r["tenant"], r["subject"], r["peer"], r["service"], r["sequence"], r["id"]))
    for at in range(0, len(ordered), AT_ONCE):
        with connection.transaction():
            for row in ordered[at : at + AT_ONCE]:
                stream = rows.lock_stream(connection, row)
                now = rows.lock_message(connection, row)
                said[row["ref"]] = (
                    "is not dead any more"
                    if now is None or now["state"] != "dead"
                    else act(connection, service, stream, now)
                )
            wake_relay(connection)
    return said


def _is_fork(row: Found) -> bool:
    return str(row["error"] or "").startswith("fork")


def _replay(connection: Connection, service: str, stream: Found | None, row: Found) -> str:
    if _is_fork(row):
        return "cannot be replayed: something else was said under its number (a fork); keep it, or drop it"
    if row["sequence"] and stream is not None and row["sequence"] <= stream["applied"]:
        return "cannot be replayed: its stream has gone past it; drop it"
    early = row["sequence"] and stream is not None and row["sequence"] > stream["applied"] + 1
    rows.change(
        connection,
        row,
        state="parked" if early else "failed",
        attempts=0,
        not_before=None,
        error=None if early else row["error"],
    )
    rows.try_again(connection, service, row)
    return "replayed"


def _drop(connection: Connection, service: str, stream: Found | None, row: Found, by: str) -> str:
    if row["sequence"] == 0 or stream is None:
        rows.remove(connection, row)
    elif row["sequence"] == stream["applied"] + 1 and not _is_fork(row):
        rows.skip(connection, service, stream, row, by)
    else:
        if _is_fork(row) and row["kind"] == "peer":
            # It comes again until it is receipted, and is known then: no second fork.
            rows.change(connection, row, state="applied", error=f"dropped by {by}", not_before=None)
        else:
            rows.remove(connection, row)
        stream["parked"] -= 1
        rows.write_stream(connection, stream)
    return "dropped"

"""What dead and waiting messages have in common in the tables of the bus: how they are named, how a stream is moved on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from shared.ids import new_id
from shared.ops.database import Connection
from shared.ops.trouble import Trouble

Found = dict[str, Any]

# A name that is short, the same each time, and not chosen by whoever wrote the message. The keys hold no control characters.
MESSAGE_REF: LiteralString = (
    "left(encode(sha256(convert_to(concat_ws(chr(31), i.tenant, i.subject, i.peer, i.service, i.sequence, i.id), "
    "'UTF8')), 'hex'), 12)"
)
STREAM_REF: LiteralString = (
    "left(encode(sha256(convert_to(concat_ws(chr(31), s.tenant, s.subject, s.peer, s.service), 'UTF8')), 'hex'), 12)"
)
AT_ONCE = 500
"""How many messages or streams one transaction takes."""


def service_of(ref: str, services: Sequence[str]) -> tuple[str, str]:
    """The service and the short name in a reference like `offers-3f9a1c22d0b4`. Raises Trouble."""
    service, _, name = ref.rpartition("-")
    if service not in services or len(name) != 12 or not set(name) <= set("0123456789abcdef"):
        raise Trouble(f"{ref!r} names nothing: use what the list shows under REF, for example offers-3f9a1c22d0b4.")
    return service, name


def now(connection: Connection) -> datetime:
    """The moment, by the clock of the database."""
    return connection.execute("select clock_timestamp() as at").fetchall()[0]["at"]  # type: ignore[no-any-return]


def lock_stream(connection: Connection, row: Found) -> Found | None:
    """The stream of a message, locked as the service locks it: before anything else of it. None for what is in no stream."""
    return connection.execute(
        "select * from streams where tenant = %s and subject = %s and peer = %s and service = %s for update",
        [row["tenant"], row["subject"], row["peer"], row["service"]],
    ).fetchone()


def write_stream(connection: Connection, stream: Found) -> None:
    """Keep what was changed of a stream."""
    connection.execute(
        """
        update streams set applied = %(applied)s, applied_digest = %(applied_digest)s, parked = greatest(%(parked)s, 0),
            parked_type = %(parked_type)s
        where tenant = %(tenant)s and subject = %(subject)s and peer = %(peer)s and service = %(service)s
        """,
        stream,
    )


def try_again(connection: Connection, service: str, row: Found) -> None:
    """Have a message of the inbox come back to its service at once, as one that it asked for itself."""
    connection.execute(
        """
        insert into outbox (tenant, id, kind, service, subject, destination, type, sequence, body, due_at)
        values (%s, %s, 'retry', %s, %s, %s, %s, %s, %s, now())
        """,
        [
            row["tenant"], new_id(), service, row["subject"], row["tenant"], row["type"], row["sequence"], row["body"],
        ],
    )  # fmt: skip


def go_on_behind(connection: Connection, service: str, stream: Found) -> None:
    """Have what waits behind the last applied message of a stream looked at."""
    following = connection.execute(
        """
        select * from inbox where tenant = %(tenant)s and subject = %(subject)s and peer = %(peer)s and service = %(service)s
            and sequence = %(applied)s + 1 and state = 'parked' order by id limit 1
        """,
        stream,
    ).fetchone()
    if following is not None:
        try_again(connection, service, following)


def skip(connection: Connection, service: str, stream: Found, row: Found, by: str) -> None:
    """Give the next message of a stream up as if it were applied, and go on behind it. It never has an effect."""
    stream["applied"], stream["applied_digest"] = row["sequence"], row["digest"]
    stream["parked"] -= 1
    if stream["parked_type"] == row["type"]:
        stream["parked_type"] = None
    if row["kind"] == "peer":
        # Both sides keep both streams. It is receipted when it comes again, as what was said does: whoever did not say it is told nothing.
        change(connection, row, state="applied", error=f"dropped by {by}", not_before=None)
    else:
        remove(connection, row)
    write_stream(connection, stream)
    go_on_behind(connection, service, stream)


def give_up_overtaken(connection: Connection, stream: Found) -> None:
    """Remove what waits for nothing any more: the stream has gone past it."""
    stream["parked"] -= connection.execute(
        """
        delete from inbox where tenant = %(tenant)s and subject = %(subject)s and peer = %(peer)s and service = %(service)s
            and state = 'parked' and sequence <= %(applied)s
        """,
        stream,
    ).rowcount
    write_stream(connection, stream)


_KEY = "tenant = %(tenant)s and subject = %(subject)s and peer = %(peer)s and service = %(service)s and sequence = %(sequence)s and id = %(id)s"


def change(connection: Connection, row: Found, **values: Any) -> None:
    """Keep what was changed of a message: state, attempts, error, not_before."""
    connection.execute(
        f"""
        update inbox set state = %(state)s, attempts = %(attempts)s, error = %(error)s, not_before = %(not_before)s
        where {_KEY}
        """,
        row | values,
    )


def remove(connection: Connection, row: Found) -> None:
    """Take a message out of the inbox."""
    connection.execute(f"delete from inbox where {_KEY}", row)


def lock_message(connection: Connection, row: Found) -> Found | None:
    """The message as it stands now, locked; None when it is gone."""
    return connection.execute(f"select * from inbox where {_KEY} for update", row).fetchone()

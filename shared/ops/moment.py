"""One moment of all databases of a cell: six snapshots between which no message of one service was taken by another.

Without that a backup could hold that contacts has taken the 12th fact of offers, and offers as it had stated ten: after a restore its next
fact would be taken for one that is known, and lost. So for a few milliseconds nobody writes to the streams of any service, and every
snapshot is taken within.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from shared import settings
from shared.ops.database import Connection, connected
from shared.ops.trouble import Trouble

_TRIES = 10
_PATIENCE_MS = 1000
"""How long the writers of a service are waited for while those of others stand still."""


@dataclass(frozen=True)
class Moment:
    """The snapshots. Each connection sees its database as it was, for as long as the block lasts."""

    at: datetime
    connections: dict[str, Connection]
    snapshots: dict[str, str]


@contextmanager
def one_moment(services: Sequence[str]) -> Iterator[Moment]:
    """Take it. Raises Trouble when a service writes without a pause, does not answer, or the role `backup` may not see everything."""
    with ExitStack() as reading:
        readers = {service: reading.enter_context(connected(service, "backup", patient=True)) for service in services}
        for service, reader in readers.items():
            _may_see_everything(service, reader)
        for attempt in range(_TRIES):
            with ExitStack() as standing:
                try:
                    for service in services:
                        _hold(standing, service)
                    at = datetime.now(UTC)
                    for reader in readers.values():
                        # The first statement takes the snapshot.
                        reader.execute("begin transaction isolation level repeatable read, read only")
                        reader.execute("set local row_security = off")
                    snapshots = {
                        service: str((reader.execute("select pg_export_snapshot() as id").fetchone() or {})["id"])
                        for service, reader in readers.items()
                    }
                    break
                except psycopg.errors.LockNotAvailable as error:
                    if attempt == _TRIES - 1:
                        raise Trouble(
                            "The services write without a pause, so no moment of all of them could be taken. Try again."
                        ) from error
            time.sleep(0.2 * (attempt + 1))
        yield Moment(at, readers, snapshots)


def _hold(standing: ExitStack, service: str) -> None:
    """Wait until nobody writes to the streams of this service, and let nobody begin to."""
    try:
        connection = standing.enter_context(psycopg.connect(settings.database_url(service, "ops"), connect_timeout=5))
    except psycopg.OperationalError as error:
        raise Trouble(f"The database of {service} does not answer.") from error
    connection.execute(f"set local lock_timeout = {_PATIENCE_MS}")
    connection.execute("lock table streams in share mode")


def _may_see_everything(service: str, connection: Connection) -> None:
    row = connection.execute(
        "select rolbypassrls or rolsuper as may from pg_roles where rolname = current_user"
    ).fetchone()
    if not row or not row["may"]:
        raise Trouble(
            f"The role that reads the backup of {service} would not see all rows: an administrator has to say once "
            "alter role backup bypassrls; grant pg_read_all_data to backup;"
        )

"""An operator's connection to a service's database: role `<service>_ops`, which sees the tables of the bus (and the mails of notifications)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row

from shared import settings
from shared.ops.trouble import Trouble, line, missing

Connection = psycopg.Connection[dict[str, Any]]
_PATIENT = "-c lock_timeout=5s -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
_OPTIONS = "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s"


@contextmanager
def connected(service: str, role: str = "ops", *, patient: bool = False) -> Iterator[Connection]:
    """A connection (autocommit) for the time of a block; `patient` for statements that may take long.

    Raises Trouble for a database that does not answer, and for a statement that it ended.
    """
    try:
        url = settings.database_url(service, role)
    except settings.MissingSetting as error:
        raise missing(error) from error
    options = _PATIENT if patient else _OPTIONS
    try:
        with psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=5,
            row_factory=dict_row,
            application_name="accord-ops",
            options=options,
        ) as connection:
            yield connection
    except psycopg.errors.LockNotAvailable as error:
        raise Trouble(f"The service {service} is at work on the same rows. Nothing was changed: try again.") from error
    except psycopg.OperationalError as error:
        raise Trouble(f"The database of {service} does not answer: {line(error)}") from error
    except psycopg.Error as error:
        raise Trouble(f"The database of {service} refuses: {line(error)}") from error


def wake_relay(connection: Connection) -> None:
    """Have the relay look for what is due; told on commit."""
    connection.execute("notify outbox")

"""The bus on both of its storages: the same tests for the in-memory twin and for PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from shared.bus.memory import MemoryDatabase
from shared.bus.postgres import PostgresDatabase
from tests.integration.bus.sample import MIGRATION
from tests.support.servers import RabbitServer, prepare


@pytest.fixture(scope="module")
def sample_environment(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> dict[str, str]:
    """The database of offers with the sample's table in it, and the queues of offers; made once for the tests of a file."""
    environment = {**service_databases("offers"), **broker.environment()}
    prepare("offers", environment)
    with psycopg.connect(environment["ACCORD_OFFERS_OWNER_DATABASE_URL"]) as owner:
        owner.execute(MIGRATION)
    return environment


@pytest.fixture
def sample_database(sample_environment: dict[str, str]) -> Iterator[PostgresDatabase]:
    """It, empty."""
    with psycopg.connect(sample_environment["ACCORD_OFFERS_OWNER_DATABASE_URL"]) as owner:
        owner.execute("truncate streams, outbox, inbox, answers, notes")
    database = PostgresDatabase(sample_environment["ACCORD_OFFERS_DATABASE_URL"], size=4)
    yield database
    database.close()


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> Any:
    """Either storage."""
    return MemoryDatabase() if request.param == "memory" else request.getfixturevalue("sample_database")


def rows(database: Any, table: str, tenants: tuple[str, ...] = ("kazenor", "northwind")) -> list[dict[str, Any]]:
    """The rows of a table of the bus, on either storage."""
    if isinstance(database, MemoryDatabase):
        kept = {
            "outbox": database.outbox,
            "inbox": list(database.inbox.values()),
            "streams": list(database.streams.values()),
        }[table]
        return [{name: getattr(row, name) for name in row.__slots__} for row in kept]
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(database.transaction(tenants))
        storage._begin()
        cursor = storage._execute(f"select to_jsonb(t) from {table} t")
        return [row[0] for row in cursor.fetchall()]

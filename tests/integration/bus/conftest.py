"""The bus on both of its storages: the same tests for the in-memory twin and for PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from shared.bus.memory import MemoryDatabase
from shared.bus.postgres import PostgresDatabase
from tests.sample import MIGRATION


@pytest.fixture
def sample_database(services: Callable[..., dict[str, str]]) -> Iterator[PostgresDatabase]:
    """The database of offers with the sample's table in it."""
    environment = services("offers")
    with psycopg.connect(environment["ACCORD_OFFERS_OWNER_DATABASE_URL"]) as owner:
        owner.execute(MIGRATION)
    database = PostgresDatabase(environment["ACCORD_OFFERS_DATABASE_URL"], size=4)
    yield database
    database.close()


@pytest.fixture(params=["memory", "postgres"])
def database(request: pytest.FixtureRequest) -> Any:
    """Either storage."""
    return MemoryDatabase() if request.param == "memory" else request.getfixturevalue("sample_database")


def rows(database: Any, table: str, tenants: tuple[str, ...] = ("kazenor", "northwind")) -> list[dict[str, Any]]:
    """The rows of a table of the bus, on either storage."""
    if isinstance(database, MemoryDatabase):
        kept = {"outbox": database.outbox, "inbox": list(database.inbox.values()), "streams": list(database.streams.values())}[table]
        return [{name: getattr(row, name) for name in row.__slots__} for row in kept]
    with contextlib.ExitStack() as stack:
        storage = stack.enter_context(database.transaction(tenants))
        storage._begin()
        cursor = storage._execute(f"select to_jsonb(t) from {table} t")  # noqa: S608
        return [row[0] for row in cursor.fetchall()]

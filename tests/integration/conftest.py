"""The database of the service whose folder a test stands in, and its in-memory twin: most tests here run on both."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from shared.bus.memory import MemoryDatabase
from shared.bus.postgres import PostgresDatabase
from shared.bus.prepare import prepare_database
from shared.bus.storage import Database


@pytest.fixture(scope="module")
def urls(request: pytest.FixtureRequest, service_databases: Callable[..., dict[str, str]]) -> dict[str, str]:
    """The URLs of its roles, the tables there; made anew for each file."""
    service = request.path.parent.name
    environment = service_databases(service)
    prepare_database(service, environment[f"ACCORD_{service.upper()}_OWNER_DATABASE_URL"])
    return environment


@pytest.fixture
def postgres(request: pytest.FixtureRequest, urls: dict[str, str]) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(urls[f"ACCORD_{request.path.parent.name.upper()}_DATABASE_URL"])
    yield database
    database.close()


@pytest.fixture(params=["twin", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Either of them."""
    return MemoryDatabase() if request.param == "twin" else request.getfixturevalue("postgres")

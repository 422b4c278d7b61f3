"""Accounts on both kinds of storage: most tests here run on the in-memory twin and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from shared.bus.postgres import PostgresDatabase
from shared.bus.prepare import prepare_database
from tests.unit.accounts.desk import Accounts


@pytest.fixture(scope="module")
def accounts_urls(service_databases: Callable[..., dict[str, str]]) -> dict[str, str]:
    urls = service_databases("accounts")
    prepare_database("accounts", urls["ACCORD_ACCOUNTS_OWNER_DATABASE_URL"])
    return urls


@pytest.fixture
def postgres(accounts_urls: dict[str, str]) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(accounts_urls["ACCORD_ACCOUNTS_DATABASE_URL"])
    yield database
    database.close()


@pytest.fixture(params=["twin", "postgres"])
def accounts(request: pytest.FixtureRequest) -> Accounts:
    return Accounts() if request.param == "twin" else Accounts(request.getfixturevalue("postgres"))

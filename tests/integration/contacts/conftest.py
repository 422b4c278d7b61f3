"""Contacts on both kinds of storage: every test here runs on the in-memory twin and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from services.contacts.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.bus.postgres import PostgresDatabase
from shared.bus.prepare import prepare_database
from tests.support.hearing import Ear


@pytest.fixture(scope="session")
def contacts_urls(service_databases: Callable[..., dict[str, str]]) -> dict[str, str]:
    urls = service_databases("contacts")
    prepare_database("contacts", urls["ACCORD_CONTACTS_OWNER_DATABASE_URL"])
    return urls


@pytest.fixture(params=["twin", "postgres"])
def contacts(request: pytest.FixtureRequest) -> Iterator[Ear]:
    if request.param == "twin":
        yield Ear(MemoryDatabase(), "contacts", TABLES)
        return
    database = PostgresDatabase(request.getfixturevalue("contacts_urls")["ACCORD_CONTACTS_DATABASE_URL"])
    yield Ear(database, "contacts", TABLES)
    database.close()

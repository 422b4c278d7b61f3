"""The notifications database, prepared once."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from shared.bus.prepare import prepare_database


@pytest.fixture(scope="module")
def prepared_urls(service_databases: Callable[..., dict[str, str]]) -> dict[str, str]:
    urls = service_databases("notifications")
    prepare_database("notifications", urls["ACCORD_NOTIFICATIONS_OWNER_DATABASE_URL"])
    return urls


@pytest.fixture
def urls(prepared_urls: dict[str, str]) -> dict[str, str]:
    """The URLs of the roles; the tables are empty."""
    with psycopg.connect(prepared_urls["ACCORD_NOTIFICATIONS_OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "truncate users, teams, audiences, preferences, news, notifications, mails, streams, inbox, outbox, answers"
        )
    return prepared_urls

"""The notifications database, empty for each test."""

from __future__ import annotations

import psycopg
import pytest


@pytest.fixture
def urls(urls: dict[str, str]) -> dict[str, str]:
    with psycopg.connect(urls["ACCORD_NOTIFICATIONS_OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "truncate users, teams, audiences, preferences, news, notifications, mails, streams, inbox, outbox, answers"
        )
    return urls

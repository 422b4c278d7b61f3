"""Entries on the in-memory twin and on PostgreSQL: the same tests."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from services.history import handlers
from services.history.store import TABLES
from shared.bus.postgres import PostgresDatabase
from shared.bus.storage import Database
from tests.support import story
from tests.support.hearing import Ear


@pytest.fixture
def urls(urls: dict[str, str]) -> dict[str, str]:
    """Of an empty database."""
    with psycopg.connect(urls["ACCORD_HISTORY_OWNER_DATABASE_URL"], autocommit=True) as owner:
        owner.execute("truncate entries, streams, inbox, outbox, answers")
    return urls


@pytest.fixture
def ear(database: Database) -> Ear:
    return Ear(database, "history", TABLES)


def page(ear: Ear, tenant: str = "kazenor", partnership: str = story.PARTNERSHIP, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ear.do(
        handlers.list_entries,
        handlers.ListEntries(**query),
        tenant=tenant,
        actor="ada",
        ids={"partnership_id": partnership},
    )
    return answer


def test_a_fact_comes_back_as_it_was_told(ear: Ear) -> None:
    ear.hear(handlers.acceptance_given, story.ACCEPTANCE_GIVEN, tenant="northwind", subject=story.PARTNERSHIP)
    (entry,) = page(ear, "northwind")["items"]
    assert entry["at"] == "2026-05-04T11:00:00Z"
    assert entry["details"]["contacts"][0]["roles"] == [{"environment": "Production", "role": "Operator"}]


def test_an_answer_comes_back_with_each_of_its_items(ear: Ear) -> None:
    ear.hear(handlers.answer_given, story.ANSWER_GIVEN, tenant="northwind", subject=story.PARTNERSHIP)
    (entry,) = page(ear, "northwind")["items"]
    assert [(i["name"], i["decision"]) for i in entry["details"]["items"]] == [
        ("Olof Palm", "accept"),
        ("Mia Berg", "decline"),
    ]
    assert entry["details"]["items"][0]["roles"] == [{"environment": "Production", "role": "Operator"}]


def test_pages_follow_each_other_from_the_newest_to_the_oldest(ear: Ear) -> None:
    for i in range(7):
        # Some at the same moment: their order is any, but none may be lost or shown twice.
        fact = story.DECLINE_RECEIVED.model_copy(update={"at": story.ANSWERED.replace(minute=i // 2)})
        ear.hear(handlers.decline_received, fact, tenant="kazenor", subject=story.PARTNERSHIP)
    seen, cursor = [], None
    for _ in range(4):
        found = page(ear, limit=2, cursor=cursor)
        seen += found["items"]
        cursor = found["next"]
    assert cursor is None
    assert len({entry["id"] for entry in seen}) == 7
    assert [e["at"] for e in seen] == sorted((e["at"] for e in seen), reverse=True)


def test_a_partnership_shows_only_its_own(ear: Ear) -> None:
    ear.hear(handlers.offer_submitted, story.SUBMITTED, tenant="kazenor", subject=story.PARTNERSHIP)
    ear.hear(handlers.offer_submitted, story.SUBMITTED, tenant="kazenor", subject="another")
    assert len(page(ear)["items"]) == 1
    assert page(ear, "northwind") == {"items": [], "next": None}


def test_the_database_shows_a_tenant_nothing_of_another(urls: dict[str, str]) -> None:
    database = PostgresDatabase(urls["ACCORD_HISTORY_DATABASE_URL"], size=1)
    ear = Ear(database, "history", TABLES)
    ear.hear(handlers.offer_submitted, story.SUBMITTED, tenant="globex", subject="rls")
    with psycopg.connect(urls["ACCORD_HISTORY_DATABASE_URL"]) as connection:
        for seeing, number in (("globex", 1), ("globe", 0), ("", 0)):
            connection.execute("select set_config('app.tenants', %s, true)", [seeing])
            assert connection.execute("select count(*) from entries where partnership_id = 'rls'").fetchone() == (
                number,
            )
    database._pool.close()


def test_the_timeline_is_read_from_its_index(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["ACCORD_HISTORY_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'a', true)")
        service.execute("set local enable_seqscan = off")
        service.execute("set local enable_sort = off")
        plan = "\n".join(
            row[0]
            for row in service.execute(
                "explain select state from entries where tenant = 'a' and partnership_id = 'b' and (at, id) < (now(), 'c') "
                "order by at desc, id desc limit 51"
            )
        )
    assert "entries_timeline" in plan
    assert "Sort" not in plan

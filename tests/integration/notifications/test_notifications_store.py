"""Notifications on the in-memory twin and on PostgreSQL: the same tests."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from services.notifications import handlers
from services.notifications.domain.people import UNTOLD, Mail, Team
from services.notifications.mailer import SQL
from services.notifications.store import TABLES
from shared.bus.postgres import PostgresDatabase
from shared.bus.storage import Database
from shared.contracts.accounts import UserChanged
from shared.contracts.notifications import CatchUp
from tests.support import story
from tests.support.hearing import START, Ear


@pytest.fixture
def ear(database: Database) -> Ear:
    return Ear(database, "notifications", TABLES)


def user(ear: Ear, id: str, tenant: str = "northwind") -> None:
    changed = UserChanged(id=id, name=id.title(), email=f"{id}@{tenant}.example", role="admin", active=True)
    ear.hear(handlers.user_changed, changed, tenant=tenant, subject=id, time=START)


def offer(ear: Ear, partnership: str, tenant: str = "northwind") -> None:
    ear.hear(handlers.offer_received, story.RECEIVED, tenant=tenant, subject=partnership)


def listed(ear: Ear, actor: str, tenant: str = "northwind", **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ear.do(
        handlers.list_notifications, handlers.ListNotifications(**query), tenant=tenant, actor=actor
    )
    return answer


def test_users_hear_and_read(ear: Ear) -> None:
    user(ear, "nils")
    user(ear, "ann")
    for i in range(5):
        offer(ear, f"p{i}")
    first = listed(ear, "nils", limit=2)
    second = listed(ear, "nils", limit=2, cursor=first["next"])
    third = listed(ear, "nils", limit=2, cursor=second["next"])
    items = [*first["items"], *second["items"], *third["items"]]
    assert [n["partnership_id"] for n in items] == ["p4", "p3", "p2", "p1", "p0"]
    assert third["next"] is None
    marked = ear.do(
        handlers.mark_read, handlers.MarkRead(ids=[items[0]["id"], items[3]["id"]]), tenant="northwind", actor="nils"
    )
    assert marked == {"unread_count": 3}
    assert [n["partnership_id"] for n in listed(ear, "nils", unread=True)["items"]] == ["p3", "p2", "p0"]
    assert [n["partnership_id"] for n in listed(ear, "nils", unread=False)["items"]] == ["p4", "p1"]
    assert listed(ear, "nils")["unread_count"] == 3
    assert listed(ear, "ann")["unread_count"] == 5
    assert ear.do(handlers.mark_read, handlers.MarkRead(all=True), tenant="northwind", actor="nils") == {
        "unread_count": 0
    }
    assert listed(ear, "nils")["unread_count"] == 0


def test_a_late_user_catches_up_over_pages(ear: Ear) -> None:
    for i in range(203):
        offer(ear, f"p{i}")
    user(ear, "nils")
    ear.hear(handlers.catch_up, CatchUp(since=START), tenant="northwind", subject="nils")
    assert listed(ear, "nils")["unread_count"] == 203


def test_preferences_are_kept(ear: Ear) -> None:
    for wanted in (False, True, False):
        ear.do(handlers.set_preferences, handlers.SetPreferences(mail=wanted), tenant="northwind", actor="nils")
        assert ear.do(handlers.get_preferences, tenant="northwind", actor="nils")["mail"] is wanted


def test_a_mail_is_kept_with_its_notification(ear: Ear) -> None:
    user(ear, "nils")
    offer(ear, "p")
    (notification,) = listed(ear, "nils")["items"]
    kept = ear.session.read(lambda work, call, now: work.peek(Mail, "northwind", notification["id"]), _call())
    assert (kept.name, kept.email, kept.type) == ("Nils", "nils@northwind.example", "offer.received")


def test_a_team_keeps_whom_the_offer_named_and_how_the_other_side_is_called(ear: Ear) -> None:
    offer(ear, "p")
    untold = ear.session.read(lambda work, call, now: work.peek(Team, "northwind", "p"), _call())
    assert (untold.revision, untold.user_ids) == (UNTOLD, ())
    ear.hear(handlers.acceptance_given, story.ACCEPTANCE_GIVEN, tenant="northwind", subject="p")
    joined = story.team("added", story.NILS_MANAGES, story.BO, added=[story.BO])
    ear.hear(handlers.team_changed, joined, tenant="northwind", subject="p")
    team = ear.session.read(lambda work, call, now: work.peek(Team, "northwind", "p"), _call())
    assert (team.revision, team.user_ids) == (2, (story.NILS.id, story.BO.id))
    assert (team.company, team.recipient_id) == ("Kazenor Consulting", story.NILS.id)


def test_a_team_that_an_older_release_wrote_is_read(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["ACCORD_NOTIFICATIONS_DATABASE_URL"]) as service:
        service.execute("select set_config('app.tenants', 'northwind', true)")
        service.execute(
            "insert into teams (tenant, id, version, state) values ('northwind', 'p', 1, "
            """'{"tenant": "northwind", "id": "p", "version": 1, "revision": 3, "user_ids": ["nils"]}')"""
        )
    database = PostgresDatabase(urls["ACCORD_NOTIFICATIONS_DATABASE_URL"], size=1)
    ear = Ear(database, "notifications", TABLES)
    user(ear, "nils")
    ear.hear(handlers.tell, story.END_RECEIVED, tenant="northwind", subject="p")
    assert [n["type"] for n in listed(ear, "nils")["items"]] == ["end.received"]
    database._pool.close()


def _call() -> Any:
    from shared.calls import Call

    return Call("read", "northwind", "system")


TENANT_TABLES = ("users", "teams", "audiences", "preferences", "news", "notifications", "mails")


def test_the_mailers_role_sees_mails_and_nothing_else_of_this_service(urls: dict[str, str]) -> None:
    database = PostgresDatabase(urls["ACCORD_NOTIFICATIONS_DATABASE_URL"], size=1)
    ear = Ear(database, "notifications", TABLES)
    user(ear, "nils")
    offer(ear, "p")
    user(ear, "globe", tenant="globex")
    offer(ear, "p", tenant="globex")
    with psycopg.connect(urls["ACCORD_NOTIFICATIONS_OPS_DATABASE_URL"], autocommit=True) as ops:
        assert ops.execute("select tenant from mails order by tenant").fetchall() == [("globex",), ("northwind",)]
        for table in TENANT_TABLES[:-1]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ops.execute(f"select 1 from {table}")
    with psycopg.connect(urls["ACCORD_NOTIFICATIONS_DATABASE_URL"]) as service:
        for seeing, number in (("northwind", 1), ("", 0)):
            service.execute("select set_config('app.tenants', %s, true)", [seeing])
            for table in ("users", "audiences", "news", "notifications", "mails"):
                assert service.execute(f"select count(*) from {table}").fetchone() == (number,)
    database._pool.close()


def test_every_table_has_forced_row_security_with_a_policy(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["ACCORD_NOTIFICATIONS_OWNER_DATABASE_URL"]) as owner:
        rows = owner.execute(
            "select relname from pg_class c where relkind = 'r' and relnamespace = 'public'::regnamespace and relrowsecurity "
            "and relforcerowsecurity and exists (select from pg_policy p where p.polrelid = c.oid)"
        ).fetchall()
    assert {name for (name,) in rows} >= set(TENANT_TABLES)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "select state from notifications where tenant = 'a' and user_id = 'b' order by at desc, id desc limit 51",
            "notifications_mine",
        ),
        (
            "select state from notifications where tenant = 'a' and user_id = 'b' and unread = true order by at desc, id desc limit 51",
            "notifications_unread",
        ),
        ("select state from news where tenant = 'a' order by at desc, id desc limit 201", "news_newest"),
    ],
)
def test_each_list_is_read_from_its_index(urls: dict[str, str], query: str, index: str) -> None:
    plan = explained(urls["ACCORD_NOTIFICATIONS_DATABASE_URL"], query)
    assert index in plan
    assert "Sort" not in plan


def test_the_next_mail_is_found_by_its_index(urls: dict[str, str]) -> None:
    plan = explained(urls["ACCORD_NOTIFICATIONS_OPS_DATABASE_URL"], SQL["next"])
    assert "mails_due" in plan
    assert "Sort" not in plan


def explained(url: str, query: str) -> str:
    """The plan of a query, as the role that asks it."""
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('app.tenants', 'a', true)")
        connection.execute("set local enable_seqscan = off")
        connection.execute("set local enable_sort = off")
        return "\n".join(row[0] for row in connection.execute(f"explain {query}"))

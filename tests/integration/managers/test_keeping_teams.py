"""What managers keeps comes back as it was, from the in-memory twin and from PostgreSQL alike."""

from __future__ import annotations

import secrets
import threading
from typing import Any

import psycopg
import pytest

from services.managers import handlers
from services.managers.commands import AddManagers
from services.managers.store import TABLES, TEAMS
from shared.bus.door import Person as Somebody
from shared.bus.postgres import PostgresDatabase
from shared.bus.storage import Database, Selection
from shared.calls import Call, Paged
from shared.contracts.accounts import UserChanged
from shared.contracts.managers import TeamsDue
from shared.contracts.offers import Manager
from shared.ids import new_id
from tests.support import story
from tests.support.hearing import Ear


@pytest.fixture
def ear(database: Database) -> Ear:
    return Ear(database, "managers", TABLES)


def test_a_team_comes_back_with_the_names_of_today(ear: Ear) -> None:
    tenant, partnership = "t" + secrets.token_hex(6), new_id()
    zoe = Manager(id=new_id(), name="Zoë", email="zoe@kazenor.example")
    offer = story.SUBMITTED.model_copy(update={"managers": [zoe, story.TO_MANAGE]})
    renamed = UserChanged(id=zoe.id, name="Zoë Lind", email="lind@kazenor.example", role="member", active=True)

    def listed(of: str) -> Any:
        ids = {"partnership_id": partnership}
        return ear.do(handlers.list_managers, Paged(), tenant=of, actor=story.ADA.id, ids=ids)["items"]

    ear.hear(handlers.offer_submitted, offer, tenant=tenant, subject=partnership)
    ear.hear(handlers.user_changed, renamed, tenant=tenant, subject=zoe.id)
    ear.hear(handlers.user_changed, renamed, tenant=tenant, subject=zoe.id)
    assert listed(tenant) == [
        {"contact_id": story.ADA.id, "name": "Ada Lindqvist", "email": "ada@kazenor.example", "owner": True},
        {"contact_id": zoe.id, "name": "Zoë Lind", "email": "lind@kazenor.example", "owner": False},
    ]
    assert listed("t" + secrets.token_hex(6)) == []


def test_a_user_without_a_login_leaves_many_teams_page_by_page(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "_LOOK_AFTER_AT_ONCE", 2)
    tenant, zoe = "t" + secrets.token_hex(6), Manager(id=new_id(), name="Zoë", email="zoe@kazenor.example")
    offer = story.SUBMITTED.model_copy(update={"managers": [zoe, story.TO_MANAGE]})
    partnerships, others = [new_id() for _ in range(5)], [new_id() for _ in range(3)]
    for partnership in partnerships:
        ear.hear(handlers.offer_submitted, offer, tenant=tenant, subject=partnership)
    for partnership in others:
        ear.hear(handlers.offer_submitted, story.SUBMITTED, tenant=tenant, subject=partnership)
    left = UserChanged(id=zoe.id, name="Zoë", email=zoe.email, role="member", active=False)
    ear.hear(handlers.user_changed, left, tenant=tenant, subject=zoe.id)
    timers, ran = [TeamsDue()], 0

    class Noting:
        """A transaction that also notes the timers it is given."""

        def __init__(self, work: Any) -> None:
            self._work = work

        def __getattr__(self, name: str) -> Any:
            return getattr(self._work, name)

        def later(self, timer: TeamsDue, **more: Any) -> None:
            timers.append(timer)
            self._work.later(timer, **more)

    def run(work: Any, message: Any, now: Any) -> None:
        handlers.teams_due(Noting(work), message, now)

    while timers:
        ear.hear(run, timers.pop(), tenant=tenant, subject=zoe.id)
        ran += 1
    assert ran == 3
    with ear.session.database.transaction((tenant,)) as storage:
        rows = storage.find(Selection(TEAMS, tenant), "id", None, 20)
    teams = [TEAMS.load(row) for row in rows]
    assert {(team.id, team.owner_id) for team in teams} == {(id, story.ADA.id) for id in (*partnerships, *others)}
    assert {tuple(one.id for one in team.members) for team in teams} == {(story.ADA.id,)}
    assert {team.version for team in teams if team.id in partnerships} == {2}


def test_the_teams_of_a_user_are_found_in_the_order_of_their_key(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["ACCORD_MANAGERS_DATABASE_URL"]) as connection:
        connection.execute("select set_config('app.tenants', 'x', true)")
        connection.execute(
            "insert into teams (tenant, id, version, state, members)"
            " select 'x', md5(n::text), 1, '{}', '|' || mod(n, 50) || '|' from generate_series(1, 5000) n"
        )
        plan = "\n".join(
            row[0]
            for row in connection.execute(
                "explain select state from teams where tenant = 'x' and position('|7|' in members) > 0"
                " and (id, id) > ('a', 'a') order by id, id limit 51"
            ).fetchall()
        )
    assert "teams_pkey" in plan and "Sort" not in plan and "Seq Scan" not in plan, plan


def test_without_a_tenant_in_the_transaction_nothing_is_seen(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["ACCORD_MANAGERS_DATABASE_URL"]) as connection:
        for table in ("teams", "colleagues"):
            connection.execute("select set_config('app.tenants', 'canary', true)")
            connection.execute(
                f"insert into {table} (tenant, id, version, state) values ('canary', %s, 1, '{{}}')",
                [new_id()],
            )
            connection.commit()
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)


def test_whoever_loses_the_login_while_being_added_is_not_in_the_team_afterwards(postgres: PostgresDatabase) -> None:
    ear, tenant, partnership = Ear(postgres, "managers", TABLES), "t" + secrets.token_hex(6), new_id()
    zoe = UserChanged(id=new_id(), name="Zoë", email="zoe@kazenor.example", role="member", active=True)
    gone = zoe.model_copy(update={"active": False})
    ear.hear(handlers.offer_submitted, story.SUBMITTED, tenant=tenant, subject=partnership)
    ear.hear(handlers.user_changed, zoe, tenant=tenant, subject=zoe.id)

    def lose_login() -> None:
        ear.hear(handlers.user_changed, gone, tenant=tenant, subject=zoe.id)
        ear.hear(handlers.teams_due, TeamsDue(), tenant=tenant, subject=zoe.id)

    losing = threading.Thread(target=lose_login)

    def add(work: Any, call: Call, now: Any) -> Any:
        ada = Somebody(story.ADA.id, story.ADA.name, "", "admin")
        answer = handlers.add_managers(
            work, call, AddManagers(contact_ids=[zoe.id]), person=ada, people={zoe.id: zoe.model_dump()}, now=now
        )
        losing.start()
        losing.join(0.3)
        assert losing.is_alive(), "nothing may change a user while they are being added"
        return answer

    call = Call("add_managers", tenant, story.ADA.id, {"partnership_id": partnership})
    assert len(ear.session.run(add, call)["items"]) == 2
    losing.join(10)
    assert not losing.is_alive()
    with postgres.transaction((tenant,)) as storage:
        team = TEAMS.load(storage.find(Selection(TEAMS, tenant), "id", None, 2)[0])
    assert [one.id for one in team.members] == [story.ADA.id]

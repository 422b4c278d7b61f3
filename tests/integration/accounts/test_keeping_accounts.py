"""The records of accounts come back as they were kept, on the twin and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psycopg
import pytest

from services.accounts import handlers
from services.accounts.store import TABLES
from shared.bus.postgres import PostgresDatabase
from shared.errors import EmailTaken, LastAdmin, NotAuthenticated, Refusal, TenantTaken
from tests.unit.accounts.desk import Accounts

_numbers = count(1)


@pytest.fixture
def tenant() -> str:
    """A name nobody has had before: the database is used by all tests of this file."""
    return f"business-{next(_numbers)}"


def test_all_that_is_known_of_a_business_comes_back(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    address = {"type": "Shipping", "line1": "1 Main Street", "city": "Łódź", "default": True}
    changed = accounts.ask(handlers.update_profile, accounts.call(ada, tenant, phone="+1", addresses=[address]))
    assert accounts.look(handlers.get_profile, accounts.call(ada, tenant)) == changed
    accounts.ask(
        handlers.update_me, accounts.call(ada, tenant, preferences={"wizard": False, "rows": 20, "view": "tiles"})
    )
    me = accounts.look(handlers.get_me, accounts.call(ada, tenant))
    assert me["preferences"] == {"wizard": False, "rows": 20, "view": "tiles"}
    settings = accounts.ask(handlers.update_settings, accounts.call(ada, tenant, blocked_tenants=["northwind"]))
    assert accounts.look(handlers.get_settings, accounts.call(ada, tenant)) == settings
    environments = accounts.look(handlers.get_environments, accounts.call(ada, tenant))
    assert [len(one["roles"]) for one in environments["items"]] == [3, 3, 3]


def test_users_are_listed_by_folded_name_page_by_page(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    for name in ("zoe", "bob", "Carl", "dan"):
        accounts.add(ada, f"{name}@example.org", tenant=tenant)
    names, cursor = [], None
    while True:
        page = accounts.look(handlers.list_users, accounts.call(ada, tenant, limit=2, cursor=cursor))
        names += [user["name"] for user in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == ["Ada", "Bob", "Carl", "Dan", "Zoe"]


def test_sessions_are_found_by_their_user_and_ended_all(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    bob = accounts.add(ada, "bob@example.org", tenant=tenant)["id"]
    tokens = [accounts.log_in("bob@example.org", "another one", tenant) for _ in range(5)]
    mine = accounts.log_in("ada@example.org", tenant=tenant)
    listed = accounts.look(handlers.list_sessions, accounts.call(bob, tenant, limit=3))
    assert [one["id"] for one in listed["items"]] == [token.session_id for token in reversed(tokens)][:3]
    accounts.ask(handlers.update_user, accounts.call(ada, tenant, path={"user_id": bob}, active=False))
    for token in tokens:
        with pytest.raises(NotAuthenticated):
            accounts.look(handlers.authenticate, accounts.call("system", tenant), token)
    accounts.look(handlers.authenticate, accounts.call("system", tenant), mine)


def test_failed_logins_are_counted_and_forgotten_when_they_are_old(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant, "ada@example.org")
    for n in range(3):
        with pytest.raises(NotAuthenticated):
            accounts.log_in(f"{n}@example.org", "wrong", tenant)
    accounts.pass_time(hours=1)
    with pytest.raises(NotAuthenticated):
        accounts.log_in("9@example.org", "wrong", tenant)
    left = accounts.look(
        lambda work, call, now: work.find(handlers.Attempts, tenant).items, accounts.call("system", tenant)
    )
    assert [one.failed for one in left] == [1]


# Two at once, on PostgreSQL


def _at_once(*steps: Callable[[], Any]) -> list[Any]:
    """What came of each step, all begun together: its result or its refusal."""

    def run(step: Callable[[], Any]) -> Any:
        try:
            return step()
        except Refusal as refused:
            return type(refused)

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(run, steps))


def test_of_many_who_claim_a_name_at_once_one_gets_it(postgres: PostgresDatabase, tenant: str) -> None:
    accounts = Accounts(postgres)
    results = _at_once(*[lambda n=n: accounts.register(tenant, f"{n}@example.org") for n in range(6)])
    assert results.count(TenantTaken) == 5


def test_of_many_who_get_one_email_at_once_one_keeps_it(postgres: PostgresDatabase, tenant: str) -> None:
    accounts = Accounts(postgres)
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    results = _at_once(*[lambda: accounts.add(ada, "bob@example.org", tenant=tenant)] * 6)
    assert results.count(EmailTaken) == 5
    assert len(accounts.look(handlers.list_users, accounts.call(ada, tenant))["items"]) == 2


def test_two_admins_cannot_leave_at_once(postgres: PostgresDatabase, tenant: str) -> None:
    accounts = Accounts(postgres)
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    bob = accounts.add(ada, "bob@example.org", "admin", tenant)["id"]

    def leave(user_id: str) -> Callable[[], Any]:
        call = accounts.call("system", tenant, path={"user_id": user_id}, role="member")
        return lambda: accounts.ask(handlers.update_user, call)

    results = _at_once(leave(ada), leave(bob))
    assert results.count(LastAdmin) == 1


# What the database itself holds


@pytest.fixture
def owner(urls: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(urls["ACCORD_ACCOUNTS_OWNER_DATABASE_URL"], autocommit=True) as connection:
        yield connection


def test_every_table_forces_row_level_security(owner: psycopg.Connection[Any]) -> None:
    rows = owner.execute(
        "select relname, relrowsecurity and relforcerowsecurity from pg_class where relname = any (%s) and relkind = 'r'",
        [[table.name for table in TABLES]],
    ).fetchall()
    assert dict(rows) == {table.name: True for table in TABLES}


def test_nobody_sees_another_business(postgres: PostgresDatabase, tenant: str) -> None:
    accounts = Accounts(postgres)
    accounts.register(tenant, "ada@example.org")
    other = accounts.call("system", f"{tenant}-other")
    seen = accounts.look(lambda work, call, now: work.peek(handlers.Business, tenant, tenant), other)
    assert seen is None


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("select state from users where tenant = 'a' order by name_search, id limit 51", "users_name"),
        ("select state from sessions where tenant = 'a' and user_id = 'b' order by id limit 201", "sessions_user"),
        ("select state from sessions where tenant = 'a' and user_id = 'b' order by id desc limit 51", "sessions_user"),
        ("select state from attempts where tenant = 'a' order by since, id limit 21", "attempts_since"),
    ],
)
def test_every_list_has_its_index(urls: dict[str, str], query: str, index: str) -> None:
    with psycopg.connect(urls["ACCORD_ACCOUNTS_DATABASE_URL"]) as connection:
        connection.execute("set local enable_seqscan = off")
        connection.execute("set local enable_sort = off")
        plan = "\n".join(row[0] for row in connection.execute(f"explain {query}").fetchall())
    assert index in plan
    assert "Sort" not in plan


def test_no_password_and_no_token_can_be_read_from_the_database(
    postgres: PostgresDatabase, urls: dict[str, str], tenant: str
) -> None:
    accounts = Accounts(postgres)
    accounts.register(tenant, "ada@example.org")
    token = accounts.log_in("ada@example.org", tenant=tenant)
    with psycopg.connect(urls["ACCORD_ACCOUNTS_DATABASE_URL"]) as connection:
        connection.execute("select set_config('app.tenants', %s, true)", [tenant])
        everything = "".join(str(connection.execute(f"select * from {table.name}").fetchall()) for table in TABLES)
    assert token.session_id in everything
    assert token.secret not in everything

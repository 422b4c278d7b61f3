"""The records of accounts come back as they were kept, on the twin and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psycopg
import pytest

from services.accounts import handlers
from services.accounts.domain.api_keys import Key
from services.accounts.domain.attempts import Attempts
from services.accounts.domain.businesses import Address, Business
from services.accounts.domain.counterparts import Counterpart, Profile
from services.accounts.domain.mailed_links import MailedLink
from services.accounts.store import TABLES
from shared.bus.postgres import PostgresDatabase
from shared.bus.work import Heard
from shared.contracts.accounts import ProfileDue, ProfileShared
from shared.contracts.messages import Message
from shared.contracts.offers import AcceptanceReceived, EndGiven, Person
from shared.errors import EmailTaken, LastAdmin, NotAuthenticated, Refusal, TenantTaken
from shared.ids import new_id
from tests.unit.accounts.desk import Accounts

_numbers = count(1)


@pytest.fixture
def tenant() -> str:
    """A name nobody has had before: the database is used by all tests of this file."""
    return f"business-{next(_numbers)}"


def test_all_that_is_known_of_a_business_comes_back(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    address = {"type": "Shipping", "line1": "1 Main Street", "city": "Łódź", "default": True}
    changed = accounts.ask(handlers.profile.update_profile, accounts.call(ada, tenant, phone="+1", addresses=[address]))
    assert accounts.look(handlers.profile.get_profile, accounts.call(ada, tenant)) == changed
    accounts.ask(
        handlers.me.update_me, accounts.call(ada, tenant, preferences={"wizard": False, "rows": 20, "view": "tiles"})
    )
    me = accounts.look(handlers.me.get_me, accounts.call(ada, tenant))
    assert me["preferences"] == {"wizard": False, "rows": 20, "view": "tiles"}
    settings = accounts.ask(
        handlers.settings.update_settings, accounts.call(ada, tenant, blocked_tenants=["northwind"])
    )
    assert accounts.look(handlers.settings.get_settings, accounts.call(ada, tenant)) == settings
    environments = accounts.look(handlers.environments.get_environments, accounts.call(ada, tenant))
    assert [len(one["roles"]) for one in environments["items"]] == [3, 3, 3]


def test_users_are_listed_by_folded_name_page_by_page(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    for name in ("zoe", "bob", "Carl", "dan"):
        accounts.add(ada, f"{name}@example.org", tenant=tenant)
    names, cursor = [], None
    while True:
        page = accounts.look(handlers.users.list_users, accounts.call(ada, tenant, limit=2, cursor=cursor))
        names += [user["name"] for user in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == ["Ada", "Bob", "Carl", "Dan", "Zoe"]


def test_users_are_found_by_a_part_of_their_name_or_e_mail(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    for name in ("zoe", "bob", "Carl", "dan"):
        accounts.add(ada, f"{name}@{name}.example", tenant=tenant)

    def found(q: str) -> list[str]:
        page = accounts.look(handlers.users.list_users, accounts.call(ada, tenant, q=q))
        return [user["name"] for user in page["items"]]

    assert found("A") == ["Ada", "Bob", "Carl", "Dan", "Zoe"]
    assert found("CAR") == ["Carl"]
    assert found("@dan.") == ["Dan"]
    assert found("nobody") == []


def test_sessions_are_found_by_their_user_and_ended_all(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    bob = accounts.add(ada, "bob@example.org", tenant=tenant)["id"]
    tokens = [accounts.log_in("bob@example.org", "another one", tenant) for _ in range(5)]
    mine = accounts.log_in("ada@example.org", tenant=tenant)
    listed = accounts.look(handlers.sessions.list_sessions, accounts.call(bob, tenant, limit=3))
    assert [one["id"] for one in listed["items"]] == [token.session_id for token in reversed(tokens)][:3]
    accounts.ask(handlers.users.update_user, accounts.call(ada, tenant, path={"user_id": bob}, active=False))
    for token in tokens:
        with pytest.raises(NotAuthenticated):
            accounts.look(handlers.sessions.authenticate, accounts.call("system", tenant), token)
    accounts.look(handlers.sessions.authenticate, accounts.call("system", tenant), mine)


def test_failed_logins_are_counted_and_forgotten_when_they_are_old(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant, "ada@example.org")
    for n in range(3):
        with pytest.raises(NotAuthenticated):
            accounts.log_in(f"{n}@example.org", "wrong", tenant)
    accounts.pass_time(hours=1)
    with pytest.raises(NotAuthenticated):
        accounts.log_in("9@example.org", "wrong", tenant)
    left = accounts.look(lambda work, call, now: work.find(Attempts, tenant).items, accounts.call("system", tenant))
    assert [one.failed for one in left] == [1]


def _heard(accounts: Accounts, handler: Any, data: Message, tenant: str, subject: str, origin: str = "") -> None:
    message = Heard(tenant, origin or tenant, subject, 1, accounts.now, data)
    accounts.ask(lambda work, call, now: handler(work, message, now), accounts.call("system", tenant))


def _accepted(accounts: Accounts, tenant: str, customer: str) -> AcceptanceReceived:
    by = Person(id=new_id(), name="Nils")
    return AcceptanceReceived(customer=customer, company="Northwind", by=by, at=accounts.now, contacts=[], declined=[])


def _known(accounts: Accounts, tenant: str, customer: str) -> Counterpart:
    return accounts.look(
        lambda work, call, now: work.peek(Counterpart, tenant, customer), accounts.call("system", tenant)
    )


def test_what_a_counterpart_told_and_was_told_comes_back(accounts: Accounts, tenant: str) -> None:
    accounts.register(tenant, "ada@example.org")
    logo = "data:image/png;base64,iVBORw0KGgoA" + "A" * 90_000
    told = ProfileShared.model_validate(
        {"counter": 3, "company": "Łódź", "logo": logo, "addresses": [{"type": "Billing", "city": "Łódź"}]}
    )
    _heard(accounts, handlers.sharing.profile_shared, told, tenant, "northwind", "northwind")
    before = _known(accounts, tenant, "northwind")
    assert (before.live, before.told, before.counter, before.stated) == ((), -1, 3, -1)
    partnership = new_id()
    _heard(
        accounts, handlers.sharing.acceptance_received, _accepted(accounts, tenant, "northwind"), tenant, partnership
    )
    after = _known(accounts, tenant, "northwind")
    assert (after.live, after.told, after.stated) == ((partnership,), 0, 3)
    address = Address(type="Billing", city="Łódź")
    assert after.heard == Profile(company="Łódź", logo=logo, addresses=(address,))


def test_a_change_is_told_to_live_counterparts_only_page_by_page(
    accounts: Accounts, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers.sharing, "_TELL_AT_ONCE", 2)
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    for number in range(5):
        partnership, customer = new_id(), f"customer-{number}"
        _heard(
            accounts, handlers.sharing.acceptance_received, _accepted(accounts, tenant, customer), tenant, partnership
        )
        if number == 1:
            end = EndGiven(
                counterpart=customer, company="C", by=Person(id=ada, name="Ada"), at=accounts.now, reason="Done."
            )
            _heard(accounts, handlers.sharing.partnership_ended, end, tenant, partnership)
    accounts.ask(handlers.profile.update_profile, accounts.call(ada, tenant, phone="2"))
    timers = [ProfileDue()]

    class Noting:
        """A transaction that also notes the timers it is given."""

        def __init__(self, work: Any) -> None:
            self._work = work

        def __getattr__(self, name: str) -> Any:
            return getattr(self._work, name)

        def later(self, timer: ProfileDue, **more: Any) -> None:
            timers.append(timer)
            self._work.later(timer, **more)

    def run(work: Any, message: Any, now: Any) -> None:
        handlers.sharing.profile_due(Noting(work), message, now)

    ran = 0
    while timers:
        _heard(accounts, run, timers.pop(), tenant, tenant)
        ran += 1
    assert ran == 2
    assert [_known(accounts, tenant, f"customer-{number}").told for number in range(5)] == [1, 0, 1, 1, 1]


# Two at once, on PostgreSQL


def test_a_profile_that_is_changed_during_an_acceptance_reaches_that_counterpart(
    postgres: PostgresDatabase, tenant: str
) -> None:
    accounts = Accounts(postgres)
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    message = Heard(tenant, tenant, new_id(), 1, accounts.now, _accepted(accounts, tenant, "northwind"))

    def change() -> None:
        accounts.ask(handlers.profile.update_profile, accounts.call(ada, tenant, phone="2"))
        _heard(accounts, handlers.sharing.profile_due, ProfileDue(), tenant, tenant)

    changing = threading.Thread(target=change)

    def accept(work: Any, call: Any, now: Any) -> None:
        handlers.sharing.acceptance_received(work, message, now)
        changing.start()
        changing.join(0.3)

    accounts.ask(accept, accounts.call("system", tenant))
    changing.join(10)
    assert not changing.is_alive()
    assert _known(accounts, tenant, "northwind").told == 1


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
    assert len(accounts.look(handlers.users.list_users, accounts.call(ada, tenant))["items"]) == 2


def test_two_admins_cannot_leave_at_once(postgres: PostgresDatabase, tenant: str) -> None:
    accounts = Accounts(postgres)
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    bob = accounts.add(ada, "bob@example.org", "admin", tenant)["id"]

    def leave(user_id: str) -> Callable[[], Any]:
        call = accounts.call("system", tenant, path={"user_id": user_id}, role="member")
        return lambda: accounts.ask(handlers.users.update_user, call)

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
    seen = accounts.look(lambda work, call, now: work.peek(Business, tenant, tenant), other)
    assert seen is None


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("select state from users where tenant = 'a' order by name_search, id limit 51", "users_name"),
        ("select state from sessions where tenant = 'a' and user_id = 'b' order by id limit 201", "sessions_user"),
        ("select state from sessions where tenant = 'a' and user_id = 'b' order by id desc limit 51", "sessions_user"),
        (
            "select state from audit where tenant = 'a' and shown = true order by at desc, id desc limit 51",
            "audit_newest",
        ),
        (
            "select state from audit where tenant = 'a' and shown = true and action = 'b' order by at desc, id desc limit 51",
            "audit_of_action",
        ),
        ("select state from audit where tenant = 'a' order by id, id limit 6", "audit_pkey"),
        (
            "select state from mailed_links where tenant = 'a' and user_id = 'b' order by id, id limit 201",
            "mailed_links_user",
        ),
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


def test_the_few_live_counterparts_are_found_among_many(urls: dict[str, str], owner: psycopg.Connection[Any]) -> None:
    with psycopg.connect(urls["ACCORD_ACCOUNTS_DATABASE_URL"]) as connection:
        connection.execute("select set_config('app.tenants', 'crowd', true)")
        connection.execute(
            "insert into counterparts (tenant, id, version, state, live)"
            " select 'crowd', md5(n::text), 1, '{}', mod(n, 100) = 0 from generate_series(1, 20000) n"
        )
        connection.commit()
        owner.execute("analyze counterparts")
        connection.execute("select set_config('app.tenants', 'crowd', true)")
        statement = (
            "select state from counterparts where tenant = 'crowd' and live = true and (id, id) > ('a', 'a')"
            " order by id, id limit 51"
        )
        plan = "\n".join(row[0] for row in connection.execute(f"explain {statement}").fetchall())
    assert "counterparts_live" in plan and "Sort" not in plan and "Seq Scan" not in plan, plan


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


def test_what_stands_in_the_audit_trail_cannot_be_changed(
    postgres: PostgresDatabase, urls: dict[str, str], tenant: str
) -> None:
    Accounts(postgres).register(tenant, "ada@example.org")
    with psycopg.connect(urls["ACCORD_ACCOUNTS_DATABASE_URL"]) as connection:
        connection.execute("select set_config('app.tenants', %s, true)", [tenant])
        with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
            connection.execute("update audit set action = 'nothing' where tenant = %s", [tenant])


def test_of_two_who_follow_a_link_at_once_one_is_refused(postgres: PostgresDatabase, tenant: str) -> None:
    accounts = Accounts(postgres)
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    accounts.ask(handlers.emails.request_change, accounts.call(ada, tenant), "new@example.org", "hash:correct horse")
    (link,) = accounts.look(
        lambda work, call, now: work.find(MailedLink, tenant).items, accounts.call("system", tenant)
    )

    def follow(_: int) -> bool:
        try:
            Accounts(postgres).ask(handlers.emails.confirm_change, accounts.call("system", tenant), link.id)
        except Refusal:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(follow, range(4))) == 1
    accounts.log_in("new@example.org", tenant=tenant)


def test_api_keys_come_back_are_counted_and_touched(accounts: Accounts, tenant: str) -> None:
    ada = accounts.register(tenant, "ada@example.org")["user"]["id"]
    bob = accounts.add(ada, "bob@example.org", "partnerships", tenant)["id"]
    keys = [Key(tenant, new_id(), str(n) * 64) for n in range(3)]
    for key, whose in zip(keys, (ada, bob, ada), strict=True):
        body: dict[str, Any] = {"name": f"für {whose}", "scopes": ["partnerships:write", "contacts:read"]}
        made = accounts.ask(handlers.api_keys.create_api_key, accounts.call(whose, tenant, **body), key)
        known = accounts.look(handlers.api_keys.authenticate, accounts.call("system", tenant), key)
        assert (known.answer["user"]["id"], known.touch) == (whose, True)
        assert made["scopes"] == ["contacts:read", "partnerships:write"]
    accounts.ask(handlers.api_keys.touch_api_key, accounts.call("system", tenant), keys[0].id)

    def listed(whose: str, **body: Any) -> dict[str, Any]:
        return accounts.look(handlers.api_keys.list_api_keys, accounts.call(whose, tenant, **body))

    first = listed(ada, limit=2)
    rest = listed(ada, limit=2, cursor=first["next"])
    assert [one["id"] for one in first["items"] + rest["items"]] == [key.id for key in reversed(keys)]
    assert [one["last_used_at"] is not None for one in rest["items"]] == [True]
    assert [one["id"] for one in listed(bob)["items"]] == [keys[1].id]
    accounts.ask(handlers.users.update_user, accounts.call(ada, tenant, path={"user_id": bob}, active=False))
    with pytest.raises(NotAuthenticated):
        accounts.look(handlers.api_keys.authenticate, accounts.call("system", tenant), keys[1])
    assert [one["id"] for one in listed(ada)["items"]] == [keys[2].id, keys[0].id]

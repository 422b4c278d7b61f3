"""What people forget: row-level security on every table, roles that own nothing, an index for each order of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from deploy.local.paths import SERVICES
from shared.bus.prepare import prepare_database

_TABLES = """
select c.relname, c.relrowsecurity, c.relforcerowsecurity,
       (select array_agg(a.attname order by k.n) from pg_index i, unnest(i.indkey) with ordinality as k (attnum, n)
        join pg_attribute a on a.attnum = k.attnum where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid) as key,
       exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant' and not a.attisdropped) as has_tenant
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p')"""
_PLUMBING = {"schema_migrations"}


@pytest.fixture(scope="module", params=SERVICES)
def prepared(
    request: pytest.FixtureRequest, service_databases: Callable[..., dict[str, str]]
) -> tuple[str, dict[str, str]]:
    environment = service_databases(request.param)
    prepare_database(request.param, environment[f"ACCORD_{request.param.upper()}_OWNER_DATABASE_URL"])
    return request.param, environment


def owner(prepared: tuple[str, dict[str, str]]) -> psycopg.Connection[Any]:
    return psycopg.connect(prepared[1][f"ACCORD_{prepared[0].upper()}_OWNER_DATABASE_URL"])


def test_each_table_forces_row_level_security_and_begins_with_the_tenant(prepared: tuple[str, dict[str, str]]) -> None:
    with owner(prepared) as connection:
        tables = connection.execute(_TABLES).fetchall()
    assert {"streams", "outbox", "inbox", "answers"} < {name for name, *_ in tables}
    for name, enabled, forced, key, has_tenant in tables:
        if name not in _PLUMBING:
            assert (name, enabled, forced, key[0], has_tenant) == (name, True, True, "tenant", True)


def test_no_view_or_definer_function_leads_around_the_policies(prepared: tuple[str, dict[str, str]]) -> None:
    with owner(prepared) as connection:
        views = connection.execute(
            "select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'public' and relkind in ('v', 'm')"
        ).fetchall()
        definers = connection.execute(
            "select proname from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname = 'public' and prosecdef"
        ).fetchall()
    assert (views, definers) == ([], [])


def test_the_roles_of_a_running_service_bypass_nothing_and_own_nothing(prepared: tuple[str, dict[str, str]]) -> None:
    service = prepared[0]
    running = [service, f"{service}_relay", f"{service}_ops"]
    with owner(prepared) as connection:
        roles = connection.execute(
            "select rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole from pg_roles where rolname = any (%s)",
            [running],
        ).fetchall()
        owned = connection.execute(
            "select relname from pg_class where pg_get_userbyid(relowner) = any (%s)", [running]
        ).fetchall()
        member = connection.execute(
            "select pg_get_userbyid(member) from pg_auth_members where pg_get_userbyid(member) = any (%s)", [running]
        ).fetchall()
    assert sorted(r[0] for r in roles) == sorted(running)
    assert all(not any(rights) for _, *rights in roles)
    assert (owned, member) == ([], [])


# By its rights, by a policy, or by a trigger, as what is kept for ever.
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException)
# What a column may hold when nothing else is said of it.
_VALUES = {
    "text": "'x'", "bigint": "1", "integer": "1", "boolean": "false", "jsonb": "'{}'", "timestamp with time zone": "now()",
    # Columns of the bus that may hold only some words.
    "kind": "'fact'", "state": "'parked'",
    "bytea": "'x'", "date": "'2026-01-01'", "text[]": "'{}'", "uuid": "gen_random_uuid()",
}  # fmt: skip


@pytest.fixture(scope="module")
def filled(prepared: tuple[str, dict[str, str]], postgres_admin_url: str) -> Iterator[list[str]]:
    """The tables of a service, each with a row of kazenor and one of northwind in it, written by a superuser, whom no policy binds."""
    with owner(prepared) as connection:
        tables = [name for name, *_ in connection.execute(_TABLES).fetchall() if name not in _PLUMBING]
    url = conninfo.make_conninfo(postgres_admin_url, dbname=owner(prepared).info.dbname)
    with psycopg.connect(url, autocommit=True) as admin:
        for table in tables:
            columns = admin.execute(
                """select attname, format_type(atttypid, null) from pg_attribute
                   where attrelid = %s::regclass and attnum > 0 and not attisdropped and attnotnull and not atthasdef
                     and attname <> 'tenant'""",
                [table],
            ).fetchall()
            names = ", ".join(["tenant", *(name for name, _ in columns)])
            for tenant in ("kazenor", "northwind"):
                known = [_VALUES[name if kind == "text" and name in _VALUES else kind] for name, kind in columns]
                values = ", ".join([f"'{tenant}'", *known])
                admin.execute(f"insert into {table} ({names}) values ({values})")  # type: ignore[arg-type]
        yield tables
        for table in tables:
            admin.execute(f"truncate {table}")  # type: ignore[arg-type]


def test_a_service_sees_the_rows_of_the_tenants_it_names_and_no_others(
    prepared: tuple[str, dict[str, str]], filled: list[str]
) -> None:
    service, environment = prepared
    seen: dict[str, int] = {}
    with psycopg.connect(environment[f"ACCORD_{service.upper()}_DATABASE_URL"]) as connection:

        def tenants(named: str, table: str) -> list[str]:
            with connection.transaction():
                connection.execute("select set_config('app.tenants', %s, true)", [named])
                return [row[0] for row in connection.execute(f"select tenant from {table} order by 1")]  # type: ignore[arg-type]

        for table in filled:
            try:
                with connection.transaction():
                    assert connection.execute(f"select from {table}").fetchall() == [], f"{table}: nobody was named"  # type: ignore[arg-type]
            except psycopg.errors.InsufficientPrivilege:
                continue
            assert tenants("", table) == tenants("somebody", table) == [], table
            assert tenants("northwind", table) == ["northwind"], table
            assert tenants("kazenor,northwind", table) == ["kazenor", "northwind"], table
            seen[table] = 1
    assert {"streams", "outbox", "inbox", "answers"} <= seen.keys()


def test_a_service_writes_no_row_of_a_tenant_that_it_does_not_name(
    prepared: tuple[str, dict[str, str]], filled: list[str]
) -> None:
    service, environment = prepared
    with psycopg.connect(environment[f"ACCORD_{service.upper()}_DATABASE_URL"]) as connection:
        for table in filled:
            for statement in (f"update {table} set tenant = tenant", f"delete from {table}"):
                try:
                    with connection.transaction(force_rollback=True):
                        connection.execute("select set_config('app.tenants', 'northwind', true)")
                        assert connection.execute(statement).rowcount <= 1, f"{statement}: both rows"  # type: ignore[arg-type]
                except REFUSED:
                    continue
            with pytest.raises(REFUSED), connection.transaction(force_rollback=True):
                connection.execute("select set_config('app.tenants', 'northwind', true)")
                connection.execute(f"update {table} set tenant = 'kazenor'")  # type: ignore[arg-type]

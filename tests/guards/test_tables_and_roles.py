"""What people forget: row-level security on every table, roles that own nothing, an index for each order of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

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


def test_without_a_tenant_a_service_sees_nothing(prepared: tuple[str, dict[str, str]]) -> None:
    service, environment = prepared
    with owner(prepared) as connection:
        tables = [name for name, *_ in connection.execute(_TABLES).fetchall() if name not in _PLUMBING]
    with psycopg.connect(environment[f"ACCORD_{service.upper()}_DATABASE_URL"]) as connection:
        for table in tables:
            try:
                with connection.transaction():
                    assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)  # type: ignore[arg-type]
            except psycopg.errors.InsufficientPrivilege:
                continue

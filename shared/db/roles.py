"""Whether a running process may use the database role it was given: row-level security must hold for it.

A superuser and a role with BYPASSRLS see every tenant; an owner can switch the policies off; whoever is a member of such a role
can become it. A process looks at each connection before it uses it, and does not run with such a role.
"""

from __future__ import annotations

from typing import Any, LiteralString

_LOOK: LiteralString = r"""
select r.rolname, r.rolsuper, r.rolbypassrls,
    exists (select from pg_database d where d.datname = current_database() and d.datdba = r.oid),
    (select min(c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relowner = r.oid and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not like 'pg\_%'
        and n.nspname <> 'information_schema'),
    r.rolname = session_user
from pg_roles r
where r.rolname in (session_user, current_user) or pg_has_role(session_user, r.oid, 'member')
order by r.rolname <> session_user, r.rolname
"""


class WrongRole(RuntimeError):
    """The database role of a running process can see or do more than it may. The message is a sentence for an operator."""


def fault(rows: list[tuple[str, bool, bool, bool, str | None, bool]]) -> str | None:
    """Why the role must not be used, in words that follow its name; None when it may.

    A row is (name, superuser, bypasses row-level security, owns the database, a table it owns, is the role itself): first the role,
    then those it is a member of.
    """
    for name, superuser, bypasses, database, table, itself in rows:
        found = None
        if superuser:
            found = "a superuser"
        elif bypasses:
            found = "a role with BYPASSRLS"
        elif table is not None:
            found = f"the owner of the table {table}"
        elif database:
            found = "the owner of the database"
        if found is not None:
            return f"is {found}" if itself else f"is a member of {name}, {found}"
    return None


def assert_bounded(role: str, rows: list[tuple[str, bool, bool, bool, str | None, bool]]) -> None:
    """Raises WrongRole when `role`, of which `rows` tell, must not be used."""
    why = fault(rows)
    if why is not None:
        raise WrongRole(
            f"The database role {role} {why}: a process with it could read every business. "
            "Give it the role without rights of its own that the migrations grant to."
        )


def check(connection: Any) -> None:
    """Look at the role of a psycopg connection. Raises WrongRole; psycopg's errors when the database is away."""
    assert_bounded(connection.info.user, connection.execute(_LOOK).fetchall())


async def check_async(connection: Any) -> None:
    """The same for an asyncio connection."""
    assert_bounded(connection.info.user, await (await connection.execute(_LOOK)).fetchall())

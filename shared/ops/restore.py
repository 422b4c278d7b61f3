"""Restoring a backup into an empty stack: databases and roles are there from its deployment, nothing of Accord runs.

What was on its way when the backup was made is in no database: it was in the queues. So afterwards everything that services have said and
that is still kept becomes due again; whoever has had it absorbs it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psycopg import sql

from shared import settings
from shared.bus.prepare import BUS_MIGRATIONS, Unprepared, migrations_of
from shared.db.migrate import read as read_migrations
from shared.ops import letters, manifest, programs, verify
from shared.ops.database import Connection, connected
from shared.ops.manifest import Manifest, ServiceBackup
from shared.ops.trouble import Trouble

_AT_WORK = """
select count(*) as n from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and usename = any (%s)
"""
# Everything that the migrations make is the owner's.
_MADE = """
select format('drop table if exists %I.%I cascade', n.nspname, c.relname) as drop
from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('r', 'p')
union all
select format('drop routine if exists %s cascade', p.oid::regprocedure)
from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'public'
"""
_SAY_AGAIN = """
update outbox set due_at = now(), attempts = case when kind = 'peer' then least(attempts, 1) else attempts end
where (kind <> 'peer' and due_at is null) or (kind = 'peer' and due_at is not null)
"""

# Nor is any receipt that was on its way.
_RECEIPT_AGAIN = "update streams set receipt_due = true where peer <> tenant and service = %s and applied > 0"


def restore(folder: Path, *, replace: bool, say: Callable[[str], None]) -> Manifest:
    """Restore all services of the backup in `folder`. Nothing is touched before everything was looked at.

    Raises Trouble: a damaged backup; a database that has rows (unless `replace`); a service that is at work; newer migrations than this code's.
    """
    whole = manifest.read(folder)
    damaged = verify.files(folder, whole)
    if damaged:
        raise Trouble(f"The backup is damaged: {'; '.join(damaged)}.")
    for service, kept in whole.services.items():
        _look(service, kept, replace=replace)
    for service, kept in whole.services.items():
        _restore(folder, service, kept)
        say(f"{service}: {sum(table.rows for table in kept.tables.values())} rows are back, each table as it was.")
    for service in whole.services:
        with connected(service, patient=True) as connection:
            connection.execute(_SAY_AGAIN)
            connection.execute(_RECEIPT_AGAIN, [service])
    emptied = _empty_queues(tuple(whole.services))
    if emptied:
        say(f"{emptied} messages of another time were taken out of the queues.")
    return whole


def _look(service: str, kept: ServiceBackup, *, replace: bool) -> None:
    try:
        known = {
            "bus": read_migrations("bus", BUS_MIGRATIONS),
            service: read_migrations(service, migrations_of(service)),
        }
    except Unprepared as error:
        raise Trouble(str(error)) from error
    for package, number in kept.migrations.items():
        if number > len(known.get(package, [])):
            raise Trouble(
                f"The backup is of newer code: {package} has the migration {number:04} there. Install that version first."
            )
    with connected(service, "backup") as connection:
        major = connection.info.server_version // 10000
        if major < kept.server_major:
            raise Trouble(f"The backup of {service} is of PostgreSQL {kept.server_major}, and this server is {major}.")
        programs.find("pg_restore", kept.server_major)
        connection.execute("set row_security = off")
        filled = [
            name
            for name in manifest.names_of_tables(connection)
            if name != "schema_migrations"
            and connection.execute(
                sql.SQL("select 1 from {} limit 1").format(sql.Identifier("public", name))
            ).fetchone()
        ]
        if filled and not replace:
            raise Trouble(
                f"The database of {service} is not empty ({', '.join(filled[:3])}). --replace --yes puts the backup in its place."
            )
        row = connection.execute(_AT_WORK, [[service, f"{service}_relay", f"{service}_ops"]]).fetchone()
        if row and row["n"]:
            raise Trouble(f"The service {service} is at work: stop all services, relays and the mailer first.")


def _restore(folder: Path, service: str, kept: ServiceBackup) -> None:
    with connected(service, "owner", patient=True) as connection, connection.transaction():
        for row in connection.execute(_MADE).fetchall():
            connection.execute(row["drop"])
    programs.run(
        programs.find("pg_restore", kept.server_major), "--no-owner", "--exit-on-error", "--single-transaction", str(folder / kept.file),
        url=settings.database_url(service, "owner"),
    )  # fmt: skip
    with connected(service, "owner", patient=True) as connection:
        connection.execute("analyze")
    with connected(service, "backup", patient=True) as connection:
        _compare(service, kept, connection)


def _compare(service: str, kept: ServiceBackup, connection: Connection) -> None:
    connection.execute("set row_security = off")
    different = manifest.differences(kept.tables, manifest.states_of_tables(connection))
    if different:
        raise Trouble(f"What was restored of {service} is not what was backed up: {'; '.join(different)}.")


def _empty_queues(services: tuple[str, ...]) -> int:
    """What is still in the queues belongs to another time: the numbers it has will be given out anew."""
    emptied = 0
    for service in services:
        for place in letters.places(service):
            with letters.channel(place.uri) as opened:
                emptied += letters.empty(opened, place.origin)
    return emptied

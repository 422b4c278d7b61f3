"""Migrations: numbered SQL files of a package, run once each, before the service starts.

They run under an advisory lock, so that two deployments at once wait for each other, and with a lock timeout, so that
a migration never stands in front of the running service for long. A file that ran is never changed: a change is a new
file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

# Any constant will do, as long as nobody else in the database takes it.
ADVISORY_LOCK = 0x4143_434F_5244
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

_TABLE = """
create table if not exists schema_migrations (
    package text collate "C" not null,
    number int not null,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    primary key (package, number)
)
"""


class MigrationError(Exception):
    """The migrations cannot be run. The message is a sentence for an operator."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its package (`bus`, `offers`), number, name, text."""

    package: str
    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.package} {self.number:04} ({self.name})"


def read(package: str, folder: Path) -> list[Migration]:
    """The migrations in `folder`, by number; none when there is no such folder.

    Raises MigrationError for a file that is not named `0001_words.sql`, and for a number that is missing or stands
    there twice.
    """
    found = []
    for path in sorted(folder.glob("*.sql")):
        name = _FILE.fullmatch(path.name)
        if not name:
            raise MigrationError(f"{path} is not named like a migration, for example 0001_offers.sql.")
        found.append(Migration(package, int(name[1]), name[2], path.read_text(encoding="utf-8")))
    for expected, migration in enumerate(found, start=1):
        if migration.number != expected:
            raise MigrationError(
                f"The migrations in {folder} are not numbered 1, 2, 3 …: {migration.number:04} is at place {expected}."
            )
    return found


def migrate(
    url: str,
    service: str,
    packages: Sequence[tuple[str, Path]],
    *,
    lock_timeout_s: float = 5,
    wait_s: float = 60,
) -> list[Migration]:
    """Run what has not run yet, package by package, each file in a transaction of its own. Returns what ran.

    `url` is the owner's. `${service}` in a file becomes `service`. `wait_s` bounds the wait for another runner,
    `lock_timeout_s` the wait of each statement for a table in use. What ran of a newer release is left alone, since
    old code may start beside it. Raises MigrationError; a file that failed has changed nothing.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", service):
        raise MigrationError(f"{service!r} cannot be the name of a service: its role stands in SQL.")
    files = [migration for package, folder in packages for migration in read(package, folder)]
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            _set_lock_timeout(connection, wait_s)
            try:
                connection.execute("select pg_advisory_lock(%s)", [ADVISORY_LOCK])
            except psycopg.errors.LockNotAvailable as error:
                raise MigrationError(f"Another run of migrations has not ended for {wait_s:g} s.") from error
            _set_lock_timeout(connection, lock_timeout_s)
            connection.execute(_TABLE)
            return [migration for migration in _missing(connection, files) if _run(connection, migration, service)]
    except psycopg.OperationalError as error:
        raise MigrationError(f"The database of {service} does not answer: {_line(error)}") from error


def _set_lock_timeout(connection: psycopg.Connection[tuple[object, ...]], seconds: float) -> None:
    connection.execute("select set_config('lock_timeout', %s, false)", [f"{round(seconds * 1000)}ms"])


def _missing(connection: psycopg.Connection[tuple[object, ...]], files: list[Migration]) -> list[Migration]:
    rows = connection.execute("select package, number, checksum from schema_migrations").fetchall()
    ran = {(package, number): checksum for package, number, checksum in rows}
    missing = []
    for migration in files:
        checksum = ran.get((migration.package, migration.number))
        if checksum is None:
            missing.append(migration)
        elif checksum != migration.checksum:
            raise MigrationError(
                f"The migration {migration} has run and was changed since. Restore it and put the change in a new file."
            )
    return missing


def _run(connection: psycopg.Connection[tuple[object, ...]], migration: Migration, service: str) -> bool:
    # Not a template: dollar quoting stands in SQL. The files are ours, and `service` is a plain word, see above.
    sql = migration.text.replace("${service}", service)
    try:
        with connection.transaction():
            connection.execute(sql)
            connection.execute(
                "insert into schema_migrations (package, number, name, checksum) values (%s, %s, %s, %s)",
                [migration.package, migration.number, migration.name, migration.checksum],
            )
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationError(
            f"The migration {migration} waited too long for a table in use. Nothing was changed: run it again."
        ) from error
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise MigrationError(f"The migration {migration} failed and changed nothing: {_line(error)}") from error
    return True


def _line(error: BaseException) -> str:
    """The first line of what a driver says: the rest are hints and positions."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]

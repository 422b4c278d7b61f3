"""What a backup says of itself: `manifest.json`, written last. A folder without it is not a backup."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Literal

from psycopg import sql
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.ops.database import Connection
from shared.ops.trouble import Trouble

NAME = "manifest.json"


class TableState(BaseModel):
    """How many rows a table has, and a digest of all of them in any order."""

    model_config = ConfigDict(frozen=True)

    rows: int
    digest: str


class ServiceBackup(BaseModel):
    """The dump of one service. `migrations` names the last one of each package."""

    file: str
    bytes: int
    sha256: str
    server_version: str
    migrations: dict[str, int]
    tables: dict[str, TableState]

    @property
    def server_major(self) -> int:
        return int(self.server_version.split(".")[0])


class Manifest(BaseModel):
    """All of a backup. `at` is the moment of which it is; `cell` whose it is."""

    format: Literal[1] = 1
    at: datetime
    finished_at: datetime
    cell: str
    services: dict[str, ServiceBackup]


def write(folder: Path, manifest: Manifest) -> None:
    """Write it in one step, for its owner only."""
    beside = folder / f".{NAME}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(manifest.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / NAME)


def read(folder: Path) -> Manifest:
    """The manifest of a folder. Raises Trouble for what is not a whole backup, or of a newer kind."""
    try:
        text = (folder / NAME).read_text()
    except FileNotFoundError as error:
        raise Trouble(
            f"{folder} is not a backup, or one that was not finished: it has no {NAME}. Make another one."
        ) from error
    except OSError as error:
        raise Trouble(f"{folder} cannot be read: {error.strerror}.") from error
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError as error:
        kind = json.loads(text).get("format") if text.startswith("{") and text.rstrip().endswith("}") else None
        why = f"it is of the format {kind}, which newer code reads" if kind not in {None, 1} else "it is damaged"
        raise Trouble(f"The {NAME} of {folder} cannot be used: {why}.") from error
    if any(Path(service.file).name != service.file for service in found.services.values()):
        raise Trouble(f"The {NAME} of {folder} names files outside of it.")
    return found


def sha256(path: Path) -> str:
    """The digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


_TABLES = """
select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'public' and c.relkind in ('r', 'p') order by 1
"""
# How values are written must be the same on both servers; the order of rows must not matter.
_PLAIN = "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set bytea_output = 'hex'; set extra_float_digits = 1"
_DIGEST = """
select count(*) as rows, concat_ws('.', coalesce(sum(('x' || substr(h, 1, 15))::bit(60)::bigint), 0),
    coalesce(sum(('x' || substr(h, 17, 15))::bit(60)::bigint), 0)) as digest
from (select md5(t::text) as h from {} t) hashed
"""


def names_of_tables(connection: Connection) -> list[str]:
    """The tables of a database."""
    return [row["name"] for row in connection.execute(_TABLES)]


def states_of_tables(connection: Connection) -> dict[str, TableState]:
    """Rows and digest of each table, as this connection sees it."""
    connection.execute(_PLAIN)
    found = {}
    for name in names_of_tables(connection):
        row = connection.execute(sql.SQL(_DIGEST).format(sql.Identifier("public", name))).fetchone() or {}
        found[name] = TableState(rows=row["rows"], digest=row["digest"])
    return found


def differences(wanted: dict[str, TableState], found: dict[str, TableState]) -> list[str]:
    """A sentence for each table that is not as it was."""
    said = []
    for name in sorted(wanted.keys() | found.keys()):
        before, after = wanted.get(name), found.get(name)
        if before is None or after is None:
            said.append(f"the table {name} is {'new' if before is None else 'missing'}")
        elif before.rows != after.rows:
            said.append(f"{name} has {after.rows} rows instead of {before.rows}")
        elif before.digest != after.digest:
            said.append(f"{name} has other content")
    return said

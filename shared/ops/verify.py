"""Looking whether a backup is whole: its files against the manifest, and, on a server that may be used for that, its content."""

from __future__ import annotations

import secrets
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from shared.ops import manifest, programs
from shared.ops.manifest import Manifest, ServiceBackup
from shared.ops.trouble import Trouble, line


def files(folder: Path, whole: Manifest) -> list[str]:
    """A sentence for each file that is not as the manifest says."""
    said = []
    for service, kept in whole.services.items():
        path = folder / kept.file
        if not path.is_file():
            said.append(f"{service}: {kept.file} is missing")
        elif path.stat().st_size != kept.bytes:
            said.append(f"{service}: {kept.file} has {path.stat().st_size} bytes instead of {kept.bytes}")
        elif manifest.sha256(path) != kept.sha256:
            said.append(f"{service}: {kept.file} has other content than when it was written")
    return said


def content(folder: Path, whole: Manifest, admin_url: str) -> list[str]:
    """Restore each dump into a database of its own on the server of `admin_url`, and take that away again; a sentence for each difference.

    Raises Trouble when the server refuses.
    """
    said = []
    for service, kept in whole.services.items():
        name = f"accord_verify_{secrets.token_hex(6)}"
        try:
            with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as admin:
                admin.execute(
                    sql.SQL("create database {} template template0 encoding 'UTF8'").format(sql.Identifier(name))
                )
                try:
                    said += [
                        f"{service}: {what}" for what in _restored(folder, kept, make_conninfo(admin_url, dbname=name))
                    ]
                finally:
                    admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise Trouble(f"The server for the trial refuses: {line(error)}") from error
    return said


def _restored(folder: Path, kept: ServiceBackup, url: str) -> list[str]:
    # Tables and rows only: indexes, policies and rights say nothing of the content, and need roles that the server may not have.
    program = programs.find("pg_restore", kept.server_major)
    programs.run(
        program, "--section=pre-data", "--section=data", "--no-owner", "--no-acl", "--exit-on-error", "--single-transaction",
        str(folder / kept.file), url=url,
    )  # fmt: skip
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        return manifest.differences(kept.tables, manifest.states_of_tables(connection))

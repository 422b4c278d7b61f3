"""Making a backup: a dump of each service's database, all of one moment, in a folder that only its owner reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from shared import settings
from shared.ops import manifest, programs
from shared.ops.database import Connection
from shared.ops.manifest import Manifest, ServiceBackup
from shared.ops.moment import one_moment
from shared.ops.trouble import Trouble


def make(folder: Path, services: Sequence[str], say: Callable[[str], None]) -> Manifest:
    """Back all of these services up into `folder`, which must be new or empty. Raises Trouble; what was begun has no manifest then."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Trouble(f"{folder} is not empty: a backup wants a folder of its own.")
        os.chmod(folder, 0o700)
    except OSError as error:
        raise Trouble(f"{folder} cannot be used: {error.strerror}.") from error
    with one_moment(services) as moment:
        kept = {
            service: _dump(folder, service, connection, moment.snapshots[service], say)
            for service, connection in moment.connections.items()
        }
    whole = Manifest(at=moment.at, finished_at=datetime.now(UTC), cell=settings.cell(), services=kept)
    try:
        manifest.write(folder, whole)
    except OSError as error:
        raise Trouble(f"{folder} cannot be written: {error.strerror}.") from error
    return whole


def _dump(
    folder: Path, service: str, connection: Connection, snapshot: str, say: Callable[[str], None]
) -> ServiceBackup:
    version = connection.info.server_version
    pg_dump = programs.find("pg_dump", version // 10000)
    file = folder / f"{service}.dump"
    # Our own look and the dump see the same snapshot.
    states = manifest.states_of_tables(connection)
    migrations = {
        row["package"]: row["number"]
        for row in connection.execute("select package, max(number) as number from schema_migrations group by 1")
    }
    programs.run(
        pg_dump, "--format=custom", f"--snapshot={snapshot}", "--lock-wait-timeout=30s", f"--file={file}",
        url=settings.database_url(service, "backup"),
    )  # fmt: skip
    os.chmod(file, 0o600)
    size = file.stat().st_size
    say(f"{service}: {sum(table.rows for table in states.values())} rows in {len(states)} tables, {size} bytes")
    return ServiceBackup(
        file=file.name,
        bytes=size,
        sha256=manifest.sha256(file),
        server_version=f"{version // 10000}.{version % 10000}",
        migrations=migrations,
        tables=states,
    )

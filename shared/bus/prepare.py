"""`python -m shared.bus.prepare offers`: everything a service needs before any process of it starts.

Runs its migrations as the owner and declares its exchanges, queues and bindings. Repeating it changes nothing. It
ends with exit status 0, or with one sentence and 1.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amqp.exceptions import AccessRefused, AMQPError, NotFound, PreconditionFailed
from kombu.connection import Connection

from shared import settings
from shared.bus import topology
from shared.db.migrate import Migration, MigrationError, migrate

BUS_MIGRATIONS = Path(__file__).parent / "migrations"


class Unprepared(Exception):
    """The service cannot start. The message is a sentence for an operator."""


def migrations_of(service: str) -> Path:
    """The folder of a service's migrations. Raises Unprepared for a service that is not installed here."""
    found = importlib.util.find_spec(f"services.{service}")
    if found is None or not found.submodule_search_locations:
        raise Unprepared(f"There is no package services.{service} here: start this in the root of the repository.")
    return Path(next(iter(found.submodule_search_locations))) / "migrations"


def prepare_database(service: str, url: str) -> list[Migration]:
    """Run the migrations of the bus and of `service`. Returns what ran. Raises MigrationError."""
    return migrate(url, service, [("bus", BUS_MIGRATIONS), (service, migrations_of(service))])


def prepare_broker(uri: str, layout: topology.Layout) -> None:
    """Declare `layout` at `uri`. Raises Unprepared with a sentence."""
    connect: Any = Connection  # kombu has no types
    with connect(uri, connect_timeout=5) as connection:
        where = f"the broker at {connection.as_uri()}"
        try:
            connection.connect()
            topology.declare(connection, layout)
        except PreconditionFailed as error:
            raise Unprepared(
                f"Something stands in {where} with other settings: {error}. A new version in its name is missing."
            ) from error
        except NotFound as error:
            raise Unprepared(f"Something is missing in {where}: {error}. Prepare the shared cell first.") from error
        except AccessRefused as error:
            raise Unprepared(f"{where} refuses: {error}. Check the user's password and permissions.") from error
        except (OSError, AMQPError) as error:
            raise Unprepared(f"{where} does not answer: {error}") from error


def prepare(service: str) -> list[Migration]:
    """Prepare database and broker for `service`, as the settings say. Returns the migrations that ran.

    Raises Unprepared, MigrationError or MissingSetting, each with a sentence.
    """
    if service not in topology.services():
        raise Unprepared(f"There is no service {service!r}; there are {', '.join(topology.services())}.")
    cell = settings.cell()
    tenants = settings.tenants()
    if cell != settings.SHARED and not tenants:
        raise settings.MissingSetting(f"The cell {cell} hosts nobody: name its tenants in ACCORD_TENANTS.")
    ran = prepare_database(service, settings.database_url(service, "owner"))
    prepare_broker(settings.amqp_uri(), topology.cell_layout(service))
    peers = topology.peers_layout(service, cell, tenants)
    if peers.queues:
        prepare_broker(settings.peers_amqp_uri(), peers)
    return ran


def main(arguments: Sequence[str]) -> int:
    """The command line. Returns the exit status."""
    if len(arguments) != 1:
        print("Usage: python -m shared.bus.prepare SERVICE", file=sys.stderr)
        return 1
    try:
        ran = prepare(arguments[0])
    except (Unprepared, MigrationError, settings.MissingSetting) as error:
        sentence = str(error)
        print(sentence[:1].upper() + sentence[1:], file=sys.stderr)
        return 1
    for migration in ran:
        print(f"Ran the migration {migration}.")
    print(f"{arguments[0]} is prepared.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The two servers of one bench: both sides of every comparison use the same PostgreSQL and the same RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.servers import PostgresServer, RabbitServer, temporary_folder


@dataclass(frozen=True)
class Machine:
    """Throw-away servers below `folder`. The baselines have a database of their own and share the cell's vhost."""

    folder: Path
    postgres: PostgresServer
    broker: RabbitServer

    @property
    def admin_url(self) -> str:
        """A superuser's URL of the database postgres."""
        return self.postgres.admin_url

    @property
    def baseline_url(self) -> str:
        """The database of the baselines."""
        return self.database_url("bench")

    def database_url(self, name: str) -> str:
        """The superuser's URL of another database."""
        return self.admin_url.rsplit("/", 1)[0] + "/" + name

    @property
    def baseline_environment(self) -> dict[str, str]:
        """What a baseline reads."""
        return {"BENCH_DATABASE_URL": self.baseline_url, "BENCH_AMQP_URI": self.broker.uri()}


@contextmanager
def machine() -> Iterator[Machine]:
    """Both servers, gone with the block together with all that was started in their folder, also when this process is killed."""
    with temporary_folder() as folder:
        postgres, broker = PostgresServer(folder), RabbitServer(folder)
        try:
            broker.start()
            postgres.start()
            with psycopg.connect(postgres.admin_url, autocommit=True) as db:
                # When a transaction was committed, by the server's own clock: a delivery is measured without being disturbed.
                db.execute("alter system set track_commit_timestamp = on")
                # What runs while figures are taken is what is measured, and no clean-up after the figure before.
                db.execute("alter system set checkpoint_timeout = '1h'")
                db.execute("alter system set max_wal_size = '8GB'")
            postgres.restart()
            with psycopg.connect(postgres.admin_url, autocommit=True) as db:
                db.execute("create database bench")
            yield Machine(folder, postgres, broker)
        finally:
            postgres.stop()
            broker.close()

"""Throw-away PostgreSQL and RabbitMQ for the tests; the fixtures are in tests/conftest.py, one server of each for the whole run.

    def test_something(services, broker):
        env = services("offers", "accounts")     # fresh databases and roles, migrated, queues declared; a dict of environment variables
        env["ACCORD_OFFERS_DATABASE_URL"], env["ACCORD_OFFERS_RELAY_DATABASE_URL"], env["ACCORD_AMQP_URI"], env["ACCORD_PEERS_AMQP_URI"]
        # the same variables also stand in os.environ until the test ends
        subprocess.Popen([sys.executable, "-m", "shared.bus.relay", "offers"], env={**os.environ, **env})

Fixtures, all of the session unless told otherwise:

- `postgres_admin_url`: a superuser's URL; `postgres_server`: the server itself (`stop()`, `start()`, `kill()`, `restart()`, `pid`).
- `broker`: `uri("shared")` and `peers_uri("shared")` of a cell's user in its own vhost and in the vhost `accord`; `stop()`, `start()`,
  `kill()`, `restart()`, `pid`; `add_cell("globex", tenants=("globex",))` makes a dedicated cell's vhost and user with its topic permissions (the shared cell then may no longer speak for its tenants);
  `control("list_queues", "-p", "cell-shared")` is rabbitmqctl. Whoever stops a server starts it again.
- `service_databases(*services)`: makes each service's database and roles anew (dropping the old one) and answers the environment variables; no tables yet.
- `services(*services, prepared=True, cell="shared")` (function scope): `service_databases` plus AMQP URIs, CELL and PSYCOPG_WAIT_FUNC, and `python -m
  shared.bus.prepare <service>` run for each. Queues of earlier tests are emptied. `prepared=False` leaves out prepare.

`until(condition, seconds)` waits for a condition with a bound; `free_port()` gives a free loopback port.
Servers live in a folder of their own below the system's temporary folder; it and they go away with the run, also when that is killed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import amqp
import kombu
import psutil
import psycopg
from psycopg import sql

from deploy.local import broker as rabbitmq
from deploy.local import postgres
from deploy.local.paths import ROOT
from deploy.local.ports import free_port
from shared.bus import topology
from shared.settings import SHARED

__all__ = ["PostgresServer", "RabbitServer", "free_port", "prepare", "temporary_folder", "until"]

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = 10.0, what: str = "") -> T:
    """The first true value of `condition`, asked every 20 ms. AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"Not so within {seconds:g} s: {what or condition}")
        time.sleep(0.02)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for servers. When it is left, or this process dies, what runs in it (`*.pid`, a stack in `run`) is killed and the folder removed."""
    folder = Path(tempfile.mkdtemp(prefix="accord-test-"))
    # PostgreSQL runs as another user when we are root.
    folder.chmod(0o711)
    clean = (
        'cat >/dev/null; for f in "$1"/*.pid; do [ -e "$f" ] && kill -9 "$(cat "$f")"; done; '
        # A whole stack in there ends by itself when its supervisor is told to, within twenty seconds.
        'if [ -e "$1/run/supervisor.pid" ]; then kill "$(cat "$1/run/supervisor.pid")" && sleep 20; fi; '
        'sleep 0.2; rm -rf "$1"'
    )
    watch = subprocess.Popen(
        ["/bin/sh", "-c", clean, "sh", str(folder)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        assert watch.stdin
        watch.stdin.close()
        watch.wait()


class _Server:
    """A process that can be stopped, killed and started again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def _spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.folder / f"{Path(command[0]).name}-{process.pid}.pid").write_text(str(process.pid))
        return process

    def _gone(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for path in self.folder.glob(f"*-{process.pid}.pid"):
            path.unlink()

    def start(self) -> None:
        raise NotImplementedError

    def stop(self, how: int = signal.SIGTERM, seconds: float = 15.0) -> None:
        """End it as told (TERM), or kill it after `seconds`."""
        if self._process is not None:
            process, self._process = self._process, None
            process.send_signal(how)
            self._gone(process, seconds)

    def kill(self) -> None:
        """As a crash would."""
        self.stop(signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still, with all its connections open, as on a machine that swaps or a network that swallows everything."""
        assert self._process is not None
        process = psutil.Process(self._process.pid)
        processes = [process, *process.children(recursive=True)]
        for one in processes:
            one.suspend()
        try:
            yield
        finally:
            for one in processes:
                one.resume()

    def restart(self) -> None:
        self.stop()
        self.start()


class PostgresServer(_Server):
    """A cluster of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__("postgres", folder)
        self.port, self._password = free_port(), secrets.token_urlsafe(16)
        self.passwords: dict[str, str] = {}
        self._place = postgres.place(folder / "postgres")
        postgres.create(self._place, self._password)

    @property
    def admin_url(self) -> str:
        return postgres.url(self.port, postgres.ADMIN, self._password, "postgres")

    def start(self) -> None:
        self._process = self._spawn(self._place.serve(self.port))
        postgres.wait_until_ready(self.admin_url)

    def stop(self, how: int = signal.SIGINT, seconds: float = 15.0) -> None:
        """End it; killed, its processes notice one after another, and the next server cannot start before the last of them has."""
        running: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            running = psutil.Process(self._process.pid).children(recursive=True) if self._process is not None else []
        super().stop(how, seconds)
        psutil.wait_procs(running, timeout=10)

    def databases(self, *services: str) -> dict[str, str]:
        """Each service's database and roles, the database anew; the environment variables with the URLs."""
        environment: dict[str, str] = {}
        for service in services:
            with psycopg.connect(self.admin_url, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(f"accord_{service}"))
                )
            environment |= postgres.create_service(self.admin_url, service, self.passwords)
        return environment


class RabbitServer(_Server):
    """A node of its own, with the shared cell's vhost and user."""

    def __init__(self, folder: Path) -> None:
        super().__init__("broker", folder)
        self.node = rabbitmq.Node(folder / "broker", free_port(), free_port(), free_port())
        self._cells = {SHARED: rabbitmq.Cell(SHARED, secrets.token_urlsafe(16))}
        self._epmd: subprocess.Popen[bytes] | None = None
        self.node.write(list(self._cells.values()))

    def uri(self, cell: str = SHARED, vhost: str | None = None) -> str:
        """The URI of the cell's user, in the cell's own vhost unless another is named."""
        return self._cells[cell].uri(self.node.port, vhost)

    def peers_uri(self, cell: str = SHARED) -> str:
        """The URI of the cell's user in the vhost in which the cells meet."""
        return self.uri(cell, topology.PEERS_VHOST)

    def environment(self, cell: str = SHARED) -> dict[str, str]:
        """The variables with which a process of the cell's services finds this broker."""
        return {
            "CELL": cell,
            "ACCORD_AMQP_URI": self.uri(cell),
            "ACCORD_PEERS_AMQP_URI": self.peers_uri(cell),
            "PSYCOPG_WAIT_FUNC": "wait_selector",
        }

    def start(self) -> None:
        if self._epmd is None:
            self._epmd = self._spawn(self.node.epmd_command(), self.node.environment())
        self._process = self._spawn(self.node.command(), self.node.environment())
        rabbitmq.wait_until_ready(self.peers_uri())

    def close(self) -> None:
        """Stop the node and its port mapper."""
        self.stop()
        if self._epmd is not None:
            self._epmd.terminate()
            self._gone(self._epmd, 5)

    def control(self, *arguments: str) -> str:
        """What rabbitmqctl says."""
        return self.node.control(*arguments)

    def add_cell(self, cell: str, tenants: Sequence[str]) -> str:
        """Make a dedicated cell's vhost and user, who speaks for these tenants only; the shared cell no longer may. Answers its URI."""
        if cell not in self._cells:
            self._cells[cell] = rabbitmq.Cell(cell, secrets.token_urlsafe(16), tuple(tenants))
            self.node.write(list(self._cells.values()))
            self.node.reload()
        return self.uri(cell)

    def empty(self) -> None:
        """Remove the messages of all queues of the services, in the vhosts of all cells and in the one they meet in."""
        for cell in self._cells.values():
            layouts = [
                (self.uri(cell.name), [topology.cell_layout(service) for service in topology.services()]),
                (
                    self.peers_uri(cell.name),
                    [topology.peers_layout(service, cell.name) for service in topology.services()],
                ),
            ]
            for uri, described in layouts:
                names = {queue.name for layout in described for queue in layout.queues}
                with kombu.Connection(uri) as connection:
                    for name in names:
                        with contextlib.suppress(amqp.NotFound), connection.channel() as channel:
                            channel.queue_purge(name)


def prepare(service: str, environment: Mapping[str, str]) -> None:
    """Run the service's migrations and declare its queues, as the stack does before anything of it starts."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.bus.prepare", service],
        env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"shared.bus.prepare {service} failed:\n{done.stdout}{done.stderr}"

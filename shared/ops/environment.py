"""Where an operator's settings come from, and where what an operator did is written down.

The settings are the environment variables of the services. Where no database of a service is among them, the file of the local stack is read
(`.run/env`, or `env` in the folder of ACCORD_RUN); a file that is named counts alone. So two stacks are never mixed.
"""

from __future__ import annotations

import getpass
import logging
import os
from pathlib import Path
from typing import Any

from shared import logs, settings
from shared.bus import topology
from shared.ops.trouble import Trouble

_ADDRESSES = ("_DATABASE_URL", "AMQP_URI")
log = logging.getLogger("accord.ops")


def load(named: str | None) -> None:
    """Take over the settings of the file `named`, or of the local stack where the environment names no database of a service. Raises Trouble."""
    given = [name for name in os.environ if name.startswith("ACCORD_") and name.endswith(_ADDRESSES)]
    file = Path(named or Path(os.environ.get("ACCORD_RUN") or ".run") / "env")
    known = [name for name in given if name.endswith("_DATABASE_URL") and name != "ACCORD_DATABASE_URL"]
    if named is None and (known or not file.exists()):
        _write_down(None)
        return
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise Trouble(f"The file of settings {file} cannot be read: {error.strerror}.") from error
    for name in given:
        del os.environ[name]
    for line in text.splitlines():
        name, given_here, value = line.partition("=")
        if given_here and not line.startswith("#"):
            os.environ[name] = value
    _write_down(file.parent / "log")


def _write_down(folder: Path | None) -> None:
    """Log to ACCORD_OPS_LOG, else to `ops.log` in the log folder of the local stack, else to standard error."""
    default = str(folder / "ops.log") if folder is not None and folder.is_dir() else ""
    name = settings.optional("ACCORD_OPS_LOG", default)
    if not name:
        logs.set_up("ops")
        return
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise Trouble(
            f"What is done here cannot be written down in {name}: {error.strerror}. Set ACCORD_OPS_LOG to another file."
        ) from error
    logs.set_up("ops", os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace"))


def note(action: str, **about: Any) -> None:
    """Write down what was done, by whom: one line an action."""
    log.info(action, extra={"action": action, "by": operator(), **about})


def operator() -> str:
    """The person at the keyboard, as the system knows them; behind sudo, who that is."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {name}" if behind and behind != name else name


def services(chosen: str | None = None) -> tuple[str, ...]:
    """The services to look at: one, or all. Raises Trouble for one that does not exist."""
    known = topology.services()
    if chosen is not None and chosen not in known:
        raise Trouble(f"There is no service {chosen!r}; there are {', '.join(known)}.")
    return (chosen,) if chosen else known

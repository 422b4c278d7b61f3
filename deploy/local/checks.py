"""What is looked at before something starts, and the checks of the code."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

from deploy.local import apt
from deploy.local.paths import ROOT, RUN, Trouble
from deploy.local.ports import is_free

_MIB = 1024 * 1024


def explain(error: Exception) -> str:
    """A sentence about an error nobody has thought of; what led to it is kept in `.run/log/make.log`."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk is full{f': {error.filename}' if error.filename else ''}."
    log = RUN / "log" / "make.log"
    kept = ""
    with contextlib.suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)))
        kept = f" ({log} says more)"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}{kept}"
    return f"{type(error).__name__}: {error}{kept}"


def disk(venv: Path) -> None:
    """Raise Trouble when there is clearly too little room to start with."""
    for folder, needed in ((ROOT, 50 if venv.exists() else 500), (RUN, 200)):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(there).free // _MIB
        if free < needed:
            raise Trouble(f"The disk is full: {free} MiB are free in {there}, and Accord needs {needed}.")


def still_room() -> None:
    """Raise Trouble when the disk fills up while things start: what waits for room says nothing by itself."""
    # Below this RabbitMQ takes no messages any more.
    if shutil.disk_usage(RUN).free // _MIB < 50:
        raise Trouble(f"The disk is full: fewer than 50 MiB are free in {RUN}.")


def gateway_port() -> int:
    """The port the gateway shall listen on (`PORT`, 8080). Raises Trouble when that cannot be."""
    text = os.environ.get("PORT", "").strip() or "8080"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise Trouble(f"PORT must be a number between 1 and 65535, not {text!r}.")
    port = int(text)
    if port < 1024 and os.geteuid() != 0:
        raise Trouble(f"Port {port} is for root only; choose another one: PORT=18080 make up")
    if not is_free(port):
        raise Trouble(f"Port {port} is taken by another program; choose another one: PORT=18080 make up")
    return port


LANES = ("-n", "2", "--dist", "loadscope", "--no-loadscope-reorder")
"""All tests run in two processes (tests/conftest.py says which where); a few that somebody chooses in one, without a second set of servers."""

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""Programs in which the browser tests run, the best first: the one without a window needs a third less of the processor."""


def broker() -> None:
    """Install RabbitMQ when it is missing and can be installed. Otherwise what needs it will say so, and what does not need it works."""
    # Not above: this module is also used before there is a .venv, and the broker's layout needs what is in it.
    from deploy.local import broker as rabbitmq

    if rabbitmq.server_program() is None and apt.possible():
        rabbitmq.install()


def chromium() -> None:
    """Make sure that there is a browser for the tests. Raises Trouble with what to install."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    if not apt.possible():
        raise Trouble("The browser tests need Chromium: install it (Debian: sudo apt install chromium-headless-shell).")
    try:
        apt.install("chromium-headless-shell")
    except Trouble:
        # Older distributions have it in one piece only.
        apt.install("chromium")


_BANDIT = ["bandit", "--quiet", "-c", "pyproject.toml", "-r", "deploy", "services", "shared"]


def code() -> int:
    """Format, lint, types, import contracts and what bandit finds; all of them, whatever the first says. 0 when all are content."""
    tools = Path(sys.prefix) / "bin"
    failed = []
    for words in (["ruff", "format", "--check"], ["ruff", "check"], ["mypy"], ["lint-imports", "--no-cache"], _BANDIT):
        print(f"--- {' '.join(words)}", flush=True)
        if subprocess.run([tools / words[0], *words[1:]], cwd=ROOT, check=False).returncode:
            failed.append(" ".join(words))
    print(f"Not content: {', '.join(failed)}" if failed else "All content.", flush=True)
    return 1 if failed else 0

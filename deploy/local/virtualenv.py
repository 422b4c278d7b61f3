"""The virtual environment `.venv` with the pinned packages of a lock. Standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local import apt
from deploy.local.paths import ROOT, VENV, Trouble

PYTHON = VENV / "bin" / "python"
_DONE = VENV / "installed"
"""Which locks are installed completely: one digest a line."""


def inside() -> bool:
    """Whether this process runs in `.venv`."""
    return Path(sys.prefix).resolve() == VENV.resolve()


def usable() -> bool:
    """Whether `.venv` was made completely once."""
    return os.access(PYTHON, os.X_OK) and _DONE.exists()


def install(lock: str) -> None:
    """Make `.venv`, and install what `lock` names if that has changed. Says what it does; raises Trouble with one sentence."""
    file = ROOT / lock
    wanted = hashlib.sha256(file.read_bytes()).hexdigest()
    if wanted in _installed():
        return
    with (ROOT / ".venv.lock").open("w") as guard:
        # Two at once: the second finds it done.
        fcntl.flock(guard, fcntl.LOCK_EX)
        if wanted in _installed():
            return
        if not _runs():
            print(f"Making a virtual environment in {VENV.name} …", flush=True)
            _make()
        _DONE.unlink(missing_ok=True)
        count = sum("==" in line and not line.startswith(("#", " ")) for line in file.read_text().splitlines())
        print(f"Installing the {count} packages of {lock} into {VENV.name} (a minute or two) …", flush=True)
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        done = subprocess.run(
            [*command, "--require-hashes", "--no-deps", "-r", str(file)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Trouble(f"The packages of {lock} could not be installed: {last_line(done.stderr or done.stdout)}")
        digests = {wanted}
        if lock == "requirements-dev.lock":
            # It holds all that the other one does.
            digests.add(hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest())
        _DONE.write_text("".join(f"{digest}\n" for digest in sorted(digests)))


def last_line(output: str) -> str:
    """The last line that says something: what a tool complains about. A full disk is said whichever line it stands in."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("[notice]")]
    if any("No space left on device" in line for line in lines):
        return "the disk is full"
    errors = [line for line in lines if "error:" in line.lower()]
    return (errors or lines or ["it did not say why"])[-1]


def _installed() -> set[str]:
    return set(_DONE.read_text().split()) if usable() else set()


def _runs() -> bool:
    """Whether the environment's Python works at all, and has pip: it breaks when the Python it was made from goes away."""
    try:
        return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make() -> None:
    # Debian's Python comes without what `venv` puts pip in with.
    missing = (
        subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode
        != 0
    )
    if missing:
        package = f"python3.{sys.version_info.minor}-venv"
        if not apt.possible():
            raise Trouble(f"Python's module venv is missing: install it (Debian, Ubuntu: sudo apt install {package}).")
        apt.install(package)
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"The virtual environment could not be made: {last_line(done.stderr or done.stdout)}")

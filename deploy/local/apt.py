"""Packages of the distribution, for root on Debian and Ubuntu. Standard library only."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from deploy.local.paths import Trouble

_POLICY = Path("/usr/sbin/policy-rc.d")
_SAYS_NO = "#!/bin/sh\n# Accord is installing a package and starts no service.\nexit 101\n"


def possible() -> bool:
    """Whether we may install packages here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Install a package without starting what it brings. Says so; raises Trouble with what apt-get said."""
    print(f"Installing the package {package} (its own service is not started) …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_service_starts():
        for arguments in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", package]):
            done = subprocess.run(
                ["apt-get", "-o", "DPkg::Lock::Timeout=120", *arguments],
                env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            )  # fmt: skip
        # A failed update alone is no trouble: the lists may be good enough.
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.startswith("E:")] or [
            "no reason given"
        ]
        raise Trouble(f"The package {package} could not be installed: {lines[0].removeprefix('E:').strip()}")


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian's way to say that package scripts start no service, as it was afterwards."""
    kept = _POLICY.with_name("policy-rc.d.before-accord")
    if _POLICY.exists():
        os.replace(_POLICY, kept)
    try:
        _POLICY.write_text(_SAYS_NO)
        _POLICY.chmod(0o755)
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
        if kept.exists():
            os.replace(kept, _POLICY)

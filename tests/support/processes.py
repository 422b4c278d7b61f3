"""Runs a process of Accord until it is ready, for the time of a block."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping

from deploy.local.paths import ROOT
from tests.support.servers import free_port, until


def is_ready(port: int) -> bool:
    """Whether the process with this health port says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def running(
    environment: Mapping[str, str], module: str, *arguments: str, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process `python -m module arguments`, once it is ready; killed at the end. `more` are further environment variables."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment, **more, "ACCORD_HEALTH_PORT": str(port)},
        cwd=ROOT,
    )
    try:
        until(lambda: process.poll() is not None or is_ready(port), 60, f"{module} {arguments} is ready")
        assert process.poll() is None, f"{module} {arguments} ended with {process.returncode}"
        yield process
    finally:
        process.kill()
        process.wait()

"""Start a process of the bench, stop it again, hold it still while something else is measured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
Process = subprocess.Popen[bytes]


def start(folder: Path, name: str, *command: str, **environment: str) -> Process:
    """Run `python command…` with its output in `folder/name.log`, as the leader of a process group of its own.

    It carries the file `name-PID.pid` in `folder`, so that it goes when the folder goes (tests/support/servers.py).
    """
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command],
            cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    (folder / f"{name}-{process.pid}.pid").write_text(str(process.pid))
    return process


def stop(folder: Path, processes: Iterable[Process], seconds: float = 8) -> None:
    """Ask them all to stop, and end those that take longer than `seconds`."""
    processes = list(processes)
    for process in processes:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.terminate()
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for path in folder.glob(f"*-{process.pid}.pid"):
            path.unlink()


@contextmanager
def running(folder: Path, name: str, *command: str, **environment: str) -> Iterator[Process]:
    """A process that runs until the block ends."""
    process = start(folder, name, *command, **environment)
    try:
        yield process
    finally:
        stop(folder, [process])


@contextmanager
def held_still(processes: Iterable[Process]) -> Iterator[None]:
    """Stop these processes for the time of the block: what is measured in it has the machine to itself."""
    processes = list(processes)
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)


def resident(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def tail(folder: Path, name: str, characters: int = 2000) -> str:
    """The end of a process's log."""
    log = folder / f"{name}.log"
    return log.read_text(errors="replace")[-characters:] if log.exists() else ""

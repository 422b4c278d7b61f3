"""What runs of the local stack: its supervisor, who is starting it, and how all of it is ended."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import psutil
from supervisor.xmlrpc import SupervisorTransport

from deploy.local import containers, programs
from deploy.local.paths import ROOT, RUN, Trouble, private_folder
from deploy.local.programs import MARK
from deploy.local.virtualenv import last_line

PID = RUN / "supervisor.pid"
ENV = RUN / "env"
LOCK = RUN / "lock"

spawned: int | None = None
"""The pid of the supervisor that this process has started."""


def say(sentence: str) -> None:
    print(sentence, flush=True)


def supervisor_pid() -> int | None:
    """The pid of this stack's supervisor while it lives."""
    try:
        pid = int(PID.read_text())
        process = psutil.Process(pid)
        ours = process.status() != psutil.STATUS_ZOMBIE and str(RUN / "supervisord.conf") in process.cmdline()
        return pid if ours else None
    except (OSError, ValueError, psutil.Error):
        return None


def supervisor() -> Any:
    """The supervisor's interface."""
    return ServerProxy("http://127.0.0.1", SupervisorTransport(None, None, f"unix://{socket_path()}")).supervisor


def environment() -> dict[str, str]:
    """What `.run/env` says."""
    with contextlib.suppress(OSError):
        return dict(line.split("=", 1) for line in ENV.read_text().splitlines() if "=" in line)
    return {}


def urls() -> dict[str, str]:
    """Where the processes of the running stack say how they are."""
    known = environment()
    return {
        name: known[variable]
        for name in programs.health_names()
        if (variable := programs.health_variable(name)) in known
    }


def socket_path() -> Path:
    """The supervisor's socket: in the run folder, unless its path is longer than a socket's may be."""
    path = RUN / "supervisor.sock"
    if len(str(path).encode()) < 90:
        return path
    digest = hashlib.sha256(str(RUN).encode()).hexdigest()[:16]
    return private_folder(Path(tempfile.gettempdir()) / f"accord-{os.geteuid()}-{digest}") / "supervisor.sock"


def starter() -> int | None:
    """The pid of whoever is starting the stack right now."""
    try:
        with LOCK.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return None
            except BlockingIOError:
                return int(file.read() or 0) or None
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """One start at a time; the second waits for the first."""
    with LOCK.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Accord is being started already; waiting …")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def spawn(foreground: bool) -> None:
    """Start the supervisor in a session of its own, with no descriptor of ours. In the foreground it ends when we do, however we end."""

    global spawned

    def die_with_us() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG

    with (RUN / "log" / "supervisor.out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local.supervise", "-c", str(RUN / "supervisord.conf")],
            cwd=ROOT,
            env=programs.inherited(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            close_fds=True,
            preexec_fn=die_with_us if foreground else None,
        )
        spawned = process.pid
    end = time.monotonic() + 20
    while not (PID.exists() and supervisor_pid()):
        if process.poll() is not None or time.monotonic() > end:
            said = (RUN / "log" / "supervisor.out").read_text(errors="replace")
            raise Trouble(f"The supervisor did not start: {last_line(said)}")
        time.sleep(0.05)
    until(_responds, 10)


def _responds() -> bool:
    with contextlib.suppress(OSError):
        return bool(supervisor().getState())
    return False


def stop() -> bool:
    """Stop everything that runs here and take its traces away. Whether anything ran."""
    supervisor = supervisor_pid()
    if supervisor:
        with contextlib.suppress(ProcessLookupError):
            # It stops Accord's own processes first, then the servers: TERM, and KILL after eight seconds, for each of the two.
            os.kill(supervisor, signal.SIGTERM)
        if not until(lambda: not psutil.pid_exists(supervisor) or supervisor_pid() != supervisor, 25):
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGKILL)
    swept = sweep()
    for path in (ENV, PID, RUN / "pids", socket_path()):
        path.unlink(missing_ok=True)
    if socket_path().parent != RUN:
        shutil.rmtree(socket_path().parent, ignore_errors=True)
    return bool(supervisor or swept)


def sweep() -> bool:
    """End what still runs here although its supervisor is gone: TERM, then KILL. Whether there was anything."""
    containers.remove(RUN / "broker")
    left = [process for process in psutil.process_iter() if _is_ours(process)]
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(left, timeout=4)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(left, timeout=4)
    return bool(left)


def _is_ours(process: psutil.Process) -> bool:
    try:
        return (
            process.pid != os.getpid()
            and process.status() != psutil.STATUS_ZOMBIE
            and process.environ().get(MARK) == str(RUN)
        )
    except (psutil.Error, OSError):
        return False


def until(condition: Callable[[], Any], seconds: float) -> bool:
    """Whether the condition came true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True

"""What a developer or operator does: up, run, down, demo, with a real stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from deploy.local.paths import ROOT
from deploy.local.ports import is_free
from deploy.local.programs import MARK
from tests.support.servers import free_port, temporary_folder, until
from tests.support.stack import Stack


def environment(run: Path, port: int) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.endswith(("DATABASE_URL", "AMQP_URI"))}
    return {**kept, "ACCORD_RUN": str(run), "PORT": str(port)}


def door(command: str, run: Path, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[1:] = ['{command}']; {_MAIN}"],
        cwd=ROOT, env=environment(run, port), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


# As `python -m deploy.local` does, but with this Python and the packages that are installed for it.
_MAIN = (
    "from deploy.local import virtualenv; virtualenv.install = lambda lock: None; virtualenv.inside = lambda: True; "
    "virtualenv.usable = lambda: True; import runpy; runpy.run_module('deploy.local', run_name='__main__')"
)


def left(run: Path) -> list[str]:
    """What still runs of the stack in this folder, and which of its ports are taken."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(run) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    ports = json.loads((run / "ports.json").read_text()) if (run / "ports.json").exists() else {}
    return found + [f"{name} {port}" for name, port in ports.items() if not is_free(port)]


def test_up_on_a_running_stack_says_so_and_that_is_no_error(stack: Stack) -> None:
    said = door("up", stack.folder / "run", free_port())
    assert said.returncode == 0, said.stderr
    assert f"already running: http://localhost:{stack.port}" in said.stdout


def test_nothing_of_it_listens_beyond_the_loopback(stack: Stack) -> None:
    heard = [
        (name, connection.laddr.ip)
        for name, pid in stack.pids.items()
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(heard) > 15
    assert {ip for _, ip in heard} <= {"127.0.0.1", "::1"}


def test_the_demo_tells_the_main_job_to_its_end(stack: Stack) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "deploy.local.demo"],
        cwd=ROOT, env=environment(stack.folder / "run", stack.port), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert "two histories" in said.stdout
    assert "accepted our offer" in said.stdout and "No mountains this year." in said.stdout


def test_a_taken_port_is_one_sentence_and_leaves_nothing_running(stack: Stack) -> None:
    with temporary_folder() as folder:
        said = door("up", folder / "run", stack.port)
        assert said.returncode == 1
        assert said.stderr == (
            f"accord: Port {stack.port} is taken by another program; choose another one: PORT=18080 make up\n"
        )
        assert left(folder / "run") == []


def test_down_and_demo_without_a_stack_say_so() -> None:
    with temporary_folder() as folder:
        down, status = door("down", folder / "run", 1), door("status", folder / "run", 1)
        assert (down.returncode, down.stdout) == (0, "Accord is not running.\n")
        assert (status.returncode, status.stdout) == (1, "Accord is not running.\n")


def test_an_interrupt_ends_all_of_a_foreground_stack() -> None:
    with temporary_folder() as folder:
        run, port = folder / "run", free_port()
        process = subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.argv[1:] = ['run']; {_MAIN}"],
            cwd=ROOT, env=environment(run, port), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Accord is ready"):
                break
        assert said[-1] == f"Accord is ready: http://localhost:{port}\n", "".join(said)
        assert "ada@kazenor.example" in "".join(said) and "accord-demo" in "".join(said)
        for name in ("env", "secrets.json", "supervisord.conf"):
            assert (run / name).stat().st_mode & 0o077 == 0, name
        # The mails of the demo offer, one for each side.
        until(lambda: len(list((run / "mail").glob("*.eml"))) >= 2, 20, "the mails have come")

        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
        assert left(run) == []
        assert is_free(port)
        assert not [name for name in ("env", "pids", "supervisor.sock", "supervisor.pid") if (run / name).exists()]

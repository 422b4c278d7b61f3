"""The local stack: up, run, down, status."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import logging
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from xmlrpc.client import Fault, ServerProxy

import psutil
import psycopg
from supervisor.xmlrpc import SupervisorTransport

from deploy.local import broker as rabbitmq
from deploy.local import checks, containers, pids, postgres, programs, seed
from deploy.local.broker import Cell, Node
from deploy.local.paths import ROOT, RUN, SERVICES, VENV, Trouble, private_folder, write_private
from deploy.local.ports import free_port, is_free
from deploy.local.programs import MARK, Program
from deploy.local.virtualenv import last_line
from shared import settings
from shared.bus import topology

_PID = RUN / "supervisor.pid"
_ENV = RUN / "env"
_LOCK = RUN / "lock"
_START_WITHIN = 180.0
"""Seconds until everything must answer: two slow cores start seventeen interpreters in about thirty."""


_spawned: int | None = None
"""The pid of the supervisor that this process has started."""


class Stopped(BaseException):
    """We were told to stop (INT, TERM, HUP)."""


# What it says about a connection that is interrupted helps nobody who has pressed Ctrl-C.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


def say(sentence: str) -> None:
    print(sentence, flush=True)


# --- the commands ----------------------------------------------------------------------------------------------------


def up() -> int:
    """Start everything in the background and return when it answers; on a running stack wait until that answers."""
    try:
        with _stoppable():
            if not _start(foreground=False):
                _wait_for_running()
    except Stopped:
        _stop_ours()
        return 130
    return 0


def run() -> int:
    """Start everything, stay, and stop all of it when told to or when this process or its make goes away."""
    with contextlib.suppress(Stopped), _stoppable():
        if not _start(foreground=True):
            _wait_for_running()
            return 0
        while _supervisor_pid() == _spawned and not _make_ended():
            time.sleep(0.5)
    return 0 if _stop_ours() else 130


def down() -> int:
    """Stop everything; nothing stays behind, neither process nor socket nor port."""
    starter = _starter()
    if starter is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(starter, signal.SIGTERM)
        _until(lambda: _starter() is None, 40)
    ran = _stop()
    say("Accord has stopped." if ran or starter else "Accord is not running.")
    return 0


def status() -> int:
    """Say what runs. 0 when all of it answers."""
    if not _supervisor_pid():
        say("Accord is not running.")
        return 1
    processes = _supervisor().getAllProcessInfo()
    pids.write(processes)
    answering = _answering(_urls())
    for process in processes:
        if process["name"] not in pids.HIDDEN:
            well = {True: "answers", False: "does not answer"}.get(answering.get(process["name"]), "")  # type: ignore[arg-type]
            say(f"{process['name']:<22}{process['pid'] or '':<9}{process['statename'].lower():<10}{well}")
    return 0 if all(answering.values()) else 1


# --- starting --------------------------------------------------------------------------------------------------------


def _start(*, foreground: bool) -> bool:
    """Start everything. False when it is running already. Stops what it started when something goes wrong."""
    RUN.mkdir(exist_ok=True)
    # PostgreSQL's user passes through when we are root; what is private inside is closed by itself.
    RUN.chmod(0o711)
    with _only_one():
        if _supervisor_pid():
            return False
        _sweep()
        try:
            _start_all(foreground)
        except BaseException as error:
            with _deaf():
                _stop()
            if isinstance(error, psycopg.errors.DiskFull):
                raise Trouble("The disk is full.") from error
            if isinstance(error, psycopg.Error):
                raise Trouble(f"PostgreSQL refuses: {str(error).strip().splitlines()[0]}") from error
            raise
    return True


def _start_all(foreground: bool) -> None:
    checks.disk(VENV)
    gateway = checks.gateway_port()
    private_folder(RUN / "log")
    private_folder(RUN / "mail")
    for log in (RUN / "log").glob("*.log"):
        # The log of this run begins with this run; the last one stays beside it.
        os.replace(log, log.with_suffix(".log.last"))
    known = _Secrets.load()
    ports = {**_private_ports(), "gateway": gateway}
    cell = Cell(settings.cell(), known.setdefault("broker", secrets.token_urlsafe(24)), settings.tenants())

    servers: list[Program] = []
    admin_url = os.environ.get("ACCORD_DATABASE_URL", "").strip()
    if not admin_url:
        say("Starting PostgreSQL …")
        password = known.setdefault("postgres", secrets.token_urlsafe(24))
        place = postgres.place(RUN / "postgres")
        postgres.create(place, password)
        admin_url = postgres.url(ports["postgres"], postgres.ADMIN, password, "postgres")
        # INT: fast shutdown; TERM would wait for whoever is connected.
        servers.append(Program("postgres", place.serve(ports["postgres"]), stop_signal="INT", server=True))
    amqp_uri = _given_broker()
    if amqp_uri:
        peers_uri = os.environ.get("ACCORD_PEERS_AMQP_URI", "").strip() or _other_vhost(amqp_uri, topology.PEERS_VHOST)
    else:
        amqp_uri, peers_uri = cell.uri(ports["broker"]), cell.uri(ports["broker"], topology.PEERS_VHOST)
        servers += _broker(cell, ports)
    known.save()

    common = {
        "CELL": cell.name,
        **({"ACCORD_TENANTS": ",".join(cell.tenants)} if cell.tenants else {}),
        "ACCORD_AMQP_URI": amqp_uri,
        "ACCORD_PEERS_AMQP_URI": peers_uri,
        "ACCORD_URL": f"http://localhost:{gateway}",
        "ACCORD_SMTP_URL": f"smtp://127.0.0.1:{ports['smtp']}",
        "ACCORD_MAIL_FROM": os.environ.get("ACCORD_MAIL_FROM", "").strip() or "Accord <accord@localhost>",
    }
    passwords = known.setdefault("roles", {})
    for role in (f"{service}{kind}" for service in SERVICES for kind in ("", *(f"_{kind}" for kind in postgres.ROLES))):
        passwords.setdefault(role, secrets.token_urlsafe(24))
    passwords.setdefault(postgres.BACKUP, secrets.token_urlsafe(24))
    link_key = known.setdefault("links", secrets.token_urlsafe(48))
    known.save()
    databases: dict[str, str] = {}
    for service in SERVICES:
        databases |= postgres.service_environment(admin_url, service, passwords)
    applications = programs.applications(common, databases, ports, link_key)
    programs.write_configuration(RUN / "supervisord.conf", _socket(), [*servers, *applications])
    _spawn_supervisor(foreground)

    own = {program.name for program in servers}
    with _last_words_of("postgres", own):
        postgres.wait_until_ready(admin_url, 30 if "postgres" in own else 5)
    for service in SERVICES:
        postgres.create_service(admin_url, service, passwords)
    with _last_words_of("broker", own):
        for uri in (amqp_uri, peers_uri):
            rabbitmq.wait_until_ready(uri, 60 if "broker" in own else 5)
    environment = {
        **common,
        "PORT": str(gateway),
        **databases,
        **{program.health_variable: program.health_url for program in applications if program.health_port},
    }
    write_private(_ENV, "".join(f"{name}={value}\n" for name, value in environment.items()))

    backup = os.environ.get("ACCORD_RESTORE", "").strip()
    if backup:
        say(f"Restoring {backup} …")
        _restore(backup, {**common, **databases})
    say("Preparing the databases and queues of the services …")
    _prepare({**common, **databases})
    say("Starting the services …")
    supervisor = _supervisor()
    with contextlib.suppress(Fault):
        supervisor.startProcessGroup("accord", False)
    _wait_until_all_answer({program.name: program.health_url for program in applications if program.health_port})
    if not cell.tenants:
        # A dedicated cell hosts whom it is told to, and may speak for nobody else.
        say("Looking after the demo businesses …")
        for sentence in seed.seed(f"http://127.0.0.1:{gateway}"):
            say(f"  {sentence}")
    say(_welcome(gateway, foreground))


def _welcome(port: int, foreground: bool) -> str:
    folder = RUN.relative_to(ROOT) if RUN.is_relative_to(ROOT) else RUN
    return f"""
  Kazenor Consulting   http://kazenor.localhost:{port}     {seed.ADA.email}   {seed.PASSWORD}
  Northwind Traders    http://northwind.localhost:{port}   {seed.NILS.email}   {seed.PASSWORD}

  The API: http://localhost:{port}/api/v1 (described in /api/v1/openapi.json). Mails land in {folder}/mail/, logs in {folder}/log/.
  {"Ctrl-C stops all of it." if foreground else "make down stops all of it."}

Accord is ready: http://localhost:{port}"""


def _wait_for_running() -> None:
    """Wait until a stack that somebody else started answers."""
    _wait_until_all_answer(_urls())
    port = urlsplit(_environment().get("ACCORD_URL", "")).port
    say(f"Accord is already running: http://localhost:{port} (make down stops it).")


class _Secrets(dict[str, Any]):
    """The passwords of this stack, in a file of their own."""

    _path = RUN / "secrets.json"

    @classmethod
    def load(cls) -> _Secrets:
        with contextlib.suppress(FileNotFoundError, ValueError):
            return cls(json.loads(cls._path.read_text()))
        return cls()

    def save(self) -> None:
        write_private(self._path, json.dumps(self, indent=1))


def _private_ports() -> dict[str, int]:
    """The ports of everything but the gateway: those of the last time where they are free."""
    path = RUN / "ports.json"
    last: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError, ValueError):
        last = json.loads(path.read_text())
    names = [
        "postgres",
        "broker",
        "broker-dist",
        "epmd",
        "smtp",
        *(n for n in programs.health_names() if n != "gateway"),
    ]
    chosen = {name: last[name] if name in last and is_free(last[name]) else free_port() for name in names}
    write_private(path, json.dumps(chosen, indent=1))
    return chosen


def _given_broker() -> str:
    """ACCORD_AMQP_URI of whoever starts us, unless it is only what `.run/env` of an earlier run said."""
    given = os.environ.get("ACCORD_AMQP_URI", "").strip()
    known = _Secrets.load().get("broker")
    return "" if given and known and urlsplit(given).password == known else given


def _other_vhost(uri: str, vhost: str) -> str:
    return urlunsplit(urlsplit(uri)._replace(path=f"/{vhost}"))


def _broker(cell: Cell, ports: Mapping[str, int]) -> list[Program]:
    """RabbitMQ, by whichever way there is here: installed, installed now, in a container."""
    said = ""
    if rabbitmq.server_program() is None:
        try:
            rabbitmq.install()
        except Trouble as trouble:
            said = f" ({trouble})"
    if rabbitmq.server_program() is not None:
        say("Starting RabbitMQ …")
        node = Node(RUN / "broker", ports["broker"], ports["broker-dist"], ports["epmd"])
        node.write([cell])
        return [
            Program("epmd", node.epmd_command(), node.own_environment(), server=True),
            Program("broker", node.command(), node.own_environment(), server=True),
        ]
    engine = containers.engine()
    if engine is None:
        raise Trouble(
            "RabbitMQ is missing: install it (Debian, Ubuntu: sudo apt install rabbitmq-server; macOS: brew install rabbitmq), "
            f"or start docker or podman, or set ACCORD_AMQP_URI.{said}"
        )
    say(f"Starting RabbitMQ in a container of {engine} (the first time, its image is fetched) …")
    return [Program("broker", containers.command(engine, RUN / "broker", ports["broker"], [cell]), server=True)]


def _socket() -> Path:
    """The supervisor's socket: in the run folder, unless its path is longer than a socket's may be."""
    path = RUN / "supervisor.sock"
    if len(str(path).encode()) < 90:
        return path
    digest = hashlib.sha256(str(RUN).encode()).hexdigest()[:16]
    return private_folder(Path(tempfile.gettempdir()) / f"accord-{os.geteuid()}-{digest}") / "supervisor.sock"


def _spawn_supervisor(foreground: bool) -> None:
    """Start the supervisor in a session of its own, with no descriptor of ours. In the foreground it ends when we do, however we end."""

    global _spawned

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
        _spawned = process.pid
    end = time.monotonic() + 20
    while not (_PID.exists() and _supervisor_pid()):
        if process.poll() is not None or time.monotonic() > end:
            said = (RUN / "log" / "supervisor.out").read_text(errors="replace")
            raise Trouble(f"The supervisor did not start: {last_line(said)}")
        time.sleep(0.05)
    _until(_responds, 10)


def _responds() -> bool:
    with contextlib.suppress(OSError):
        return bool(_supervisor().getState())
    return False


def _prepare(environment: Mapping[str, str]) -> None:
    """Run each service's migrations and declare its queues, two at a time."""

    def prepare(service: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "shared.bus.prepare", service],
            cwd=ROOT, env={**programs.inherited(), **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        for service, done in zip(SERVICES, pool.map(prepare, SERVICES), strict=True):
            (RUN / "log" / f"{service}-prepare.log").write_text(done.stdout + done.stderr)
            if done.returncode:
                raise Trouble(f"The service {service} could not be prepared: {last_line(done.stderr or done.stdout)}")


def _restore(backup: str, environment: Mapping[str, str]) -> None:
    """Put a backup into the databases, which must be empty. Raises Trouble."""
    done = subprocess.run(
        [sys.executable, "-m", "shared.ops", "restore", backup],
        cwd=ROOT, env={**programs.inherited(), **environment, "ACCORD_OPS_LOG": str(RUN / "log" / "ops.log")},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Trouble(f"The backup was not restored: {last_line(done.stderr or done.stdout).removeprefix('accord: ')}")


def _wait_until_all_answer(urls: Mapping[str, str]) -> None:
    """Return when every process says that it is ready. Raises Trouble early for one that keeps ending."""
    end, seen = time.monotonic() + _START_WITHIN, dict[str, set[int]]()
    waiting = dict(urls)
    while waiting:
        waiting = {name: waiting[name] for name, well in _answering(waiting).items() if not well}
        if not waiting:
            return
        if not _supervisor_pid():
            raise Trouble("Accord was stopped while it started.")
        checks.still_room()
        for process in _supervisor().getAllProcessInfo():
            tried = seen.setdefault(process["name"], set())
            tried.add(process["pid"])
            if process["name"] in waiting and len(tried - {0}) > 4:
                raise Trouble(f"{process['name']} keeps ending: {_last_words(process['name'])}")
        if time.monotonic() > end:
            names = ", ".join(sorted(waiting))
            raise Trouble(
                f"Not ready after {_START_WITHIN:.0f} seconds: {names}; .run/log/{min(waiting)}.log says more."
            )
        time.sleep(0.5)


@contextlib.contextmanager
def _last_words_of(name: str, own: Container[str]) -> Iterator[None]:
    """When it does not answer, and is a server of ours, what it said last."""
    try:
        yield
    except Trouble as trouble:
        raise Trouble(f"{trouble} It said last: {_last_words(name)}") if name in own else trouble from None


def _last_words(name: str) -> str:
    try:
        return f"{last_line((RUN / 'log' / f'{name}.log').read_text(errors='replace')[-20000:])} (.run/log/{name}.log)"
    except OSError:
        return f"see .run/log/{name}.log"


def _answering(urls: Mapping[str, str]) -> dict[str, bool]:
    """Which of these processes say that they are ready."""
    # Never through a proxy: this is the loopback.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ready(url: str) -> bool:
        try:
            with direct.open(f"{url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError, urllib.error.HTTPError):
            return False

    if not urls:
        return {}
    with ThreadPoolExecutor(len(urls)) as pool:
        return dict(zip(urls, pool.map(ready, urls.values()), strict=True))


# --- stopping --------------------------------------------------------------------------------------------------------


def _stop() -> bool:
    """Stop everything that runs here and take its traces away. Whether anything ran."""
    supervisor = _supervisor_pid()
    if supervisor:
        with contextlib.suppress(ProcessLookupError):
            # It stops Accord's own processes first, then the servers: TERM, and KILL after eight seconds, for each of the two.
            os.kill(supervisor, signal.SIGTERM)
        if not _until(lambda: not psutil.pid_exists(supervisor) or _supervisor_pid() != supervisor, 25):
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGKILL)
    swept = _sweep()
    for path in (_ENV, _PID, RUN / "pids", _socket()):
        path.unlink(missing_ok=True)
    if _socket().parent != RUN:
        shutil.rmtree(_socket().parent, ignore_errors=True)
    return bool(supervisor or swept)


def _stop_ours() -> bool:
    """Stop what this process has started, unless somebody else has stopped it, or has started another one since. Whether it was ours."""
    if _spawned is None or _supervisor_pid() not in {None, _spawned} or _starter() is not None:
        return False
    say("\nStopping …")
    _stop()
    say("Accord has stopped.")
    return True


def _sweep() -> bool:
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


# --- who runs --------------------------------------------------------------------------------------------------------


def _supervisor_pid() -> int | None:
    """The pid of this stack's supervisor while it lives."""
    try:
        pid = int(_PID.read_text())
        process = psutil.Process(pid)
        ours = process.status() != psutil.STATUS_ZOMBIE and str(RUN / "supervisord.conf") in process.cmdline()
        return pid if ours else None
    except (OSError, ValueError, psutil.Error):
        return None


def _supervisor() -> Any:
    """The supervisor's interface."""
    return ServerProxy("http://127.0.0.1", SupervisorTransport(None, None, f"unix://{_socket()}")).supervisor


def _environment() -> dict[str, str]:
    """What `.run/env` says."""
    with contextlib.suppress(OSError):
        return dict(line.split("=", 1) for line in _ENV.read_text().splitlines() if "=" in line)
    return {}


def _urls() -> dict[str, str]:
    """Where the processes of the running stack say how they are."""
    known = _environment()
    return {
        name: known[variable]
        for name in programs.health_names()
        if (variable := programs.health_variable(name)) in known
    }


def _starter() -> int | None:
    """The pid of whoever is starting the stack right now."""
    try:
        with _LOCK.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return None
            except BlockingIOError:
                return int(file.read() or 0) or None
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    """One start at a time; the second waits for the first."""
    with _LOCK.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Accord is being started already; waiting …")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _make_ended() -> bool:
    """Whether the make that started us is gone or has been interrupted.

    make passes TERM on to us, but it takes for granted that whoever sends it INT sends that to us too: it then waits for us to end. It
    no longer catches INT itself from that moment on, which is what is looked for.
    """
    if sys.platform != "linux":
        return False
    if _MAKE and os.getppid() != _MAKE:
        return True
    return bool(_MAKE) and _CAUGHT and not _catches_interrupts(_MAKE)


def _catches_interrupts(pid: int) -> bool:
    try:
        caught = next(
            line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt:")
        )
        return bool(int(caught.split()[1], 16) & (1 << (signal.SIGINT - 1)))
    except (OSError, StopIteration, ValueError):
        return False


def _parent_make() -> int:
    try:
        parent = os.getppid()
        return parent if psutil.Process(parent).name() in {"make", "gmake"} else 0
    except psutil.Error:
        return 0


_MAKE = _parent_make()
_CAUGHT = bool(_MAKE) and sys.platform == "linux" and _catches_interrupts(_MAKE)


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """INT, TERM and HUP raise Stopped where they come."""

    def stop(*_: Any) -> None:
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Nothing interrupts this."""
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _until(condition: Callable[[], Any], seconds: float) -> bool:
    """Whether the condition came true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True

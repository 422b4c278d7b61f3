"""The local stack: up, run, down, status."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from xmlrpc.client import Fault

import psycopg

from deploy.local import answers, checks, containers, interrupts, pids, postgres, programs, running, seed
from deploy.local import broker as rabbitmq
from deploy.local.broker import Cell, Node
from deploy.local.paths import ROOT, RUN, SERVICES, VENV, Trouble, private_folder, write_private
from deploy.local.ports import free_port, is_free
from deploy.local.programs import Program
from deploy.local.running import say
from deploy.local.virtualenv import last_line
from shared import settings
from shared.bus import topology

# What it says about a connection that is interrupted helps nobody who has pressed Ctrl-C.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


# --- the commands ----------------------------------------------------------------------------------------------------


def up() -> int:
    """Start everything in the background and return when it answers; on a running stack wait until that answers."""
    try:
        with interrupts.stoppable():
            if not _start(foreground=False):
                _wait_for_running()
    except interrupts.Stopped:
        _stop_ours()
        return 130
    return 0


def run() -> int:
    """Start everything, stay, and stop all of it when told to or when this process or its make goes away."""
    with contextlib.suppress(interrupts.Stopped), interrupts.stoppable():
        if not _start(foreground=True):
            _wait_for_running()
            return 0
        while running.supervisor_pid() == running.spawned and not interrupts.make_ended():
            time.sleep(0.5)
    return 0 if _stop_ours() else 130


def down() -> int:
    """Stop everything; nothing stays behind, neither process nor socket nor port."""
    starter = running.starter()
    if starter is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(starter, signal.SIGTERM)
        running.until(lambda: running.starter() is None, 40)
    ran = running.stop()
    say("Accord has stopped." if ran or starter else "Accord is not running.")
    return 0


def status() -> int:
    """Say what runs. 0 when all of it answers."""
    if not running.supervisor_pid():
        say("Accord is not running.")
        return 1
    processes = running.supervisor().getAllProcessInfo()
    pids.write(processes)
    answering = answers.answering(running.urls())
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
    with running.only_one():
        if running.supervisor_pid():
            return False
        running.sweep()
        try:
            _start_all(foreground)
        except BaseException as error:
            with interrupts.deaf():
                running.stop()
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
    programs.write_configuration(RUN / "supervisord.conf", running.socket_path(), [*servers, *applications])
    running.spawn(foreground)

    own = {program.name for program in servers}
    with answers.last_words_of("postgres", own):
        postgres.wait_until_ready(admin_url, 30 if "postgres" in own else 5)
    for service in SERVICES:
        postgres.create_service(admin_url, service, passwords)
    with answers.last_words_of("broker", own):
        for uri in (amqp_uri, peers_uri):
            rabbitmq.wait_until_ready(uri, 60 if "broker" in own else 5)
    environment = {
        **common,
        "PORT": str(gateway),
        **databases,
        **{program.health_variable: program.health_url for program in applications if program.health_port},
    }
    write_private(running.ENV, "".join(f"{name}={value}\n" for name, value in environment.items()))

    backup = os.environ.get("ACCORD_RESTORE", "").strip()
    if backup:
        say(f"Restoring {backup} …")
        _restore(backup, {**common, **databases})
    say("Preparing the databases and queues of the services …")
    _prepare({**common, **databases})
    say("Starting the services …")
    supervisor = running.supervisor()
    with contextlib.suppress(Fault):
        supervisor.startProcessGroup("accord", False)
    answers.wait_until_all_answer({program.name: program.health_url for program in applications if program.health_port})
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
    answers.wait_until_all_answer(running.urls())
    port = urlsplit(running.environment().get("ACCORD_URL", "")).port
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
        raise Trouble(f"{rabbitmq.MISSING} Or start docker or podman, or set ACCORD_AMQP_URI.{said}")
    say(f"Starting RabbitMQ in a container of {engine} (the first time, its image is fetched) …")
    return [Program("broker", containers.command(engine, RUN / "broker", ports["broker"], [cell]), server=True)]


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


def _stop_ours() -> bool:
    """Stop what this process has started, unless somebody else has stopped it, or has started another one since. Whether it was ours."""
    if (
        running.spawned is None
        or running.supervisor_pid() not in {None, running.spawned}
        or running.starter() is not None
    ):
        return False
    say("\nStopping …")
    running.stop()
    say("Accord has stopped.")
    return True

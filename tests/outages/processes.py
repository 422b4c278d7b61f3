"""All processes of a stack on servers that are not there yet: started, asked how they are, and told to end, by nobody but the test."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local import postgres, programs
from deploy.local.paths import ROOT, SERVICES
from tests.support.servers import PostgresServer, RabbitServer, free_port, prepare, until

STOP_WITHIN = 10.0
"""Seconds in which each process ends when it is told to, whatever is away (promise R6)."""


class Town:
    """The processes of a stack by name (`offers`, `offers-relay`, `mailer`, `gateway` …), and the two servers they need."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = RabbitServer(folder)
        self.postgres = PostgresServer(folder)
        # Chosen before there is a database: the processes start before it.
        self.postgres.passwords = defaultdict(lambda: secrets.token_urlsafe(16))
        self.databases: dict[str, str] = {}
        for service in SERVICES:
            self.databases |= postgres.service_environment(self.postgres.admin_url, service, self.postgres.passwords)
        common = {
            **self.broker.environment(),
            "ACCORD_URL": "http://localhost",
            "ACCORD_SMTP_URL": "smtp://127.0.0.1:1",
            "ACCORD_MAIL_FROM": "accord@localhost",
        }
        ports = {name: free_port() for name in programs.health_names()}
        found = programs.applications(common, self.databases, ports, secrets.token_urlsafe(32))
        # The mailbox stands for a mail server of somebody else.
        self.programs = {program.name: program for program in found if program.name != "mailbox"}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Town:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()
        self.postgres.stop()
        self.broker.close()

    def start(self, names: Iterable[str]) -> None:
        """Start processes, and return when each says that it is alive. AssertionError when one ends instead."""
        names = list(names)
        for name in names:
            program = self.programs[name]
            with self.log(name).open("ab") as log:
                self.running[name] = subprocess.Popen(
                    program.command, env={**programs.inherited(), **program.environment}, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log,
                )  # fmt: skip
        until(lambda: all(status == 200 for status in self.say(names, "/healthz").values()), 120, "all are alive")
        self.assert_running()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def assert_running(self) -> None:
        ended = {name: self.log(name).read_text()[-1000:] for name, p in self.running.items() if p.poll() is not None}
        assert not ended, ended

    def say(self, names: Iterable[str], path: str) -> dict[str, int]:
        """What each answers to `path`: its status, 0 when it does not answer."""

        def ask(name: str) -> int:
            try:
                with urllib.request.urlopen(self.programs[name].health_url + path, timeout=5) as answer:
                    return int(answer.status)
            except urllib.error.HTTPError as error:
                return error.code
            except OSError:
                return 0

        names = list(names)
        with ThreadPoolExecutor(len(names)) as pool:
            return dict(zip(names, pool.map(ask, names), strict=True))

    def end(self, names: Iterable[str]) -> dict[str, float]:
        """Tell processes to end, all at once. Seconds until each had. AssertionError for one that needed longer than it may."""
        names, began = list(names), time.monotonic()
        for name in names:
            self.running[name].send_signal(signal.SIGTERM)

        def wait(name: str) -> float:
            try:
                self.running[name].wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{name} did not end: {self.log(name).read_text()[-2000:]}") from None
            return time.monotonic() - began

        with ThreadPoolExecutor(len(names)) as pool:
            took = dict(zip(names, pool.map(wait, names), strict=True))
        for name in names:
            assert self.running.pop(name).returncode in {0, -signal.SIGTERM}, name
        return took

    def bring_servers(self) -> None:
        """Start database and broker, and prepare every service."""
        with ThreadPoolExecutor(2) as pool:
            for started in [pool.submit(self.postgres.start), pool.submit(self.broker.start)]:
                started.result()
            self.postgres.databases(*SERVICES)
            list(
                pool.map(
                    lambda service: prepare(service, {**os.environ, **self.databases, **self.broker.environment()}),
                    SERVICES,
                )
            )

    def until_ready(self, names: Iterable[str], seconds: float) -> None:
        names = list(names)
        wanted: Callable[[], bool] = lambda: all(s == 200 for s in self.say(names, "/readyz").values())  # noqa: E731
        until(wanted, seconds, f"all are ready: {self.say(names, '/readyz')}")

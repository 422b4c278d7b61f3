"""Runs the baselines. Each method is one turn of one figure."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from os import environ

import psycopg

from tests.bench import client, measure, processes
from tests.bench.baselines import chain, handler, loop, sample
from tests.bench.machine import Machine
from tests.support.servers import free_port


class Baselines:
    """The baselines on one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def handler(self, count: int = 5000) -> float:
        """Messages a second of the stock nameko handler."""
        done, last = handler.prepare(self.machine.baseline_url, self.machine.broker.uri(), count)
        return self._rate("baseline-handler", [], done, last, count)

    def loop(self, way: str, count: int = 15000) -> float:
        """Messages a second of the bare batch loop, written `pipeline` or `unnest`."""
        done, last = loop.prepare(self.machine.baseline_url, self.machine.broker.uri(), count)
        return self._rate("baseline-loop", [way], done, last, count)

    def _rate(self, name: str, arguments: list[str], done: str, last: str, count: int) -> float:
        module = "tests.bench.baselines." + name.removeprefix("baseline-")
        measure.quiet()
        with processes.running(
            self.machine.folder, name, "-m", module, *arguments, **self.machine.baseline_environment
        ) as process:
            return measure.rate(self.machine.baseline_url, done, last, count, lambda: process.poll() is None)

    def pair(self, count: int = 250) -> float:
        """Milliseconds of the bare minimum from a commit to the other process's commit, p50."""
        measure.quiet()
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.bench.baselines.pair", str(count + 50)],
            env={**environ, **self.machine.baseline_environment}, cwd=processes.ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"The bare minimum failed: {done.stderr[-2000:]}")
        return measure.percentile([float(line) / 1000 for line in done.stdout.split()[50:]])

    @contextmanager
    def chain(self) -> Iterator[Chain]:
        """The chain of stock nameko, running."""
        with psycopg.connect(self.machine.baseline_url) as db:
            db.execute(chain.TABLES)
        port, module = free_port(), "tests.bench.baselines.chain"
        environment = {**self.machine.baseline_environment, "BENCH_PORT": str(port)}
        folder = self.machine.folder
        with (
            processes.running(folder, "baseline-web", "-m", module, "web", **environment) as web,
            processes.running(folder, "baseline-offers", "-m", module, "offers", **environment) as offers,
        ):
            running = Chain(port, [web, offers])
            running.wait_until_ready()
            yield running


class Chain:
    """POSTs to the chain of stock nameko."""

    def __init__(self, port: int, started: list[processes.Process]) -> None:
        self.port, self.processes = port, started
        self.body = {
            "customer_tenant": "northwind", "customer_email": "nils@northwind.example", "message": "We would like to work with you. " * 3,
            "contacts": sample.offer(1)["data"]["contacts"],
        }  # fmt: skip

    def wait_until_ready(self, seconds: float = 30) -> None:
        """Until it answers."""
        end = time.monotonic() + seconds
        while True:
            try:
                client.Client(self.port, timeout=2).ask("POST", "/offers", self.body)
                return
            except (OSError, RuntimeError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def one_at_a_time(self, count: int = 200, pause: float = 0.0) -> float:
        """Milliseconds of a POST, p50."""
        connection = client.Client(self.port)
        times = []
        for _ in range(count + 20):
            start = time.perf_counter()
            connection.ask("POST", "/offers", self.body)
            times.append(time.perf_counter() - start)
            time.sleep(pause)
        connection.close()
        return measure.percentile(times[20:]) * 1000

    def in_flight(self, count: int = 800, workers: int = 16) -> float:
        """POSTs a second with `workers` of them in flight."""

        def worker(number: int, take: client.Take) -> None:
            connection = client.Client(self.port)
            while take() is not None:
                connection.ask("POST", "/offers", self.body)
            connection.close()

        return count / client.in_flight(workers, count, worker)

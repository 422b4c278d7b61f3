"""All services and relays as processes that come back in a tenth of a second, forked by two nurseries (nursery.py)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.local.paths import ROOT
from shared.bus import topology

SERVICES = topology.services()


class Nursery:
    """A parent of forked processes (nursery.py)."""

    def __init__(
        self, kind: str, orders: Sequence[Mapping[str, Any]], folder: Path, environment: Mapping[str, str]
    ) -> None:
        config = folder / f"{kind}-{uuid4().hex[:6]}.json"
        config.write_text(json.dumps(orders))
        self.log = folder / f"nursery-{kind}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.nursery", kind, str(config)],
                env={**os.environ, **environment},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.handlers: dict[str, list[str]] = {}
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("handlers "):
                self.handlers = json.loads(line.split(" ", 1)[1])
            if line.startswith("nursery "):
                break
        else:
            raise AssertionError(f"the nursery of {kind} did not start: {self.log.read_text()[-2000:]}")

    def next_end(self) -> tuple[str, int]:
        """Name and status of the next process that ends."""
        assert self.process.stdout is not None
        name, _, status = self.process.stdout.readline().split()
        return name, int(status)

    def close(self) -> list[tuple[str, int]]:
        """End all of them; which processes had ended by themselves before, and how."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        ends = [line.split() for line in self.process.stdout]
        self.process.wait(20)
        return [(name, int(status)) for name, _, status in ends]


@contextlib.contextmanager
def processes(folder: Path, environment: dict[str, str]) -> Iterator[Nursery]:
    """All services with their relays, on prepared databases. AssertionError in the end when one has ended otherwise than by a crash."""

    def order(name: str, module: str, argument: str, **more: Any) -> dict[str, Any]:
        log = str(folder / f"{name}.log")
        return {"name": name, "module": module, "arguments": [argument], "environment": environment, "log": log, **more}

    once = [order(f"{s}-prepare", "shared.bus.prepare", s, once=True) for s in SERVICES]
    preparing = Nursery("plain", once, folder, environment)
    for _ in once:
        name, status = preparing.next_end()
        assert status == 0, f"{name}: {(folder / f'{name}.log').read_text()}"
    preparing.close()
    relays = Nursery("plain", [order(f"{s}-relay", "shared.bus.relay", s) for s in SERVICES], folder, environment)
    green = environment | {"PSYCOPG_WAIT_FUNC": "wait_selector"}
    services = Nursery("services", [order(s, "shared.bus.run", f"services.{s}.service") for s in SERVICES], folder, green)  # fmt: skip
    try:
        yield services
    finally:
        ends = services.close() + relays.close()
    wrong = [end for end in ends if end[1] != -9]
    assert not wrong, f"ended by themselves: {wrong}"

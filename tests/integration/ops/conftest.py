"""The database and the queues of offers with the sample's table, and the command line as an operator types it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.bus.inbox import Handler, Inbox
from shared.bus.postgres import PostgresDatabase
from shared.ops.command_line import main
from tests.integration.bus.conftest import sample_database, sample_environment
from tests.integration.bus.sample import HANDLERS, TABLES, hear

__all__ = ["sample_database", "sample_environment"]


@dataclass
class Said:
    """What the command line answered."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Ops = Callable[..., Said]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where it is written down what was done."""
    return tmp_path / "ops.log"


@pytest.fixture
def ops(
    sample_environment: dict[str, str], log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Ops]:
    """`ops("dead", "list")`: the service offers and its broker, and no other."""
    for name, value in (sample_environment | {"ACCORD_OPS_LOG": str(log)}).items():
        monkeypatch.setenv(name, value)
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    kept = dict(os.environ)

    def say(*words: str) -> Said:
        capsys.readouterr()
        try:
            status = main(words)
        except SystemExit as ended:
            status = int(ended.code or 0)
        read = capsys.readouterr()
        return Said(status, read.out, read.err)

    yield say
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    os.environ.clear()
    os.environ.update(kept)


class Ears:
    """Hears like the sample service, but for the word `poison` only once it is cured."""

    def __init__(self) -> None:
        self.cured = False

    def hear(self, work: Any, message: Any, now: Any) -> None:
        if message.data.word == "poison" and self.cured:
            message.data.__dict__["word"] = "remedy"
        hear(work, message, now)


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def inbox(sample_database: PostgresDatabase, ears: Ears) -> Inbox:
    """The inbox of offers; a failing message may be tried again at once."""
    handlers = {key: Handler(handler.model, ears.hear) for key, handler in HANDLERS.items()}
    return Inbox(sample_database, "offers", TABLES, handlers, jitter=lambda: 0.0, back_off=[0.0] * 4)

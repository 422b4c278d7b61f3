"""Where an operator's settings come from: never from two stacks at once."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ops import environment
from shared.ops.trouble import Trouble


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    handlers, level, kept = list(logging.getLogger().handlers), logging.getLogger().level, dict(os.environ)
    for name in kept:
        if name.startswith("ACCORD_"):
            del os.environ[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "env").write_text(
        "ACCORD_AMQP_URI=amqp://local\nACCORD_OFFERS_OPS_DATABASE_URL=postgresql://local/a=b\n"
    )
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    os.environ.clear()
    os.environ.update(kept)


def test_without_any_setting_those_of_the_local_stack_are_read() -> None:
    environment.load(None)
    assert os.environ["ACCORD_OFFERS_OPS_DATABASE_URL"] == "postgresql://local/a=b"


def test_with_a_database_in_the_environment_the_local_stack_is_left_alone() -> None:
    os.environ["ACCORD_HISTORY_DATABASE_URL"] = "postgresql://production"
    environment.load(None)
    assert "ACCORD_OFFERS_OPS_DATABASE_URL" not in os.environ


def test_the_servers_that_the_local_stack_was_told_to_use_are_no_settings_of_services() -> None:
    os.environ["ACCORD_DATABASE_URL"] = "postgresql://admin"
    os.environ["ACCORD_AMQP_URI"] = "amqp://given"
    environment.load(None)
    assert os.environ["ACCORD_AMQP_URI"] == "amqp://local"


def test_a_named_file_counts_alone(tmp_path: Path) -> None:
    os.environ["ACCORD_HISTORY_DATABASE_URL"] = "postgresql://production"
    (tmp_path / "other").write_text("ACCORD_AMQP_URI=amqp://other\n")
    environment.load("other")
    assert os.environ["ACCORD_AMQP_URI"] == "amqp://other"
    assert "ACCORD_HISTORY_DATABASE_URL" not in os.environ


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(Trouble, match=r"The file of settings nowhere cannot be read"):
        environment.load("nowhere")


def test_what_is_done_is_written_beside_the_local_stacks_logs_for_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / ".run" / "log").mkdir()
    environment.load(None)
    environment.note("dead drop", ref="offers-1")
    log = tmp_path / ".run" / "log" / "ops.log"
    assert '"action": "dead drop"' in log.read_text() and environment.operator() in log.read_text()
    assert log.stat().st_mode & 0o077 == 0

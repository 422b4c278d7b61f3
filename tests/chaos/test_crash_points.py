"""A part of every crash point × every command and message × both sides (promise R2); the whole is `make crashes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.chaos.forked import SERVICES
from tests.chaos.points import run
from tests.support.servers import PostgresServer, RabbitServer

SEED = 1


def test_a_crash_at_any_point_leaves_one_effect_on_each_side(
    service_databases: Callable[..., dict[str, str]],
    postgres_server: PostgresServer,
    broker: RabbitServer,
    tmp_path: Path,
) -> None:
    environment = service_databases(*SERVICES) | broker.environment()
    broker.empty()
    report = run(tmp_path, environment, postgres_server.admin_url, whole=False, seed=SEED)
    print(report.table())
    assert not report.problems, "\n".join(report.problems)
    broker.empty()

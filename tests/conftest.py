"""Fixtures every test may ask for; what they give is described in tests/support/servers.py. And the two lanes in which all tests run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from deploy.local.ports import PART
from tests.support.servers import PostgresServer, RabbitServer, prepare, temporary_folder
from tests.support.stack import Stack, running_stack

ON_THE_STACK = {"browser", "e2e", "outages", "security"}
"""Folders whose tests share one running stack, and so one lane; all else follows file by file wherever there is room."""

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ[PART] = (
        f"{os.environ['PYTEST_XDIST_WORKER'].removeprefix('gw')}/{os.environ['PYTEST_XDIST_WORKER_COUNT']}"
    )


class Lanes(LoadScopeScheduling):  # type: ignore[misc]
    """What goes to one process as a whole: everything on the stack, and each other file."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "the stack" if file.split("/")[1] in ON_THE_STACK else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    return Lanes(config, log)


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(servers_folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_admin_url(postgres_server: PostgresServer) -> str:
    return postgres_server.admin_url


@pytest.fixture(scope="session")
def broker(servers_folder: Path) -> Iterator[RabbitServer]:
    server = RabbitServer(servers_folder)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def service_databases(postgres_server: PostgresServer) -> Callable[..., dict[str, str]]:
    return postgres_server.databases


@pytest.fixture
def services(
    service_databases: Callable[..., dict[str, str]], broker: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, str]]:
    def make(*names: str, prepared: bool = True, cell: str = "shared") -> dict[str, str]:
        environment = {**service_databases(*names), **broker.environment(cell)}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        broker.empty()
        if prepared:
            for name in names:
                prepare(name, environment)
        return environment

    return make


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole of Accord, running; one for all tests that ask for it."""
    with running_stack() as running:
        yield running

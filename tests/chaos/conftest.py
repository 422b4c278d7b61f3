"""A stack behind fault proxies, one for the tests that hurt it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.chaos.place import Place, place


@pytest.fixture(scope="package")
def runner() -> Iterator[asyncio.Runner]:
    """The loop in which the proxies live: they pass nothing on while it does not run."""
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="package")
def here(runner: asyncio.Runner) -> Iterator[Place]:
    block = place()
    yield runner.run(block.__aenter__())
    runner.run(block.__aexit__(None, None, None))

"""Processes start in any order, wait for what is not there, and end when they are told to, whatever is away (promise R6).

`ACCORD_CHAOS=1` stops and starts every process in every state, a memory alarm among them; without it each is stopped in one of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from deploy.local.paths import SERVICES
from tests.outages.processes import Town
from tests.support.servers import temporary_folder, until

THOROUGH = os.environ.get("ACCORD_CHAOS") == "1"
FIRST = [name for service in SERVICES[:3] for name in (service, f"{service}-relay")]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with temporary_folder() as folder, Town(folder) as town:
        yield town


def test_each_process_starts_alone_waits_becomes_ready_and_ends_whatever_is_away(town: Town) -> None:
    everything = list(town.programs)

    # Nothing is there: no broker, no database, no queue, no table, no neighbour that answers.
    town.start(everything)
    assert set(town.say(everything, "/readyz").values()) == {503}
    assert set(town.say(everything, "/healthz").values()) == {200}
    if THOROUGH:
        town.end(everything)
        town.start(everything)
    town.bring_servers()
    town.until_ready(everything, 90)
    town.assert_running()

    # The broker goes.
    town.broker.kill()
    until(lambda: set(town.say(FIRST, "/readyz").values()) == {503}, 30)
    assert set(town.say(everything, "/healthz").values()) == {200}
    town.end(everything if THOROUGH else FIRST)
    town.broker.start()
    town.start(everything if THOROUGH else FIRST[:2])
    # The gateway waits for services that this test has ended.
    town.until_ready([name for name in town.running if name != "gateway" or THOROUGH], 90)

    # The broker takes nothing.
    if THOROUGH:
        town.broker.control("set_vm_memory_high_watermark", "0")
        for _ in range(2):
            town.end(everything)
            town.start(everything)
        town.broker.control("set_vm_memory_high_watermark", "0.4")
        town.until_ready(everything, 90)

    # The database goes.
    town.postgres.kill()
    town.end(town.running)

"""A loop that stands still is reported with the place at which it did; a machine that runs others is not our fault."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from shared import watchdog
from shared.watchdog import STALL_S, own_share


def test_the_time_in_which_the_machine_ran_others_is_taken_off() -> None:
    assert own_share(0.5, waited=0.0, used=0.0, looks=0) == 0.5, "blocked, or computing"
    assert own_share(0.5, waited=0.45, used=0.05, looks=10) == pytest.approx(0.05)


def test_without_that_figure_what_it_computed_or_could_have_run_counts() -> None:
    assert own_share(0.5, waited=None, used=0.4, looks=0) == 0.4, "it computed and let nobody in"
    assert own_share(0.5, waited=None, used=0.0, looks=12) == pytest.approx(0.48), "it slept, and others ran on time"
    assert own_share(0.5, waited=None, used=0.01, looks=1) < STALL_S, "nobody of us ran"


def stand_still(seconds: float) -> None:
    time.sleep(seconds)


def test_a_blocked_loop_is_reported_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        watchdog.watch_loop("test-loop")
        await asyncio.sleep(0.2)
        stand_still(0.4)
        await asyncio.sleep(0.2)

    before = watchdog.STALLS.labels("test-loop")._value.get()
    with caplog.at_level(logging.WARNING, "accord.watchdog"):
        asyncio.run(scenario())
    told = [record for record in caplog.records if any("stand_still" in at for at in record.stack)]  # type: ignore[attr-defined]
    assert told, [vars(record) for record in caplog.records]
    assert told[0].seconds > STALL_S  # type: ignore[attr-defined]
    assert watchdog.STALLS.labels("test-loop")._value.get() > before


def test_a_loop_that_runs_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        dog = watchdog.watch_loop("calm-loop")
        for _ in range(20):
            await asyncio.sleep(0.01)
            dog.look()

    with caplog.at_level(logging.WARNING, "accord.watchdog"):
        asyncio.run(scenario())
    assert not [record for record in caplog.records if record.name == "accord.watchdog"]

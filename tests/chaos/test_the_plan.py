"""What goes wrong follows from the seed, and everything goes wrong, however short the run; commands and faults keep step."""

from __future__ import annotations

import asyncio

import pytest

from deploy.local.paths import SERVICES
from tests.chaos.faults import PROCESSES, RELAYS, SERVERS, plan
from tests.chaos.pace import AHEAD, Pace

OTHERWISE = {
    "pause", "latency", "cut", "half-open", "commit unanswered", "confirm lost", "acknowledgement lost", "nobody takes",
    "crash point",
}  # fmt: skip


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("kills", [10, 20])
def test_a_short_run_meets_every_kind_of_fault(seed: int, kills: int) -> None:
    faults = plan(seed, kills)
    killed = [f.target for f in faults if f.kind == "kill"]
    assert len(killed) == kills
    assert all(
        set(killed) & set(kind) for kind in (SERVICES, RELAYS, ["mailer"], ["gateway"], ["broker"], ["database"])
    )
    assert {f.kind for f in faults} == {"kill", *OTHERWISE}


def test_a_long_run_kills_everything() -> None:
    assert {f.target for f in plan(1, 200) if f.kind == "kill"} == {*PROCESSES, *SERVERS}


def test_the_same_seed_is_the_same_plan_and_another_seed_another() -> None:
    assert plan(7, 20) == plan(7, 20) != plan(8, 20)


def test_commands_wait_for_faults_that_lag_behind_and_faults_for_their_place() -> None:
    async def scenario() -> None:
        pace = Pace(100, [10, 20, 30, 40])
        for _ in range(30):
            await pace.ticket()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pace.ticket()
        await pace.fault()
        pace.fault_over()
        await pace.ticket()
        assert pace.taken == 31 and AHEAD == 2
        waiting = asyncio.create_task(pace.ticket())
        for _ in range(9):
            await asyncio.sleep(0)
        pace.no_more_faults()
        await waiting
        while not pace.over:
            await pace.ticket()

    asyncio.run(scenario())

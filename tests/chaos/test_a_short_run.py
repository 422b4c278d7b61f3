"""A short run of `make chaos` (promise R1): nothing is lost, doubled or diverged, and it met everything that it is there to meet.

The long one is `make chaos`; a thousand commands with twenty kills are `make chaos COMMANDS=1000 KILLS=20`.
"""

from __future__ import annotations

import asyncio

from tests.chaos.place import Place
from tests.chaos.running import work

SEED, COMMANDS, KILLS, PAIRS = 5, 250, 10, 6


def test_nothing_is_lost_doubled_or_diverged_while_everything_is_killed(runner: asyncio.Runner, here: Place) -> None:
    result = runner.run(work(here, seed=SEED, commands=COMMANDS, kills=KILLS, pairs=PAIRS))
    print(result)
    assert result.well, f"\n{result}"

"""Every interleaving of what people do and what is delivered: both sides end the same, nothing is doubled, nothing is stuck.

The production handlers, over streams as the real inbox makes them (test_inbox.py). `make explore` adds the large scenarios.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.exploration import scenarios
from tests.exploration.world import Scenario, World

LEAST = {
    "offer": 65_000,
    "ending": 75_000,
    "re-adding": 13_000,
    "again": 6_000,
    "crossing": 350_000,
    "held": 85_000,
    "nobody there": 1_500,
    "nobody there, and held": 30_000,
}
"""How many states there are at least: fewer would mean that something can no longer happen."""


@pytest.mark.parametrize("scenario", scenarios.SMALL, ids=lambda scenario: scenario.name)
def test_whatever_happens_when_both_sides_agree_and_nothing_is_stuck(
    scenario: Scenario, holds: Callable[..., None]
) -> None:
    holds(f"rules: {scenario.name}", World(scenario).explore(), LEAST[scenario.name])

"""What is explored: small enough to be exhausted, large enough that each rule is needed."""

from __future__ import annotations

from dataclasses import replace

from tests.exploration.world import Scenario

OFFER = Scenario(
    name="offer",
    offered=("Ada", "Ben"),
    most=1,
    budget={
        "kazenor sends": 1,
        "kazenor takes back": 1,
        "kazenor hears its clock": 1,
        "northwind hears its clock": 1,
        "northwind accepts": 1,
        "northwind declines": 1,
        "kazenor ends": 1,
        "northwind ends": 1,
        "kazenor proposes": 1,
        "northwind proposes": 1,
        "kazenor answers": 1,
        "northwind answers": 1,
    },
)
ENDING = Scenario(
    name="ending",
    begun=True,
    budget={
        "kazenor proposes": 1,
        "northwind proposes": 1,
        "kazenor withdraws": 1,
        "northwind withdraws": 1,
        "kazenor answers": 1,
        "northwind answers": 1,
        "kazenor ends": 1,
        "northwind ends": 1,
    },
)
READDING = Scenario(
    name="re-adding",
    begun=True,
    budget={
        "kazenor proposes": 2,
        "kazenor withdraws": 1,
        "northwind proposes": 1,
        "kazenor answers": 1,
        "northwind answers": 2,
    },
)
AGAIN = Scenario(
    name="again",
    begun=True,
    people=("Ada",),
    budget={
        "kazenor proposes": 2,
        "northwind proposes": 2,
        "kazenor withdraws": 1,
        "northwind withdraws": 1,
        "kazenor answers": 2,
        "northwind answers": 2,
    },
)
CROSSING = Scenario(
    name="crossing",
    begun=True,
    budget={
        "kazenor proposes": 2,
        "northwind proposes": 2,
        "kazenor withdraws": 1,
        "northwind withdraws": 1,
        "kazenor answers": 2,
        "northwind answers": 2,
    },
)
THREE = Scenario(
    name="three",
    begun=True,
    budget={
        "kazenor proposes": 3,
        "northwind proposes": 2,
        "kazenor withdraws": 1,
        "northwind withdraws": 1,
        "kazenor answers": 1,
        "northwind answers": 1,
        "kazenor ends": 1,
    },
)
HELD = Scenario(
    name="held",
    contacts=False,
    receipts=True,
    budget={
        "kazenor sends": 2,
        "kazenor takes back": 2,
        "kazenor hears its clock": 1,
        "northwind accepts": 2,
        "northwind declines": 1,
        "kazenor ends": 1,
        "northwind ends": 1,
    },
)
NOBODY = Scenario(
    name="nobody there",
    mailbox=False,
    budget={
        "kazenor sends": 1,
        "kazenor takes back": 1,
        "kazenor reminds of": 1,
        "northwind accepts": 1,
        "northwind declines": 1,
        "a copy": 1,
    },
)
NOBODY_AND_HELD = Scenario(
    name="nobody there, and held",
    contacts=False,
    receipts=True,
    mailbox=False,
    budget={
        "kazenor sends": 2,
        "kazenor takes back": 1,
        "northwind accepts": 1,
        "northwind ends": 1,
        "a copy": 1,
    },
)
SMALL = (OFFER, ENDING, READDING, AGAIN, CROSSING, HELD, NOBODY, NOBODY_AND_HELD)
"""What `make test` explores."""

ENDING_TWO = replace(ENDING, name="ending, two proposals", budget={**ENDING.budget, "kazenor proposes": 2})
AGAIN_THREE = replace(
    AGAIN,
    name="again, three a side",
    budget={**AGAIN.budget, "kazenor proposes": 3, "northwind proposes": 3, "northwind ends": 1},
)
HELD_TWICE = replace(
    HELD,
    name="held twice",
    budget={**HELD.budget, "kazenor sends": 3, "kazenor takes back": 3, "northwind declines": 2},
)
NOBODY_AND_MORE = replace(
    NOBODY_AND_HELD,
    name="nobody there, and held (large)",
    budget={**HELD.budget, "a copy": 1},
)
LARGE = (ENDING_TWO, AGAIN_THREE, HELD_TWICE, NOBODY_AND_MORE, THREE)
"""What `make explore` explores besides."""

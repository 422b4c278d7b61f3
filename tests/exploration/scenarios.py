"""What is explored: small enough to be exhausted, large enough that each rule is needed."""

from __future__ import annotations

from tests.exploration.world import Scenario

OFFER = Scenario(
    name="offer",
    budget={
        "kazenor sends": 1,
        "kazenor takes back": 1,
        "kazenor hears its clock": 1,
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
        "kazenor answers": 2,
        "northwind answers": 2,
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

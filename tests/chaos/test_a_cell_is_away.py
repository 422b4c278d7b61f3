"""The other side is down for a day, and nothing changes but the waiting (promise R9): a cell of its own stands still for a while."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx

from tests.chaos.place import Place, another_cell
from tests.support.pair import Pair
from tests.support.servers import until
from tests.support.stack import PASSWORD, Business, Stack

COMMANDS = 500
ALONGSIDE = 10
"""So many changes of a partnership that has nothing to do with it are timed before, and so many meanwhile."""
BACK_WITHIN = 120.0


def test_what_was_done_while_a_cell_stood_still_arrives_whole_and_in_order(runner: asyncio.Runner, here: Place) -> None:
    tenants = [f"{name}-{secrets.token_hex(4)}" for name in ("lasting", "ending", "offered")]

    async def main() -> None:
        async with another_cell(here, tenants[0], *tenants) as far:
            await asyncio.to_thread(stand_still, here.stack, far, tenants)

    runner.run(main())


def stand_still(stack: Stack, far: Stack, tenants: list[str]) -> None:
    near = stack.register("near")
    away = [far.register(tenant=tenant) for tenant in tenants]
    lasting, ending, offered = (Pair(stack, near, customer, "Mia", "Olof", "Eva") for customer in away)
    others = Pair(stack, near, stack.register("beside"), "Lars", "Nils")
    lasting.begin("Mia")
    ending.begin("Mia")
    offered.offer("Mia")
    others.begin("Lars")
    body = {"name": "Bea", "email": f"bea@{near.tenant}.example", "role": "partnerships", "password": PASSWORD}
    bea = near.post("/users", body, 201)["id"]
    near.post(lasting.path("managers"), {"contact_ids": [bea]}, 201)
    before = [seconds_to_cross(others) for _ in range(ALONGSIDE)]

    far.supervisor.stopProcessGroup("accord")
    meanwhile = []
    to_do = commands(lasting, bea)
    for n in range(COMMANDS):
        if n == COMMANDS // 3:
            near.post(ending.path("termination"), {"reason": "We are done"})
            ending.partner.until(ending.id, 1, status="terminated")
        elif n == COMMANDS // 2:
            near.post(offered.path("withdrawal"), {"reason": "Too late"})
            offered.partner.until(offered.id, 1, status="withdrawn")
        else:
            next(to_do)
        if n % (COMMANDS // ALONGSIDE) == 0:
            meanwhile.append(seconds_to_cross(others))
    # Whoever waits for the other cell waits for seconds; the rest is what else this machine does.
    assert statistics.median(meanwhile) < 5 * statistics.median(before) + 0.5, (before, meanwhile)

    far.supervisor.startProcessGroup("accord")
    until(lambda: ready(far), 60, "the other cell is back")
    until(lambda: same(lasting) and same(ending) and same(offered), BACK_WITHIN, "both cells show the same")
    phone = near.get("/tenants/current")["phone"]
    until(lambda: profile(lasting)["phone"] == phone, 30, f"the last of the profiles: {phone}, not {profile(lasting)}")
    ending.agree(status="terminated")
    offered.agree(status="withdrawn")
    lasting.agree(status="accepted", pending=0, count=1)


def commands(pair: Pair, bea: str) -> Iterator[None]:
    """What a partner can do over and over while nobody answers: a command at each step, each saying something to the other side."""
    near = pair.partner
    for n in count():
        for name in ("Olof", "Eva"):
            mid = pair.propose(near, add=(name,))
            yield
            near.post(pair.path(f"modifications/{mid}/withdrawal"))
            yield
        near.ask("PUT", pair.path("owner"), 200, {"contact_id": near.user["id"] if n % 2 else bea})
        yield
        near.ask("PATCH", "/tenants/current", 200, {"phone": f"+46 {n}"})
        yield


def seconds_to_cross(pair: Pair) -> float:
    """From a command to its effect at the other side; taken back then."""
    began = time.monotonic()
    mid = pair.propose(pair.partner, add=("Nils",))
    pair.until_modification(pair.customer, mid)
    took = time.monotonic() - began
    pair.partner.post(pair.path(f"modifications/{mid}/withdrawal"))
    pair.until_modification(pair.customer, mid, state="withdrawn")
    return took


def ready(stack: Stack) -> bool:
    try:
        return httpx.get(f"{stack.url}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def same(pair: Pair) -> bool:
    """Both histories tell the same, in the same order."""
    ours, theirs = (told(side, pair.path("history")) for side in pair.both)
    return ours == theirs


def told(side: Business, path: str) -> list[tuple[str, str, str]]:
    """The shared entries, the newest first."""
    return [(e["type"], e["at"], e["by"]["name"]) for e in side.all(path) if e["shared"]]


def profile(pair: Pair) -> Any:
    """What the customer knows of the partner."""
    return (pair.customer.partnership(pair.id) or {})["counterpart"]["profile"]

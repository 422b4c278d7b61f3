"""How many may do what is costly at once, and who is next."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from services.gateway.limits import Turns
from shared.errors import RateLimited


class Crowd:
    """People at their turns; `let(name)` ends one's."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.inside, self.refused = turns, [], []  # type: ignore[var-annotated]
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def come(self, *names: str) -> None:
        """`a1` comes from the address `a`."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._take(name))
            await self.settle()

    async def let(self, name: str) -> None:
        self._ends[name].set()
        await self.settle()

    async def give_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def _take(self, name: str) -> None:
        try:
            async with self.turns.turn(name[0]):
                self.inside.append(name)
                await self._ends[name].wait()
                self.inside.remove(name)
        except RateLimited:
            self.refused.append(name)

    async def home(self) -> None:
        for end in self._ends.values():
            end.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def test_whoever_comes_from_elsewhere_is_next_however_many_wait() -> None:
    async def run() -> None:
        crowd = Crowd(Turns(at_once=3, each=2, waiting=100, seconds=60))
        await crowd.come("a1", "a2", "a3", "a4", "b1", "b2", "c1")
        assert crowd.inside == ["a1", "a2", "b1"]
        await crowd.let("a1")
        assert crowd.inside == ["a2", "b1", "c1"]
        await crowd.let("b1")
        assert crowd.inside == ["a2", "c1", "b2"]
        await crowd.let("c1")
        assert crowd.inside == ["a2", "b2", "a3"]
        await crowd.home()
        await crowd.come("d1", "d2", "e1")
        assert crowd.inside == ["d1", "d2", "e1"]
        await crowd.home()

    asyncio.run(run())


def test_too_many_who_wait_are_refused_at_once() -> None:
    async def run() -> None:
        crowd = Crowd(Turns(at_once=1, each=1, waiting=4, seconds=60))
        await crowd.come("a1", "a2", "a3", "a4", "a5")
        assert crowd.refused == ["a4", "a5"]
        await crowd.come("b1", "b2", "b3")
        assert crowd.refused == ["a4", "a5", "b3"]
        await crowd.home()

    asyncio.run(run())


def test_nobody_waits_for_ever_and_whoever_gives_up_takes_no_turn() -> None:
    async def run() -> None:
        crowd = Crowd(Turns(at_once=1, each=1, waiting=10, seconds=0.05))
        await crowd.come("a1", "a2")
        for _ in range(200):
            await asyncio.sleep(0.01)
            if crowd.refused:
                break
        assert crowd.refused == ["a2"]
        crowd.turns.seconds = 60
        await crowd.come("a3", "a4", "a5")
        await crowd.give_up("a3")
        await crowd.let("a1")
        assert crowd.inside == ["a4"]
        await crowd.give_up("a4")
        assert crowd.inside[-1] == "a5"
        await crowd.home()

    asyncio.run(run())


def test_a_refusal_says_when_to_come_again() -> None:
    async def run() -> None:
        turns = Turns(at_once=0, each=1, waiting=0, seconds=1)
        with pytest.raises(RateLimited) as refused:
            async with turns.turn("a"):
                raise AssertionError
        assert refused.value.info["retry_after"] == 1

    asyncio.run(run())

"""Commands and faults keep step: each fault has its place among the commands, on a slow machine too."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

AHEAD = 2
"""So many faults may commands run ahead of the one that is happening."""


class Pace:
    """Numbers the commands; `places` says at which command each fault begins."""

    def __init__(self, commands: int, places: Sequence[int]) -> None:
        self.commands, self.places = commands, places
        self.taken = 0
        self._faults = 0
        self._moved = asyncio.Event()
        self._unheard: list[asyncio.Event] = []

    @property
    def over(self) -> bool:
        """Whether all commands were given: what is begun is brought to an end."""
        return self.taken >= self.commands

    async def ticket(self) -> None:
        """Wait until one more command may go."""
        while self.taken >= self._limit():
            await self._changed()
        self.taken += 1
        self._move()

    async def fault(self) -> None:
        """Wait until it is the next fault's turn."""
        while self.taken < min(self.places[self._faults], self.commands):
            await self._changed()

    def fault_over(self) -> None:
        """A fault has happened, and what it hit is back."""
        self._faults += 1
        self._move()

    def no_more_faults(self) -> None:
        """Nobody waits for faults any more."""
        self._faults = len(self.places)
        self._move()

    async def unheard(self, seconds: float) -> None:
        """From now on no offer arrives; returns when one was sent, or after so many seconds."""
        self._unheard = [asyncio.Event(), asyncio.Event()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._unheard[0].wait()

    def heard(self) -> None:
        """Offers arrive again."""
        for event in self._unheard:
            event.set()
        self._unheard = []

    async def offered(self) -> bool:
        """An offer was sent. Whether it does not arrive now; then this returns when the next one would."""
        if not self._unheard:
            return False
        sent, again = self._unheard
        sent.set()
        await again.wait()
        return True

    def _limit(self) -> float:
        if self._faults >= len(self.places):
            return float("inf")
        ahead = self._faults + AHEAD
        return self.places[ahead] if ahead < len(self.places) else self.commands

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    async def _changed(self) -> None:
        await self._moved.wait()

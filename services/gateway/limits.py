"""How many at once may do what is costly. Kept in the memory of this one process: how often, accounts counts."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator

from shared.errors import RateLimited

BUSY = "Many are logging in at this moment. Try again in a second."


class Turns:
    """At most `at_once` do something, `each` of them from one address; of those who wait for their turn at most `waiting`, for `seconds`.

    It is the turn of whoever has the fewest inside, so that however many come from one address, somebody at another one is served next.
    """

    def __init__(self, at_once: int, each: int, waiting: int, seconds: float) -> None:
        self.each, self.waiting, self.seconds = each, waiting, seconds
        self._free = at_once
        self._inside: Counter[str] = Counter()
        self._queue: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._length = 0

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """The time of one turn. Raises RateLimited when too many wait, or it does not come in time."""
        await self._come_in(address)
        try:
            yield
        finally:
            self._leave(address)

    async def _come_in(self, address: str) -> None:
        queue = self._queue.setdefault(address, deque())
        if self._length >= self.waiting or len(queue) >= self.waiting // 2:
            raise RateLimited(BUSY, retry_after=1)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._length += 1
        self._wake()
        try:
            async with asyncio.timeout(self.seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():  # it came at that very moment
                self._leave(address)
            else:
                self._forget(address, turn)
            if isinstance(error, TimeoutError):
                raise RateLimited(BUSY, retry_after=1) from None
            raise

    def _leave(self, address: str) -> None:
        self._free += 1
        self._inside[address] -= 1
        if not self._inside[address]:
            del self._inside[address]
        self._wake()

    def _wake(self) -> None:
        while self._free and self._queue:
            address = min(self._queue, key=lambda one: self._inside[one])
            if self._inside[address] >= self.each:
                return
            turn = self._queue[address][0]
            self._forget(address, turn)
            if not turn.done():
                self._free -= 1
                self._inside[address] += 1
                turn.set_result(None)

    def _forget(self, address: str, turn: asyncio.Future[None]) -> None:
        queue = self._queue.get(address)
        if queue is not None and turn in queue:
            queue.remove(turn)
            self._length -= 1
            if not queue:
                del self._queue[address]

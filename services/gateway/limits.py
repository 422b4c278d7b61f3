"""How often one address may do something that needs no login. Kept in the memory of this one process."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from math import ceil

from shared.errors import RateLimited

ADDRESSES = 100_000


class Limit:
    """At most `times` in any `seconds` for each address."""

    def __init__(self, times: int, seconds: float) -> None:
        self.times, self.seconds = times, seconds
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Count one; returns what `give_back` needs. Raises RateLimited with `retry_after`."""
        now = time.monotonic()
        taken = self._taken.setdefault(address, deque())
        self._taken.move_to_end(address)
        while taken and now - taken[0] >= self.seconds:
            taken.popleft()
        if len(taken) >= self.times:
            raise RateLimited(retry_after=ceil(self.seconds - (now - taken[0])))
        taken.append(now)
        while len(self._taken) > ADDRESSES:
            self._taken.popitem(last=False)
        return now

    def give_back(self, address: str, at: float) -> None:
        """What was taken at `at` came to nothing and does not count."""
        taken = self._taken.get(address)
        if taken is not None and at in taken:
            taken.remove(at)

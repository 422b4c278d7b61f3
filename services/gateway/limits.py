"""How often one address may do something that needs no login. Kept in the memory of this one process."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from math import ceil

from shared import settings
from shared.errors import RateLimited

ADDRESSES = 100_000


class Limit:
    """At most so many in any `seconds` for each address; how many is the setting `name`, `usual` unless set."""

    def __init__(self, name: str, usual: int, seconds: float) -> None:
        self.name, self.usual, self.seconds = name, usual, seconds
        self._taken: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Count one; returns what `give_back` needs. Raises RateLimited with `retry_after` in seconds."""
        now = time.monotonic()
        taken = self._taken.setdefault(address, deque())
        self._taken.move_to_end(address)
        while taken and now - taken[0] >= self.seconds:
            taken.popleft()
        if len(taken) >= settings.number(self.name, self.usual):
            raise RateLimited(retry_after=ceil(self.seconds - (now - taken[0])) if taken else ceil(self.seconds))
        taken.append(now)
        while len(self._taken) > ADDRESSES:
            self._taken.popitem(last=False)
        return now

    def give_back(self, address: str, at: float) -> None:
        """What was taken at `at` came to nothing and does not count."""
        taken = self._taken.get(address)
        if taken is not None and at in taken:
            taken.remove(at)

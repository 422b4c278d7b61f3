"""What the processes count themselves, summed over all their lives: a killed one starts again from nothing."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Mapping

import httpx

from deploy.local.programs import health_names, health_variable

EVERY = 2.0

COUNTED = (
    "accord_messages_handled_total",
    "accord_messages_absorbed_total",
    "accord_messages_early_total",
    "accord_messages_forked_total",
    "accord_messages_failed_total",
    "accord_messages_redelivered_total",
    "accord_messages_sent_again_total",
    "accord_messages_unconfirmed_total",
    "accord_messages_refused_total",
    "accord_mails_sent_total",
    "accord_rpc_seconds_count",
)
_LINE = re.compile(rf"^({'|'.join(COUNTED)})(\{{[^}}]*\}})? ([0-9.e+]+)$", re.MULTILINE)
_LIFE = re.compile(r"^process_start_time_seconds (\S+)$", re.MULTILINE)


class Metrics:
    """The last that was seen of each life of each process. What it counted between that and its death is missing: it is a lower bound."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.urls = {
            name: environment[health_variable(name)] for name in health_names() if health_variable(name) in environment
        }
        self.http = httpx.AsyncClient(timeout=3)
        self._seen: dict[tuple[str, str], dict[str, float]] = {}
        self._before: Counter[str] = Counter()

    async def sample(self, *names: str) -> None:
        """Ask these processes, or all; one that does not answer is left out."""

        async def one(name: str) -> None:
            try:
                text = (await self.http.get(f"{self.urls[name]}/metrics")).text
            except (httpx.HTTPError, KeyError):
                return
            if life := _LIFE.search(text):
                counts: defaultdict[str, float] = defaultdict(float)
                for counter, labels, value in _LINE.findall(text):
                    counts[counter + (' outcome="repeated"' if 'outcome="repeated"' in labels else "")] += float(value)
                self._seen[name, life[1]] = counts

        await asyncio.gather(*(one(name) for name in names or self.urls))

    async def follow(self) -> None:
        """Sample for ever."""
        while True:
            await self.sample()
            await asyncio.sleep(EVERY)

    def begin(self) -> None:
        """What was counted so far is of an earlier run."""
        self._before = self._sum()

    def total(self) -> Counter[str]:
        """What was counted since `begin`, by the name of the counter."""
        return self._sum() - self._before

    def _sum(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for counts in self._seen.values():
            for name, value in counts.items():
                found[name] += int(value)
        return found

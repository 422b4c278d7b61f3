"""What goes wrong, drawn from the seed: processes killed and paused, and a network that does its worst."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import kombu
import psutil

from deploy.local.paths import SERVICES
from shared.bus import crash, topology
from tests.chaos.metrics import Metrics
from tests.chaos.pace import Pace
from tests.chaos.place import Place
from tests.chaos.proxy import ACKNOWLEDGE, COMMIT, PUBLISH, Direction, Link, Proxy

RELAYS = tuple(f"{service}-relay" for service in SERVICES)
PROCESSES = (*SERVICES, *RELAYS, "mailer", "gateway")
SERVERS = ("broker", "database")
BUSY = ("offers", "contacts")
"""Where something is committed, published and acknowledged all the time."""
BACK_WITHIN = 60.0
OFFERED_WITHIN = 10.0


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: `target` is a process, a server or a service; `seconds` how long it lasts."""

    kind: str
    target: str
    seconds: float = 0.0
    more: str = ""

    def __str__(self) -> str:
        return " ".join(
            filter(None, [self.kind, self.target, self.more, f"{self.seconds:.1f} s" if self.seconds else ""])
        )


def plan(seed: int, kills: int) -> list[Fault]:
    """The faults of a run in their order: so many kills of everything that runs, and beside them the other kinds, at least one of each."""
    chance = random.Random(f"faults {seed}")
    each = max(1, kills // 10)
    # Of each kind one is killed, however short the run is.
    deck = [*SERVERS * each, chance.choice(SERVICES), chance.choice(RELAYS), "gateway", "mailer"]
    while len(deck) < kills:
        deck += chance.sample(PROCESSES, len(PROCESSES))
    faults = [Fault("kill", target) for target in deck[:kills]]
    last = faults[:2]
    for n in range(each):
        speaker = chance.choice(topology.SPEAKS_TO_PEERS)
        paused = (speaker, chance.choice(PROCESSES), *SERVERS)[n % 4]
        # Longer than the five seconds after which a message is sent again, so that it comes twice.
        faults.append(Fault("pause", paused, chance.uniform(5.5, 8) if n % 4 == 0 else chance.uniform(1, 4)))
        faults.append(
            Fault("latency", chance.choice(SERVERS), chance.uniform(1, 3), f"{chance.uniform(0.02, 0.2):.2f}")
        )
        faults.append(Fault("cut", chance.choice(SERVERS), chance.uniform(0, 1)))
        faults.append(
            Fault("half-open", chance.choice(PROCESSES[:12]), chance.uniform(2, 5), chance.choice(
                [f"{server} {direction}" for server in SERVERS for direction in ("questions", "answers")]
            ))
        )  # fmt: skip
        faults.append(Fault("commit unanswered", chance.choice(BUSY), 10))
        faults.append(Fault("confirm lost", f"{chance.choice(BUSY)}-relay", 10))
        faults.append(Fault("acknowledgement lost", chance.choice(BUSY), 10))
        faults.append(
            Fault(
                "crash point",
                chance.choice(BUSY),
                10,
                chance.choice(crash_points("command", "message") if n else ["command.commit.after"]),
            )
        )
        faults.append(
            Fault("crash point", f"{chance.choice(BUSY)}-relay", 10, chance.choice(crash_points("relay", "receipt")))
        )
        faults.append(Fault("nobody takes", ("offers", "contacts")[n % 2], chance.uniform(0.5, 2)))
    chance.shuffle(faults)
    # Those at the end, when the last commands were given already, need nobody at work.
    return sorted(faults, key=lambda fault: fault in last)


def crash_points(*paths: str) -> list[str]:
    """The crash points of these paths."""
    return [point for point in crash.POINTS if point.startswith(tuple(f"{path}." for path in paths))]


class Faults:
    """Carries faults out, one after another; `happened` counts them as (kind, target)."""

    def __init__(self, here: Place, metrics: Metrics, pace: Pace) -> None:
        self.here, self.metrics, self.pace = here, metrics, pace
        self.happened: Counter[tuple[str, str]] = Counter()

    async def cause(self, fault: Fault) -> bool:
        """Let one fault happen; returns when it is over. Whether it came to pass: there may be nothing that is committed, published …"""
        ways: dict[str, Callable[[Fault], Awaitable[bool]]] = {
            "kill": self._kill,
            "pause": self._pause,
            "latency": self._latency,
            "cut": self._cut,
            "half-open": self._half_open,
            "commit unanswered": self._commit_unanswered,
            "confirm lost": self._confirm_lost,
            "acknowledgement lost": self._acknowledgement_lost,
            "nobody takes": self._nobody_takes,
            "crash point": self._crash_point,
        }
        if not await ways[fault.kind](fault):
            return False
        self.happened[fault.kind, fault.target] += 1
        return True

    # Processes

    async def _kill(self, fault: Fault) -> bool:
        if fault.target in SERVERS:
            server = self.here.rabbit if fault.target == "broker" else self.here.postgres
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            return True
        before = await self._pid(fault.target)
        await self.metrics.sample(fault.target)
        os.kill(before, signal.SIGKILL)
        await self._pid(fault.target, other_than=before)
        return True

    async def _crash_point(self, fault: Fault) -> bool:
        """Let a process end in the middle of its work, at a named step of the bus."""
        crashes, point = self.here.crashes, fault.more
        before = crashes.hit(fault.target, point)
        crashes.arm(fault.target, point)
        loop = asyncio.get_running_loop()
        end = loop.time() + fault.seconds
        while loop.time() < end and crashes.hit(fault.target, point) == before:
            await asyncio.sleep(0.05)
        crashes.disarm()
        return crashes.hit(fault.target, point) > before

    async def _pid(self, name: str, other_than: int = 0) -> int:
        """The pid of a process of the stack, once it runs (again)."""
        async with asyncio.timeout(BACK_WITHIN):
            while (pid := self.here.stack.pids.get(name, other_than)) in (0, other_than):
                await asyncio.sleep(0.05)
        return pid

    async def _pause(self, fault: Fault) -> bool:
        if fault.target == "broker":
            first = self.here.rabbit.pid
        elif fault.target == "database":
            first = self.here.postgres.pid
        else:
            first = await self._pid(fault.target)
        process = psutil.Process(first)
        stopped = [process, *process.children(recursive=True)]
        try:
            for one in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.suspend()
            await asyncio.sleep(fault.seconds)
        finally:
            for one in stopped:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.resume()
        return True

    # The network

    async def _latency(self, fault: Fault) -> bool:
        proxy = self.here.proxies[fault.target]
        proxy.delay = float(fault.more)
        await asyncio.sleep(fault.seconds)
        proxy.delay = 0.0
        return True

    async def _cut(self, fault: Fault) -> bool:
        proxy = self.here.proxies[fault.target]
        links = list(proxy.links)
        proxy.refusing = True
        proxy.cut(*links)
        await asyncio.sleep(fault.seconds)
        proxy.refusing = False
        return bool(links)

    async def _half_open(self, fault: Fault) -> bool:
        server, direction = fault.more.split()
        links, proxy = self.here.links(server, fault.target), self.here.proxies[server]
        for link in links:
            proxy.swallow(link, "questions" if direction == "questions" else "answers")
        await asyncio.sleep(fault.seconds)
        proxy.cut(*links)
        return bool(links)

    async def _commit_unanswered(self, fault: Fault) -> bool:
        return await self._lose("database", fault, "answers", COMMIT)

    async def _confirm_lost(self, fault: Fault) -> bool:
        return await self._lose("broker", fault, "answers", PUBLISH)

    async def _acknowledgement_lost(self, fault: Fault) -> bool:
        return await self._lose("broker", fault, "questions", ACKNOWLEDGE)

    async def _lose(self, server: str, fault: Fault, direction: Direction, step: bytes) -> bool:
        """Lose one step on whichever connection of the process takes it first; all of them are cut then."""
        proxy, links = self.here.proxies[server], self.here.links(server, fault.target)
        if not links:
            await asyncio.sleep(0.5)
            links = self.here.links(server, fault.target)
        return await first_lost(proxy, links, direction, after=step, within=fault.seconds)

    async def _nobody_takes(self, fault: Fault) -> bool:
        """For a while no queue is bound for what is said to a service: it is refused and sent again, so later ones come earlier."""
        layout = topology.peers_layout(fault.target)
        [binding] = [b for b in layout.bindings if b.exchange == topology.PEERS_SHARED]

        def change(bind: bool) -> None:
            with kombu.Connection(self.here.rabbit.peers_uri(), connect_timeout=5) as connection:
                channel = connection.channel()
                change = channel.queue_bind if bind else channel.queue_unbind
                change(queue=binding.queue, exchange=binding.exchange, routing_key=binding.key)

        await asyncio.to_thread(change, False)
        try:
            if fault.target == "offers":
                # Whoever offers now reminds as soon as somebody takes it again: the reminder then comes before the offer.
                await self.pace.unheard(OFFERED_WITHIN)
            await asyncio.sleep(fault.seconds)
        finally:
            await asyncio.to_thread(change, True)
            self.pace.heard()
        return True


async def first_lost(proxy: Proxy, links: list[Link], direction: Direction, *, after: bytes, within: float) -> bool:
    """Lose the step `after` on the first of the links on which it comes. Whether it came."""
    tries = [asyncio.create_task(proxy.lose(link, direction, after=after, within=within)) for link in links]
    if not tries:
        return False
    try:
        for done in asyncio.as_completed(tries):
            if await done:
                return True
        return False
    finally:
        for one in tries:
            one.cancel()
        await asyncio.gather(*tries, return_exceptions=True)

"""One run: pairs of businesses at work, things going wrong, quiet, and what both sides show then."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from tests.chaos.comparing import Found, compare
from tests.chaos.doing import Pair
from tests.chaos.faults import Fault, Faults, plan
from tests.chaos.metrics import Metrics
from tests.chaos.pace import Pace
from tests.chaos.people import Business, Gateway, Log
from tests.chaos.place import Place, place
from tests.chaos.table import Line, never_met, table, text

TELL_EVERY = 10.0
TRIES = 3
QUIET = 420.0
"""Seconds within which it must become quiet: the longest pause between two sendings of a message is five minutes."""

Say = Callable[[str], None]


@dataclass
class Result:
    """What a run found."""

    found: Found
    log: Log
    lines: list[Line]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Nothing lost, nothing doubled, nothing diverged, and every bad case was met."""
        return not self.found and not self.log.problems and not never_met(self.lines)

    def __str__(self) -> str:
        rows = [text(self.lines), "", "what both sides show, and what was acknowledged"]
        rows += [f"  {name:<50}{n:>8}" for name, n in self.found.compared.items()]
        for kind in ("lost", "doubled", "diverged"):
            sentences = getattr(self.found, kind)
            rows += [f"  {kind.upper():<50}{len(sentences):>8}", *(f"    {sentence}" for sentence in sentences[:30])]
        rows += [f"  {'OTHER PROBLEMS':<50}{len(self.log.problems):>8}", *(f"    {p}" for p in self.log.problems[:30])]
        rows += ["", ", ".join(f"{name} {s:.0f} s" for name, s in self.seconds.items())]
        if missing := never_met(self.lines):
            rows += ["", f"This run proves nothing about what it never met: {'; '.join(missing)}."]
        return "\n".join(rows)


async def run(*, seed: int, commands: int, kills: int, pairs: int, say: Say = print) -> Result:
    """A whole run, on a stack of its own."""
    began = time.monotonic()
    async with place() as here:
        started = time.monotonic() - began
        say(f"The stack runs after {started:.0f} s.")
        result = await work(here, seed=seed, commands=commands, kills=kills, pairs=pairs, say=say)
        result.seconds = {"start": started, **result.seconds}
        return result


async def work(here: Place, *, seed: int, commands: int, kills: int, pairs: int, say: Say = print) -> Result:
    """A run on a stack that is there."""
    log, seconds = Log(), {}
    faults = plan(seed, kills) if kills else []
    pace = Pace(commands, [round((n + 1) * commands / (len(faults) + 1)) for n in range(len(faults))])
    gateway = Gateway(here.stack.url, log, pace)
    # Names are new in each run: they are never given out again.
    name = secrets.token_hex(3)
    everybody = [
        Pair(n, str(seed), (Business(gateway, f"east-{name}-{n}"), Business(gateway, f"west-{name}-{n}")), log)
        for n in range(pairs)
    ]
    metrics = Metrics(here.stack.env)
    await metrics.sample()
    metrics.begin()
    causing = Faults(here, metrics, pace)
    following = asyncio.create_task(metrics.follow())
    telling = asyncio.create_task(_tell(pace, log, causing, say))
    began = time.monotonic()
    try:
        happening = asyncio.create_task(_cause(causing, faults, pace, say))
        await asyncio.gather(*(pair.run() for pair in everybody))
        telling.cancel()
        if not pace.over:
            # All of them are stuck: nobody does anything any more beside which something could go wrong.
            happening.cancel()
        await asyncio.wait([happening])
        if not happening.cancelled():
            happening.result()
        seconds["work"] = time.monotonic() - began
        say(f"{pace.taken} commands in {seconds['work']:.0f} s; waiting until it is quiet …")
        began = time.monotonic()
        await quiet(here, log)
        seconds["until it is quiet"] = time.monotonic() - began
    finally:
        telling.cancel()
        following.cancel()
    await asyncio.wait([telling, following])
    await metrics.sample()
    began = time.monotonic()
    found = await compare(everybody, here.mails)
    found.diverged += await asyncio.to_thread(here.given_up)
    seconds["comparison"] = time.monotonic() - began
    await gateway.http.aclose()
    await metrics.http.aclose()
    return Result(found, log, table(causing.happened, metrics.total(), log) if faults else [], seconds)


async def _cause(causing: Faults, faults: Sequence[Fault], pace: Pace, say: Say) -> None:
    """Let each fault happen in its place among the commands; one that met nothing is tried again."""
    try:
        for fault in faults:
            await pace.fault()
            say(f"  at {pace.taken}: {fault}")
            for _ in range(TRIES):
                if await causing.cause(fault):
                    break
                say(f"    nothing was there to be hit by: {fault}")
            pace.fault_over()
    finally:
        pace.no_more_faults()


async def _tell(pace: Pace, log: Log, causing: Faults, say: Say) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(TELL_EVERY)
        say(
            f"{time.monotonic() - began:5.0f} s: {pace.taken} commands, {causing.happened.total()} faults, {len(log.problems)} problems"
        )


async def quiet(here: Place, log: Log) -> None:
    """Wait until nothing is under way any more. That it never becomes quiet is a problem."""
    end = time.monotonic() + QUIET
    why: str | None = "nothing was asked"
    while time.monotonic() < end:
        try:
            why = await asyncio.to_thread(here.restless)
        except psycopg.Error as error:
            why = str(error)
        if why is None:
            return
        await asyncio.sleep(0.2)
    log.problems.append(f"stuck: not quiet after {QUIET:g} s: {why}")

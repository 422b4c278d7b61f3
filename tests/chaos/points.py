"""Every crash point × every command and message × both sides (promise R2): `make crashes`, or `make crashes ARGS=--short` for a part of it.

Businesses trade with each other without pause (trading.py), so that every command is given and every message travels all the time, from partner to
customer and back. Meanwhile, process by process, a crash point is armed for one command or one message; the process that comes by with it at hand ends
as by `kill -9` and is forked anew. When all of the plan was hit and all is quiet, both sides of every partnership are compared with each other, and
with what the same life leaves behind when nothing crashes: one effect each, on both sides.

The short plan: each point at two processes, and each command at one point at least. The whole: each point with each command, and each point
with each message, of each process.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from services.gateway.rpc import Rpc
from shared.bus import crash, topology
from tests.chaos.forked import SERVICES, processes
from tests.chaos.reckoning import Books, alike, common, most_told, of_colleagues
from tests.chaos.trading import COMMANDS, STEPS, Business, Caller, Line
from tests.support.crashing import Crashes, Hit
from tests.support.servers import PostgresServer, RabbitServer, temporary_folder

BUSINESSES = 3
HIT_WITHIN_S = 90.0
QUIET_WITHIN_S = 120.0


class Cell(NamedTuple):
    """A process that is to end at a point with this at hand; None: whatever."""

    process: str
    point: str
    about: str | None


# --- the plan --------------------------------------------------------------------------------------------------------


def whole_plan(labels: Mapping[str, Sequence[str]], handlers: Mapping[str, Sequence[str]]) -> list[Cell]:
    """Each point of each process with each command, and with each message, that comes by there. `labels`: what each service says."""
    cells = []
    for service in SERVICES:
        heard = [label for p in topology.LISTENS[service] for label in labels[p] if label.startswith("fact:")]
        heard += [label for label in labels[service] if not label.startswith("fact:")]
        for point in crash.POINTS:
            path, step, _ = point.split(".")
            if path == "command":
                cells += [Cell(service, point, method) for method in COMMANDS.get(service, ())]
            elif path == "message":
                # A fact that a service does nothing about has no effect there.
                about = [label for label in heard if step != "effect" or label in handlers[service]]
                cells += [Cell(service, point, label) for label in about]
            elif path == "relay":
                cells += [Cell(f"{service}-relay", point, label) for label in labels[service]]
            elif path == "receipt" and service in topology.SPEAKS_TO_PEERS:
                cells.append(Cell(f"{service}-relay", point, None))
            elif path == "note":
                cells.append(Cell(service, point, None))
    return cells


def short_plan(cells: Sequence[Cell], seed: int) -> list[Cell]:
    """Each point at two processes, with whatever message comes by; those processes and commands first that were chosen least so far."""
    dice = random.Random(seed)
    by_point: dict[str, list[Cell]] = {}
    for cell in cells:
        by_point.setdefault(cell.point, []).append(cell)
    chosen: Counter[str | None] = Counter()
    plan: list[Cell] = []
    for group in by_point.values():
        dice.shuffle(group)
        for _ in range(2):
            others = [cell for cell in group if (cell.process, cell.point) not in {(c.process, c.point) for c in plan}]
            # No command is left out: there are more points on its way than commands.
            cell = min(
                others,
                key=lambda c: (c.point.startswith("command") and chosen[c.about], chosen[c.process], chosen[c.about]),
            )
            chosen.update({cell.process: 1, cell.about: 1})
            # Of messages the first one that comes by will do.
            plan.append(cell if cell.point.startswith("command") else cell._replace(about=None))
    return plan


# --- the run ---------------------------------------------------------------------------------------------------------


class Run:
    """One run of a plan."""

    def __init__(self, books: Books, crashes: Crashes) -> None:
        self.books, self.crashes = books, crashes
        self.lines: list[Line] = []
        self.people: dict[str, str] = {}
        self.reference: dict[str, dict[str, Any]] = {}
        self.told: dict[str, dict[str, dict[str, int]]] = {}
        self.missed: list[Cell] = []
        self.stopping = False

    async def prepare(self, caller: Caller) -> dict[str, list[str]]:
        """Businesses, and one life of each kind without a crash; then each line at another step of its life. What each service says."""
        names = [f"b{n}-{uuid4().hex[:6]}" for n in range(BUSINESSES)]
        businesses = [Business(caller, name, f"ada@{name}.example") for name in names]
        await asyncio.gather(*(business.register() for business in businesses))
        for business in businesses:
            self.people |= {business.admin: "admin", business.second: "second"}
        await self.quiet()
        before = {s: self.books.rows(s, "select coalesce(max(id), '') as id from outbox")[0]["id"] for s in SERVICES}
        self.lines = [Line(p, c) for p in businesses for c in businesses if p is not c]
        await asyncio.gather(*(self._fast_forward(i, line) for i, line in enumerate(self.lines)))
        await self.quiet()
        effects = self.books.effects(self.people)
        self.reference = {
            kind: {role: alike(side) for role, side in effects[id].items()} for id, kind in self.lines[0].ids
        }
        said = "select distinct kind || ':' || type as label from outbox where id > %s and sent_at is not null and kind <> 'retry'"
        self.told = {
            kind: {role: most_told(side) for role, side in effects[id].items()} for id, kind in self.lines[0].ids
        }
        return {s: sorted(r["label"] for r in self.books.rows(s, said, before[s])) for s in SERVICES}

    async def _fast_forward(self, i: int, line: Line) -> None:
        for _ in range(i or len(STEPS)):
            await line.advance()

    async def trade(self, line: Line) -> None:
        while not self.stopping:
            await line.advance()
        # To the end of the life it is in.
        while line.step % len(STEPS):
            await line.advance()

    async def crash(self, plan: Sequence[Cell]) -> None:
        """Let every cell of the plan happen: one after another at each process, all processes at the same time."""
        by_process: dict[str, list[list[Cell]]] = {}
        notes: dict[str, list[Cell]] = {cell.process: [] for cell in plan}
        for cell in plan:
            if cell.point.startswith("note."):
                notes[cell.process].append(cell)
        for cell in plan:
            if not cell.point.startswith("note."):
                together = [cell]
                if cell.point.startswith("message.commit") and notes[cell.process]:
                    # What was at hand comes again after the crash, and is counted before it is handled: the next crash is there.
                    together.append(notes[cell.process].pop())
                by_process.setdefault(cell.process, []).append(together)

        async def one_after_another(meals: list[list[Cell]]) -> None:
            for together in meals:
                await self._let_happen(together)

        telling = asyncio.create_task(self._tell(len(plan)))
        await asyncio.gather(*map(one_after_another, by_process.values()))
        telling.cancel()

    async def _tell(self, planned: int) -> None:
        """Say now and then how far it is: the whole plan takes a while."""
        while True:
            await asyncio.sleep(10)
            print(
                f"{len(self.crashes.hits())} of {planned} crashes; armed: {', '.join(self.crashes.armed())}", flush=True
            )

    async def _let_happen(self, cells: Sequence[Cell]) -> None:
        waiting = {f"{cell.process}.{cell.point}": cell for cell in cells}
        for cell in cells:
            self.crashes.arm(cell.process, cell.point, about=cell.about)
        end = time.monotonic() + HIT_WITHIN_S
        while waiting:
            armed = set(self.crashes.armed())
            waiting = {name: cell for name, cell in waiting.items() if name in armed}
            if time.monotonic() > end:
                self.missed += waiting.values()
                self.crashes.disarm(*waiting)
                return
            await asyncio.sleep(0.05)

    async def quiet(self) -> None:
        """Wait until nothing is on its way any more. AssertionError after `QUIET_WITHIN_S`."""
        end = time.monotonic() + QUIET_WITHIN_S
        while restless := self.books.restless():
            assert time.monotonic() < end, "not quiet: " + "\n".join(restless[:40])
            await asyncio.sleep(0.3)

    def differences(self) -> list[str]:
        """Where a partnership is not what its life makes of it, or not the same on both sides."""
        effects = self.books.effects(self.people)
        lived = {id: (kind, line) for line in self.lines for id, kind in line.ids}
        found = [f"nobody began {id}: {sides}" for id, sides in effects.items() if id not in lived]
        for id, (kind, line) in lived.items():
            sides = effects.get(id, {})
            if set(sides) != {"partner", "customer"}:
                found.append(f"{id} of {line} is known to {set(sides) or 'nobody'}")
                continue
            if common(sides["partner"]) != common(sides["customer"]):
                found.append(f"{id} of {line} differs: {common(sides['partner'])} and {common(sides['customer'])}")
            for role, side in sides.items():
                for name, value in alike(side).items():
                    wanted = self.reference[kind][role][name]
                    if value != wanted:
                        found.append(f"{id} ({kind}): {name} of the {role} is {value} instead of {wanted}")
                for type, times in most_told(side).items():
                    if times > max(self.told[kind][role].get(type, 0), int(of_colleagues(type))):
                        found.append(f"{id} ({kind}): somebody of the {role} was told {type} {times} times")
        return found

    async def carry_out(self, caller: Caller, make_plan: Callable[[dict[str, list[str]]], list[Cell]]) -> Report:
        """Prepare, crash, wait for quiet, compare."""
        began = time.monotonic()
        plan = make_plan(await self.prepare(caller))
        prepared = time.monotonic()
        trading = [asyncio.create_task(self.trade(line)) for line in self.lines]
        crashing = asyncio.create_task(self.crash(plan))
        try:
            # Whoever fails first is heard.
            await asyncio.wait([crashing, *trading], return_when=asyncio.FIRST_COMPLETED)
            for task in trading:
                if task.done():
                    task.result()
            await crashing
            crashed = time.monotonic()
            self.stopping = True
            await asyncio.gather(*trading)
            await self.quiet()
        finally:
            for task in (crashing, *trading):
                task.cancel()
        quiet = time.monotonic()
        return Report(
            plan=plan,
            missed=self.missed,
            hits=self.crashes.hits(),
            partnerships=sum(len(line.ids) for line in self.lines),
            commands=sum(line.step for line in self.lines),
            repeated=caller.repeated,
            differences=self.differences(),
            seconds=(prepared - began, crashed - prepared, quiet - crashed),
        )


@dataclass(frozen=True)
class Report:
    """What came of a run."""

    plan: list[Cell]
    missed: list[Cell]
    hits: list[Hit]
    partnerships: int
    commands: int
    repeated: int
    differences: list[str]
    seconds: tuple[float, float, float]

    @property
    def problems(self) -> list[str]:
        counts = Counter((hit.process, hit.point) for hit in self.hits)
        never = [
            f"{p} never ended at {point}"
            for p, point in {(c.process, c.point) for c in self.plan}
            if not counts[p, point]
        ]
        unplanned = [point for point in crash.POINTS if point not in {c.point for c in self.plan}]
        return [
            *sorted(never),
            *(f"no process of the plan ends at {point}" for point in unplanned),
            *(f"{c.process} did not come by {c.point} with {c.about}" for c in self.missed),
            *self.differences,
        ]

    def table(self) -> str:
        """How often which process ended at which point, and at how many different commands or messages."""
        counts = Counter((hit.process, hit.point) for hit in self.hits)
        about: dict[str, set[str]] = defaultdict(set)
        for hit in self.hits:
            about[hit.point].update(hit.at_hand)
        head = ["", *(s[:8] for s in SERVICES), "all", "about"]
        lines = [head]
        for point in crash.POINTS:
            relay = point.split(".")[0] in {"relay", "receipt"}
            row = [counts[f"{s}-relay" if relay else s, point] for s in SERVICES]
            lines.append([point, *(str(n or "·") for n in row), str(sum(row)), str(len(about[point]))])
        text = "\n".join(f"{row[0]:<28}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in lines)
        prepared, crashed, settled = self.seconds
        return (
            f"{text}\n{len(self.hits)} crashes, {self.commands} commands ({self.repeated} requests repeated), {self.partnerships} partnerships; "
            f"{prepared:.0f} s without a crash, {crashed:.0f} s with, {settled:.0f} s until all was quiet; "
            f"{len(self.differences)} differences"
        )


def run(folder: Path, environment: dict[str, str], admin_url: str, *, whole: bool, seed: int) -> Report:
    """Crash everything there is, and say what came of it. The databases of `environment` are new; nothing else uses the broker."""
    crashes = Crashes(folder / "crashes")
    # Tried again sooner than in production: nobody waits half a minute for a receipt here.
    environment = environment | crashes.environment | {"ACCORD_BACK_OFF": "0.2"}
    with processes(folder, environment) as services:

        def plan(labels: dict[str, list[str]]) -> list[Cell]:
            cells = whole_plan(labels, services.handlers)
            return cells if whole else short_plan(cells, seed)

        async def main() -> Report:
            rpc = Rpc(environment["ACCORD_AMQP_URI"], name="points")
            await rpc.start(10)
            try:
                return await Run(Books(admin_url), crashes).carry_out(Caller(rpc), plan)
            finally:
                await rpc.stop()

        return asyncio.run(main())


def main() -> int:
    """The command line. 0 when nothing was lost, doubled or left different, and every point was hit."""
    parser = argparse.ArgumentParser(
        description="Crash every process at every point, and see that nothing comes of it."
    )
    parser.add_argument("--short", action="store_true", help="each point at two processes")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(1_000_000), help="chooses what the short plan crashes at"
    )
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with temporary_folder() as folder:
        postgres, broker = PostgresServer(folder), RabbitServer(folder)
        try:
            postgres.start()
            broker.start()
            environment = postgres.databases(*SERVICES) | broker.environment()
            report = run(folder, environment, postgres.admin_url, whole=not arguments.short, seed=arguments.seed)
        finally:
            broker.close()
            postgres.stop()
    print(report.table())
    for problem in report.problems:
        print(problem)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())

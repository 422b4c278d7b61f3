"""Plays seeds: steps in which people do things, messages travel, time passes and things break; then all is delivered and checked."""

from __future__ import annotations

import functools
import gc
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing import get_context

from shared.errors import Unavailable
from tests.simulation import checks, situations
from tests.simulation.faults import FAULTS
from tests.simulation.people import MOVES, People, populate, settle
from tests.simulation.world import CLASSES, TENANTS, Request, World, running

NO_MAILS = tuple(name for name in CLASSES if name != "notifications")
EAGER = {"accounts": 0.5, "managers": 0.6, "history": 0.25, "notifications": 0.25}
"""How readily a service hears what waits for it: those that mostly listen may as well hear much at once, and we see more of the others."""
QUESTIONS = ("get_standing", "get_people", "reserve_contacts", "reserve_roles")
MOST_DEATHS = 3
"""A message that ends the process each time is given up on, which is right, and tested elsewhere: here each does so a few times at most."""


@dataclass(slots=True)
class Played:
    """What became of a seed."""

    seed: int
    steps: int
    problems: list[str]
    times: dict[str, int]
    trace: list[str] = field(repr=False)

    def __str__(self) -> str:
        tail = "\n".join(self.trace[-60:])
        wrong = "\n".join(self.problems)
        again = f"make simulate SEED={self.seed} STEPS={self.steps}"
        return f"Seed {self.seed}, {self.steps} steps:\n{wrong}\n\nThe last of its trace:\n{tail}\n\nAgain, with all of it: {again}"


@functools.cache
def begin() -> World:
    """Where every run begins: businesses with people, of whom all services know."""
    world = World(0)
    with running(world):
        populate(world)
    assert not world.problems, world.problems
    return world


class Run:
    """One seed."""

    def __init__(self, seed: int) -> None:
        start = begin()
        # Notifications only listen, and take their time: they take part in one run of four.
        self.world = World(seed, begin=start, services=tuple(CLASSES) if seed % 4 == 0 else NO_MAILS)
        self.random = self.world.random
        self.people = People(self.world)
        self.seen = situations.Watching(self.world)
        self.checking = checks.Watching(self.world)
        # How rough it is, and how far one business is from the others.
        self.storm = self.random.choice((0.0, 0.3, 1.0, 1.0))
        self.haste = self.random.choice((0.3, 0.5, 0.8))
        self.slow = {key for key in self.world.services if self.random.random() < 0.15}

    def play(self, steps: int) -> None:
        world = self.world
        world.note(f"seed {world.seed}, {steps} steps, storm {self.storm}, haste {self.haste}")
        for tenant in TENANTS:
            if self.random.random() < 0.7:
                self.ask(self.people.business(tenant))
        self.open()
        for _ in range(steps):
            self.step()
            if world.problems:
                return
        self.end()

    def open(self) -> None:
        """Mostly some work together already when it begins."""
        pairs = [(a, b) for a in TENANTS for b in TENANTS if a != b]
        self.random.shuffle(pairs)
        for partner, customer in pairs[: self.random.choice((0, 1, 1, 2))]:
            self.ask(self.people.send(partner, customer))
            for _ in range(2):
                self.flow(1.0)
            self.ask(self.people.accept(customer))
            for _ in range(2):
                self.flow(1.0)

    def step(self) -> None:
        """One thing happens, or some at once."""
        self.pass_time()
        chance = self.random.random()
        if chance < 0.45:
            self.somebody_acts()
        elif chance < 0.46:
            self.at_the_door()
        elif chance < 0.47:
            self.at_once()
        elif chance < 0.60:
            for request in self.people.duel():
                self.ask(request)
        elif chance < 0.93:
            self.flow(self.haste)
        elif chance < 0.97:
            for _ in range(3):
                self.flow(1.0)
        elif self.storm and chance < 0.985:
            self.world.restart(self.random.choice(list(self.world.services.values())))
        elif self.world.unanswered:
            self.repeat(self.world.unanswered.pop(0))
        else:
            self.expire()

    def pass_time(self) -> None:
        chance = self.random.random()
        if chance < 0.8:
            seconds = self.random.randint(0, 1)
        elif chance < 0.93:
            seconds = self.random.randint(0, 40)
        elif chance < 0.98:
            seconds = self.random.randint(60, 600)
        elif chance < 0.992:
            seconds = self.random.randint(3600, 7200)
        else:
            seconds = 25 * 3600
        self.world.wait(timedelta(seconds=seconds, microseconds=self.random.randrange(1000)))

    # People

    def somebody_acts(self) -> None:
        weights = [weight for weight, _ in MOVES.values()]
        for _ in range(6):
            name = self.random.choices(list(MOVES), weights)[0]
            request = MOVES[name][1](self.people, self.random.choice(TENANTS))
            if request is not None:
                self.ask(request)
                return

    def ask(self, request: Request | None) -> None:
        """Ask, with what may go wrong meanwhile."""
        if request is None:
            return
        world, service = self.world, self.world.services[request.tenant, request.service]
        if self.random.random() < 0.05 * self.storm:
            service.database.arm(self.random.choice(FAULTS))
        if self.random.random() < 0.01 * self.storm:
            world.neighbour_away = True
        chance = self.random.random()
        if chance < 0.06:
            world.meanwhile = (QUESTIONS, functools.partial(self.flow, 0.7))
        elif chance < 0.1 and request.service == "contacts" and "partnership_id" in request.arguments:
            world.meanwhile = (("get_standing",), functools.partial(self.end_between, request))
        answer = world.ask(request)
        world.neighbour_away, world.meanwhile = False, None
        if service.database.disarm() == "conflict" and isinstance(answer, dict):
            world.met("a command began again after a conflict")
        if isinstance(answer, dict) and self.random.random() < 0.04:
            self._twice(request, answer)

    def end_between(self, request: Request) -> None:
        """A colleague ends the partnership after offers has said that it may be changed, and contacts hears of it before it does so."""
        service = self.world.services[request.tenant, "offers"]
        answer = self.world.ask(self.people.end_of(request.tenant, request.arguments["partnership_id"]))
        if isinstance(answer, dict):
            self.world.publish(service)
            self.deliver((request.tenant, "contacts", "events"))
            self.world.met("ended between the door and the deed")

    def at_the_door(self) -> None:
        """An offer for somebody of whom only accounts has heard yet; its sender says more of it before accounts has said whose it is."""
        world = self.world
        tenant, there = self.random.sample(TENANTS, 2)
        newcomer = self.people.newcomer(there)
        self.ask(newcomer)
        before = {p["id"] for p in self.people.tiles(tenant, "open", role="partner")}
        self.ask(self.people.send(tenant, there, email=newcomer.arguments["email"]))
        new = [p for p in self.people.tiles(tenant, "open", role="partner") if p["id"] not in before]
        for p in new:
            world.publish(world.services[tenant, "offers"])
            self.deliver((there, "offers", "peers"))
            for act in self.people.some((self.people.remind, self.people.withdraw), 1, 2):
                self.ask(act(tenant, p["id"]))
            world.publish(world.services[tenant, "offers"])
            self.deliver((there, "offers", "peers"))

    def at_once(self) -> None:
        """An offer is accepted, and its sender proposes changes of that before the customer's contacts has heard of the acceptance."""
        world = self.world
        offers = [
            (p["counterpart"], there, p["id"])
            for there in TENANTS
            for p in self.people.tiles(there, "open", role="customer")
        ]
        if not offers:
            return
        partner, customer, id = self.random.choice(offers)
        self.ask(self.people.accept(customer, id))
        world.publish(world.services[customer, "offers"])
        self.deliver((partner, "offers", "peers"))
        world.publish(world.services[partner, "offers"])
        self.deliver((partner, "contacts", "events"))
        for act in self.people.some((self.people.propose, self.people.propose, self.people.retract), 1, 3):
            self.ask(act(partner, id))
        world.publish(world.services[partner, "contacts"])
        self.deliver((customer, "contacts", "peers"))

    def _twice(self, request: Request, answer: dict[str, object]) -> None:
        """A double click, or a proxy that repeats: the key gives the first answer again."""
        self.world.met("asked twice with one key")
        again = self.world.ask(request)
        if again != answer and not (answer == {} and again in ({}, None)):
            self.world.problem(f"{request}: asked again, it answers {again} instead of {answer}")

    def repeat(self, request: Request) -> None:
        """Ask once more for something of which nobody knows what became: with its key, it is done once."""
        world = self.world
        done = request.key in world.done
        answer = world.ask(request)
        if done and isinstance(answer, dict):
            world.met("a repeated command found its answer")
        elif done and answer is not None and not isinstance(answer, Unavailable):
            world.problem(f"{request}: it was done, and asked again it is refused: {answer}")

    def expire(self) -> None:
        """The time of an offer is over; perhaps it is answered before anybody hears of that."""
        world = self.world
        offers = [(t, p) for t in TENANTS for p in self.people.tiles(t, "open", role="partner")]
        if not offers:
            return
        tenant, p = self.random.choice(offers)
        at = type(world.now).fromisoformat(p["expires_at"])
        world.now = max(world.now, at + timedelta(seconds=self.random.randint(0, 5)))
        world.note(f"the offer {p['id'][-4:]} of {tenant} has had its time")
        service = world.services[tenant, "offers"]
        world.publish(service)
        if self.random.random() < 0.8:
            self.deliver((tenant, "offers", "events"))
        if p["counterpart"] in TENANTS and self.random.random() < 0.6:
            answer = self.random.choice((self.people.accept, self.people.accept, self.people.decline))
            if self.people.one_open(p["counterpart"], p["id"]):
                self.ask(answer(p["counterpart"], p["id"]))

    # Messages

    def flow(self, share: float) -> None:
        """Some relays publish, some services hear: all of it, or a part, in order or not."""
        world = self.world
        for key, service in world.services.items():
            if (service.relay.due or service.relay.receipts) and self.random.random() < share:
                if key in self.slow and self.random.random() < 0.7:
                    continue
                rough = self.random.random() < 0.05 * self.storm
                world.publish(service, marked=not rough, receipts=self.random.random() < 0.7)
        for queue in world.broker.full():
            likely = share * EAGER.get(queue[1], 1.0)
            if self.random.random() < likely and not (queue[:2] in self.slow and self.random.random() < 0.7):
                self.deliver(queue)

    def deliver(self, key: tuple[str, str, str]) -> None:
        world, service = self.world, self.world.services[key[:2]]
        queue = world.broker.queue(*key)
        if self.storm and key[2] == "peers":
            self._interfere(key)
        if not queue:
            return
        if self.storm and self.random.random() < 0.25:
            self.random.shuffle(queue)
            world.met("reordered")
        most = len(queue) if self.random.random() < 0.7 else self.random.randint(1, len(queue))
        batch, queue[:] = queue[:most], queue[most:]
        may_die = all(one.deaths < MOST_DEATHS for one in batch)
        if self.random.random() < 0.04 * self.storm:
            fault = self.random.choice(FAULTS)
            if may_die or not fault.startswith("killed"):
                service.database.arm(fault, self.random.choice((0, 0, 1)))
        if self.random.random() < 0.015 * self.storm:
            # Once: all of the batch are tried alone. Twice: it waits for another try; and three times: for two.
            world.stumbles, world.stumbling = self.random.choice((1, 2, 2, 3)), None
        stumbles = world.stumbles
        acknowledged = not may_die or self.random.random() >= 0.02 * self.storm
        world.deliver(key, batch, acknowledged=acknowledged)
        if world.stumbles < stumbles:
            world.met("a use case failed")
        if world.stumbling is None or self.random.random() < 0.7:
            world.stumbles, world.stumbling = 0, None
        happened = service.database.disarm()
        if not acknowledged:
            world.met("died before the acknowledgement")
        if happened is not None:
            world.met(f"while hearing: {happened}")

    def _interfere(self, key: tuple[str, str, str]) -> None:
        """What other businesses say gets lost on its way, or comes twice."""
        queue = self.world.broker.queue(*key)
        for carried in list(queue):
            chance = self.random.random()
            if chance < 0.04 * self.storm:
                queue.remove(carried)
                receipt = carried.delivery.envelope.type == "receipt"
                self.world.met("a receipt got lost" if receipt else "a message got lost")
                self.world.note(f"{key[0]}: {carried.name} to {key[1]} gets lost")
            elif chance < 0.08 * self.storm:
                queue.append(replace(carried))
                self.world.met("came twice")

    # The end

    def end(self) -> None:
        """Everybody repeats what they have no answer to, all is delivered, and both sides are compared."""
        world = self.world
        world.note("the end: everything is delivered")
        world.stumbles, world.stumbling = 0, None
        for _ in range(5):
            settle(world)
            waiting, world.unanswered[:] = list(world.unanswered), []
            for request in waiting:
                self.repeat(request)
            if not waiting:
                break
        settle(world)
        checks.at_the_end(world)
        world.note(f"all that is kept: {fingerprint(world)}")


def fingerprint(world: World) -> str:
    """A digest of everything that all services keep."""
    text = hashlib.sha256()
    for (home, name), service in sorted(world.services.items()):
        for table, rows in sorted(service.database.records.items()):
            for key, kept in sorted(rows.items()):
                text.update(f"{home} {name} {table} {key} {kept.document}\n".encode())
        for row in service.database.outbox:
            text.update(row.body.encode())
    return text.hexdigest()


def play(seed: int, steps: int) -> Played:
    """Play one seed."""
    logging.getLogger("shared.bus.inbox").setLevel(logging.CRITICAL)
    begin()
    run = Run(seed)
    with running(run.world):
        run.play(steps)
    return Played(seed, steps, run.world.problems, run.world.times, run.world.trace)


def _some(seeds: list[int], steps: int) -> tuple[list[Played], Counter[str]]:
    failed, times = [], Counter[str]()
    for seed in seeds:
        # What a run leaves behind is one heap that is thrown away whole: no use to look through it again and again.
        gc.disable()
        try:
            played = play(seed, steps)
        finally:
            gc.enable()
        times.update(played.times)
        if played.problems:
            failed.append(played)
    return failed, times


@dataclass(slots=True)
class Campaign:
    """What became of many seeds."""

    seeds: int
    steps: int
    failed: list[Played]
    times: Counter[str]
    seconds: float

    @property
    def never(self) -> list[str]:
        """The interesting situations that never came up: such a run has proved nothing about them."""
        return [name for name in situations.INTERESTING if not self.times[name]]

    def table(self) -> str:
        """How often each situation came up."""
        names = [*situations.INTERESTING, *sorted(set(self.times) - set(situations.INTERESTING))]
        rows = [f"{self.times[name]:>10}  {name}" for name in names]
        head = f"{self.seeds} seeds × {self.steps} steps in {self.seconds:.0f} s: {len(self.failed)} failed"
        return "\n".join([head, *rows])


def campaign(
    seeds: Iterable[int], steps: int, *, processes: int = 2, chunk: int = 25, say: Callable[[str], None] | None = None
) -> Campaign:
    """Play many seeds, in some processes; `say` is told now and then how far it is. Ends early when many fail."""
    began, chosen = time.monotonic(), list(seeds)
    chunks = [chosen[i : i + chunk] for i in range(0, len(chosen), chunk)]
    failed: list[Played] = []
    times: Counter[str] = Counter()
    done = 0
    for some_failed, some_times in _spread(chunks, steps, processes):
        failed += some_failed
        times.update(some_times)
        done += chunk
        if say is not None and done % 500 == 0:
            say(f"{done} seeds, {len(failed)} failed, {time.monotonic() - began:.0f} s")
        if len(failed) >= 10:
            break
    return Campaign(len(chosen), steps, failed, times, time.monotonic() - began)


def _spread(chunks: list[list[int]], steps: int, processes: int) -> Iterator[tuple[list[Played], Counter[str]]]:
    if processes == 1 or len(chunks) == 1:
        yield from (_some(seeds, steps) for seeds in chunks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(_some, chunks, [steps] * len(chunks))
        finally:
            pool.shutdown(cancel_futures=True)

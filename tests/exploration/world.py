"""Part two: two businesses, offers and contacts of each, and streams between them that are first in, first out, as part one makes them.

Everything people may do within the budget of a scenario, and every delivery, in every order. Left out is what feeds nothing back: facts that
only history, notifications and lists hear (contacts' figures among them), the details of lent people and the names of account owners
(shared values, rule 7: whole, with a counter, over one stream), and having looked. Nobody asks at the door of offers before contacts does
what a person wants: what both sides agree on must not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from services.contacts.domain.lending import assignment_id
from shared.contracts.accounts import RecipientFound, RecipientUnknown
from tests.exploration.business import (
    KAZENOR,
    NAMES,
    NORTHWIND,
    NOW,
    WHO,
    Contacts,
    Offers,
    Outcome,
    name_of,
    which,
    words_of,
)
from tests.exploration.ledger import Said
from tests.exploration.search import Found, Move, Numbers, explore

OTHER = {KAZENOR: NORTHWIND, NORTHWIND: KAZENOR}
LIVE = {"open", "accepted", "modified"}
PHASES = {"terminated": "ended", "modified": "accepted", "bounced": "undeliverable"}
"""What contacts calls a status of offers, where the two differ."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What people may do, how often, and where it begins.

    `people` are those whom proposals are about, at most `most` in one; `offered` those whom an offer names; `begun`: they work there
    already. Without `contacts` there is offers only, as nothing that contacts does comes back to it. `receipts` travel as messages of their
    own; without `mailbox` accounts has to say whose an offer is; not `orderly`, a local fact may be folded before the one ahead of it.
    """

    name: str
    budget: Mapping[str, int]
    people: tuple[str, ...] = ("Ada", "Ben")
    most: int = 2
    offered: tuple[str, ...] = ("Ada",)
    begun: bool = False
    contacts: bool = True
    receipts: bool = False
    mailbox: bool = True
    orderly: bool = True


class Channel(NamedTuple):
    """A stream on its way: what speaks to the service `to` (its place in a state) of whose business, about which partnership."""

    kind: str
    origin: str
    to: int
    subject: str


State = tuple[int, int, int, int, int, int, int]
"""Numbers: of the states of the four services (offers and contacts of kazenor, of northwind), of what is under way, of what people may
still do, and of what must never have been done, 0 for nothing. Each thing is kept once, so that millions of states fit in memory."""
UNDER_WAY, BUDGET, FAULT = 4, 5, 6

Queues = tuple[tuple[int, tuple[int, ...]], ...]
"""What is under way: channels with their messages, the next one first."""
Sent = tuple[tuple[int, int], ...]
"""Messages with the channels they go to."""


class Effect(NamedTuple):
    """What something does to one service: the state after it, what is sent, and what must never have been done."""

    move: Move
    after: int
    sent: Sent
    fault: int


class Arrival(NamedTuple):
    """A message that may arrive now, and what is under way without it. With `copy` a copy of it stays."""

    channel: int
    message: int
    rest: int
    unordered: bool = False
    copy: bool = False


class World:
    """A scenario, with everything that was found out about its services."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        s = scenario
        self.services: tuple[Offers, Contacts, Offers, Contacts] = (
            Offers(KAZENOR, s.offered, receipts=s.receipts),
            Contacts(KAZENOR, s.people, s.most),
            Offers(NORTHWIND, s.offered, mailbox=s.mailbox, receipts=s.receipts),
            Contacts(NORTHWIND, s.people, s.most),
        )
        self._kinds = list(s.budget)
        self._doers = [
            [place for place, service in enumerate(self.services) if kind in service.kinds] for kind in self._kinds
        ]
        self._channels: Numbers[Channel] = Numbers()
        self._messages: Numbers[Said] = Numbers()
        self._queues: Numbers[Queues] = Numbers()
        self._budgets: Numbers[tuple[int, ...]] = Numbers()
        self._faults: Numbers[str] = Numbers()
        # 0 is nothing at all, of each.
        self._queues.of(())
        self._faults.of("")
        self._arrivals: dict[int, list[Arrival]] = {}
        self._sending: dict[tuple[int, Sent], int] = {}
        self._allowed: dict[int, list[tuple[int, int]]] = {}
        self._heard: dict[tuple[int, int, int], Effect] = {}
        self._done: dict[tuple[int, int, str], list[Effect]] = {}
        self._receipted: dict[int, list[Effect]] = {}
        self._words: dict[tuple[str, str], Move] = {}
        self._judged: dict[tuple[int, ...], str | None] = {}

    def explore(self, most: int = 5_000_000) -> Found:
        return explore(self.start(), self.moves, self.wrong, most=most)

    def start(self) -> State:
        """Where the scenario begins."""
        start = (0, 0, 0, 0, 0, self._budgets.of(tuple(self.scenario.budget.values())), 0)
        if not self.scenario.begun:
            return start
        with_them = " and ".join(self.scenario.offered)
        start = self.do(start, 0, "kazenor sends", "kazenor sends an offer")
        return self.do(start, 2, "northwind accepts", f"northwind accepts the offer with {with_them}")

    def do(self, state: State, place: int, kind: str, words: str) -> State:
        """The state after people of a service did this and everything has arrived."""
        effect = next(one for one in self._do(place, state[place], kind) if one.move.words == words)
        return self.settle(self._after(state, place, effect, state[UNDER_WAY], state[BUDGET]))

    def settle(self, state: State) -> State:
        """The state once everything that is under way has arrived."""
        while not state[FAULT] and (arrived := next(self._deliveries(state), None)):
            state = arrived[1]
        return state

    def replay(self, steps: Sequence[str], *, strictly: bool = True) -> str | None:
        """What is wrong once these steps have been taken, in words as a trace has them, and everything else has arrived.

        Unless `strictly`, what is not possible is left out.
        """
        state = self.start()
        for words in steps:
            after = next((after for move, after in self.moves(state) if move.words == words), None)
            if after is None and strictly:
                may = "\n  ".join(move.words for move, _ in self.moves(state))
                raise AssertionError(f"not possible: {words}\npossible:\n  {may}")
            state = state if after is None else after
        return self.wrong(self.settle(state), True)

    # What may happen

    def moves(self, state: State) -> Iterator[tuple[Move, State]]:
        if state[FAULT]:
            return
        yield from self._deliveries(state)
        for kind, left in self._left(state[BUDGET]):
            for place in self._doers[kind]:
                for effect in self._do(place, state[place], self._kinds[kind]):
                    yield effect.move, self._after(state, place, effect, state[UNDER_WAY], left)

    def _deliveries(self, state: State) -> Iterator[tuple[Move, State]]:
        for one in self._may_arrive(state[UNDER_WAY]):
            channel = self._channels[one.channel]
            if channel.kind == "asked":
                for effect in self._accounts_answers(channel):
                    # It does nothing to the service but that the answer is on its way.
                    answered = effect._replace(after=state[channel.to])
                    yield effect.move, self._after(state, channel.to, answered, one.rest, state[BUDGET])
                continue
            effect = self._hear(one.channel, one.message, state[channel.to])
            if one.copy:
                kind = self._kinds.index("a copy")
                left = next((left for allowed, left in self._left(state[BUDGET]) if allowed == kind), None)
                if left is not None:
                    copied = (self._channels.of(channel._replace(kind="copy")), one.message)
                    more = effect._replace(sent=(*effect.sent, copied))
                    yield (
                        self._move(effect.move, ", a copy stays under way"),
                        self._after(state, channel.to, more, one.rest, left),
                    )
                continue
            move = self._move(effect.move, ", out of order") if one.unordered else effect.move
            yield move, self._after(state, channel.to, effect, one.rest, state[BUDGET])
        if self.scenario.receipts:
            for effect in self._receipts(state[2]):
                yield effect.move, self._after(state, 2, effect, state[UNDER_WAY], state[BUDGET])

    def _may_arrive(self, number: int) -> list[Arrival]:
        """What may arrive next of what is under way."""
        if number not in self._arrivals:
            found, queues = [], self._queues[number]
            for channel, messages in queues:
                kind = self._channels[channel].kind
                # Receipts may overtake each other and everything else.
                places = range(len(messages)) if kind == "receipt" else range(1)
                if kind == "fact" and not self.scenario.orderly:
                    places = range(min(2, len(messages)))
                for i in places:
                    left = (*messages[:i], *messages[i + 1 :])
                    rest = self._queues.of(
                        tuple((c, left if c == channel else m) for c, m in queues if c != channel or left)
                    )
                    found.append(Arrival(channel, messages[i], rest, unordered=kind == "fact" and i > 0))
                    if kind == "peer" and "a copy" in self._kinds and self._messages[messages[i]].type == "offer.sent":
                        found.append(found[-1]._replace(copy=True))
            self._arrivals[number] = found
        return self._arrivals[number]

    def _hear(self, channel: int, message: int, number: int) -> Effect:
        """A message reaches a service. A copy comes to a door that does not know it: another cell's, or one restored from a backup."""
        key = (channel, message, number)
        if key not in self._heard:
            way, said = self._channels[channel], self._messages[message]
            service = self.services[way.to]
            outcome = service.hear(number, said, way.origin, counts=way.kind != "copy")
            words = f"{words_of(said)} reaches the {service.name} of {service.tenant}"
            self._heard[key] = self._effect(words, way.to, outcome)
        return self._heard[key]

    def _accounts_answers(self, asked: Channel) -> Iterator[Effect]:
        """Accounts says whose an offer is; either may be so by now."""
        told = self._channels.of(asked._replace(kind="told"))
        for words, answer in (
            ("knows", RecipientFound(origin=OTHER[asked.origin], user_id=WHO[asked.origin].id)),
            ("does not know", RecipientUnknown(origin=OTHER[asked.origin])),
        ):
            move = Move(f"accounts of {asked.origin} {words} whom the offer{which(asked.subject)} is for")
            yield Effect(move, 0, ((told, self._messages.of(Said.of(answer, asked.origin, asked.subject))),), 0)

    def _receipts(self, number: int) -> list[Effect]:
        """The receipts of the customer that may leave; those of the partner would only tell how far a message has come."""
        if number not in self._receipted:
            service = self.services[2]
            self._receipted[number] = [
                Effect(
                    Move(f"{service.tenant} sends {words_of(receipt)}"),
                    after,
                    (
                        (
                            self._channels.of(Channel("receipt", service.tenant, 0, receipt.subject)),
                            self._messages.of(receipt),
                        ),
                    ),
                    0,
                )
                for after, receipt in service.receipts_due(number)
            ]
        return self._receipted[number]

    def _do(self, place: int, number: int, kind: str) -> list[Effect]:
        """What people of a service may do of a kind."""
        key = (place, number, kind)
        if key not in self._done:
            service = self.services[place]
            self._done[key] = [self._effect(words, place, outcome) for words, outcome in service.options(number, kind)]
        return self._done[key]

    def _effect(self, words: str, place: int, outcome: Outcome) -> Effect:
        service, sent = self.services[place], []
        for said in outcome.says:
            if said.type == "details.shared":
                continue
            if said.to != service.tenant:
                channel = Channel("peer", service.tenant, (place + 2) % 4, said.subject)
            elif said.type == "offer.arrived":
                channel = Channel("asked", service.tenant, place, said.subject)
            elif place % 2 == 0 and self.scenario.contacts and said.type in self.services[place + 1].hears:
                channel = Channel("fact", service.tenant, place + 1, said.subject)
            else:
                continue
            sent.append((self._channels.of(channel), self._messages.of(said)))
        return Effect(Move(words), outcome.state, tuple(sent), self._faults.of(outcome.fault))

    def _move(self, move: Move, more: str) -> Move:
        key = (move.words, more)
        if key not in self._words:
            self._words[key] = Move(move.words + more)
        return self._words[key]

    def _left(self, number: int) -> list[tuple[int, int]]:
        """The kinds of things that may still be done, each with what is left after it."""
        if number not in self._allowed:
            budget = self._budgets[number]
            self._allowed[number] = [
                (kind, self._budgets.of((*budget[:kind], most - 1, *budget[kind + 1 :])))
                for kind, most in enumerate(budget)
                if most
            ]
        return self._allowed[number]

    def _after(self, state: State, place: int, effect: Effect, under_way: int, budget: int) -> State:
        if effect.sent:
            key = (under_way, effect.sent)
            if key not in self._sending:
                queues = dict(self._queues[under_way])
                for channel, message in effect.sent:
                    queues[channel] = (*queues.get(channel, ()), message)
                self._sending[key] = self._queues.of(tuple(sorted(queues.items())))
            under_way = self._sending[key]
        a, b, c, d = state[:4]
        if place == 0:
            a = effect.after
        elif place == 1:
            b = effect.after
        elif place == 2:
            c = effect.after
        else:
            d = effect.after
        return a, b, c, d, under_way, budget, effect.fault

    # What must be so

    def wrong(self, state: State, quiet: bool) -> str | None:
        if state[FAULT]:
            return self._faults[state[FAULT]]
        if state[UNDER_WAY] or (self.scenario.receipts and self._receipts(state[2])):
            return None
        if state[:4] not in self._judged:
            self._judged[state[:4]] = Judge(self, state[:4]).verdict()
        return self._judged[state[:4]]


class Judge:
    """Nothing is under way: do both sides say the same, and is nothing left that nobody can decide?"""

    def __init__(self, world: World, numbers: Sequence[int]) -> None:
        def records(place: int, name: str) -> dict[str, Any]:
            return {one.id: one for one in world.services[place].all(numbers[place], name)}

        self.of_contacts = world.scenario.contacts
        self.ours, self.theirs = records(0, "Partnership"), records(2, "Partnership")
        self.contacts = (records(1, "Partnership"), records(3, "Partnership"))
        self.modifications = (records(1, "Modification"), records(3, "Modification"))
        self.parked = (records(1, "Parked"), records(3, "Parked"))

    def verdict(self) -> str | None:
        checks: tuple[Callable[[], str | None], ...] = (
            self._live,
            self._offers,
            *((self._phases,) if self.of_contacts else ()),
            self._stuck,
            self._assignments,
            self._items,
            self._twice,
            self._entitled,
            self._undecided,
        )
        return next((found for check in checks if (found := check()) is not None), None)

    def _live(self) -> str | None:
        for whose, all in ((KAZENOR, self.ours), (NORTHWIND, self.theirs)):
            live = [p.id for p in all.values() if p.status in LIVE and not p.held]
            if len(live) > 1:
                return f"two live partnerships of one pair at {whose}"
        if held := next((p for p in self.ours.values() if p.held and p.status == "open"), None):
            return f"the offer{which(held.id)} is held for ever"
        return None

    def _offers(self) -> str | None:
        for id, p in self.ours.items():
            c = self.theirs.get(id)
            if p.held:
                if c is not None:
                    return f"northwind knows the offer{which(id)} that never left"
                continue
            if c is None:
                return f"northwind does not know the offer{which(id)}"
            here, there = ("undeliverable" if one.status == "bounced" else one.status for one in (p, c))
            if here != there:
                return f"the offer{which(id)} is {p.status} for kazenor and {c.status} for northwind"
            authors = [
                {name: one.reason for name, one in sides if one is not None}
                for sides in (
                    ((KAZENOR, p.ended_by_us), (NORTHWIND, p.ended_by_them)),
                    ((KAZENOR, c.ended_by_them), (NORTHWIND, c.ended_by_us)),
                )
            ]
            if authors[0] != authors[1]:
                shown = [" and ".join(one) or "nobody" for one in authors]
                return f"the partnership was ended by {shown[0]} for kazenor, by {shown[1]} for northwind"
        return None

    def _phases(self) -> str | None:
        for whose, offers, contacts in (
            (KAZENOR, self.ours, self.contacts[0]),
            (NORTHWIND, self.theirs, self.contacts[1]),
        ):
            for id, p in offers.items():
                if p.status == "bounced":
                    continue
                phase = contacts[id].phase if id in contacts else None
                if phase != PHASES.get(p.status, p.status):
                    return f"the offer{which(id)} is {p.status} for the offers of {whose} and {phase} for its contacts"
        return None

    def _stuck(self) -> str | None:
        for whose, parked in zip((KAZENOR, NORTHWIND), self.parked, strict=True):
            if parked:
                return f"a message to the contacts of {whose} is parked for ever"
        return None

    def _assignments(self) -> str | None:
        for id, p in self.contacts[0].items():
            if id in self.contacts[1]:
                here, there = (
                    sorted((one.name, one.state, one.id) for one in side.assignments)
                    for side in (p, self.contacts[1][id])
                )
                if here != there:
                    shown = [
                        ", ".join(f"{name} {state}" for name, state, _ in side) or "nobody" for side in (here, there)
                    ]
                    return f"assignments differ: {shown[0]} for kazenor, {shown[1]} for northwind"
        return None

    def _items(self) -> str | None:
        here, there = (
            {id: [(i.contact_id, i.action, i.assignment_id, i.decision) for i in one.items] for id, one in side.items()}
            for side in self.modifications
        )
        if here != there:
            id = next(id for id in sorted({*here, *there}) if here.get(id) != there.get(id))
            shown = [
                ", ".join(f"{NAMES[item[0]]} {item[3] or 'open'}" for item in side[id]) if id in side else "unknown"
                for side in (here, there)
            ]
            return f"items of {name_of(id)} differ: {shown[0]} for kazenor, {shown[1]} for northwind"
        return None

    def _twice(self) -> str | None:
        for p in (*self.contacts[0].values(), *self.contacts[1].values()):
            working = [one.name for one in p.assignments if one.state == "accepted"]
            if len(set(working)) < len(working):
                return f"somebody works there twice: {', '.join(working)}"
        return None

    def _entitled(self) -> str | None:
        for id, p in self.contacts[1].items():
            agreed = {
                item.assignment_id
                for one in self.modifications[1].values()
                for item in one.items
                if (item.action, item.decision) == ("add", "accept") and one.partnership_id == id
            }
            for one in p.assignments:
                of_the_offer = one.id == assignment_id(id, one.contact_id, NOW) and self.theirs[id].status in {
                    "accepted",
                    "terminated",
                }
                if one.state in {"accepted", "released"} and one.id not in agreed and not of_the_offer:
                    return f"{one.name} has worked there without having been accepted"
        return None

    def _undecided(self) -> str | None:
        for whose, contacts, modifications in zip((KAZENOR, NORTHWIND), self.contacts, self.modifications, strict=True):
            for one in modifications.values():
                p = contacts[one.partnership_id]
                working = {a.contact_id for a in p.assignments if a.state == "accepted"}
                states = {a.id: a.state for a in p.assignments}
                for item in one.items:
                    if item.decision is not None:
                        continue
                    if p.phase != "accepted":
                        return f"an item about {item.name} is open for {whose} after the end"
                    state = states.get(item.assignment_id)
                    if item.contact_id in working if item.action == "add" else state != "accepted":
                        return f"an item is open for {whose} though it is fulfilled: {item.action} {item.name}"
                    if item.action == "add" and state != "offered":
                        return f"an item is open for {whose} that nobody can accept: {item.name} is {state}"
        return None

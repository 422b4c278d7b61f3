"""Part two: two businesses, offers and contacts of each, and streams between them that are first in, first out, as part one makes them.

Everything people may do within the budget of a scenario, and every delivery, in every order. Left out is what feeds nothing back: facts
that only history, notifications and lists hear (what contacts states of its figures is one), the details of lent people and names of account owners (shared
values, rule 7), and having looked. Commands are not asked for at the door of offers first: convergence never depends on it.
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
from tests.exploration.search import Found, Move, explore

OTHER = {KAZENOR: NORTHWIND, NORTHWIND: KAZENOR}
LIVE = {"open", "accepted", "modified"}
PHASES = {"terminated": "ended", "modified": "accepted", "bounced": "undeliverable"}
"""What contacts calls a status of offers, where the two differ."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What people may do, how often, and where it begins.

    Without `contacts` there is offers only: nothing that contacts does comes back to it. `people` are those whom proposals are about, at most `most` in one. `begun`: Ada works there already. `receipts` travel as messages of
    their own; without `mailbox` accounts has to say whose an offer is; not `orderly`, a local fact may be folded before the one ahead of it.
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


class State(NamedTuple):
    """The four services (offers and contacts of kazenor, of northwind), what is under way, what may still be done, what went wrong."""

    services: tuple[int, int, int, int]
    flying: tuple[tuple[int, tuple[int, ...]], ...]
    budget: tuple[int, ...]
    fault: str = ""


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
        self._channels: list[Channel] = []
        self._channel_numbers: dict[Channel, int] = {}
        self._messages: list[Said] = []
        self._message_numbers: dict[Said, int] = {}
        self._heard: dict[tuple[int, int, int], tuple[Move, int, tuple[tuple[int, int], ...], str]] = {}
        self._may: dict[tuple[int, int, int], list[tuple[Move, int, tuple[tuple[int, int], ...], str]]] = {}
        self._judged: dict[tuple[int, int, int, int], str | None] = {}

    def explore(self, most: int = 5_000_000) -> Found:
        return explore(self.start(), self.moves, self.wrong, most=most)

    def start(self) -> State:
        """Where the scenario begins."""
        start = State((0, 0, 0, 0), (), tuple(self.scenario.budget.values()))
        if not self.scenario.begun:
            return start
        with_them = " and ".join(self.scenario.offered)
        start = self.do(start, 0, "kazenor sends", "kazenor sends an offer")
        start = self.do(start, 2, "northwind accepts", f"northwind accepts the offer with {with_them}")
        return start

    def do(self, state: State, place: int, kind: str, words: str) -> State:
        """The state after people of a service did this and everything has arrived."""
        service = self.services[place]
        option = next(one for one in service.options(state.services[place], kind) if one.words == words)
        outcome = service.do(state.services[place], option)
        assert outcome is not None
        return self.settle(self._after(state, place, outcome.state, self._sent(place, outcome), outcome.fault))

    def settle(self, state: State) -> State:
        """The state once everything that is under way has arrived."""
        while not state.fault and (arrived := next(self._deliveries(state), None)):
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
        if state.fault:
            return
        yield from self._deliveries(state)
        services, budget = state.services, state.budget
        for kind, most in enumerate(budget):
            if most:
                left = (*budget[:kind], most - 1, *budget[kind + 1 :])
                for place in self._doers[kind]:
                    for move, after, sent, fault in self._options(place, services[place], kind):
                        yield move, self._after(state, place, after, sent, fault, left)

    def _deliveries(self, state: State) -> Iterator[tuple[Move, State]]:
        for number, messages in state.flying:
            channel = self._channels[number]
            if channel.kind == "receipt":
                for i, message in enumerate(messages):
                    yield self._arrives(state, number, message, (*messages[:i], *messages[i + 1 :]))
                continue
            if channel.kind == "asked":
                yield from self._accounts_answers(state, number, messages)
                continue
            yield self._arrives(state, number, messages[0], messages[1:])
            if channel.kind == "fact" and not self.scenario.orderly and len(messages) > 1:
                move, after = self._arrives(state, number, messages[1], (messages[0], *messages[2:]))
                yield Move(f"{move.words}, out of order"), after
            if self._messages[messages[0]].type == "offer.sent" and channel.kind == "peer":
                yield from self._copied(state, number, messages)
        if self.scenario.receipts:
            place, service = 2, self.services[2]
            for after, receipt in service.receipts_due(state.services[place]):
                sent = (
                    (self._channel(Channel("receipt", service.tenant, 0, receipt.subject)), self._message(receipt)),
                )
                yield Move(f"{service.tenant} sends {words_of(receipt)}"), self._after(state, place, after, sent, "")

    def _arrives(self, state: State, number: int, message: int, rest: tuple[int, ...]) -> tuple[Move, State]:
        channel = self._channels[number]
        place = channel.to
        key = (number, message, state.services[place])
        if key not in self._heard:
            service, said = self.services[place], self._messages[message]
            outcome = service.hear(state.services[place], said, channel.origin, counts=channel.kind != "copy")
            words = f"{words_of(said)} reaches the {service.name} of {service.tenant}"
            self._heard[key] = Move(words), outcome.state, self._sent(place, outcome), outcome.fault
        move, after, sent, fault = self._heard[key]
        return move, self._after(_taken(state, number, rest), place, after, sent, fault)

    def _accounts_answers(self, state: State, number: int, messages: tuple[int, ...]) -> Iterator[tuple[Move, State]]:
        """Accounts says whose an offer is; somebody may have got a login meanwhile, or lost it."""
        channel, subject = self._channels[number], self._messages[messages[0]].subject
        tenant = channel.origin
        to = self._channel(Channel("told", tenant, channel.to, subject))
        for words, answer in (
            ("knows", RecipientFound(origin=OTHER[tenant], user_id=WHO[tenant].id)),
            ("does not know", RecipientUnknown(origin=OTHER[tenant])),
        ):
            sent = ((to, self._message(Said.of(answer, tenant, subject))),)
            move = Move(f"accounts of {tenant} {words} whom the offer{which(subject)} is for")
            yield move, self._after(_taken(state, number, messages[1:]), 0, state.services[0], sent, "")

    def _copied(self, state: State, number: int, messages: tuple[int, ...]) -> Iterator[tuple[Move, State]]:
        """An offer arrives, and once more later on, at a door that does not know it: another cell's, or one restored from a backup."""
        if "a copy" in self._kinds and state.budget[kind := self._kinds.index("a copy")]:
            move, after = self._arrives(state, number, messages[0], messages[1:])
            copy = ((self._channel(self._channels[number]._replace(kind="copy")), messages[0]),)
            left = (*state.budget[:kind], state.budget[kind] - 1, *state.budget[kind + 1 :])
            yield (
                Move(f"{move.words}, a copy stays under way"),
                self._after(after, 0, after.services[0], copy, after.fault, left),
            )

    def _options(self, place: int, number: int, kind: int) -> list[tuple[Move, int, tuple[tuple[int, int], ...], str]]:
        key = (place, number, kind)
        if key not in self._may:
            service = self.services[place]
            self._may[key] = [
                (Move(option.words), outcome.state, self._sent(place, outcome), outcome.fault)
                for option in service.options(number, self._kinds[kind])
                if (outcome := service.do(number, option)) is not None
            ]
        return self._may[key]

    def _sent(self, place: int, outcome: Outcome) -> tuple[tuple[int, int], ...]:
        """Where what was said goes: the numbers of channels and messages."""
        service, sent = self.services[place], []
        for said in outcome.says:
            if said.to != service.tenant:
                channel = Channel("peer", service.tenant, (place + 2) % 4, said.subject)
            elif said.type == "offer.arrived":
                channel = Channel("asked", service.tenant, place, said.subject)
            elif place % 2 == 0 and self.scenario.contacts and said.type in self.services[place + 1].hears:
                channel = Channel("fact", service.tenant, place + 1, said.subject)
            else:
                continue
            sent.append((self._channel(channel), self._message(said)))
        return tuple(sent)

    def _channel(self, channel: Channel) -> int:
        if channel not in self._channel_numbers:
            self._channel_numbers[channel] = len(self._channels)
            self._channels.append(channel)
        return self._channel_numbers[channel]

    def _message(self, said: Said) -> int:
        if said not in self._message_numbers:
            self._message_numbers[said] = len(self._messages)
            self._messages.append(said)
        return self._message_numbers[said]

    @staticmethod
    def _after(
        state: State,
        place: int,
        number: int,
        sent: tuple[tuple[int, int], ...],
        fault: str,
        budget: tuple[int, ...] | None = None,
    ) -> State:
        services, flying = state.services, state.flying
        if services[place] != number:
            services = (*services[:place], number, *services[place + 1 :])  # type: ignore[assignment]
        if sent:
            queues = dict(flying)
            for channel, message in sent:
                queues[channel] = (*queues.get(channel, ()), message)
            flying = tuple(sorted(queues.items()))
        return State(services, flying, state.budget if budget is None else budget, fault)

    # What must be so

    def wrong(self, state: State, quiet: bool) -> str | None:
        if state.fault:
            return state.fault
        if state.flying or (self.scenario.receipts and self.services[2].receipts_due(state.services[2])):
            return None
        if state.services not in self._judged:
            self._judged[state.services] = Judge(self, state.services).verdict()
        return self._judged[state.services]


def _taken(state: State, number: int, rest: tuple[int, ...]) -> State:
    if rest:
        flying = tuple((n, rest if n == number else messages) for n, messages in state.flying)
    else:
        flying = tuple((n, messages) for n, messages in state.flying if n != number)
    return State(state.services, flying, state.budget, state.fault)


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

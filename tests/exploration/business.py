"""The services of one business, put into any state: the production handlers, as the service classes wire them. Each question is answered once."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from services.contacts.commands import AnswerModification, ItemAnswer, ProposeModification
from services.contacts.commands import RoleGiven as GivenRole
from services.contacts.domain.directory import Contact
from services.contacts.domain.lending import Partnership
from services.contacts.domain.modifying import Modification
from services.contacts.handlers import modifying
from services.contacts.service import ContactsService
from services.offers import service as offers_service
from services.offers.commands import (
    AcceptedContact,
    AcceptOffer,
    DeclineOffer,
    EndPartnership,
    RoleGiven,
    SendOffer,
    WithdrawOffer,
)
from services.offers.domain.partnership import Business, Mailbox
from services.offers.handlers import answering, ending, finding, reminding, sending, withdrawing
from shared.bus import streams
from shared.bus.door import Person
from shared.bus.streams import Stream
from shared.bus.work import Confirmed, Heard
from shared.calls import Call
from shared.contracts.contacts import ModificationDecided, ModificationProposed, ModificationWithdrawn
from shared.contracts.messages import Receipt
from shared.contracts.offers import ExpiryDue
from shared.errors import Refusal
from tests.exploration.ledger import Ledger, Records, Said
from tests.exploration.search import Numbers
from tests.support.entrypoints import handlers

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
KAZENOR, NORTHWIND = "kazenor", "northwind"
"""The partner and the customer of all that is explored."""
PEOPLE = {name: f"0190f6d4-0000-7000-8000-0000000000a{i}" for i, name in enumerate(("Ada", "Ben", "Cem"), 1)}
NAMES = {id: name for name, id in PEOPLE.items()}
WHO = {
    tenant: Person(f"0190f6d4-0000-7000-8000-0000000000b{i}", tenant.title(), f"admin@{tenant}.example", "admin", tenant.title())
    for i, tenant in enumerate((KAZENOR, NORTHWIND), 1)
}  # fmt: skip

ENVIRONMENTS = [{"id": "e1", "name": "Production", "roles": [{"id": "r1", "name": "Viewer"}]}]
ROLE = RoleGiven(environment="Production", role="Viewer")
ROLE_GIVEN = GivenRole(environment="Production", role="Viewer")


class Outcome(NamedTuple):
    """What came of a step: the state after it, what was said, and what must never happen but did."""

    state: int
    says: tuple[Said, ...]
    fault: str


class Wish(NamedTuple):
    """Something that people of a business may wish to do. `kind` is what the budget of a scenario counts."""

    kind: str
    words: str
    do: Callable[[Ledger], Any]


class Service:
    """One service of one tenant. What it holds is named by a number, 0 for nothing.

    With `receipts` it also keeps its streams as the bus does, with the code of the bus.
    """

    service: type
    name: str
    verbs: tuple[str, ...]
    makes_ids: Any
    letters: str

    def __init__(self, tenant: str, known: Records, *, receipts: bool = False) -> None:
        self.tenant, self.known, self.receipts = tenant, known, receipts
        self.other = NORTHWIND if tenant == KAZENOR else KAZENOR
        heard, self._confirmed = handlers(self.service())
        self.hears = {type_: one.handle for (_, _, type_), one in heard.items()}
        self._states: Numbers[frozenset[tuple[Any, Any]]] = Numbers()
        self._kept: dict[tuple[Any, Any], tuple[Any, Any]] = {}
        self.number({})

    def number(self, records: Records) -> int:
        """The number of a state."""
        # States have most of their records in common: each is kept once.
        return self._states.of(frozenset(self._kept.setdefault(item, item) for item in records.items()))

    def __getitem__(self, state: int) -> Records:
        return dict(self._states[state])

    def all(self, state: int, record: str) -> list[Any]:
        """The records of one class, in the order of their ids."""
        return [one for (name, _), one in sorted(self[state].items()) if name == record]

    # Steps

    def hear(self, state: int, said: Said, origin: str, *, counts: bool = True) -> Outcome:
        """A message reaches its handler, next in its stream; unless it `counts`, as a copy that nobody has recognised as one."""
        return self._step(state, partial(self._hear, said=said, origin=origin, counts=counts))

    def _hear(self, work: Ledger, said: Said, origin: str, counts: bool) -> None:
        if isinstance(said.message, Receipt):
            stream = _stream(work, self.tenant, said.subject, origin)
            streams.take_receipt(stream, said.message)
            self._settle(work, stream)
            return
        heard = Heard(self.tenant, origin, said.subject, 1, NOW, said.message)
        self.hears[said.message.type](work, heard, NOW)
        if self.receipts and counts and origin != self.tenant:
            stream = _stream(work, self.tenant, said.subject, origin)
            streams.advance(stream, stream.applied + 1, "")
            stream.receipt_due = True
            self._settle(work, stream)

    def _settle(self, work: Ledger, stream: Stream) -> None:
        """As the inbox does it when a message or a receipt has come."""
        if streams.settle_receipt(stream) and self._confirmed is not None:
            news = Confirmed(stream.tenant, stream.peer, stream.subject, stream.confirmed, stream.confirmed_seen)
            self._confirmed(work, news, NOW)
        _keep(work, stream)

    @property
    def kinds(self) -> set[str]:
        """All kinds of things that people of this service may do."""
        return {f"{self.tenant} {verb}" for verb in self.verbs}

    def options(self, state: int, kind: str) -> Iterator[tuple[str, Outcome]]:
        """What people may do of this kind now, in words, and what comes of it: all that is not refused, and changes something."""
        for wish in self.wishes(state, kind):
            if wish.kind == kind:
                with contextlib.suppress(Refusal):
                    outcome = self._step(state, wish.do)
                    if outcome.state != state or outcome.says or outcome.fault:
                        yield wish.words, outcome

    def wishes(self, state: int, kind: str) -> Iterator[Wish]:
        """What people may wish to do, at least all of this kind; the handlers refuse what does not fit."""
        raise NotImplementedError

    def _step(self, state: int, do: Callable[[Ledger], Any]) -> Outcome:
        before = self[state]
        work = Ledger(before, self.known)
        # An id depends on nothing but what there is: the same step from the same state makes the same one.
        new_id, self.makes_ids.new_id = self.makes_ids.new_id, lambda: self._id(before)
        try:
            do(work)
        except Refusal:
            raise
        except Exception as error:
            return Outcome(state, (), f"the {self.name} of {self.tenant} fails: {type(error).__name__}: {error}")
        finally:
            self.makes_ids.new_id = new_id
        if self.receipts:
            for one in work.says:
                if one.to != self.tenant:
                    stream = _stream(work, self.tenant, one.subject, one.to)
                    streams.note_sent(stream, "")
                    _keep(work, stream)
        return Outcome(self.number(work.records), tuple(work.says), self.fault(before, work))

    def _id(self, records: Records) -> str:
        made = sum(1 for (name, _), one in records.items() if self._made(name, one))
        return f"0190f6d4-0000-7000-8000-{self.letters[self.tenant == NORTHWIND]}{made + 1:011d}"

    def _made(self, name: str, record: Any) -> bool:
        raise NotImplementedError

    def fault(self, before: Records, work: Ledger) -> str:
        """What must never be done, whatever comes of it."""
        return ""

    def receipts_due(self, state: int) -> list[tuple[int, Said]]:
        """For each receipt that is due: the state once it has left, and the receipt."""
        due = []
        for kept in self.all(state, "Stream"):
            stream = _thaw(kept)
            if stream.receipt_due:
                receipt = streams.receipt_of(stream)
                stream.receipt_due = False
                work = Ledger(self[state], self.known)
                _keep(work, stream)
                due.append((self.number(work.records), Said.of(receipt, stream.peer, stream.subject)))
        return due


class _Kept(NamedTuple):
    """A stream as a record. The digests are of no interest: nothing is forged here."""

    id: str
    values: tuple[Any, ...]


_FIELDS = [name for name in Stream.__slots__ if name not in {"sent_digest", "applied_digest", "fresh", "changed"}]


def _thaw(kept: _Kept) -> Stream:
    return Stream(**dict(zip(_FIELDS, kept.values, strict=True)))


def _stream(work: Ledger, tenant: str, subject: str, peer: str) -> Stream:
    kept = work.records.get(("Stream", subject))
    return _thaw(kept) if kept is not None else Stream(tenant, subject, peer, "offers")


def _keep(work: Ledger, stream: Stream) -> None:
    work.records[("Stream", stream.subject)] = _Kept(stream.subject, tuple(getattr(stream, name) for name in _FIELDS))


# The two services


def _send(work: Ledger, call: Call, offer: SendOffer, **more: Any) -> None:
    """As the service does: the offer has its id before it is sent."""
    sending.send_offer(work, call, offer, id=offers_service.new_id(), **more)


class Offers(Service):
    """Offers of one side. `offered` are the people an offer of ours names."""

    service, name = offers_service.OffersService, "offers"
    verbs = ("sends", "takes back", "reminds of", "accepts", "declines", "ends", "hears its clock")
    makes_ids, letters = offers_service, "ab"

    def __init__(
        self, tenant: str, offered: tuple[str, ...] = ("Ada",), *, mailbox: bool = True, receipts: bool = False
    ):
        self.offered = offered
        known: dict[tuple[str, str], Any] = {
            ("Business", tenant): Business(tenant=tenant, id=tenant, company=tenant.title())
        }
        if mailbox:
            email = WHO[tenant].email
            known["Mailbox", email] = Mailbox(tenant=tenant, id=email, user_id=WHO[tenant].id, active=True)
        super().__init__(tenant, known, receipts=receipts)
        self._answers = finding.Answers(
            {}, {id: {"id": id, "name": name} for name, id in PEOPLE.items()}, ENVIRONMENTS, offer_days=0
        )

    def _made(self, name: str, record: Any) -> bool:
        return name == "Partnership"

    def wishes(self, state: int, kind: str) -> Iterator[Wish]:
        t, who, other = self.tenant, WHO[self.tenant], self.other
        if t == KAZENOR:
            offer = SendOffer(
                customer_tenant=other,
                customer_email=WHO[other].email,
                message="Shall we?",
                contact_ids=[PEOPLE[name] for name in self.offered],
            )
            yield self._wish("", "sends", "an offer", _send, offer, answers=self._answers)
        for p in self.all(state, "Partnership"):
            yield self._wish(p.id, "takes back", "the offer", withdrawing.withdraw_offer, WithdrawOffer())
            yield self._wish(p.id, "reminds of", "the offer", reminding.remind_offer)
            yield self._wish(p.id, "declines", "the offer", answering.decline_offer, DeclineOffer())
            for names in dict.fromkeys((self.offered, self.offered[:1])):
                chosen = [AcceptedContact(contact_id=PEOPLE[name], roles=[ROLE]) for name in names]
                words = f"the offer with {' and '.join(names)}"
                body = AcceptOffer(contacts=chosen)
                yield self._wish(p.id, "accepts", words, answering.accept_offer, body, answers=self._answers)
            yield self._wish(
                p.id, "ends", "the partnership", ending.end_partnership, EndPartnership(reason=f"{who.name} says so.")
            )
            due = Heard(t, t, p.id, 0, NOW, ExpiryDue())
            ring = f"{t} hears its clock"
            yield Wish(ring, f"{ring} for the offer{which(p.id)}", partial(self._ring, due))

    def _wish(self, id: str, verb: str, what: str, handler: Callable[..., Any], *args: Any, **more: Any) -> Wish:
        call = Call("explore", self.tenant, WHO[self.tenant].id, {"partnership_id": id})
        kind = f"{self.tenant} {verb}"

        def do(work: Ledger) -> None:
            handler(work, call, *args, person=WHO[self.tenant], now=NOW, **more)

        return Wish(kind, f"{kind} {what}{which(id)}", do)

    def _ring(self, due: Heard[ExpiryDue], work: Ledger) -> None:
        self.hears[ExpiryDue.type](work, due, NOW)


class Contacts(Service):
    """Contacts of one side. People wish about `people`, at most `most` at a time."""

    service, name = ContactsService, "contacts"
    verbs = ("proposes", "answers", "withdraws")
    makes_ids, letters = modifying, "cd"

    def __init__(self, tenant: str, people: tuple[str, ...] = ("Ada", "Ben"), most: int = 2) -> None:
        self.people, self.most = people, most
        known = {
            ("Contact", id): Contact(
                tenant=tenant, id=id, name=name, email=f"{name}@example", created_at=NOW, updated_at=NOW
            )
            for name, id in PEOPLE.items()
        }
        super().__init__(tenant, known)

    def _made(self, name: str, record: Any) -> bool:
        return name == "Modification" and record.by == "us"

    def fault(self, before: Records, work: Ledger) -> str:
        for one in work.says:
            known = before.get(("Partnership", one.subject))
            if one.to != self.tenant and known is not None and known.phase == "ended":
                return f"{self.tenant} says {one.type} though it has seen the end"
        return ""

    def wishes(self, state: int, kind: str) -> Iterator[Wish]:
        verb = kind.removeprefix(f"{self.tenant} ")
        for p in self.all(state, "Partnership"):
            if verb == "proposes":
                there = {one.contact_id for one in p.assignments if one.state == "accepted"}
                for count in range(1, self.most + 1):
                    for names in itertools.combinations(self.people, count):
                        yield self._propose(p.id, names, there)
                continue
            for one in self.all(state, "Modification"):
                if one.partnership_id != p.id or not one.open:
                    continue
                if verb == "answers":
                    yield from self._answers(p, one)
                else:
                    yield self._wish(p.id, "withdraws", name_of(one.mid), modifying.withdraw_modification, mid=one.mid)

    def _propose(self, id: str, names: tuple[str, ...], there: set[str]) -> Wish:
        add = [name for name in names if PEOPLE[name] not in there]
        release = [name for name in names if PEOPLE[name] in there]
        body = ProposeModification(
            add_contact_ids=[PEOPLE[name] for name in add],
            release_contact_ids=[PEOPLE[name] for name in release],
            reason="Because.",
        )
        words = " and ".join([*(f"to add {name}" for name in add), *(f"to release {name}" for name in release)])
        return self._wish(id, "proposes", words, modifying.propose_modification, body)

    def _answers(self, p: Partnership, one: Modification) -> Iterator[Wish]:
        items = [item for item in one.items if item.decision is None]
        for decisions in itertools.product(("accept", "decline"), repeat=len(items)):
            given = [
                ItemAnswer(
                    contact_id=item.contact_id,
                    decision=decision,
                    roles=[ROLE_GIVEN] if (item.action, decision, p.side) == ("add", "accept", "customer") else [],
                )
                for item, decision in zip(items, decisions, strict=True)
            ]
            words = f"{name_of(one.mid)} ({decided(given)})"
            body = AnswerModification(items=given)
            yield self._wish(
                p.id, "answers", words, modifying.answer_modification, body, mid=one.mid, environments=ENVIRONMENTS
            )

    def _wish(
        self, id: str, verb: str, what: str, handler: Callable[..., Any], *args: Any, mid: str = "", **more: Any
    ) -> Wish:
        call = Call("explore", self.tenant, WHO[self.tenant].id, {"partnership_id": id, "modification_id": mid})
        kind = f"{self.tenant} {verb}"

        def do(work: Ledger) -> None:
            handler(work, call, *args, person=WHO[self.tenant], now=NOW, **more)

        return Wish(kind, f"{kind} {what}{which(id)}", do)


# Words


def which(id: str) -> str:
    """Which offer is meant, from the second on: "(2)"."""
    number = int(id[-4:]) if id else 1
    return f" ({number})" if number > 1 else ""


def name_of(mid: str) -> str:
    """What a proposal is called here: by its side and number."""
    return f"{'K' if mid[-12] == 'c' else 'N'}{int(mid[-4:])}"


def decided(items: Iterable[Any]) -> str:
    """What was decided of whom."""
    return ", ".join(f"{NAMES[one.contact_id]}: {one.decision}" for one in items)


def words_of(said: Said) -> str:
    """A message in words."""
    message = said.message
    if isinstance(message, ModificationProposed):
        return f"the proposal {name_of(message.id)}"
    if isinstance(message, ModificationDecided):
        return f"the answer to {name_of(message.modification_id)} ({decided(message.items)})"
    if isinstance(message, ModificationWithdrawn):
        return f"the withdrawal of {name_of(message.modification_id)}"
    if isinstance(message, Receipt):
        return f"the receipt (applied {message.applied}, sent {message.sent}){which(said.subject)}"
    return f"{said.type}{which(said.subject)}"

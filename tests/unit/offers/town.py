"""Two businesses with offers on the in-memory twin, each in a database of its own; what one says reaches the other when it is delivered."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.offers.commands import AcceptOffer, Chosen, DeclineOffer, EndPartnership, SendOffer, WithdrawOffer
from services.offers.domain.limiting import Limits
from services.offers.domain.partnership import Pair, Partnership
from services.offers.handlers import answering, ending, finding, looking, reminding, sending, withdrawing
from services.offers.service import OffersService
from services.offers.store import TABLES
from shared.bus.deliveries import decode
from shared.bus.door import Person
from shared.bus.inbox import Inbox
from shared.bus.memory import MemoryDatabase
from shared.bus.records import Tables
from shared.bus.session import Session
from shared.bus.streams import receipt_of
from shared.bus.unit import Unit
from shared.calls import Call
from shared.contracts import accounts as from_accounts
from shared.contracts.messages import Envelope, Message, Receipt
from shared.ids import new_id
from tests.support.entrypoints import handlers
from tests.support.hearing import START, said
from tests.support.saying import Streams

ENVIRONMENTS = [
    {"id": "e1", "name": "Production", "roles": [{"id": "r1", "name": "Viewer"}, {"id": "r2", "name": "Operator"}]},
    {"id": "e2", "name": "Development", "roles": [{"id": "r3", "name": "Viewer"}]},
]
VIEWER = [("Production", "Viewer")]


class Side:
    """One business."""

    def __init__(self, tenant: str, town: Town) -> None:
        self.tenant, self.town = tenant, town
        self.database = MemoryDatabase()
        self.session = Session(self.database, "offers", Tables(TABLES), clock=lambda: town.now)
        hear, confirmed = handlers(OffersService())
        self.inbox = Inbox(self.database, "offers", Tables(TABLES), hear, confirmed=confirmed, clock=lambda: town.now)
        self.people: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, dict[str, Any]] = {}
        self.limits = Limits()
        self._facts = Streams()
        self._taken = 0
        self._rung: set[str] = set()
        self.admin = self.user("admin", f"admin@{tenant}.example")

    def user(self, role: str, email: str, *, active: bool = True, known: bool = True) -> Person:
        id = new_id()
        self.people[id] = {
            "id": id,
            "name": email.split("@")[0].title(),
            "email": email,
            "role": role,
            "active": active,
        }
        if known:
            self.hear(from_accounts.UserChanged(**self.people[id]), subject=id)
        return Person(id, self.people[id]["name"], email, role, self.tenant.title())

    def contact(self, name: str) -> str:
        id = new_id()
        self.contacts[id] = {"id": id, "name": name, "title": ""}
        return id

    def hear(self, fact: Message, *, subject: str) -> None:
        """Accounts or another service of our side states a fact."""
        body = self._facts.body(fact, tenant=self.tenant, subject=subject, time=self.town.now)
        assert self.inbox.handle([decode(body)]).applied == 1

    def call(self, person: Person, **ids: str) -> Call:
        return Call("test", self.tenant, person.id, ids)

    def answers(self) -> finding.Answers:
        return finding.Answers(self.people, self.contacts, ENVIRONMENTS, limits=self.limits)

    def send(
        self,
        to: str,
        email: str,
        *contacts: str,
        by: Person | None = None,
        managers: tuple[str, ...] = (),
        key: str | None = None,
    ) -> dict[str, Any]:
        by = by or self.admin
        body = SendOffer(
            customer_tenant=to,
            customer_email=email,
            message="Shall we?",
            contact_ids=list(contacts),
            manager_ids=list(managers),
        )
        call = replace(self.call(by), idempotency_key=key)
        return self.run(sending.send_offer, call, body, id=new_id(), person=by, answers=self.answers())

    def accept(
        self, id: str, roles: dict[str, list[tuple[str, str]]], by: Person | None = None, comment: str | None = None
    ) -> dict[str, Any]:
        by = by or self.admin
        body = AcceptOffer(
            contacts=[
                {"contact_id": c, "roles": [{"environment": e, "role": r} for e, r in granted]}
                for c, granted in roles.items()
            ],
            comment=comment,
        )
        return self.run(
            answering.accept_offer, self.call(by, partnership_id=id), body, person=by, answers=self.answers()
        )

    def decline(self, id: str, reason: str | None = None, *, block: bool = False) -> dict[str, Any]:
        call = self.call(self.admin, partnership_id=id)
        return self.run(answering.decline_offer, call, DeclineOffer(reason=reason, block=block), person=self.admin)

    def turn_away(self, id: str) -> None:
        """Accounts says that the offer is for nobody here."""
        self.hear(from_accounts.RecipientUnknown(origin=self.record(id).counterpart), subject=id)

    def withdraw(self, id: str, reason: str | None = None, **more: Any) -> dict[str, Any]:
        return self.do(withdrawing.withdraw_offer, id, WithdrawOffer(reason=reason), person=self.admin, **more)

    def remind(self, id: str) -> dict[str, Any]:
        return self.do(reminding.remind_offer, id, person=self.admin)

    def end(self, id: str, reason: str = "It is over.") -> dict[str, Any]:
        return self.do(ending.end_partnership, id, EndPartnership(reason=reason), person=self.admin)

    def look(self, id: str) -> None:
        self.do(looking.mark_seen, id)

    def remove(self, id: str) -> None:
        self.do(looking.remove_partnership, id)

    def tell(self, message: Any, *, to: str, subject: str) -> None:
        """Say something to the other side that no use case of ours would say now."""
        self.run(
            lambda work, call, now: work.tell(message, tenant=self.tenant, to=to, subject=subject),
            self.call(self.admin),
        )

    def do(self, handler: Any, id: str, *args: Any, **more: Any) -> Any:
        """A command on one partnership."""
        return self.run(handler, self.call(self.admin, partnership_id=id), *args, **more)

    def run(self, handler: Any, call: Call, *args: Any, **more: Any) -> Any:
        self.town.now += timedelta(seconds=1)
        return self.session.run(handler, call, *args, **more)

    def list(self, person: Person | None = None, **chosen: Any) -> list[dict[str, Any]]:
        person = person or self.admin
        page = self.session.read(looking.list_partnerships, self.call(person), Chosen(**chosen), person=person)
        return list(page["items"])

    def get(self, id: str, person: Person | None = None) -> dict[str, Any]:
        person = person or self.admin
        return self.session.read(looking.get_partnership, self.call(person, partnership_id=id), person=person)

    def record(self, id: str) -> Partnership:
        found = self.peek(Partnership, id)
        assert found is not None
        return found

    def pair(self, customer: str) -> tuple[str, str]:
        """The last partnership with this customer that was told, and the held one."""
        found = self.peek(Pair, customer)
        assert found is not None
        return found.partnership_id, found.held

    def peek(self, record: Any, id: str) -> Any:
        with self.database.transaction([self.tenant]) as storage:
            return Unit(storage, "offers", Tables(TABLES), self.town.now).peek(record, self.tenant, id)

    def said(self, kind: str = "fact", *, about: str | None = None) -> list[Any]:
        """All that was said, oldest first."""
        return [said(row) for row in self.database.outbox if row.kind == kind and about in (None, row.subject)]

    def ring(self) -> None:
        """Let the timers come back whose time it is."""
        due = [r for r in self.database.outbox if r.kind == "timer" and r.due_at <= self.town.now]
        for row in due:
            if row.id not in self._rung:
                self._rung.add(row.id)
                assert self.inbox.handle([decode(row.body)]).applied == 1

    def receipts(self) -> list[str]:
        """What this side owes the other: how far it has got with what was said to it."""
        bodies = []
        for stream in self.database.streams.values():
            if stream.receipt_due:
                stream.receipt_due = False
                envelope = Envelope(
                    id=new_id(),
                    type=Receipt.type,
                    source="offers",
                    subject=stream.subject,
                    time=self.town.now,
                    origin=self.tenant,
                    destination=stream.peer,
                    sequence=0,
                    kind="peer",
                    data=receipt_of(stream).model_dump(mode="json"),
                )
                bodies.append(envelope.model_dump_json())
        return bodies

    def get_messages(self, bodies: list[str]) -> None:
        """What the other side said reaches this one."""
        for body in bodies:
            self.inbox.handle([decode(body)])

    def take(self) -> list[str]:
        """The peer messages that were said since the last time."""
        new = [r for r in self.database.outbox[self._taken :] if r.kind == "peer"]
        self._taken = len(self.database.outbox)
        return [r.body for r in new]


class Town:
    """kazenor and northwind."""

    def __init__(self) -> None:
        self.now = START
        self.kazenor, self.northwind = Side("kazenor", self), Side("northwind", self)
        for side in (self.kazenor, self.northwind):
            side.hear(from_accounts.TenantRegistered(company=side.tenant.title()), subject=side.tenant)

    def offer(self, *names: str) -> tuple[str, list[str]]:
        """kazenor offers northwind these people, and northwind has the offer."""
        contacts = [self.kazenor.contact(name) for name in names or ("Mia", "Olof")]
        id = self.kazenor.send("northwind", "admin@northwind.example", *contacts)["id"]
        self.deliver()
        return id, contacts

    def accepted(self) -> str:
        """A partnership that runs."""
        id, (mia, _) = self.offer()
        self.northwind.accept(id, {mia: VIEWER})
        self.deliver()
        return id

    def statuses(self, id: str) -> tuple[str, str]:
        """As kazenor and as northwind show it."""
        return self.kazenor.get(id)["status"], self.northwind.get(id)["status"]

    def deliver(self, *, receipts: bool = False) -> None:
        """Let everything reach the other side, until nothing is under way; also `receipts`, if wanted."""
        moving = True
        while moving:
            moving = False
            for here, there in ((self.kazenor, self.northwind), (self.northwind, self.kazenor)):
                bodies = here.take() + (here.receipts() if receipts else [])
                there.get_messages(bodies)
                moving = moving or bool(bodies)

    def wait(self, time: timedelta) -> None:
        """Let time pass; clocks ring."""
        self.now += time
        for side in (self.kazenor, self.northwind):
            side.ring()

    def entries(self, id: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """What each side's history must hold in common: kind and time of the facts that both know, as kazenor and as northwind have them."""
        return self._entries(self.kazenor, id), self._entries(self.northwind, id)

    @staticmethod
    def _entries(side: Side, id: str) -> list[tuple[str, str]]:
        found = []
        for row in side.database.outbox:
            name, _, way = row.type.rpartition(".")
            if (
                row.kind == "fact"
                and row.subject == id
                and way in {"given", "received"}
                and name not in {"owner", "offer"}
            ):
                data = json.loads(row.body)["data"]
                if data.get("told", True):
                    found.append((name, data["at"]))
        return sorted(found)

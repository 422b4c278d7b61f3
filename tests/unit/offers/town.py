"""Two businesses with offers on the in-memory twin, each in a database of its own; what one says reaches the other when it is delivered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from services.offers.commands import AcceptOffer, Chosen, DeclineOffer, SendOffer
from services.offers.domain.partnership import Partnership
from services.offers.handlers import answering, finding, looking, sending
from services.offers.service import OffersService
from services.offers.store import TABLES
from shared.bus.door import Person
from shared.bus.inbox import Handler, Inbox, decode
from shared.bus.memory import MemoryDatabase
from shared.bus.records import Tables
from shared.bus.session import Session
from shared.bus.unit import Unit
from shared.bus.work import Confirmed
from shared.calls import Call
from shared.contracts import accounts as from_accounts
from shared.contracts.messages import Message
from shared.ids import new_id
from tests.support.hearing import START, said
from tests.support.saying import Streams

ENVIRONMENTS = [
    {"id": "e1", "name": "Production", "roles": [{"id": "r1", "name": "Viewer"}, {"id": "r2", "name": "Operator"}]},
    {"id": "e2", "name": "Development", "roles": [{"id": "r3", "name": "Viewer"}]},
]


def entrypoints() -> tuple[dict[tuple[str, str, str], Handler], Any]:
    """The message handlers of the service as its class declares them, and what hears receipts."""
    found: dict[tuple[str, str, str], Handler] = {}
    confirmed = None
    service = OffersService()
    for name in dir(OffersService):
        method = getattr(service, name)
        for entry in getattr(method, "nameko_entrypoints", ()):
            model = getattr(entry, "model", None)
            if model is Confirmed:
                confirmed = method
            elif model is not None:
                found[(model.kind, model.publisher, model.type)] = Handler(model, method, entry.needs)
    return found, confirmed


class Side:
    """One business."""

    def __init__(self, tenant: str, town: Town) -> None:
        self.tenant, self.town = tenant, town
        self.database = MemoryDatabase()
        self.session = Session(self.database, "offers", Tables(TABLES), clock=lambda: town.now)
        hear, confirmed = entrypoints()
        self.inbox = Inbox(self.database, "offers", Tables(TABLES), hear, confirmed=confirmed, clock=lambda: town.now)
        self.people: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, dict[str, Any]] = {}
        self._facts = Streams()
        self._taken = 0
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
        return finding.Answers(self.people, self.contacts, ENVIRONMENTS)

    def send(
        self, to: str, email: str, *contacts: str, by: Person | None = None, managers: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        by = by or self.admin
        body = SendOffer(
            customer_tenant=to,
            customer_email=email,
            message="Shall we?",
            contact_ids=list(contacts),
            manager_ids=list(managers),
        )
        return self.run(sending.send_offer, self.call(by), body, person=by, answers=self.answers())

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
        with self.database.transaction([self.tenant]) as storage:
            found = Unit(storage, "offers", Tables(TABLES), self.town.now).peek(Partnership, self.tenant, id)
            assert found is not None
            return found

    def said(self, kind: str = "fact") -> list[Any]:
        """All that was said, oldest first."""
        return [said(row) for row in self.database.outbox if row.kind == kind]

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

    def deliver(self) -> None:
        """Let everything reach the other side, until nothing is under way."""
        moving = True
        while moving:
            moving = False
            for here, there in ((self.kazenor, self.northwind), (self.northwind, self.kazenor)):
                for body in here.take():
                    moving = True
                    there.inbox.handle([decode(body)])

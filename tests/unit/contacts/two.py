"""A partner and its customer with contacts on in-memory twins and the real inbox; each message arrives when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from services.contacts.commands import AnswerModification, ListModifications, ProposeModification
from services.contacts.domain.directory import Contact
from services.contacts.domain.lending import Partnership
from services.contacts.handlers import lending, modifying
from services.contacts.service import ContactsService
from services.contacts.store import TABLES
from shared.bus.deliveries import decode
from shared.bus.door import Person
from shared.bus.inbox import Inbox
from shared.bus.memory import MemoryDatabase
from shared.bus.records import Tables
from shared.bus.session import Session
from shared.bus.unit import Unit
from shared.calls import Call, Paged
from shared.contracts.contacts import AssignmentsChanged
from shared.contracts.messages import Message
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    AcceptedContact,
    EndGiven,
    EndReceived,
    Grant,
    OfferedContact,
    OfferReceived,
    OfferSubmitted,
)
from shared.contracts.offers import Person as Said
from shared.ids import new_id
from tests.support.entrypoints import handlers
from tests.support.hearing import START, said
from tests.support.saying import Streams

ENVIRONMENTS = [{"id": "e1", "name": "Production", "roles": [{"id": "r1", "name": "Viewer"}]}]
VIEWER = [{"environment": "Production", "role": "Viewer"}]
ID = "01973f00-0000-7000-8000-000000000001"


class Side:
    """Contacts of one business."""

    def __init__(self, tenant: str, name: str) -> None:
        self.tenant, self.now = tenant, START
        self.database = MemoryDatabase()
        self.session = Session(self.database, "contacts", Tables(TABLES), clock=lambda: self.now)
        hear, confirmed = handlers(ContactsService())
        self.inbox = Inbox(self.database, "contacts", Tables(TABLES), hear, confirmed=confirmed, clock=lambda: self.now)
        self.person = Person(new_id(), name, f"{name.lower()}@{tenant}.example", "admin", tenant.title())
        self._streams, self._taken = Streams(), 0

    def contact(self, name: str) -> str:
        contact = Contact(
            tenant=self.tenant,
            id=new_id(),
            name=name,
            email=f"{name.lower()}@x.example",
            created_at=START,
            updated_at=START,
        )
        self.session.run(lambda work, call, now: work.put(contact), Call("put", self.tenant, "system"))
        return contact.id

    def state(self, fact: Message) -> None:
        """Our own offers states a fact."""
        body = self._streams.body(fact, tenant=self.tenant, subject=ID, time=self.now)
        assert self.inbox.handle([decode(body)]).applied == 1

    def do(self, handler: Callable[..., Any], *args: Any, mid: str = "", **more: Any) -> Any:
        self.now += timedelta(seconds=1)
        ids = {"partnership_id": ID} | ({"modification_id": mid} if mid else {})
        return self.session.run(handler, Call("test", self.tenant, self.person.id, ids), *args, **more)

    def propose(
        self, add: tuple[str, ...] = (), release: tuple[str, ...] = (), reply: str | None = None
    ) -> dict[str, Any]:
        body = ProposeModification(
            add_contact_ids=list(add), release_contact_ids=list(release), reason="Because.", in_reply_to=reply
        )
        return dict(self.do(modifying.propose_modification, body, person=self.person))

    def answer(self, mid: str, roles: list[dict[str, str]] | None = None, **decisions: str) -> dict[str, Any]:
        """Each contact id with its decision; accepted additions get the role Viewer unless told otherwise."""
        actions = {i["contact_id"]: i["action"] for i in self.modification(mid)["items"]}
        grants = VIEWER if roles is None else roles
        items = [
            {
                "contact_id": id,
                "decision": decision,
                "roles": grants if (actions.get(id), decision) == ("add", "accept") else [],
                "comment": None,
            }
            for id, decision in decisions.items()
        ]
        body = AnswerModification.model_validate({"items": items, "comment": "So be it.", "suggestion": "Another one?"})
        return dict(
            self.do(modifying.answer_modification, body, mid=mid, person=self.person, environments=ENVIRONMENTS)
        )

    def withdraw(self, mid: str) -> dict[str, Any]:
        return dict(self.do(modifying.withdraw_modification, mid=mid, person=self.person))

    def modification(self, mid: str) -> dict[str, Any]:
        return dict(self.do(modifying.get_modification, mid=mid))

    def modifications(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.do(modifying.list_modifications, ListModifications(**query))["items"])

    def people(self) -> list[dict[str, Any]]:
        return list(self.do(lending.list_assignments, Paged())["items"])

    def states(self) -> list[tuple[str, str]]:
        return sorted((a["contact_id"], a["state"]) for a in self.people())

    def labels(self) -> dict[str, str | None]:
        return {a["contact_id"]: a["label"] for a in self.people()}

    def decisions(self, mid: str) -> dict[str, str | None]:
        return {i["contact_id"]: i["decision"] for i in self.modification(mid)["items"]}

    def figures(self) -> AssignmentsChanged:
        return [said(r) for r in self.database.outbox if r.type == AssignmentsChanged.type][-1]  # type: ignore[return-value]

    def record(self) -> Partnership:
        with self.database.transaction([self.tenant]) as storage:
            found = Unit(storage, "contacts", Tables(TABLES), self.now).peek(Partnership, self.tenant, ID)
            assert found is not None
            return found

    def facts(self, *types: str) -> list[Any]:
        return [said(r) for r in self.database.outbox if r.kind == "fact" and r.type in types]

    def take(self) -> list[str]:
        """What was said to the other side since the last time."""
        new = [r.body for r in self.database.outbox[self._taken :] if r.kind == "peer"]
        self._taken = len(self.database.outbox)
        return new


class Two:
    """A partner and its customer; Mia and Olof work there, Eva and Lars do not."""

    def __init__(self) -> None:
        self.partner, self.customer = Side("kazenor", "Ada"), Side("northwind", "Nils")
        self.mia, self.olof, self.eva, self.lars = (self.partner.contact(n) for n in ("Mia", "Olof", "Eva", "Lars"))
        people = [OfferedContact(id=id, name=name) for id, name in ((self.mia, "Mia"), (self.olof, "Olof"))]
        offer = {"message": "", "sent_by": Said(id="a", name="Ada"), "sent_at": START, "expires_at": START}
        self.partner.state(
            OfferSubmitted(customer="northwind", email="n@x.example", contacts=people, managers=[], **offer)  # type: ignore[arg-type]
        )
        self.customer.state(
            OfferReceived(partner="kazenor", company="Kazenor", recipient_id="n", contacts=people, **offer)  # type: ignore[arg-type]
        )

    def accept(self, *sides: Side) -> None:
        grant = Grant(environment_id="e1", environment="Production", role_id="r1", role="Viewer")
        nils = Said(id="n", name="Nils")
        people = [(self.mia, "Mia"), (self.olof, "Olof")]
        for side in sides or (self.customer, self.partner):
            if side is self.customer:
                accepted = [AcceptedContact(id=id, name=name, roles=[grant]) for id, name in people]
                side.state(
                    AcceptanceGiven(
                        partner="kazenor",
                        company="Kazenor",
                        by=nils,
                        at=START,
                        contacts=accepted,
                        declined=[],
                        managers=[],
                    )
                )
            else:
                named = [Said(id=id, name=name) for id, name in people]
                side.state(
                    AcceptanceReceived(
                        customer="northwind", company="Northwind", by=nils, at=START, contacts=named, declined=[]
                    )
                )

    def end(self, *sides: Side) -> None:
        """Offers of these sides has seen the end."""
        for side in sides:
            kind = EndGiven if side is self.partner else EndReceived
            side.state(kind(counterpart="x", company="X", by=Said(id="a", name="Ada"), at=START, reason="Over."))

    def deliver(self) -> None:
        """Let all that was said arrive, until nothing is under way."""
        while True:
            to_customer, to_partner = self.partner.take(), self.customer.take()
            if not to_customer and not to_partner:
                return
            for side, bodies in ((self.customer, to_customer), (self.partner, to_partner)):
                for body in bodies:
                    assert side.inbox.handle([decode(body)]).failed == 0

    def agree(self) -> None:
        """Everything has arrived and both sides hold the same."""
        self.deliver()
        assert self.partner.states() == self.customer.states()
        ours = {m["id"]: (m["state"], self.partner.decisions(m["id"])) for m in self.partner.modifications()}
        theirs = {m["id"]: (m["state"], self.customer.decisions(m["id"])) for m in self.customer.modifications()}
        assert ours == theirs
        assert self.partner.figures().working == self.customer.figures().working
        assert [r for r in self.partner.database.inbox.values() if r.state != "applied"] == []

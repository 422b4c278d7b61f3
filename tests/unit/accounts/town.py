"""Two businesses with accounts on the in-memory twin, each in a database of its own; what one says reaches the other when it is delivered."""

from __future__ import annotations

import json
from typing import Any

from services.accounts import handlers
from services.accounts.service import AccountsService
from services.accounts.store import TABLES
from shared.bus.deliveries import decode
from shared.bus.inbox import Inbox
from shared.bus.records import Tables
from shared.contracts.accounts import ProfileReceived, ProfileShared
from shared.contracts.messages import Message
from shared.contracts.offers import AcceptanceGiven, AcceptanceReceived, EndGiven, EndReceived, Person
from shared.ids import new_id
from tests.support.entrypoints import handlers as handlers_of
from tests.support.saying import Streams
from tests.unit.accounts.desk import Accounts

SOMEBODY = Person(id=new_id(), name="Somebody")


class Side(Accounts):
    """One business with its first admin."""

    def __init__(self, tenant: str) -> None:
        super().__init__()
        self.tenant = tenant
        self.inbox = Inbox(
            self.database, "accounts", Tables(TABLES), handlers_of(AccountsService())[0], clock=lambda: self.now
        )
        self.admin = str(self.register(tenant, f"admin@{tenant}.example", tenant.title())["user"]["id"])
        self._offers = Streams()

    def change(self, **body: Any) -> None:
        """An admin changes the profile."""
        self.ask(handlers.profile.update_profile, self.call(self.admin, self.tenant, **body))

    def state(self, fact: Message, partnership: str) -> None:
        """Our offers state a fact."""
        body = self._offers.body(fact, tenant=self.tenant, subject=partnership, time=self.now)
        assert self.inbox.handle([decode(body)]).applied == 1

    def take(self, kind: str) -> list[str]:
        """What was said since the last time, of one kind; the rest stays."""
        new = [row for row in self.database.outbox if row.kind == kind]
        self.database.outbox[:] = [row for row in self.database.outbox if row.kind != kind]
        return [row.body for row in new]

    def hear(self, *bodies: str) -> None:
        tally = self.inbox.handle([decode(body) for body in bodies])
        assert tally.failed == tally.dead == 0

    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        """What our own side was told of counterparts: their tenants and profiles."""
        return [
            (row.subject, json.loads(row.body)["data"])
            for row in self.database.outbox
            if row.type == ProfileReceived.type
        ]


class Town:
    """kazenor, a partner, and northwind, its customer."""

    def __init__(self) -> None:
        self.kazenor, self.northwind = Side("kazenor"), Side("northwind")
        self.told: list[tuple[str, str, dict[str, Any]]] = []

    def accept(self, partnership: str = "", *, deliver: bool = True) -> str:
        """northwind accepts an offer of kazenor; both offers have said so."""
        partnership = partnership or new_id()
        self.accepted_here(partnership)
        self.accepted_there(partnership)
        if deliver:
            self.deliver()
        return partnership

    def accepted_here(self, partnership: str) -> None:
        """northwind's own offers say that it accepted."""
        fact = AcceptanceGiven(
            partner="kazenor",
            company="Kazenor",
            by=SOMEBODY,
            at=self.northwind.now,
            contacts=[],
            declined=[],
            managers=[],
        )
        self.northwind.state(fact, partnership)

    def accepted_there(self, partnership: str, customer: str = "northwind") -> None:
        """kazenor's own offers say that its offer was accepted."""
        fact = AcceptanceReceived(
            customer=customer, company=customer.title(), by=SOMEBODY, at=self.kazenor.now, contacts=[], declined=[]
        )
        self.kazenor.state(fact, partnership)

    def end(self, partnership: str) -> None:
        """kazenor ends it."""
        end = {"by": SOMEBODY, "at": self.kazenor.now, "reason": "Done."}
        self.kazenor.state(EndGiven(counterpart="northwind", company="Northwind", **end), partnership)
        self.northwind.state(EndReceived(counterpart="kazenor", company="Kazenor", **end), partnership)

    def deliver(self) -> None:
        """Let timers come and everything reach the other side, until nothing is under way."""
        moving = True
        while moving:
            moving = False
            for here, there in ((self.kazenor, self.northwind), (self.northwind, self.kazenor)):
                for body in here.take("timer"):
                    moving = True
                    here.hear(body)
                for body in here.take("peer"):
                    moving = True
                    message = json.loads(body)
                    assert (message["type"], message["subject"]) == (ProfileShared.type, here.tenant)
                    self.told.append((here.tenant, message["destination"], message["data"]))
                    there.hear(body)

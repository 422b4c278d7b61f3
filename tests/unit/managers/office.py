"""Managers on the in-memory twin, with a few people of kazenor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.managers import handlers
from services.managers.commands import AddManagers, SetOwner
from services.managers.domain.team import Team
from services.managers.service import ManagersService
from services.managers.store import TABLES
from shared.bus.door import Person as Somebody
from shared.bus.memory import MemoryDatabase
from shared.calls import Call, Paged
from shared.contracts.accounts import UserChanged
from shared.contracts.managers import TeamChanged, TeamsDue
from shared.contracts.messages import Message
from shared.contracts.offers import Manager, OfferSubmitted, Person
from tests.support.entrypoints import handlers as handlers_of
from tests.support.hearing import START, Ear, said

OFFER = "0190f6d4-0000-7000-8000-000000000001"
ADA = Manager(id="0190f6d4-0000-7000-8000-0000000000a1", name="Ada", email="ada@kazenor.example")
BEN = Manager(id="0190f6d4-0000-7000-8000-0000000000b2", name="Ben", email="ben@kazenor.example")
CLEO = Manager(id="0190f6d4-0000-7000-8000-0000000000c3", name="Cleo", email="cleo@kazenor.example")


class Stage(Ear):
    """`known` are the users accounts knows at the door, but for those who are `locked_out`."""

    def __init__(self) -> None:
        self.database = MemoryDatabase()
        super().__init__(self.database, "managers", TABLES)
        self.known = {one.id: one for one in (ADA, BEN, CLEO)}
        self.locked_out: set[str] = set()

    def tell(self, handler: Callable[..., None], data: Message, tenant: str = "kazenor", subject: str = OFFER) -> None:
        self.hear(handler, data, tenant=tenant, subject=subject)

    def state(self, fact: Message, subject: str = OFFER) -> None:
        """Offers or accounts states a fact; heard by whatever the service has for it."""
        self.tell(
            {one.model: one.handle for one in handlers_of(ManagersService())[0].values()}[type(fact)],
            fact,
            subject=subject,
        )

    def listed(self, tenant: str = "kazenor", **page: Any) -> dict[str, Any]:
        ids = {"partnership_id": OFFER}
        return self.do(handlers.list_managers, Paged(**page), tenant=tenant, actor=ADA.id, ids=ids)

    def names(self) -> list[str]:
        """The team, its owner first."""
        return [one["name"] for one in self.listed()["items"]]

    def people(self) -> dict[str, Any]:
        return {
            one.id: {"id": one.id, "name": one.name, "email": one.email, "active": one.id not in self.locked_out}
            for one in self.known.values()
        }

    def ask(self, handler: Any, *args: Any, if_match: str | None = None, **more: Any) -> Any:
        ids = {"partnership_id": OFFER, **more.pop("ids", {})}
        call = Call("test", "kazenor", ADA.id, ids, if_match=if_match)
        person = Somebody(ADA.id, ADA.name, ADA.email, "admin")
        return self.session.run(handler, call, *args, person=person, **more)

    def add(self, *who: Manager, **more: Any) -> Any:
        body = AddManagers(contact_ids=[one.id for one in who])
        return self.ask(handlers.add_managers, body, people=self.people(), **more)

    def remove(self, who: Manager, **more: Any) -> Any:
        return self.ask(handlers.remove_manager, ids={"contact_id": who.id}, **more)

    def give(self, who: Manager, **more: Any) -> Any:
        return self.ask(handlers.set_owner, SetOwner(contact_id=who.id), people=self.people(), **more)

    def user(self, who: Manager, *, active: bool = True, name: str = "") -> None:
        """Accounts states a user."""
        fact = UserChanged(id=who.id, name=name or who.name, email=who.email, role="member", active=active)
        self.tell(handlers.user_changed, fact, subject=who.id)

    def look_after(self) -> int:
        """Let all timers come that are due; answers how many that were."""
        ran = 0
        while timers := [row for row in self.database.outbox if row.kind == "timer"]:
            self.database.outbox[:] = [row for row in self.database.outbox if row.kind != "timer"]
            for row in timers:
                timer = said(row)
                assert isinstance(timer, TeamsDue)
                self.tell(handlers.teams_due, timer, row.tenant, row.subject)
                ran += 1
        return ran

    def team(self, partnership: str = OFFER) -> Team:
        """The record."""
        return self.session.read(
            lambda work, call, now: work.peek(Team, "kazenor", partnership), Call("look", "kazenor", ADA.id)
        )

    def stated(self) -> list[Message]:
        return [said(row) for row in self.database.outbox if row.kind == "fact"]

    def last(self) -> TeamChanged:
        """What was stated last."""
        fact = self.stated()[-1]
        assert isinstance(fact, TeamChanged)
        return fact


def named(who: Manager) -> Person:
    """The same person where only a name is said."""
    return Person(id=who.id, name=who.name)


def submitted(*managers: Manager, by: Manager = ADA) -> OfferSubmitted:
    return OfferSubmitted(
        customer="northwind",
        email="nils@northwind.example",
        message="Hello",
        sent_by=named(by),
        sent_at=START,
        expires_at=START,
        contacts=[],
        managers=list(managers),
    )

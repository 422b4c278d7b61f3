"""contacts as a process of its own, with relay, database and broker; accounts and offers are played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from shared.contracts.offers import AcceptedContact, Grant, OfferedContact, Person
from shared.errors import (
    Refusal,
)
from shared.ids import new_id
from tests.support import story
from tests.support.desk import Desk
from tests.support.neighbours import People, StandIn, Standings

ENVIRONMENTS = {"items": [{"id": "e1", "name": "Production", "roles": [{"id": "r1", "name": "Viewer"}]}]}
VIEWER = [{"environment": "Production", "role": "Viewer"}]


@dataclass
class Office:
    """contacts and its played neighbours, with two tenants of its own: a partner and a customer."""

    desk: Desk
    people: People
    standings: Standings
    accounts: StandIn
    offers: StandIn
    partner: str
    customer: str
    ada: str
    nils: str

    def ask(self, method: str, **request: Any) -> Any:
        """Ask as Ada of the partner, unless told otherwise."""
        return self.desk.ask(method, **{"tenant": self.partner, "actor": self.ada} | request)

    def create(self, name: str = "Mia Berg", **more: Any) -> dict[str, Any]:
        body = {"name": name, "email": f"{name.split()[0].lower()}@{self.partner}.example"}
        return dict(self.ask("create_contact", **body | more))

    def assignments(self, tenant: str, partnership: str) -> list[dict[str, Any]]:
        actor = self.ada if tenant == self.partner else self.nils
        return list(self.desk.ask("list_assignments", tenant=tenant, actor=actor, partnership_id=partnership)["items"])

    def state(self, tenant: str, partnership: str, *facts: Any) -> None:
        """State facts of offers, and have offers know of them from now on."""
        for fact in facts:
            self.desk.say(fact, tenant=tenant, subject=partnership)
        role = "partner" if tenant == self.partner else "customer"
        self.standings.add(tenant, partnership, role, self.desk.heard("offers", partnership, tenant))

    def offer(self, *contacts: dict[str, Any]) -> str:
        """An offer of these people that both sides know of; answers the partnership."""
        partnership = new_id()
        people = [OfferedContact(id=c["id"], name=c["name"], title=c["title"]) for c in contacts]
        sent = story.SUBMITTED.model_copy(update={"customer": self.customer, "contacts": people})
        self.state(self.partner, partnership, sent)
        got = story.RECEIVED.model_copy(update={"partner": self.partner, "contacts": people})
        self.state(self.customer, partnership, got)
        return partnership

    def accept(self, partnership: str, contact: dict[str, Any], role: str) -> None:
        """The customer accepts this one."""
        grant = Grant(environment_id=new_id(), environment="Production", role_id=role, role="Operator")
        accepted = AcceptedContact(id=contact["id"], name=contact["name"], roles=[grant])
        given = story.ACCEPTANCE_GIVEN.model_copy(update={"partner": self.partner, "contacts": [accepted]})
        self.state(self.customer, partnership, given)

    def learn(self, partnership: str, contact: dict[str, Any]) -> None:
        """The partner hears that this one was accepted."""
        person = Person(id=contact["id"], name=contact["name"])
        heard = story.ACCEPTANCE_RECEIVED.model_copy(update={"customer": self.customer, "contacts": [person]})
        self.state(self.partner, partnership, heard)


def fields(refused: pytest.ExceptionInfo[Refusal]) -> list[str]:
    return [error["field"] for error in refused.value.info["errors"]]

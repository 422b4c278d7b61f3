"""What a seed once found, told step by step: these stay true when another way of making up runs gives all seeds other runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation import checks
from tests.simulation.people import People, found, settle
from tests.simulation.running import begin
from tests.simulation.world import World, running


class Stage:
    """Two businesses of a world in which nothing goes wrong by chance."""

    def __init__(self, world: World) -> None:
        self.world, self.people = world, People(world)
        checks.Watching(world)

    def ask(self, tenant: str, service: str, method: str, **arguments: object) -> dict[str, object]:
        admin = self.people.admin(tenant)
        answer = self.world.ask(self.people.request(tenant, service, method, admin, **arguments))
        assert isinstance(answer, dict), answer
        return answer

    def hear(self, tenant: str, service: str, kind: str) -> None:
        """A service hears all that waits for it, in one batch."""
        queue = self.world.broker.queue(tenant, service, kind)
        batch, queue[:] = list(queue), []
        self.world.deliver((tenant, service, kind), batch)

    def publish(self, tenant: str, service: str) -> None:
        self.world.publish(self.world.services[tenant, service])

    def work_together(self, partner: str, customer: str) -> str:
        """The id of an accepted partnership, of which everybody has heard."""
        contacts = [c["id"] for c in found(self.world, partner, "contacts", "contacts")][:2]
        email = found(self.world, customer, "accounts", "users")[0]["email"]
        p = self.ask(
            partner, "offers", "send_offer", customer_tenant=customer, customer_email=email, message="Shall we?",
            contact_ids=contacts, manager_ids=[],
        )  # fmt: skip
        settle(self.world)
        roles = self.people.roles(customer)
        self.ask(
            customer, "offers", "accept_offer", partnership_id=p["id"],
            contacts=[{"contact_id": c, "roles": roles} for c in contacts],
        )  # fmt: skip
        return str(p["id"])

    def fine(self) -> None:
        """Everything is delivered, and nothing is wrong."""
        settle(self.world)
        checks.at_the_end(self.world)
        assert not self.world.problems, self.world.problems


@pytest.fixture
def stage() -> Iterator[Stage]:
    world = World(1, begin=begin())
    with running(world):
        yield Stage(world)


def test_of_two_profiles_in_one_batch_the_newer_names_the_business(stage: Stage) -> None:
    stage.work_together("kazenor", "northwind")
    settle(stage.world)
    stage.ask("northwind", "accounts", "update_profile", company="Northwind and Sons")
    stage.publish("northwind", "accounts")
    stage.hear("northwind", "accounts", "events")
    stage.publish("northwind", "accounts")
    stage.ask("northwind", "accounts", "update_profile", company="Northwind")
    stage.publish("northwind", "accounts")
    stage.hear("northwind", "accounts", "events")
    stage.publish("northwind", "accounts")
    stage.hear("kazenor", "accounts", "peers")
    stage.publish("kazenor", "accounts")
    stage.hear("kazenor", "offers", "events")
    assert {p["company"] for p in found(stage.world, "kazenor", "offers", "partnerships")} == {"Northwind"}
    stage.fine()

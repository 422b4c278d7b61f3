"""contacts for the tests of its interface."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.interface.contacts.office import ENVIRONMENTS, Office
from tests.support.desk import Desk, serving
from tests.support.neighbours import People, StandIn, Standings
from tests.support.servers import RabbitServer


@pytest.fixture(scope="module")
def everything(
    service_databases: Callable[..., dict[str, str]], broker: RabbitServer
) -> Iterator[tuple[Desk, People, Standings, StandIn, StandIn]]:
    people, standings = People(), Standings()
    uri = broker.uri()
    with (
        StandIn(
            uri,
            "accounts",
            {
                "get_people": people.get_people,
                "reserve_roles": lambda request: ENVIRONMENTS,
                "release_roles": lambda request: {},
            },
        ) as accounts,
        StandIn(uri, "offers", {"get_standing": standings.get_standing, "get_latest": standings.get_latest}) as offers,
        serving("contacts", service_databases, broker) as environment,
    ):
        yield Desk("contacts", environment), people, standings, accounts, offers


@pytest.fixture
def office(everything: tuple[Desk, People, Standings, StandIn, StandIn]) -> Iterator[Office]:
    desk, people, standings, accounts, offers = everything
    partner, customer = ("t" + secrets.token_hex(6) for _ in range(2))
    ada, nils = people.add(partner), people.add(customer, name="Nils Holm")
    yield Office(desk, people, standings, accounts, offers, partner, customer, ada, nils)
    accounts.away = offers.away = False

"""managers at its interface: its own process, relay, database and broker are real; offers is played."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.contracts.accounts import UserChanged
from shared.errors import NotFound, Unavailable, ValidationError
from shared.ids import new_id
from tests.support import story
from tests.support.desk import Desk, serving
from tests.support.neighbours import StandIn, Standings
from tests.support.servers import RabbitServer, until


class Office:
    """managers and its played neighbour, with a tenant of its own."""

    def __init__(self, desk: Desk, standings: Standings, offers: StandIn) -> None:
        self.desk, self.standings, self.offers = desk, standings, offers
        self.tenant = "t" + secrets.token_hex(6)

    def state(self, partnership: str, fact: Any) -> None:
        """State a fact of offers, and have offers know of it from now on."""
        self.desk.say(fact, tenant=self.tenant, subject=partnership)
        heard = self.desk.heard("offers", partnership, self.tenant)
        self.standings.add(self.tenant, partnership, "partner", heard)

    def listed(self, partnership: str, **page: Any) -> Any:
        request = {"tenant": self.tenant, "actor": story.ADA.id, "partnership_id": partnership}
        return self.desk.ask("list_managers", **request, **page)


@pytest.fixture(scope="module")
def everything(
    service_databases: Callable[..., dict[str, str]], broker: RabbitServer
) -> Iterator[tuple[Desk, Standings, StandIn]]:
    standings = Standings()
    with (
        StandIn(broker.uri(), "offers", {"get_standing": standings.get_standing}) as offers,
        serving("managers", service_databases, broker) as environment,
    ):
        yield Desk("managers", environment), standings, offers


@pytest.fixture
def office(everything: tuple[Desk, Standings, StandIn]) -> Iterator[Office]:
    desk, standings, offers = everything
    yield Office(desk, standings, offers)
    offers.away = False


def test_the_team_of_an_offer_is_there_as_soon_as_offers_shows_it(office: Office) -> None:
    partnership = new_id()
    office.state(partnership, story.SUBMITTED)
    assert office.listed(partnership) == {
        "items": [{"contact_id": story.ADA.id, "name": "Ada Lindqvist", "email": "ada@kazenor.example", "owner": True}],
        "next": None,
    }
    stated = {
        "version": 1,
        "members": [story.TO_MANAGE.model_dump()],
        "owner": {"id": story.ADA.id, "name": "Ada Lindqvist"},
    }
    assert office.desk.said(partnership, office.tenant) == [("team.changed", office.tenant, stated)]


def test_who_accepts_owns_the_team_of_the_customer(office: Office) -> None:
    partnership = new_id()
    office.state(partnership, story.RECEIVED)
    assert office.listed(partnership) == {"items": [], "next": None}
    office.state(partnership, story.ACCEPTANCE_GIVEN)
    assert [(one["name"], one["owner"]) for one in office.listed(partnership)["items"]] == [("Nils Holm", True)]


def test_names_follow_the_users(office: Office) -> None:
    partnership = new_id()
    office.state(partnership, story.SUBMITTED)
    renamed = UserChanged(id=story.ADA.id, name="Ada L.", email="al@kazenor.example", role="admin", active=True)
    office.desk.say(renamed, tenant=office.tenant, subject=story.ADA.id)
    until(lambda: office.listed(partnership)["items"][0]["name"] == "Ada L.", 5)


def test_the_list_waits_for_what_offers_has_just_shown(office: Office) -> None:
    partnership = new_id()
    office.standings.add(office.tenant, partnership, "partner", 1)
    with pytest.raises(Unavailable):
        office.listed(partnership)


def test_what_offers_refuses_is_refused(office: Office) -> None:
    for partnership in (new_id(), "nonsense"):
        with pytest.raises(NotFound):
            office.listed(partnership)


def test_without_offers_nothing_is_shown(office: Office) -> None:
    office.offers.away = True
    with pytest.raises(Unavailable):
        office.listed(new_id())


def test_a_bad_page_is_refused(office: Office) -> None:
    partnership = new_id()
    office.state(partnership, story.SUBMITTED)
    for page in ({"limit": 0}, {"limit": 201}, {"cursor": "nonsense"}, {"surprise": 1}):
        with pytest.raises(ValidationError):
            office.listed(partnership, **page)

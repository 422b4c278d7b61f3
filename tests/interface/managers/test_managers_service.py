"""managers at its interface: its own process, relay, database and broker are real; accounts and offers are played."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.contracts.accounts import UserChanged
from shared.errors import (
    ChangedMeanwhile,
    Forbidden,
    IdempotencyKeyReused,
    LastManager,
    NotFound,
    Refusal,
    Unavailable,
    ValidationError,
    WrongState,
)
from shared.ids import new_id
from tests.support import story
from tests.support.desk import Desk, serving
from tests.support.neighbours import People, StandIn, Standings
from tests.support.servers import RabbitServer, until


class Partnerships(Standings):
    """The partnerships of a played offers; `readers` may see them all and change none."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[str] = set()

    def get_standing(self, request: dict[str, Any]) -> Any:
        found = super().get_standing(request)
        if request.get("change") and request["actor"] in self.readers:
            raise Forbidden()
        if request.get("change") and found["status"] == "terminated":
            raise WrongState("The partnership has ended: it is terminated.")
        return found


class Office:
    """managers and its played neighbours, with a tenant of its own."""

    def __init__(self, desk: Desk, people: People, standings: Partnerships, accounts: StandIn, offers: StandIn) -> None:
        self.desk, self.people, self.standings, self.accounts, self.offers = desk, people, standings, accounts, offers
        self.tenant = "t" + secrets.token_hex(6)
        # Under the e-mail by which the story knows her: nothing follows from accounts' word on her.
        self.user("Ada Lindqvist", role="admin", id=story.ADA.id, told=False)
        self.tell(story.ADA.id, email=story.TO_MANAGE.email)

    def user(self, name: str, *, role: str = "member", id: str = "", told: bool = True) -> str:
        """A user of accounts, of whom it has told managers."""
        id = self.people.add(self.tenant, role, name=name, id=id)
        if role == "member":
            self.standings.readers.add(id)
        if told:
            self.tell(id)
        return id

    def tell(self, id: str, **changes: Any) -> None:
        """Accounts changes a user and says so."""
        self.people[self.tenant, id].update(changes)
        self.desk.say(UserChanged(**self.people[self.tenant, id]), tenant=self.tenant, subject=id)

    def state(self, partnership: str, fact: Any, role: str = "partner", status: str = "open") -> None:
        """State a fact of offers, and have offers know of it from now on."""
        self.desk.say(fact, tenant=self.tenant, subject=partnership)
        heard = self.desk.heard("offers", partnership, self.tenant)
        self.standings.add(self.tenant, partnership, role, heard)
        self.standings[self.tenant, partnership]["status"] = status

    def offered(self) -> str:
        """An offer of ours that Ada looks after alone."""
        partnership = new_id()
        self.state(partnership, story.SUBMITTED)
        return partnership

    def ask(self, method: str, partnership: str, **request: Any) -> Any:
        """Ask as Ada, unless told otherwise."""
        who = {"tenant": self.tenant, "actor": story.ADA.id, "partnership_id": partnership}
        return self.desk.ask(method, **who | request)

    def listed(self, partnership: str, **page: Any) -> Any:
        return self.ask("list_managers", partnership, **page)

    def names(self, partnership: str) -> list[str]:
        return [one["name"] for one in self.listed(partnership)["items"]]

    def causes(self, partnership: str) -> list[str]:
        return [data["cause"] for _, _, data in self.desk.said(partnership, self.tenant)]


Played = tuple[Desk, People, Partnerships, StandIn, StandIn]


@pytest.fixture(scope="module")
def everything(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> Iterator[Played]:
    people, standings = People(), Partnerships()
    with (
        StandIn(broker.uri(), "accounts", {"get_people": people.get_people}) as accounts,
        StandIn(broker.uri(), "offers", {"get_standing": standings.get_standing}) as offers,
        serving("managers", service_databases, broker) as environment,
    ):
        yield Desk("managers", environment), people, standings, accounts, offers


@pytest.fixture
def office(everything: Played) -> Iterator[Office]:
    _, _, _, accounts, offers = everything
    yield Office(*everything)
    accounts.away = offers.away = False


def test_the_team_of_an_offer_is_there_as_soon_as_offers_shows_it(office: Office) -> None:
    partnership = new_id()
    office.state(partnership, story.SUBMITTED)
    assert office.listed(partnership) == {
        "items": [{"contact_id": story.ADA.id, "name": "Ada Lindqvist", "email": "ada@kazenor.example", "owner": True}],
        "next": None,
        "version": 1,
    }
    stated = {
        "version": 1,
        "members": [story.TO_MANAGE.model_dump()],
        "owner": {"id": story.ADA.id, "name": "Ada Lindqvist"},
        "cause": "formed",
        "by": story.ADA.model_dump(),
        "at": story.SENT.isoformat().replace("+00:00", "Z"),
        "added": [],
        "removed": [],
        "previous_owner": None,
        "final": False,
    }
    assert office.desk.said(partnership, office.tenant) == [("team.changed", office.tenant, stated)]


def test_who_accepts_owns_the_team_of_the_customer(office: Office) -> None:
    partnership = new_id()
    office.state(partnership, story.RECEIVED)
    assert office.listed(partnership) == {"items": [], "next": None, "version": 0}
    office.state(partnership, story.ACCEPTANCE_GIVEN)
    assert [(one["name"], one["owner"]) for one in office.listed(partnership)["items"]] == [("Nils Holm", True)]


def test_names_follow_the_users(office: Office) -> None:
    partnership = office.offered()
    # A team that is formed afterwards would have the new name from the beginning.
    assert office.names(partnership) == ["Ada Lindqvist"]
    office.tell(story.ADA.id, name="Ada L.")
    until(lambda: office.causes(partnership)[-1] == "renamed", 5)
    assert office.names(partnership) == ["Ada L."]


def test_a_team_is_changed_at_once(office: Office) -> None:
    partnership, mia, ben = office.offered(), office.user("Mia Berg"), office.user("Ben Okri")
    added = office.ask("add_managers", partnership, contact_ids=[mia, ben])
    assert [(one["name"], one["owner"]) for one in added["items"]] == [
        ("Ada Lindqvist", True),
        ("Ben Okri", False),
        ("Mia Berg", False),
    ]
    assert office.listed(partnership) == added
    owned = office.ask("set_owner", partnership, contact_id=ben)
    assert owned == office.listed(partnership) and office.names(partnership)[0] == "Ben Okri"
    assert office.ask("remove_manager", partnership, contact_id=ben) == {}
    assert office.names(partnership) == ["Ada Lindqvist", "Mia Berg"]
    assert office.causes(partnership) == ["formed", "added", "owner", "removed"]


def test_a_user_made_a_moment_ago_can_join_as_soon_as_accounts_has_told_of_them(office: Office) -> None:
    partnership, mia = office.offered(), office.user("Mia Berg", told=False)
    with pytest.raises(Unavailable):
        office.ask("add_managers", partnership, contact_ids=[mia])
    office.tell(mia)
    office.ask("add_managers", partnership, contact_ids=[mia])
    assert office.names(partnership) == ["Ada Lindqvist", "Mia Berg"]


def test_nobody_is_added_twice_and_only_active_users_are(office: Office) -> None:
    partnership, mia, gone = office.offered(), office.user("Mia Berg"), office.user("Gone")
    office.tell(gone, active=False)
    with pytest.raises(ValidationError) as refused:
        office.ask("add_managers", partnership, contact_ids=[mia, gone, new_id(), story.ADA.id])
    assert [(error["field"], error["message"]) for error in refused.value.info["errors"]] == [
        ("contact_ids.1", "A partner manager needs an active login in your business."),
        ("contact_ids.2", "A partner manager needs an active login in your business."),
        ("contact_ids.3", "Ada Lindqvist is in the team already."),
    ]
    assert office.names(partnership) == ["Ada Lindqvist"]


def test_the_last_one_stays(office: Office) -> None:
    partnership = office.offered()
    with pytest.raises(LastManager):
        office.ask("remove_manager", partnership, contact_id=story.ADA.id)
    assert office.names(partnership) == ["Ada Lindqvist"]


def test_whoever_loses_the_login_leaves_the_team(office: Office) -> None:
    partnership, mia = office.offered(), office.user("Mia Berg")
    office.ask("add_managers", partnership, contact_ids=[mia])
    office.tell(story.ADA.id, active=False)
    until(lambda: office.causes(partnership)[-1] == "deactivated", 5)
    assert [(one["name"], one["owner"]) for one in office.listed(partnership)["items"]] == [("Mia Berg", True)]


# The bodies of the three commands: one that is right but for its content, and one whose form is wrong.
CHANGES = [
    ("add_managers", {"contact_ids": [story.ADA.id]}, {"contact_ids": []}),
    ("set_owner", {"contact_id": story.NILS.id}, {"contact_id": 7}),
    ("remove_manager", {"contact_id": story.ADA.id}, {"contact_id": story.ADA.id, "surprise": 1}),
]


@pytest.mark.parametrize(("method", "body", "malformed"), CHANGES, ids=[method for method, _, _ in CHANGES])
def test_refusals_come_in_the_order_of_the_contract(
    office: Office, method: str, body: dict[str, Any], malformed: dict[str, Any]
) -> None:
    partnership, mia = office.offered(), office.user("Mia Berg")

    def refused(of: str = partnership, **request: Any) -> type[Refusal]:
        with pytest.raises(Refusal) as found:
            office.ask(method, of, **request)
        return type(found.value)

    assert refused(new_id(), **malformed, actor=mia) is NotFound
    assert refused("nonsense", **malformed) is NotFound
    assert refused(**malformed, actor=mia) is Forbidden
    assert refused(**malformed, actor="system") is Forbidden
    office.standings[office.tenant, partnership]["status"] = "terminated"
    assert refused(**malformed, actor=mia) is Forbidden
    assert refused(**malformed) is ValidationError
    assert refused(**body) is WrongState
    office.standings[office.tenant, partnership]["status"] = "open"
    assert refused(**body, if_match='"9"') is ChangedMeanwhile
    assert refused(**body) is (LastManager if method == "remove_manager" else ValidationError)
    assert office.causes(partnership) == ["formed"]


def test_somebody_who_is_not_in_the_team_is_not_found_whatever_else_is_wrong(office: Office) -> None:
    partnership, mia = office.offered(), office.user("Mia Berg")
    for request in ({}, {"actor": mia}, {"surprise": 1}):
        with pytest.raises(NotFound):
            office.ask("remove_manager", partnership, contact_id=mia, **request)
    office.standings[office.tenant, partnership]["status"] = "terminated"
    with pytest.raises(NotFound):
        office.ask("remove_manager", partnership, contact_id=mia)


def test_an_offer_that_waits_for_our_answer_has_no_team_to_change(office: Office) -> None:
    partnership, mia = new_id(), office.user("Mia Berg")
    office.state(partnership, story.RECEIVED, "customer")
    for method, body in (("add_managers", {"contact_ids": [mia]}), ("set_owner", {"contact_id": mia})):
        with pytest.raises(WrongState, match="Answer the offer first"):
            office.ask(method, partnership, **body)


@pytest.mark.parametrize("together", [False, True])
def test_the_same_key_does_it_once_and_gives_the_same_answer(office: Office, together: bool) -> None:
    partnership, mia = office.offered(), office.user("Mia Berg")

    def add(_: int) -> Any:
        return office.ask("add_managers", partnership, contact_ids=[mia], idempotency_key="k1")

    with ThreadPoolExecutor(4 if together else 1) as pool:
        answers = list(pool.map(add, range(4)))
    assert answers == [answers[0]] * 4 and len(answers[0]["items"]) == 2
    assert office.causes(partnership) == ["formed", "added"]
    with pytest.raises(IdempotencyKeyReused):
        office.ask("add_managers", partnership, contact_ids=[story.ADA.id], idempotency_key="k1")
    removal = {"contact_id": mia, "idempotency_key": "k2"}
    assert [office.ask("remove_manager", partnership, **removal) for _ in range(2)] == [{}, {}]


def test_of_two_who_are_removed_at_once_one_stays(office: Office) -> None:
    partnership, mia = office.offered(), office.user("Mia Berg")
    office.ask("add_managers", partnership, contact_ids=[mia])

    def remove(who: str) -> str:
        try:
            office.ask("remove_manager", partnership, contact_id=who)
        except LastManager:
            return "refused"
        return "removed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(remove, [mia, story.ADA.id])) == ["refused", "removed"]
    assert len(office.names(partnership)) == 1


def test_without_accounts_nothing_is_changed(office: Office) -> None:
    partnership, mia = office.offered(), office.user("Mia Berg")
    office.accounts.away = True
    with pytest.raises(Unavailable):
        office.ask("add_managers", partnership, contact_ids=[mia])
    assert office.names(partnership) == ["Ada Lindqvist"]


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

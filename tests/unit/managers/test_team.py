"""The team of a partnership: formed by the offer on one side, by the acceptance on the other."""

from __future__ import annotations

import pytest

from services.managers import handlers
from shared.contracts.accounts import UserChanged
from shared.contracts.managers import TeamChanged
from shared.contracts.offers import AcceptanceGiven, Person
from shared.errors import ValidationError
from tests.support.hearing import START
from tests.unit.managers.office import ADA, BEN, Stage, submitted


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_an_offer_makes_a_team_owned_by_its_sender(stage: Stage) -> None:
    stage.tell(handlers.offer_submitted, submitted(BEN, ADA))
    assert stage.listed() == {
        "items": [
            {"contact_id": ADA.id, "name": "Ada", "email": "ada@kazenor.example", "owner": True},
            {"contact_id": BEN.id, "name": "Ben", "email": "ben@kazenor.example", "owner": False},
        ],
        "next": None,
        "version": 1,
    }


def test_an_acceptance_makes_a_team_owned_by_who_accepted(stage: Stage) -> None:
    given = AcceptanceGiven(
        partner="kazenor",
        company="Kazenor",
        by=Person(id=BEN.id, name="Ben"),
        at=START,
        contacts=[],
        declined=[],
        managers=[ADA, BEN],
    )
    stage.tell(handlers.acceptance_given, given, tenant="northwind")
    assert [(one["name"], one["owner"]) for one in stage.listed("northwind")["items"]] == [
        ("Ben", True),
        ("Ada", False),
    ]


def test_the_owner_is_in_the_team_even_when_nobody_chose_them(stage: Stage) -> None:
    stage.tell(handlers.offer_submitted, submitted(BEN))
    assert [(one["name"], one["owner"]) for one in stage.listed()["items"]] == [("Ada", True), ("Ben", False)]


def test_nobody_is_in_a_team_twice(stage: Stage) -> None:
    stage.tell(handlers.offer_submitted, submitted(ADA, BEN, ADA))
    assert len(stage.listed()["items"]) == 2


def test_a_team_is_stated_once_with_its_owner(stage: Stage) -> None:
    stage.tell(handlers.offer_submitted, submitted(ADA, BEN))
    stage.tell(handlers.offer_submitted, submitted(ADA))
    ada = Person(id=ADA.id, name="Ada")
    formed = TeamChanged(version=1, members=[ADA, BEN], owner=ada, cause="formed", by=ada, at=START)
    assert stage.stated() == [formed]


def test_teams_are_private_to_their_side(stage: Stage) -> None:
    stage.tell(handlers.offer_submitted, submitted(ADA, BEN))
    assert stage.listed("northwind") == {"items": [], "next": None, "version": 0}


@pytest.mark.parametrize("first", ["user", "team"])
def test_names_follow_the_users(stage: Stage, first: str) -> None:
    renamed = UserChanged(id=ADA.id, name="Ada Moreau", email="moreau@kazenor.example", role="admin", active=True)
    steps = [
        lambda: stage.tell(handlers.user_changed, renamed, subject=ADA.id),
        lambda: stage.tell(handlers.offer_submitted, submitted(ADA)),
    ]
    for step in steps if first == "user" else reversed(steps):
        step()
    assert [(one["name"], one["email"]) for one in stage.listed()["items"]] == [
        ("Ada Moreau", "moreau@kazenor.example")
    ]


def test_a_team_comes_in_pages(stage: Stage) -> None:
    stage.tell(handlers.offer_submitted, submitted(ADA, BEN))
    first = stage.listed(limit=1)
    assert [one["name"] for one in first["items"]] == ["Ada"]
    second = stage.listed(limit=1, cursor=first["next"])
    assert ([one["name"] for one in second["items"]], second["next"]) == (["Ben"], None)
    with pytest.raises(ValidationError):
        stage.listed(cursor="nonsense")

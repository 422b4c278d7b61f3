"""The team of a partnership: formed by the offer on one side, by the acceptance on the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.managers import handlers
from services.managers.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.calls import Paged
from shared.contracts.accounts import UserChanged
from shared.contracts.managers import TeamChanged
from shared.contracts.messages import Message
from shared.contracts.offers import AcceptanceGiven, Manager, OfferSubmitted, Person
from shared.errors import ValidationError
from tests.support.hearing import START, Ear, said

OFFER = "0190f6d4-0000-7000-8000-000000000001"
ADA = Manager(id="0190f6d4-0000-7000-8000-0000000000a1", name="Ada", email="ada@kazenor.example")
BEN = Manager(id="0190f6d4-0000-7000-8000-0000000000b2", name="Ben", email="ben@kazenor.example")


class Stage(Ear):
    def __init__(self) -> None:
        self.database = MemoryDatabase()
        super().__init__(self.database, "managers", TABLES)

    def tell(self, handler: Callable[..., None], data: Message, tenant: str = "kazenor", subject: str = OFFER) -> None:
        self.hear(handler, data, tenant=tenant, subject=subject)

    def listed(self, tenant: str = "kazenor", **page: Any) -> dict[str, Any]:
        ids = {"partnership_id": OFFER}
        return self.do(handlers.list_managers, Paged(**page), tenant=tenant, actor=ADA.id, ids=ids)

    def stated(self) -> list[Message]:
        return [said(row) for row in self.database.outbox]


def submitted(*managers: Manager) -> OfferSubmitted:
    return OfferSubmitted(
        customer="northwind",
        email="nils@northwind.example",
        message="Hello",
        sent_by=Person(id=ADA.id, name="Ada"),
        sent_at=START,
        expires_at=START,
        contacts=[],
        managers=list(managers),
    )


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
    assert stage.stated() == [TeamChanged(version=1, members=[ADA, BEN], owner=Person(id=ADA.id, name="Ada"))]


def test_teams_are_private_to_their_side(stage: Stage) -> None:
    stage.tell(handlers.offer_submitted, submitted(ADA, BEN))
    assert stage.listed("northwind") == {"items": [], "next": None}


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

"""Who hears of what: the rules alone (OE-21, JB-08, JB-10)."""

from __future__ import annotations

from typing import Any

import pytest

from services.notifications.domain.account_mails import MAILS
from services.notifications.domain.people import Audience, News, Team, User
from services.notifications.domain.recipients import (
    TO_ALL,
    TO_CHOSEN,
    TO_TEAM,
    TOLD,
    actor,
    candidates,
    chosen,
    hears,
    worth_telling,
)
from services.notifications.service import NotificationsService
from shared.contracts import accounts, contacts, managers, offers
from shared.contracts.messages import CATALOGUE, Fact
from tests.support import story
from tests.support.entrypoints import listens
from tests.support.hearing import START

SILENT = {
    # Of accounts nothing is told: it tells who there is, and what a business is like.
    "tenant.registered", "user.changed", "settings.changed", "profile.changed", "profile.received", "recipient.found",
    "recipient.unknown",
    # Not for anybody yet; somebody looked; figures of what is told by other facts.
    "offer.arrived", "offer.left", "partnership.looked_at", "assignments.changed",
}  # fmt: skip
SEEING_ALL = Audience(tenant="northwind", id="northwind", user_ids=("ann", "pat"))
MANAGING = Team(tenant="northwind", id=story.PARTNERSHIP, revision=1, user_ids=("mel", "ann"), recipient_id="rob")
NOBODY = Team(tenant="northwind", id=story.PARTNERSHIP, revision=2)


def news(type_: str, **data: Any) -> News:
    return News(
        tenant="northwind", id="n", partnership_id=story.PARTNERSHIP, type=type_, at=START, actor=actor(type_, data),
        data=data,
    )  # fmt: skip


def user(id: str, role: str = "admin", *, active: bool = True) -> User:
    return User(tenant="northwind", id=id, name=id, email=f"{id}@x.example", role=role, active=active, since=START)


def heard() -> set[str]:
    """The types of the facts that the service listens to, as its class declares it."""
    return {one.model.type for one in listens(NotificationsService) if issubclass(one.model, Fact)}


def test_each_fact_is_told_to_somebody_or_is_known_to_be_no_news() -> None:
    ours = {module.__name__ for module in (accounts, contacts, managers, offers)}
    stated = {type_ for (kind, _, type_), model in CATALOGUE.items() if kind == "fact" and model.__module__ in ours}
    assert stated == TOLD | SILENT | set(MAILS)
    assert not TOLD & SILENT
    assert heard() == TOLD | set(MAILS) | {"user.changed"}


@pytest.mark.parametrize("type_", sorted(TO_ALL))
def test_what_becomes_of_an_offer_to_us_is_told_to_all_who_may_answer_and_to_whom_it_names(type_: str) -> None:
    named = Team(tenant="northwind", id=story.PARTNERSHIP, recipient_id="rob")
    assert candidates(news(type_), SEEING_ALL, named) == ("rob", "ann", "pat")
    assert candidates(news(type_), SEEING_ALL, None) == ("ann", "pat")
    assert candidates(news(type_, recipient_id="ann"), SEEING_ALL, None) == ("ann", "pat")


@pytest.mark.parametrize("type_", sorted(TO_TEAM))
def test_what_happens_in_a_partnership_is_told_to_its_team_or_to_all_who_see_it_when_there_is_none(type_: str) -> None:
    assert candidates(news(type_), SEEING_ALL, MANAGING) == ("mel", "ann")
    assert candidates(news(type_), SEEING_ALL, NOBODY) == ("ann", "pat")
    assert candidates(news(type_), SEEING_ALL, None) == ("ann", "pat")


def test_those_chosen_for_an_offer_are_told_as_long_as_they_are_in_its_team() -> None:
    managers = [{"id": "mel"}, {"id": "gone"}]
    assert candidates(news("offer.submitted", managers=managers), SEEING_ALL, MANAGING) == ("mel",)
    assert candidates(news("offer.submitted", managers=managers), SEEING_ALL, NOBODY) == ()


ADA, BO, NILS = story.TO_MANAGE, story.BO, story.NILS_MANAGES


@pytest.mark.parametrize(
    ("fact", "who"),
    [
        (story.team("formed", NILS, BO, added=[NILS, BO]), ()),
        (story.team("renamed", NILS, BO, by=None), ()),
        (story.team("added", NILS, BO, ADA, added=[BO, ADA]), (BO.id, ADA.id)),
        (story.team("added", BO, added=[BO]), (BO.id,)),
        (story.team("removed", NILS, removed=[BO]), ()),
        (story.team("removed", BO, by=story.ADA, removed=[NILS], previous_owner=story.NILS), (BO.id,)),
        (story.team("owner", BO, NILS, previous_owner=story.NILS), (BO.id,)),
        (story.team("deactivated", BO, by=None, removed=[NILS], previous_owner=story.NILS), (BO.id,)),
        (story.team("deactivated", BO, by=None, removed=[NILS]), ()),
        (story.team("deactivated", by=None, removed=[NILS], previous_owner=story.NILS), ("ann", "pat")),
        (story.team("deactivated", by=None, removed=[NILS], final=True), ()),
        (story.team("deactivated", BO, by=None, removed=[NILS], previous_owner=story.NILS, final=True), ()),
    ],
    ids=lambda value: getattr(value, "cause", None),
)
def test_a_change_of_the_team_is_told_to_whom_it_makes_look_after_the_partnership(
    fact: managers.TeamChanged, who: tuple[str, ...]
) -> None:
    data = fact.model_dump(mode="json")
    team = Team(tenant="northwind", id="p", revision=2, user_ids=tuple(member.id for member in fact.members))
    told = candidates(news("team.changed", **data), SEEING_ALL, team) if worth_telling("team.changed", data) else ()
    assert told == who


def test_whoever_was_added_and_has_gone_again_is_told_nothing() -> None:
    data = story.team("added", NILS, BO, added=[BO]).model_dump(mode="json")
    assert candidates(news("team.changed", **data), SEEING_ALL, NOBODY) == ()


def test_an_empty_team_that_is_filled_again_worries_nobody() -> None:
    data = story.team("deactivated", by=None, removed=[NILS]).model_dump(mode="json")
    assert candidates(news("team.changed", **data), SEEING_ALL, MANAGING) == ()


def test_only_who_appoints_users_hears_that_nobody_looks_after_a_partnership() -> None:
    empty = news("team.changed", **story.team("deactivated", by=None, removed=[NILS]).model_dump(mode="json"))
    assert hears(empty, user("ann", "admin"))
    assert not hears(empty, user("pat", "partnerships"))


@pytest.mark.parametrize("type_", sorted(TOLD - {"offer.submitted"}))
def test_the_one_of_us_who_did_it_hears_nothing(type_: str) -> None:
    given = type_.endswith(".given") or type_ == "team.changed"
    of = news(type_, by={"id": "ann", "name": "Ann"}, members=[{"id": "mel"}])
    # What the other side does is never ours, whatever id it says.
    assert hears(of, user("ann")) is not given
    assert hears(of, user("pat"))


def test_the_sender_of_an_offer_hears_nothing_of_sending_it() -> None:
    of = news("offer.submitted", sent_by={"id": "ann"}, managers=[{"id": "ann"}, {"id": "mel"}])
    assert not hears(of, user("ann"))
    assert hears(of, user("mel"))


def test_only_active_users_hear() -> None:
    assert not hears(news("end.received"), user("ann", active=False))
    assert not hears(news("end.received"), None)


@pytest.mark.parametrize(
    ("fact", "change"),
    [
        (story.WITHDRAWAL_RECEIVED, "counts"),
        (story.EXPIRY_RECEIVED, "counts"),
        (story.REMINDER_RECEIVED, "counts"),
        (story.RETRACTION_RECEIVED, "counts"),
        (story.END_RECEIVED, "first"),
    ],
    ids=lambda value: getattr(value, "type", value),
)
def test_what_has_no_effect_is_told_to_nobody(fact: Fact, change: str) -> None:
    assert worth_telling(fact.type, fact.model_dump(mode="json"))
    assert not worth_telling(fact.type, fact.model_copy(update={change: False}).model_dump(mode="json"))


@pytest.mark.parametrize(
    ("fact", "worth"),
    [
        (story.SUBMITTED, False),
        (story.SUBMITTED.model_copy(update={"managers": [ADA, BO]}), True),
        (story.ACCEPTANCE_GIVEN, False),
        (story.ACCEPTANCE_GIVEN.model_copy(update={"managers": [NILS, BO]}), True),
        (story.team("added", NILS, BO, by=story.Person(id=BO.id, name=BO.name), added=[BO]), False),
        (story.team("added", NILS, BO, added=[BO]), True),
    ],
    ids=lambda value: getattr(value, "type", value),
)
def test_what_concerns_only_the_one_who_did_it_is_not_kept_for_anybody(fact: Fact, worth: bool) -> None:
    assert worth_telling(fact.type, fact.model_dump(mode="json")) is worth


def test_every_fact_that_chooses_people_says_whom() -> None:
    assert chosen("offer.submitted", story.SUBMITTED.model_dump(mode="json")) == (ADA.id,)
    assert {type_ for type_ in TOLD if chosen(type_, {"managers": [{"id": "x"}], "added": [{"id": "x"}]})} == {
        *TO_CHOSEN,
        "acceptance.given",
    }


def test_our_team_hears_also_of_an_offer_that_came_to_its_end_before_it_left() -> None:
    for fact in (story.WITHDRAWAL_GIVEN, story.EXPIRY_GIVEN):
        assert worth_telling(fact.type, fact.model_copy(update={"told": False}).model_dump(mode="json"))


def test_a_proposal_that_nobody_of_the_team_may_answer_is_told_to_those_who_may() -> None:
    members = Team(tenant="northwind", id=story.PARTNERSHIP, revision=1, user_ids=("mel", "max"))
    assert candidates(news("proposal.received"), SEEING_ALL, members) == ("mel", "max", "ann", "pat")
    assert candidates(news("proposal.received"), SEEING_ALL, MANAGING) == ("mel", "ann")
    assert candidates(news("answer.received"), SEEING_ALL, members) == ("mel", "max")


@pytest.mark.parametrize("change", [{"renamed": True}, {"name": ""}])
def test_an_owner_who_is_only_called_otherwise_and_nobody_are_no_news(change: dict[str, Any]) -> None:
    fact = story.OWNER_RECEIVED
    assert worth_telling(fact.type, fact.model_dump(mode="json"))
    assert not worth_telling(fact.type, fact.model_copy(update=change).model_dump(mode="json"))


def test_a_release_that_both_wanted_is_told_once_by_the_answer_to_our_own_proposal() -> None:
    agreed = story.BY_ITSELF | {"items": [story.RELEASED]}
    assert not worth_telling("answer.given", story.ANSWER_GIVEN.model_copy(update=agreed).model_dump(mode="json"))
    assert worth_telling("answer.received", story.ANSWER_RECEIVED.model_copy(update=agreed).model_dump(mode="json"))
    # What a rule has declined is told, and what a person has accepted.
    for change in (story.BY_ITSELF, {"items": [story.RELEASED]}):
        assert worth_telling("answer.given", story.ANSWER_GIVEN.model_copy(update=change).model_dump(mode="json"))

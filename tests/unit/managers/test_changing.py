"""Changing a team: at once, private, only active users, none twice, never the last one (OE-17, JB-08, IM-03)."""

from __future__ import annotations

from typing import Any

import pytest

from services.managers import handlers
from shared.contracts import offers
from shared.contracts.managers import TeamChanged
from shared.contracts.messages import Message
from shared.errors import ChangedMeanwhile, LastManager, NotFound, ValidationError, WrongState
from shared.ids import new_id
from tests.support import story
from tests.support.hearing import START
from tests.unit.managers.office import ADA, BEN, CLEO, OFFER, Stage, named, submitted


@pytest.fixture
def stage() -> Stage:
    """A partnership that Ada looks after alone."""
    stage = Stage()
    stage.tell(handlers.offer_submitted, submitted(ADA))
    return stage


def refused(act: Any, *args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as found:
        act(*args)
    return [(error["field"], error["message"]) for error in found.value.info["errors"]]


def test_those_who_are_added_are_in_the_team_at_once(stage: Stage) -> None:
    answer = stage.add(CLEO, BEN)
    assert answer == stage.listed()
    assert [(one["name"], one["owner"]) for one in answer["items"]] == [("Ada", True), ("Ben", False), ("Cleo", False)]
    assert stage.last() == TeamChanged(
        version=2,
        members=[ADA, CLEO, BEN],
        owner=named(ADA),
        cause="added",
        by=named(ADA),
        at=stage.now,
        added=[CLEO, BEN],
    )


@pytest.mark.parametrize("known", [False, True])
def test_nobody_is_added_twice_nor_without_an_active_login(stage: Stage, known: bool) -> None:
    stage.add(BEN)
    if known:
        stage.locked_out.add(CLEO.id)
    else:
        del stage.known[CLEO.id]
    assert refused(stage.add, CLEO, BEN) == [
        ("contact_ids.0", handlers.NO_LOGIN),
        ("contact_ids.1", "Ben is in the team already."),
    ]
    assert stage.names() == ["Ada", "Ben"]


def test_a_login_that_was_lost_since_accounts_was_asked_counts_as_lost(stage: Stage) -> None:
    stage.user(BEN, active=False)
    assert refused(stage.add, BEN) == [("contact_ids.0", handlers.NO_LOGIN)]


def test_somebody_joins_under_the_name_that_was_heard_last(stage: Stage) -> None:
    stage.user(BEN, name="Ben Okri")
    stage.add(BEN)
    assert stage.last().added == [BEN.model_copy(update={"name": "Ben Okri"})]


def test_somebody_who_is_removed_is_gone_at_once(stage: Stage) -> None:
    stage.add(BEN)
    assert stage.remove(BEN) == {}
    assert stage.names() == ["Ada"]
    said = stage.last()
    assert (said.cause, said.removed, said.added, said.by) == ("removed", [BEN], [], named(ADA))
    assert (said.owner, said.previous_owner, said.version) == (named(ADA), None, 3)


def test_the_last_one_cannot_be_removed(stage: Stage) -> None:
    with pytest.raises(LastManager) as found:
        stage.remove(ADA)
    assert "before you remove the last one" in found.value.detail
    assert stage.names() == ["Ada"]


def test_somebody_who_is_not_in_the_team_cannot_be_removed(stage: Stage) -> None:
    with pytest.raises(NotFound):
        stage.remove(BEN)


def test_when_the_owner_is_removed_who_has_served_longest_owns_the_account(stage: Stage) -> None:
    stage.add(CLEO)
    stage.add(BEN)
    stage.remove(ADA)
    assert stage.names() == ["Cleo", "Ben"]
    assert (stage.last().owner, stage.last().previous_owner) == (named(CLEO), named(ADA))


def test_ownership_is_given_to_somebody_of_the_team(stage: Stage) -> None:
    stage.add(BEN)
    answer = stage.give(BEN)
    assert answer == stage.listed() and stage.names() == ["Ben", "Ada"]
    said = stage.last()
    assert (said.cause, said.owner, said.previous_owner, said.by) == ("owner", named(BEN), named(ADA), named(ADA))
    assert (said.added, said.removed) == ([], [])


def test_ownership_is_given_to_nobody_else(stage: Stage) -> None:
    assert [field for field, _ in refused(stage.give, BEN)] == ["contact_id"]
    stage.add(BEN)
    del stage.known[BEN.id]
    assert refused(stage.give, BEN) == [("contact_id", handlers.NO_LOGIN)]


def test_the_same_owner_again_changes_and_says_nothing(stage: Stage) -> None:
    stage.add(BEN)
    said, version = len(stage.stated()), stage.team().version
    assert stage.give(ADA) == stage.listed()
    assert (len(stage.stated()), stage.team().version) == (said, version)


def test_a_stale_version_is_refused(stage: Stage) -> None:
    for act in (stage.add, stage.remove, stage.give):
        with pytest.raises(ChangedMeanwhile):
            act(ADA, if_match='"7"')
    stage.add(BEN, if_match='"1"')


def test_before_the_offer_is_answered_there_is_no_team_to_change() -> None:
    stage = Stage()
    for act in (stage.add, stage.give):
        with pytest.raises(WrongState, match="Answer the offer first"):
            act(BEN)


BY = {"by": story.NILS, "at": START}
OURS: dict[str, Any] = {"customer": "northwind", "company": "Northwind", "at": START}
THEIRS: dict[str, Any] = {"partner": "northwind", "company": "Northwind", "at": START}
END: dict[str, Any] = {"counterpart": "northwind", "company": "Northwind", "reason": "Done.", **BY}
ENDS: list[Message] = [
    offers.EndGiven(**END),
    offers.EndReceived(**END),
    story.DECLINE_RECEIVED,
    story.UNDELIVERABLE,
    offers.WithdrawalGiven(by=story.ADA, **OURS),
    offers.ExpiryGiven(**OURS),
    offers.WithdrawalReceived(by=story.ADA, **THEIRS),
    offers.ExpiryReceived(**THEIRS),
]


@pytest.mark.parametrize("fact", ENDS, ids=[fact.type for fact in ENDS])
def test_the_team_of_a_partnership_that_has_ended_stays_as_it_is(stage: Stage, fact: Message) -> None:
    stage.add(BEN)
    stage.state(fact)
    for act, who in ((stage.add, CLEO), (stage.remove, BEN), (stage.give, BEN)):
        with pytest.raises(WrongState):
            act(who)
    assert stage.names() == ["Ada", "Ben"]


@pytest.mark.parametrize(
    "fact",
    [
        offers.WithdrawalReceived(by=story.ADA, counts=False, **THEIRS),
        offers.ExpiryReceived(counts=False, **THEIRS),
    ],
)
def test_what_came_after_our_answer_ends_nothing(stage: Stage, fact: Message) -> None:
    stage.state(fact)
    stage.add(BEN)


def test_an_acceptance_that_beats_our_withdrawal_lets_the_team_change_again(stage: Stage) -> None:
    stage.state(offers.WithdrawalGiven(by=story.ADA, **OURS))
    stage.state(story.ACCEPTANCE_RECEIVED)
    stage.add(BEN)
    assert not stage.last().final


# Users who are renamed or lose the login


def test_somebody_who_is_renamed_is_stated_under_the_new_name(stage: Stage) -> None:
    stage.user(ADA)
    stage.look_after()
    assert len(stage.stated()) == 1
    stage.user(ADA, name="Ada Moreau")
    stage.look_after()
    said = stage.last()
    assert (said.cause, said.by, said.version) == ("renamed", None, 2)
    assert (said.owner, said.previous_owner) == (offers.Person(id=ADA.id, name="Ada Moreau"), None)
    assert [one.name for one in said.members] == ["Ada Moreau"]


def test_a_change_of_the_role_alone_touches_no_team(stage: Stage) -> None:
    stage.user(ADA)
    stage.look_after()
    stage.user(ADA)
    assert stage.look_after() == 0


def test_somebody_without_a_login_leaves_every_team(stage: Stage) -> None:
    others = [new_id() for _ in range(120)]
    for partnership in others:
        stage.tell(handlers.offer_submitted, submitted(ADA, BEN), subject=partnership)
    stage.add(BEN)
    stage.user(BEN)
    stage.look_after()
    stage.user(BEN, active=False)
    assert stage.look_after() == 3
    for partnership in (OFFER, *others):
        assert [one.id for one in stage.team(partnership).members] == [ADA.id]
    said = stage.last()
    assert (said.cause, said.removed, said.by, said.at) == ("deactivated", [BEN], None, stage.now)


def test_an_owner_without_a_login_passes_the_account_on(stage: Stage) -> None:
    stage.add(CLEO, BEN)
    stage.user(ADA, active=False)
    stage.look_after()
    assert stage.names() == ["Cleo", "Ben"]
    assert (stage.last().owner, stage.last().previous_owner) == (named(CLEO), named(ADA))


@pytest.mark.parametrize("final", [False, True])
def test_a_team_whose_last_member_loses_the_login_is_empty(stage: Stage, final: bool) -> None:
    if final:
        stage.state(story.DECLINE_RECEIVED)
    stage.user(ADA, active=False)
    stage.look_after()
    assert stage.listed()["items"] == []
    said = stage.last()
    assert (said.cause, said.members, said.owner, said.previous_owner) == ("deactivated", [], None, named(ADA))
    assert (said.removed, said.final) == ([ADA], final)


def test_the_first_who_joins_an_empty_team_owns_the_account(stage: Stage) -> None:
    stage.user(ADA, active=False)
    stage.look_after()
    stage.add(CLEO, BEN)
    assert stage.names() == ["Cleo", "Ben"]
    assert (stage.last().owner, stage.last().previous_owner) == (named(CLEO), None)


def test_somebody_who_got_the_login_back_in_time_stays(stage: Stage) -> None:
    stage.user(ADA, active=False)
    stage.user(ADA)
    stage.look_after()
    assert stage.names() == ["Ada"]


def test_a_new_team_leaves_out_who_has_lost_the_login() -> None:
    stage = Stage()
    stage.user(ADA, active=False)
    stage.tell(handlers.offer_submitted, submitted(ADA, BEN))
    assert stage.names() == ["Ben"]
    assert (stage.last().cause, stage.last().owner, stage.last().removed) == ("formed", named(BEN), [])


def test_a_new_team_is_stated_under_todays_names() -> None:
    stage = Stage()
    stage.user(ADA, name="Ada Moreau")
    stage.tell(handlers.offer_submitted, submitted(ADA, BEN))
    assert [one.name for one in stage.last().members] == ["Ada Moreau", "Ben"]
    assert stage.last().owner == offers.Person(id=ADA.id, name="Ada Moreau")


def test_a_new_team_of_nobody_with_a_login_is_empty_and_said_to_be() -> None:
    stage = Stage()
    stage.user(ADA, active=False)
    stage.tell(handlers.offer_submitted, submitted(ADA))
    said = stage.last()
    assert (said.cause, said.members, said.owner, said.by) == ("deactivated", [], None, None)
    stage.add(BEN)
    assert stage.names() == ["Ben"]

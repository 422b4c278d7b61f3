"""Whoever an offer or a login is about to need cannot be deleted until contacts knows of it, or nothing came of it."""

from __future__ import annotations

from typing import Any

import pytest

from services.contacts.commands import CreateContact, ReleaseContacts, ReserveContacts
from services.contacts.handlers import directory, lending, reserving
from shared.contracts.accounts import UserChanged
from shared.deadlines import RESERVED
from shared.errors import ContactInUse
from tests.support import story
from tests.unit.contacts.stage import OFFER, STRANGER, Stage, call


@pytest.fixture
def stage() -> Stage:
    return Stage()


def create(stage: Stage, name: str, tenant: str = "kazenor") -> str:
    body = CreateContact(name=name, email=f"{name.lower()}@{tenant}.example")
    return str(stage.do(directory.create_contact, call(tenant), body)["id"])


def reserve(stage: Stage, *contacts: str, needed_by: str = OFFER, tenant: str = "kazenor") -> list[str]:
    body = ReserveContacts(contact_ids=list(contacts), needed_by=needed_by)
    return [c["id"] for c in stage.do(reserving.reserve_contacts, call(tenant), body)["items"]]


def delete(stage: Stage, contact: str) -> Any:
    return stage.do(directory.delete_contact, call(contact_id=contact))


def test_they_are_answered_in_the_order_asked_without_unknown_ones(stage: Stage) -> None:
    a, b = create(stage, "Adam"), create(stage, "Ben")
    assert reserve(stage, b, STRANGER, a) == [b, a]


def test_nobody_is_reserved_by_what_will_be_refused(stage: Stage) -> None:
    adam = create(stage, "Adam")
    reserve(stage, adam, STRANGER)
    assert delete(stage, adam) == {}


def test_those_of_another_business_are_not_there(stage: Stage) -> None:
    theirs, ours = create(stage, "Nils", "northwind"), create(stage, "Adam")
    assert reserve(stage, theirs) == []
    assert reserve(stage, ours, tenant="northwind") == []
    assert delete(stage, ours) == {}


def test_a_reserved_contact_cannot_be_deleted_but_others_can(stage: Stage) -> None:
    adam, ben = create(stage, "Adam"), create(stage, "Ben")
    reserve(stage, adam)
    with pytest.raises(ContactInUse, match="just being offered"):
        delete(stage, adam)
    assert delete(stage, ben) == {}


def test_whoever_is_released_can(stage: Stage) -> None:
    adam = create(stage, "Adam")
    reserve(stage, adam)
    reserve(stage, adam, needed_by=STRANGER)
    stage.do(reserving.release_contacts, call(), ReleaseContacts(needed_by=OFFER))
    with pytest.raises(ContactInUse):
        delete(stage, adam)
    stage.do(reserving.release_contacts, call(), ReleaseContacts(needed_by=STRANGER))
    assert delete(stage, adam) == {}


def test_a_command_nobody_heard_of_again_holds_nobody_for_ever(stage: Stage) -> None:
    adam = create(stage, "Adam")
    reserve(stage, adam)
    stage.ear.now += RESERVED
    assert delete(stage, adam) == {}


def test_the_same_need_again_lasts_longer(stage: Stage) -> None:
    adam = create(stage, "Adam")
    reserve(stage, adam)
    stage.ear.now += RESERVED / 2
    assert reserve(stage, adam) == [adam]
    stage.ear.now += RESERVED / 2
    with pytest.raises(ContactInUse):
        delete(stage, adam)


def test_an_offer_that_was_sent_holds_them_itself_and_not_longer(stage: Stage) -> None:
    adam = create(stage, "Adam")
    reserve(stage, adam)
    offered = story.SUBMITTED.model_copy(update={"contacts": [story.MIA.model_copy(update={"id": adam})]})
    stage.hear(lending.offer_submitted, "kazenor", offered)
    elsewhere = offered.model_copy(update={"customer": "fabrikam"})
    stage.hear(lending.offer_submitted, "kazenor", elsewhere, subject=STRANGER)
    with pytest.raises(ContactInUse, match="part of the partnership with (northwind|fabrikam) and others and cannot"):
        delete(stage, adam)
    stage.hear(lending.offer_withdrawn, "kazenor", story.WITHDRAWAL_GIVEN, subject=STRANGER)
    with pytest.raises(ContactInUse, match="part of the partnership with northwind and cannot"):
        delete(stage, adam)
    stage.hear(lending.offer_withdrawn, "kazenor", story.WITHDRAWAL_GIVEN)
    assert delete(stage, adam) == {}


def test_a_login_that_was_made_needs_no_reservation(stage: Stage) -> None:
    adam, ben = create(stage, "Adam"), create(stage, "Ben")
    reserve(stage, adam)
    user = UserChanged(id=adam, name="Adam", email="adam@kazenor.example", role="member", active=True)
    stage.hear(directory.user_changed, "kazenor", user, subject=adam)
    with pytest.raises(ContactInUse, match="has a login"):
        delete(stage, adam)
    # Nobody says that it is over: it is swept up once it counts no more.
    assert delete(stage, ben) == {}
    assert len(stage.database.records["reservations"]) == 1
    stage.ear.now += RESERVED
    stage.do(reserving.release_contacts, call(), ReleaseContacts(needed_by=STRANGER))
    assert stage.database.records["reservations"] == {}

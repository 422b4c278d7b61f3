"""What the history says of each thing that can happen in a partnership, and that both sides hold the same of it (OE-18)."""

from __future__ import annotations

from typing import Any

import pytest

from services.history import handlers
from services.history.service import HistoryService
from services.history.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.contracts import contacts, managers, offers
from shared.contracts.messages import CATALOGUE, Fact
from shared.contracts.offers import Person
from tests.support import story
from tests.support.entrypoints import handlers as handlers_of
from tests.support.hearing import Ear

SILENT = {"offer.arrived", "partnership.looked_at", "assignments.changed"}
"""Facts that are no news to anybody: they make no entry."""


HANDLERS = {one.model: one.handle for one in handlers_of(HistoryService())[0].values()}


def told(*facts: Fact, tenant: str = "northwind") -> list[dict[str, Any]]:
    """The entries of a side that heard these facts, oldest first."""
    ear = Ear(MemoryDatabase(), "history", TABLES)
    for fact in facts:
        ear.hear(HANDLERS[type(fact)], fact, tenant=tenant, subject=story.PARTNERSHIP)
    answer = ear.do(
        handlers.list_entries,
        handlers.ListEntries(),
        tenant=tenant,
        actor="nils",
        ids={"partnership_id": story.PARTNERSHIP},
    )
    return list(answer["items"])[::-1]


def but(fact: Fact, **changes: Any) -> Fact:
    return fact.model_copy(update=changes)


def test_each_fact_makes_an_entry_or_is_known_to_make_none() -> None:
    stated = {
        type_
        for (kind, publisher, type_), model in CATALOGUE.items()
        if kind == "fact"
        and publisher in {"offers", "contacts", "managers"}
        and model.__module__ in {offers.__name__, contacts.__name__, managers.__name__}
    }
    assert {model.type for model in HANDLERS} == stated - SILENT
    assert stated >= SILENT


@pytest.mark.parametrize(("given", "received"), story.PAIRS, ids=lambda fact: fact.type)
def test_both_sides_hold_the_same_of_what_one_did(given: Fact, received: Fact) -> None:
    (ours,), (theirs,) = told(given), told(received)
    assert (ours["type"], ours["at"], ours["shared"]) == (theirs["type"], theirs["at"], theirs["shared"])
    assert ours["by"]["name"] == theirs["by"]["name"]
    assert (ours["by"]["side"], theirs["by"]["side"], ours["shared"]) == ("us", "them", True)


def test_what_the_other_side_does_not_know_is_not_shared() -> None:
    for fact in (
        but(story.WITHDRAWAL_GIVEN, told=False),
        but(story.EXPIRY_GIVEN, told=False),
        story.OWNER_RECEIVED,
        story.team("added", story.NILS_MANAGES, story.BO, added=[story.BO]),
        story.team("owner", story.BO, story.NILS_MANAGES, previous_owner=story.NILS),
    ):
        (entry,) = told(fact)
        assert entry["shared"] is False


@pytest.mark.parametrize(
    ("fact", "known"),
    [
        (story.WITHDRAWAL_GIVEN, True),
        (but(story.WITHDRAWAL_GIVEN, told=False), False),
        (story.OWNER_RECEIVED, True),
        (story.team("owner", story.BO, story.NILS_MANAGES, previous_owner=story.NILS), True),
        (story.team("added", story.NILS_MANAGES, story.BO, added=[story.BO]), False),
    ],
    ids=["shared", "held-back", "their-owner", "our-owner", "our-team"],
)
def test_what_both_sides_know_in_other_words_is_known_without_being_shared(fact: Fact, known: bool) -> None:
    assert told(fact)[0]["known"] is known


ONE = {"items": story.ANSWER_RECEIVED.items[:1]}


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        (story.WITHDRAWAL_GIVEN, "Ada Lindqvist withdrew the offer to Northwind Traders."),
        (
            but(story.WITHDRAWAL_GIVEN, told=False, by=Person(id="system", name="Accord")),
            "Accord withdrew the offer to Northwind Traders, which had not left yet.",
        ),
        (story.WITHDRAWAL_RECEIVED, "Ada Lindqvist of Kazenor Consulting withdrew the offer."),
        (
            but(story.WITHDRAWAL_RECEIVED, counts=False),
            "Ada Lindqvist of Kazenor Consulting withdrew the offer after it had been answered; the answer counts.",
        ),
        (story.EXPIRY_GIVEN, "The offer to Northwind Traders expired without an answer."),
        (
            but(story.EXPIRY_GIVEN, told=False),
            "The offer to Northwind Traders, which had not left yet, expired without an answer.",
        ),
        (story.EXPIRY_RECEIVED, "Kazenor Consulting’s offer expired."),
        (
            but(story.EXPIRY_RECEIVED, counts=False),
            "Kazenor Consulting’s offer expired after it had been answered; the answer counts.",
        ),
        (story.REMINDER_GIVEN, "Ada Lindqvist reminded Northwind Traders of the offer."),
        (story.REMINDER_RECEIVED, "Ada Lindqvist of Kazenor Consulting reminded us of the offer."),
        (
            but(story.REMINDER_RECEIVED, counts=False),
            "Ada Lindqvist of Kazenor Consulting reminded us of the offer after it had been answered; the answer counts.",
        ),
        (story.END_GIVEN, "Ada Lindqvist ended the partnership."),
        (story.END_RECEIVED, "Ada Lindqvist of Kazenor Consulting ended the partnership."),
        (but(story.END_RECEIVED, first=False), "Ada Lindqvist of Kazenor Consulting ended the partnership as well."),
        (story.OWNER_RECEIVED, "Bo Ek is the account owner of Kazenor Consulting now."),
        (story.PROPOSAL_GIVEN, "Ada Lindqvist proposed to add 1 contact and to release 1 contact."),
        (
            but(story.PROPOSAL_RECEIVED, items=[story.TO_ADD, story.TO_ADD]),
            "Ada Lindqvist of Kazenor Consulting proposed to add 2 contacts.",
        ),
        (
            story.ANSWER_GIVEN,
            "Nils Holm accepted 1 of 2 changes that Kazenor Consulting proposed and suggested something else.",
        ),
        (
            but(story.ANSWER_RECEIVED, suggestion=""),
            "Nils Holm of Northwind Traders accepted 1 of 2 changes.",
        ),
        (but(story.ANSWER_RECEIVED, suggestion="", **ONE), "Nils Holm of Northwind Traders accepted the change."),
        (
            but(story.ANSWER_RECEIVED, suggestion="", items=story.ANSWER_RECEIVED.items[:1] * 3),
            "Nils Holm of Northwind Traders accepted all 3 changes.",
        ),
        (
            but(story.ANSWER_RECEIVED, suggestion="", items=story.ANSWER_RECEIVED.items[1:] * 2),
            "Nils Holm of Northwind Traders declined all 2 changes.",
        ),
        (
            but(story.ANSWER_RECEIVED, **story.BY_ITSELF),
            "Accord accepted the release of Mia Berg that we proposed, since both sides have agreed to it, "
            "and did not add Olof Palm, who works there already.",
        ),
        (
            but(story.ANSWER_GIVEN, **story.BY_ITSELF | {"items": [story.RELEASED]}),
            "Accord accepted the release of Mia Berg that Kazenor Consulting proposed, since both sides have agreed to it.",
        ),
        (
            story.RETRACTION_GIVEN,
            "Ada Lindqvist withdrew the proposal to add 1 contact and to release 1 contact.",
        ),
        (
            but(story.RETRACTION_RECEIVED, counts=False),
            "Ada Lindqvist of Kazenor Consulting withdrew the proposal to add 1 contact and to release 1 contact "
            "after it had been answered; the answer counts.",
        ),
        (
            story.team("added", story.NILS_MANAGES, story.BO, added=[story.BO, story.TO_MANAGE]),
            "Nils Holm added Bo Ek and Ada Lindqvist to the team.",
        ),
        (story.team("removed", story.NILS_MANAGES, removed=[story.BO]), "Nils Holm removed Bo Ek from the team."),
        (story.team("removed", story.BO, removed=[story.NILS_MANAGES]), "Nils Holm left the team."),
        (
            story.team("deactivated", story.NILS_MANAGES, by=None, removed=[story.BO]),
            "Bo Ek has no active login any more and left the team.",
        ),
        (
            story.team("deactivated", by=None, removed=[story.NILS_MANAGES]),
            "Nils Holm has no active login any more and left the team, and nobody is left in it.",
        ),
        (
            story.team("owner", story.BO, story.NILS_MANAGES, previous_owner=story.NILS),
            "Nils Holm made Bo Ek the account owner.",
        ),
    ],
)
def test_what_happened_is_one_sentence(fact: Fact, sentence: str) -> None:
    (entry,) = told(fact)
    assert entry["title"] == sentence


def test_what_nobody_did_stands_under_the_name_of_accord_on_the_side_where_it_happened() -> None:
    by = [told(fact)[0]["by"] for fact in (story.EXPIRY_GIVEN, story.EXPIRY_RECEIVED)]
    assert by == [{"side": "us", "name": "Accord"}, {"side": "them", "name": "Accord"}]
    (alone,) = told(story.team("deactivated", by=None, removed=[story.NILS_MANAGES]))
    assert alone["by"] == {"side": "us", "name": "Accord"}


def test_a_team_that_is_formed_and_a_person_with_a_new_name_make_no_entry() -> None:
    assert told(story.team("formed", story.NILS_MANAGES, version=1), story.team("renamed", story.BO, by=None)) == []


def test_a_proposal_opens_to_its_reason_its_people_and_what_it_replies_to() -> None:
    (entry,) = told(but(story.PROPOSAL_RECEIVED, in_reply_to=story.CHANGE))
    assert entry["details"] == {
        "reason": "A change of plan.",
        "in_reply_to": story.CHANGE,
        "items": [
            {"contact_id": story.OLOF.id, "name": "Olof Palm", "action": "add", "title": "Welder"},
            {"contact_id": story.MIA.id, "name": "Mia Berg", "action": "release"},
        ],
    }


def test_an_answer_opens_to_each_decision_with_what_was_said_of_it() -> None:
    (entry,) = told(story.ANSWER_RECEIVED)
    assert entry["details"] == {
        "comment": "Thank you.",
        "suggestion": "Release her in June.",
        "items": [
            {
                "contact_id": story.OLOF.id,
                "name": "Olof Palm",
                "action": "add",
                "title": "Welder",
                "decision": "accept",
            },
            {
                "contact_id": story.MIA.id,
                "name": "Mia Berg",
                "action": "release",
                "decision": "decline",
                "comment": "She is needed until June.",
            },
        ],
    }


def test_roles_of_an_answer_stand_on_the_side_that_granted_them_only() -> None:
    (given,) = told(story.ANSWER_GIVEN)
    assert given["details"]["items"][0]["roles"] == [{"environment": "Production", "role": "Operator"}]
    (received,) = told(but(story.ANSWER_RECEIVED, items=story.ANSWER_GIVEN.items))
    assert all("roles" not in item for item in received["details"]["items"])


def test_a_reason_is_read_on_both_sides() -> None:
    for given, received in (
        (story.WITHDRAWAL_GIVEN, story.WITHDRAWAL_RECEIVED),
        (story.END_GIVEN, story.END_RECEIVED),
    ):
        (ours,), (theirs,) = told(given), told(received)
        assert ours["details"] == theirs["details"] == {"reason": given.reason}


def test_who_took_over_stands_in_the_details_of_what_made_them_owner() -> None:
    removal = story.team("removed", story.BO, removed=[story.NILS_MANAGES], previous_owner=story.NILS)
    (entry,) = told(removal)
    nils, bo = {"id": story.NILS.id, "name": "Nils Holm"}, {"id": story.BO.id, "name": "Bo Ek"}
    assert (entry["type"], entry["details"]) == (
        "team.changed",
        {"removed": [nils], "previous_owner": nils, "owner": bo},
    )
    (change,) = told(story.team("owner", story.BO, story.NILS_MANAGES, previous_owner=story.NILS))
    assert (change["type"], change["details"]) == ("owner.changed", {"previous_owner": nils, "owner": bo})
    (plain,) = told(story.team("removed", story.NILS_MANAGES, removed=[story.BO]))
    assert plain["details"] == {"removed": [bo]}


def test_each_author_of_an_end_has_an_entry() -> None:
    ours = story.END_GIVEN.model_copy(update={"at": story.ANSWERED, "by": story.NILS, "reason": "Us too."})
    entries = told(ours, but(story.END_RECEIVED, first=False))
    assert [(e["type"], e["by"]["name"], e["details"]["reason"]) for e in entries] == [
        ("partnership.ended", "Nils Holm", "Us too."),
        ("partnership.ended", "Ada Lindqvist", "The project is over."),
    ]


def test_an_offer_that_is_held_back_is_shared_once_it_has_left() -> None:
    held = but(story.SUBMITTED, held=True)
    left = offers.OfferLeft.model_validate(story.SUBMITTED.model_dump())
    [prepared, sent] = told(held, left, tenant="kazenor")
    assert (prepared["type"], prepared["shared"]) == ("offer.held", False)
    assert "leaves once they know that the last one is over" in prepared["title"]
    [theirs] = told(story.RECEIVED)
    assert [(e["type"], e["at"], e["shared"]) for e in (sent, theirs)] == [("offer.sent", sent["at"], True)] * 2

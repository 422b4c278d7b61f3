"""What the history says, on the in-memory twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.history import handlers
from services.history.domain.entries import Entry
from services.history.domain.wording import details, title
from services.history.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.ids import is_id
from tests.support import story
from tests.support.hearing import START, Ear


@pytest.fixture
def ear() -> Ear:
    return Ear(MemoryDatabase(), "history", TABLES)


def entries(ear: Ear, tenant: str, partnership: str = story.PARTNERSHIP, **query: Any) -> list[dict[str, Any]]:
    answer = ear.do(
        handlers.list_entries,
        handlers.ListEntries(**query),
        tenant=tenant,
        actor="ada",
        ids={"partnership_id": partnership},
    )
    return list(answer["items"])


def tell(ear: Ear, tenant: str, *facts: tuple[Callable[..., None], Any]) -> None:
    for handler, fact in facts:
        ear.hear(handler, fact, tenant=tenant, subject=story.PARTNERSHIP)


def test_an_accepted_offer_reads_as_two_sentences_at_the_partner(ear: Ear) -> None:
    tell(
        ear,
        "kazenor",
        (handlers.offer_submitted, story.SUBMITTED),
        (handlers.acceptance_received, story.ACCEPTANCE_RECEIVED),
    )
    accepted, sent = entries(ear, "kazenor")
    assert sent["title"] == "Ada Lindqvist sent an offer to northwind and proposed 2 contacts."
    assert sent["by"] == {"side": "us", "name": "Ada Lindqvist"}
    assert accepted["title"] == "Nils Holm of Northwind Traders accepted our offer with 1 of 2 contacts."
    assert accepted["by"] == {"side": "them", "name": "Nils Holm"}
    assert (sent["at"], accepted["at"]) == ("2026-05-04T10:00:00Z", "2026-05-04T11:00:00Z")


def test_an_accepted_offer_reads_as_two_sentences_at_the_customer(ear: Ear) -> None:
    tell(
        ear, "northwind", (handlers.offer_received, story.RECEIVED), (handlers.acceptance_given, story.ACCEPTANCE_GIVEN)
    )
    accepted, sent = entries(ear, "northwind")
    assert sent["title"] == "Ada Lindqvist of Kazenor Consulting offered to work together and proposed 2 contacts."
    assert sent["by"] == {"side": "them", "name": "Ada Lindqvist"}
    assert accepted["title"] == "Nils Holm accepted Kazenor Consulting’s offer with 1 of 2 contacts."
    assert accepted["by"] == {"side": "us", "name": "Nils Holm"}


def test_a_declined_offer_reads_with_its_reason_on_both_sides(ear: Ear) -> None:
    tell(ear, "kazenor", (handlers.decline_received, story.DECLINE_RECEIVED))
    tell(ear, "northwind", (handlers.decline_given, story.DECLINE_GIVEN))
    (theirs,), (ours,) = entries(ear, "kazenor"), entries(ear, "northwind")
    assert theirs["title"] == "Nils Holm of Northwind Traders declined our offer."
    assert ours["title"] == "Nils Holm declined Kazenor Consulting’s offer."
    assert theirs["details"]["reason"] == ours["details"]["reason"] == "Not this year."


def test_both_histories_hold_the_same_shared_entries(ear: Ear) -> None:
    tell(
        ear,
        "kazenor",
        (handlers.offer_submitted, story.SUBMITTED),
        (handlers.acceptance_received, story.ACCEPTANCE_RECEIVED),
    )
    tell(
        ear, "northwind", (handlers.offer_received, story.RECEIVED), (handlers.acceptance_given, story.ACCEPTANCE_GIVEN)
    )

    def shared(tenant: str) -> list[tuple[str, str, str]]:
        return [(e["type"], e["at"], e["by"]["name"]) for e in entries(ear, tenant) if e["shared"]]

    assert shared("kazenor") == shared("northwind")
    assert [type_ for type_, _, _ in shared("kazenor")] == ["offer.accepted", "offer.sent"]


def test_roles_stand_in_the_customers_details_only(ear: Ear) -> None:
    tell(ear, "kazenor", (handlers.acceptance_received, story.ACCEPTANCE_RECEIVED))
    tell(ear, "northwind", (handlers.acceptance_given, story.ACCEPTANCE_GIVEN))
    (customer,), (partner,) = entries(ear, "northwind"), entries(ear, "kazenor")
    assert customer["details"]["contacts"] == [
        {"id": story.MIA.id, "name": "Mia Berg", "roles": [{"environment": "Production", "role": "Operator"}]}
    ]
    assert partner["details"]["contacts"] == [{"id": story.MIA.id, "name": "Mia Berg"}]
    assert (
        customer["details"]["declined"]
        == partner["details"]["declined"]
        == [{"id": story.OLOF.id, "name": "Olof Palm"}]
    )
    assert customer["details"]["comment"] == partner["details"]["comment"] == "Welcome."


def test_the_other_side_never_reads_who_manages(ear: Ear) -> None:
    tell(ear, "kazenor", (handlers.offer_submitted, story.SUBMITTED))
    tell(ear, "northwind", (handlers.offer_received, story.RECEIVED))
    assert entries(ear, "kazenor")[0]["details"]["managers"] == [{"id": story.ADA.id, "name": "Ada Lindqvist"}]
    assert "managers" not in entries(ear, "northwind")[0]["details"]


def test_an_undeliverable_offer_says_one_thing_and_is_not_shared(ear: Ear) -> None:
    tell(
        ear, "kazenor", (handlers.offer_submitted, story.SUBMITTED), (handlers.offer_undeliverable, story.UNDELIVERABLE)
    )
    (entry,) = [e for e in entries(ear, "kazenor") if e["type"] == "offer.undeliverable"]
    assert entry["title"] == "The offer to northwind could not be delivered."
    assert entry["details"]["reason"] == "No business with that tenant name and login e-mail."
    assert entry["shared"] is False


def test_an_entry_has_the_shape_of_the_public_contract(ear: Ear) -> None:
    tell(ear, "northwind", (handlers.offer_received, story.RECEIVED))
    (entry,) = entries(ear, "northwind")
    assert set(entry) == {"id", "type", "at", "by", "title", "details", "shared", "known"}
    assert is_id(entry["id"])
    assert entry["details"]["message"] == "Shall we?"
    assert entry["details"]["contacts"][0] == {"id": story.MIA.id, "name": "Mia Berg", "title": "Consultant"}


def test_a_history_that_is_told_again_has_the_same_ids(ear: Ear) -> None:
    other = Ear(MemoryDatabase(), "history", TABLES)
    for one in (ear, other):
        tell(
            one,
            "northwind",
            (handlers.offer_received, story.RECEIVED),
            (handlers.acceptance_given, story.ACCEPTANCE_GIVEN),
        )
    assert [e["id"] for e in entries(ear, "northwind")] == [e["id"] for e in entries(other, "northwind")]


@pytest.mark.parametrize(
    ("number", "words"), [(1, "proposed 1 contact."), (2, "proposed 2 contacts."), (0, "proposed no contacts.")]
)
def test_a_sentence_counts_like_a_person(number: int, words: str) -> None:
    assert title(entry("offer.sent", contacts=[{"id": "x", "name": "X"}] * number)).endswith(words)


def test_an_acceptance_of_everybody_does_not_count_the_declined() -> None:
    assert (
        title(entry("offer.accepted", contacts=[{}, {}]))
        == "Ada Lindqvist of Kazenor accepted our offer with 2 contacts."
    )


def test_an_entry_of_a_newer_release_still_reads() -> None:
    unknown = entry("partnership.stage_changed", stage="Gold")
    assert title(unknown) == "Ada Lindqvist of Kazenor: partnership stage changed."
    assert details(unknown) == {}


def entry(type_: str, **data: Any) -> Entry:
    return Entry(
        tenant="northwind", id="e", partnership_id="p", type=type_, at=START, side="them", name="Ada Lindqvist",
        company="Kazenor", shared=True, data=data,
    )  # fmt: skip

"""Proposals to change who is lent, at the interface of contacts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shared.contracts.contacts import ModificationProposed, ProposedItem
from shared.errors import (
    ChangedMeanwhile,
    ContactHasPendingChange,
    Forbidden,
    NotFound,
    ValidationError,
    WrongState,
)
from shared.ids import new_id
from tests.interface.contacts.office import VIEWER, Office, fields
from tests.support import story
from tests.support.servers import until


def working(office: Office) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A partnership in which the first of two people works at the customer, as the partner knows it."""
    mia, olof = office.create("Mia Berg"), office.create("Olof Palm")
    partnership = office.offer(mia)
    office.accept(partnership, mia, new_id())
    office.learn(partnership, mia)
    return partnership, mia, olof


def propose(office: Office, partnership: str, **more: Any) -> dict[str, Any]:
    return dict(office.ask("propose_modification", partnership_id=partnership, **{"reason": "Because."} | more))


def test_a_proposal_under_an_old_version_of_the_partnership_is_refused(office: Office) -> None:
    partnership, mia, _ = working(office)
    with pytest.raises(ChangedMeanwhile):
        propose(office, partnership, release_contact_ids=[mia["id"]], if_match='"0"')
    made = propose(office, partnership, release_contact_ids=[mia["id"]], if_match='"1"')
    assert made["state"] == "pending"


def still(modification: dict[str, Any]) -> dict[str, Any]:
    """A modification without how far it has come, which the other side changes meanwhile."""
    return {name: value for name, value in modification.items() if name != "delivery"}


def test_a_proposal_is_made_listed_and_withdrawn(office: Office) -> None:
    partnership, mia, olof = working(office)
    made = propose(office, partnership, add_contact_ids=[olof["id"]], release_contact_ids=[mia["id"]])
    assert (made["state"], made["proposed_by"], made["actions"]) == ("pending", "us", ["withdraw"])
    assert [(i["name"], i["action"], i["decision"]) for i in made["items"]] == [
        ("Olof Palm", "add", None),
        ("Mia Berg", "release", None),
    ]
    [listed] = office.ask("list_modifications", partnership_id=partnership, state="pending")["items"]
    assert still(listed) == still(made)
    labels = {a["name"]: a["label"] for a in office.assignments(office.partner, partnership)}
    assert labels == {"Olof Palm": "Offered", "Mia Berg": "Released"}
    with pytest.raises(ContactHasPendingChange):
        propose(office, partnership, add_contact_ids=[olof["id"]])
    ids = {"partnership_id": partnership, "modification_id": made["id"]}
    with pytest.raises(ChangedMeanwhile):
        office.ask("withdraw_modification", if_match='"7"', **ids)
    withdrawn = office.ask("withdraw_modification", **ids)
    assert withdrawn["state"] == "withdrawn"
    assert still(office.ask("get_modification", **ids)) == still(withdrawn)
    with pytest.raises(WrongState):
        office.ask("withdraw_modification", **ids)
    assert "modification.withdrawn" in [type_ for type_, *_ in office.desk.said(partnership, office.partner)]


def test_a_proposal_with_a_repeated_key_is_made_once_also_at_the_same_instant(office: Office) -> None:
    partnership, mia, _ = working(office)
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(
                lambda _: propose(office, partnership, release_contact_ids=[mia["id"]], idempotency_key="k"), range(4)
            )
        )
    assert len({one["id"] for one in made}) == 1
    assert len(office.ask("list_modifications", partnership_id=partnership)["items"]) == 1


def test_a_proposal_that_arrives_is_answered_with_roles(office: Office) -> None:
    mia, olof = office.create("Mia Berg"), office.create("Olof Palm")
    partnership = office.offer(mia)
    # Only the customer knows of the acceptance: contacts of the partner says nothing itself, and we speak in its name.
    office.accept(partnership, mia, new_id())
    mid = new_id()
    item = ProposedItem(action="add", contact_id=olof["id"], assignment_id=new_id(), name="Olof Palm")
    proposal = ModificationProposed(
        id=mid, reason="Because.", proposed_by=story.ADA, proposed_at=story.SENT, items=[item]
    )
    office.desk.say(proposal, tenant=office.customer, subject=partnership, origin=office.partner)
    theirs = {"tenant": office.customer, "actor": office.nils}
    ids = {"partnership_id": partnership, "modification_id": mid}

    def arrived() -> bool:
        found = office.ask("list_modifications", partnership_id=partnership, **theirs)["items"]
        return [one["id"] for one in found] == [mid]

    until(arrived, 5)
    accept = {"contact_id": olof["id"], "decision": "accept"}
    with pytest.raises(ValidationError) as refused:
        office.ask("answer_modification", items=[accept], **ids, **theirs)
    assert fields(refused) == ["items.0.roles"]
    answered = office.ask(
        "answer_modification", items=[accept | {"roles": VIEWER}], suggestion="More?", **ids, **theirs
    )
    assert (answered["state"], answered["suggestion"], answered["items"][0]["decision"]) == (
        "answered", "More?", "accept"
    )  # fmt: skip
    assert office.ask("answer_modification", items=[accept | {"roles": VIEWER}], **ids, **theirs) == answered
    with pytest.raises(WrongState):
        office.ask("answer_modification", items=[{"contact_id": olof["id"], "decision": "decline"}], **ids, **theirs)
    [someone] = [a for a in office.assignments(office.customer, partnership) if a["name"] == "Olof Palm"]
    assert (someone["state"], [r["role"] for r in someone["roles"]]) == ("accepted", ["Viewer"])


def test_refusals_of_proposals_come_in_their_order(office: Office) -> None:
    partnership, mia, _ = working(office)
    member = office.people.add(office.partner, "member")
    made = propose(office, partnership, release_contact_ids=[mia["id"]])
    ids = {"partnership_id": partnership, "modification_id": made["id"]}
    before = len(office.accounts.asked)
    for method in ("answer_modification", "withdraw_modification"):
        for unknown in (ids | {"modification_id": new_id()}, ids | {"partnership_id": new_id()}):
            with pytest.raises(NotFound):
                office.ask(method, actor=member, nonsense=1, **unknown)
        with pytest.raises(Forbidden):
            office.ask(method, actor=member, nonsense=1, **ids)
        with pytest.raises(ValidationError):
            office.ask(method, nonsense=1, **ids)
    assert "reserve_roles" not in [method for method, _ in office.accounts.asked[before:]]
    with pytest.raises(ValidationError) as refused:
        office.ask("propose_modification", partnership_id=partnership, add_contact_ids="all")
    assert sorted(fields(refused)) == ["add_contact_ids", "reason"]
    with pytest.raises(WrongState):
        office.ask("answer_modification", items=[{"contact_id": mia["id"], "decision": "accept"}], **ids)


def test_after_the_end_the_form_is_looked_at_first_and_then_all_is_refused(office: Office) -> None:
    partnership, mia, _ = working(office)

    def ended(request: dict[str, Any]) -> Any:
        if request.get("change"):
            raise WrongState("The partnership has ended: it is terminated.")
        return office.standings.get_standing(request)

    played = office.offers.methods
    office.offers.methods = {"get_standing": ended}
    try:
        with pytest.raises(WrongState, match="ended"):
            propose(office, partnership, release_contact_ids=[mia["id"]])
        with pytest.raises(ValidationError):
            propose(office, partnership, reason="")
        assert office.ask("list_modifications", partnership_id=partnership)["items"] == []
    finally:
        office.offers.methods = played

"""Who is lent to whom, at the interface of contacts: what offers states and the other side tells."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.contracts.accounts import UserChanged
from shared.contracts.contacts import ContactDetails, DetailsShared
from shared.contracts.offers import OfferedContact
from shared.errors import (
    ContactInUse,
    NotFound,
    Unavailable,
    ValidationError,
)
from shared.ids import new_id
from tests.interface.contacts.office import Office
from tests.support import story
from tests.support.servers import until


def test_an_offer_crosses_and_both_sides_see_what_they_may(office: Office) -> None:
    mia, olof = office.create("Mia Berg", phone="1", title="Consultant"), office.create("Olof Palm")
    partnership, role = office.offer(mia, olof), new_id()
    ours, theirs = (office.assignments(t, partnership) for t in (office.partner, office.customer))
    assert [(a["name"], a["state"], a["label"], a["email"]) for a in ours] == [
        ("Mia Berg", "offered", "Offered", mia["email"]),
        ("Olof Palm", "offered", "Offered", olof["email"]),
    ]
    assert [a["id"] for a in theirs] == [a["id"] for a in ours]
    assert {(a["email"], a["phone"]) for a in theirs} == {(None, None)}

    office.accept(partnership, mia, role)
    office.learn(partnership, mia)
    theirs = until(lambda: [a for a in office.assignments(office.customer, partnership) if a["email"]], 5)
    assert [(a["name"], a["email"], a["phone"], a["title"]) for a in theirs] == [
        ("Mia Berg", mia["email"], "1", "Consultant")
    ]
    assert [grant["role_id"] for grant in theirs[0]["roles"]] == [role]
    ours = office.assignments(office.partner, partnership)
    assert [(a["name"], a["state"], a["label"], a["roles"]) for a in ours] == [
        ("Mia Berg", "accepted", None, []),
        ("Olof Palm", "declined", None, []),
    ]
    [(type_, tenant, figures)] = office.desk.said(partnership, office.customer)
    assert (type_, tenant, figures["version"], figures["working"], figures["pending"]) == (
        "assignments.changed", office.customer, 1, 1, 0
    )  # fmt: skip
    assert [type_ for type_, *_ in office.desk.said(partnership, office.partner)] == [
        "details.shared",
        "assignments.changed",
    ]
    in_use = office.ask("roles_in_use", tenant=office.customer, actor="system", role_ids=[role, new_id()])
    assert in_use == {"role_ids": [role]}


def test_a_change_of_a_lent_person_reaches_the_customer(office: Office) -> None:
    mia = office.create()
    partnership = office.offer(mia)
    office.accept(partnership, mia, new_id())
    office.learn(partnership, mia)
    office.ask("update_contact", contact_id=mia["id"], phone="2")
    until(lambda: office.assignments(office.customer, partnership)[0]["phone"] == "2", 5)


def test_details_that_overtake_the_acceptance_wait_for_it(office: Office) -> None:
    mia = office.create()
    partnership = office.offer(mia)
    details = ContactDetails(id=mia["id"], name="Mia Berg", email="mia@early.example")
    office.desk.say(
        DetailsShared(counter=7, contacts=[details]),
        tenant=office.customer,
        subject=partnership,
        origin=office.partner,
    )
    assert office.assignments(office.customer, partnership)[0]["email"] is None
    office.accept(partnership, mia, new_id())
    until(lambda: office.assignments(office.customer, partnership)[0]["email"] == "mia@early.example", 5)


def test_a_contact_in_an_open_offer_cannot_be_deleted_until_it_is_declined(office: Office) -> None:
    mia = office.create()
    partnership = office.offer(mia)
    office.assignments(office.partner, partnership)
    with pytest.raises(ContactInUse):
        office.ask("delete_contact", contact_id=mia["id"])
    office.state(office.partner, partnership, story.DECLINE_RECEIVED)
    assert [a["state"] for a in office.assignments(office.partner, partnership)] == ["declined"]
    assert office.ask("delete_contact", contact_id=mia["id"]) == {}
    assert [a["name"] for a in office.assignments(office.partner, partnership)] == ["Mia Berg"]


def test_nobody_is_deleted_before_what_offers_did_last_is_known_here(office: Office) -> None:
    mia, partnership = office.create(), new_id()
    office.standings.add(office.partner, partnership, "partner", 1)
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(office.ask, "delete_contact", contact_id=mia["id"])
        until(lambda: any(method == "get_latest" for method, _ in office.offers.asked))
        assert not deleting.done()
        people = [OfferedContact(id=mia["id"], name=mia["name"], title=mia["title"])]
        sent = story.SUBMITTED.model_copy(update={"customer": office.customer, "contacts": people})
        office.desk.say(sent, tenant=office.partner, subject=partnership)
        with pytest.raises(ContactInUse):
            deleting.result()


def test_no_role_is_free_before_what_offers_did_last_is_known_here(office: Office) -> None:
    office.standings.add(office.customer, new_id(), "customer", 1)
    with pytest.raises(Unavailable):
        office.ask("roles_in_use", tenant=office.customer, actor="system", role_ids=[new_id()])


def test_whoever_got_a_login_a_moment_ago_is_neither_renamed_nor_deleted(office: Office) -> None:
    mia = office.create()
    office.people.add(office.partner, id=mia["id"])
    for method, more in (("update_contact", {"name": "Mia Lund"}), ("delete_contact", {})):
        with pytest.raises(Unavailable):
            office.ask(method, contact_id=mia["id"], **more)
    office.desk.say(UserChanged(**office.people[office.partner, mia["id"]]), tenant=office.partner, subject=mia["id"])
    with pytest.raises(ValidationError):
        office.ask("update_contact", contact_id=mia["id"], name="Mia Lund")
    with pytest.raises(ContactInUse):
        office.ask("delete_contact", contact_id=mia["id"])


def test_assignments_wait_for_what_offers_has_just_shown(office: Office) -> None:
    mia = office.create()
    partnership = office.offer(mia)
    office.standings.add(office.partner, partnership, "partner", 2)
    with pytest.raises(Unavailable):
        office.assignments(office.partner, partnership)
    office.state(office.partner, partnership, story.DECLINE_RECEIVED)
    assert [a["state"] for a in office.assignments(office.partner, partnership)] == ["declined"]


def test_assignments_refuse_what_offers_refuses(office: Office) -> None:
    with pytest.raises(NotFound):
        office.assignments(office.partner, new_id())
    with pytest.raises(NotFound):
        office.assignments(office.partner, "nonsense")
    partnership = office.offer(office.create())
    office.offers.away = True
    with pytest.raises(Unavailable):
        office.assignments(office.partner, partnership)

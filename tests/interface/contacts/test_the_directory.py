"""The directory of contacts at its interface."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.contracts.accounts import UserChanged
from shared.errors import (
    ChangedMeanwhile,
    ContactInUse,
    Forbidden,
    IdempotencyKeyReused,
    NotFound,
    Unavailable,
    ValidationError,
)
from shared.ids import new_id
from tests.interface.contacts.office import Office, fields
from tests.support.servers import until


def test_a_contact_is_made_found_changed_and_deleted(office: Office) -> None:
    made = office.create(phone="1", title="Consultant")
    assert office.ask("get_contact", contact_id=made["id"]) == made
    assert office.ask("list_contacts", q="mia")["items"] == [made]
    assert office.ask("get_contacts", contact_ids=[new_id(), made["id"]]) == {"items": [made]}
    offer = new_id()
    assert office.ask("reserve_contacts", contact_ids=[made["id"]], needed_by=offer) == {"items": [made]}
    with pytest.raises(ContactInUse):
        office.ask("delete_contact", contact_id=made["id"])
    assert office.ask("release_contacts", needed_by=offer) == {}
    changed = office.ask("update_contact", contact_id=made["id"], phone=None, if_match='"1"')
    assert (changed["phone"], changed["version"]) == ("", 2)
    with pytest.raises(ChangedMeanwhile):
        office.ask("update_contact", contact_id=made["id"], phone="2", if_match='"1"')
    assert office.ask("delete_contact", contact_id=made["id"]) == {}
    with pytest.raises(NotFound):
        office.ask("get_contact", contact_id=made["id"])


def test_a_repeated_key_makes_one_contact_also_at_the_same_instant(office: Office) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: office.create(idempotency_key="k1"), range(4)))
    assert len({contact["id"] for contact in made}) == 1
    assert len(office.ask("list_contacts")["items"]) == 1
    with pytest.raises(IdempotencyKeyReused):
        office.create("Olof Palm", idempotency_key="k1")


def test_a_deletion_repeated_at_the_same_instant_gives_the_same_answer(office: Office) -> None:
    made = office.create()
    with ThreadPoolExecutor(4) as pool:
        request = {"contact_id": made["id"], "idempotency_key": "k2"}
        answers = list(pool.map(lambda _: office.ask("delete_contact", **request), range(4)))
    assert answers == [{}] * 4
    with pytest.raises(NotFound):
        office.ask("delete_contact", contact_id=made["id"])


def test_a_bad_body_names_its_fields_and_stores_nothing(office: Office) -> None:
    with pytest.raises(ValidationError) as refused:
        office.ask("create_contact", name=" ", email="nonsense", phone="1" * 51, title=1, surprise=True)
    assert sorted(fields(refused)) == ["email", "name", "phone", "surprise", "title"]
    assert office.ask("list_contacts")["items"] == []


def test_an_import_is_shown_then_done_once_and_all_or_nothing(office: Office) -> None:
    made = office.create()
    rows = [
        {"name": "Mia Berg", "email": made["email"], "title": "Lead"},
        {"name": "Olof Palm", "email": "olof@x.example"},
    ]
    shown = office.ask("import_contacts", items=rows, preview=True, idempotency_key="k3")
    assert [item["outcome"] for item in shown["items"]] == ["changed", "new"]
    assert office.ask("list_contacts")["items"] == [made]
    with pytest.raises(ValidationError) as refused:
        office.ask("import_contacts", items=[*rows, {"name": "", "email": "x@x.example"}])
    assert fields(refused) == ["items.2.name"]
    assert office.ask("list_contacts")["items"] == [made]
    request = {"items": rows, "if_match": str(shown["version"]), "idempotency_key": "k4"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: office.ask("import_contacts", **request), range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert [c["title"] for c in office.ask("list_contacts")["items"]] == ["Lead", ""]
    with pytest.raises(ChangedMeanwhile):
        office.ask("import_contacts", **request | {"idempotency_key": "k5"})


@pytest.mark.parametrize("method", ["create_contact", "update_contact", "delete_contact", "import_contacts"])
def test_a_member_reads_but_does_not_change(office: Office, method: str) -> None:
    made = office.create()
    member = office.people.add(office.partner, "member")
    assert office.ask("list_contacts", actor=member)["items"] == [made]
    ids = {} if method in {"create_contact", "import_contacts"} else {"contact_id": made["id"]}
    with pytest.raises(Forbidden):
        office.ask(method, actor=member, nonsense=1, **ids)
    assert office.ask("list_contacts")["items"] == [made]


@pytest.mark.parametrize("role", ["admin", "partnerships"])
def test_those_who_may_change_partnerships_may_change_the_directory(office: Office, role: str) -> None:
    assert office.create(actor=office.people.add(office.partner, role))["version"] == 1


def test_an_unknown_contact_is_not_found_before_anything_else_is_wrong(office: Office) -> None:
    member = office.people.add(office.partner, "member")
    for id in (new_id(), "nonsense"):
        for method in ("get_contact", "update_contact", "delete_contact"):
            with pytest.raises(NotFound):
                office.ask(method, actor=member, contact_id=id, nonsense=1)


def test_strangers_and_disabled_people_are_not_let_in(office: Office) -> None:
    made = office.create()
    for actor in (office.nils, office.people.add(office.partner, active=False), new_id()):
        for request in ({"method": "list_contacts"}, {"method": "get_contact", "contact_id": made["id"]}):
            with pytest.raises(Forbidden):
                office.ask(request.pop("method"), actor=actor, **request)


def test_another_business_finds_nothing(office: Office) -> None:
    made = office.create()
    theirs = {"tenant": office.customer, "actor": office.nils}
    assert office.ask("list_contacts", **theirs)["items"] == []
    assert office.ask("reserve_contacts", contact_ids=[made["id"]], needed_by=new_id(), **theirs) == {"items": []}
    for method in ("get_contact", "update_contact", "delete_contact"):
        with pytest.raises(NotFound):
            office.ask(method, contact_id=made["id"], **theirs)


def test_a_user_made_a_moment_ago_is_a_contact(office: Office) -> None:
    """accounts knows the user already; its fact arrives while contacts waits."""
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(office.ask, "get_contact", contact_id=office.ada)
        several = pool.submit(office.ask, "reserve_contacts", contact_ids=[new_id(), office.ada], needed_by=new_id())
        until(lambda: sum(m == "get_people" and office.ada in r["ids"] for m, r in office.accounts.asked) > 1)
        assert not waiting.done()
        person = office.people[office.partner, office.ada]
        office.desk.say(UserChanged(**person), tenant=office.partner, subject=office.ada)
        assert (waiting.result()["name"], waiting.result()["is_user"]) == (person["name"], True)
        assert [contact["id"] for contact in several.result()["items"]] == [office.ada]


def test_a_user_whose_fact_does_not_come_is_unavailable_for_now(office: Office) -> None:
    with pytest.raises(Unavailable):
        office.ask("get_contact", contact_id=office.ada)


def test_without_accounts_nobody_is_let_in(office: Office) -> None:
    office.accounts.away = True
    with pytest.raises(Unavailable):
        office.create()
    office.accounts.away = False
    assert office.ask("list_contacts")["items"] == []

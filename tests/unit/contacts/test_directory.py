"""The directory: people of a business, with and without a login."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.contacts.commands import CreateContact, ListContacts, UpdateContact
from services.contacts.handlers import directory, lending
from shared.calls import Call
from shared.contracts.accounts import UserChanged
from shared.contracts.offers import DeclineReceived, OfferedContact, OfferSubmitted, Person
from shared.errors import ChangedMeanwhile, ContactInUse, NotFound, ValidationError
from tests.support.hearing import START
from tests.unit.contacts.stage import ADA, OFFER, Stage, call


@pytest.fixture
def stage() -> Stage:
    return Stage()


def create(stage: Stage, name: str, tenant: str = "kazenor", **more: Any) -> dict[str, Any]:
    body = {"name": name, "email": f"{name.split()[0].lower()}@{tenant}.example", **more}
    return stage.do(directory.create_contact, call(tenant), CreateContact.model_validate(body))


def names(stage: Stage, **query: Any) -> list[str]:
    return [c["name"] for c in stage.do(directory.list_contacts, call(), ListContacts(**query))["items"]]


def user(name: str = "Ada Moreau", email: str = "ada@kazenor.example", active: bool = True) -> UserChanged:
    return UserChanged(id=ADA, name=name, email=email, role="member", active=active)


def submitted(*contacts: str) -> OfferSubmitted:
    return OfferSubmitted(
        customer="northwind",
        email="nils@northwind.example",
        message="Hello",
        sent_by=Person(id=ADA, name="Ada"),
        sent_at=START,
        expires_at=START,
        contacts=[OfferedContact(id=c, name="Somebody") for c in contacts],
        managers=[],
    )


def test_a_new_contact_has_all_fields_of_the_contract(stage: Stage) -> None:
    made = create(stage, "Ravi Iyer", phone=" 1 2 ", title="Support")
    assert made == {
        "id": made["id"],
        "name": "Ravi Iyer",
        "email": "ravi@kazenor.example",
        "phone": "1 2",
        "title": "Support",
        "is_user": False,
        "version": 1,
        "created_at": "2026-05-04T09:00:01Z",
        "updated_at": "2026-05-04T09:00:01Z",
    }
    assert stage.do(directory.get_contact, call(contact_id=made["id"])) == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "  "), ("name", "n" * 201), ("name", None), ("name", 7),
        ("email", ""), ("email", "nobody"), ("email", None), ("email", "a@b@c"),
        ("phone", "1" * 51), ("phone", 7), ("title", "t" * 201), ("title", []), ("surprise", "x"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(field: str, value: object) -> None:
    body = {"name": "Ravi", "email": "ravi@kazenor.example", field: value}
    with pytest.raises(ValidationError) as refused:
        Call("create_contact", "kazenor", ADA, {}, body).read(CreateContact)
    assert [error["field"] for error in refused.value.info["errors"]] == [field]


@pytest.mark.parametrize("missing", ["name", "email"])
def test_name_and_email_are_required(missing: str) -> None:
    body = {"name": "Ravi", "email": "ravi@kazenor.example"}
    del body[missing]
    with pytest.raises(ValidationError) as refused:
        Call("create_contact", "kazenor", ADA, {}, body).read(CreateContact)
    assert [error["field"] for error in refused.value.info["errors"]] == [missing]


def test_a_phone_of_null_is_no_phone() -> None:
    assert CreateContact.model_validate({"name": "Ravi", "email": "r@x.example", "phone": None}).phone == ""


def test_the_list_is_by_name_without_regard_to_case_and_accents(stage: Stage) -> None:
    for name in ("zoe", "Adam", "émile", "Ben"):
        create(stage, name)
    assert names(stage) == ["Adam", "Ben", "émile", "zoe"]


def test_the_list_comes_in_pages(stage: Stage) -> None:
    for name in ("Cleo", "Adam", "Ben"):
        create(stage, name)
    first = stage.do(directory.list_contacts, call(), ListContacts(limit=2))
    second = stage.do(directory.list_contacts, call(), ListContacts(limit=2, cursor=first["next"]))
    assert [[c["name"] for c in page["items"]] for page in (first, second)] == [["Adam", "Ben"], ["Cleo"]]
    assert second["next"] is None


@pytest.mark.parametrize("letter", ["Ж", "字", "👩", "ΐ"])
def test_a_list_goes_on_after_the_longest_name_in_any_letters(stage: Stage, letter: str) -> None:
    for number in (1, 2):
        create(stage, f"{letter * 199}{number}", email="a@kazenor.example")
    first = stage.do(directory.list_contacts, call(), ListContacts(limit=1))
    second = stage.do(directory.list_contacts, call(), ListContacts(limit=1, cursor=first["next"]))
    assert [c["name"][-1] for c in first["items"] + second["items"]] == ["1", "2"]


@pytest.mark.parametrize("q", ["IYER", "ravi@", "supp", "  iyer "])
def test_search_looks_into_name_email_and_title(stage: Stage, q: str) -> None:
    create(stage, "Ravi Iyer", title="Head of Support")
    create(stage, "Cleo Duarte")
    assert names(stage, q=q) == ["Ravi Iyer"]


def test_search_takes_wildcards_literally(stage: Stage) -> None:
    create(stage, "Ravi Iyer")
    assert names(stage, q="%") == names(stage, q="_") == []


def test_contacts_of_another_business_are_not_there(stage: Stage) -> None:
    theirs = create(stage, "Nils", "northwind")
    assert names(stage) == []
    with pytest.raises(NotFound):
        stage.do(directory.get_contact, call(contact_id=theirs["id"]))
    with pytest.raises(NotFound):
        stage.do(directory.update_contact, call(contact_id=theirs["id"]), UpdateContact(name="Mine"))
    with pytest.raises(NotFound):
        stage.do(directory.delete_contact, call(contact_id=theirs["id"]))


def test_only_what_is_given_changes(stage: Stage) -> None:
    made = create(stage, "Ravi", phone="1", title="Support")
    after = stage.do(
        directory.update_contact,
        call(contact_id=made["id"]),
        UpdateContact.model_validate({"phone": None, "name": "Ravi Iyer"}),
    )
    assert (after["name"], after["email"], after["phone"], after["title"]) == (
        "Ravi Iyer",
        "ravi@kazenor.example",
        "",
        "Support",
    )
    assert after["version"] == 2


def test_a_change_to_the_same_is_none(stage: Stage) -> None:
    made = create(stage, "Ravi")
    assert stage.do(directory.update_contact, call(contact_id=made["id"]), UpdateContact(name="Ravi")) == made
    assert stage.said() == []


@pytest.mark.parametrize("field", ["name", "email"])
def test_required_fields_cannot_be_emptied(field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Call("update_contact", "kazenor", ADA, {}, {field: ""}).read(UpdateContact)
    assert [error["field"] for error in refused.value.info["errors"]] == [field]


def test_a_stale_version_changes_and_deletes_nothing(stage: Stage) -> None:
    made = create(stage, "Ravi")
    stage.do(directory.update_contact, call(contact_id=made["id"]), UpdateContact(title="Support"))
    stale = replace(call(contact_id=made["id"]), if_match='"1"')
    with pytest.raises(ChangedMeanwhile):
        stage.do(directory.update_contact, stale, UpdateContact(name="Other"))
    with pytest.raises(ChangedMeanwhile):
        stage.do(directory.delete_contact, stale)
    fresh = replace(stale, if_match='"2"')
    assert stage.do(directory.update_contact, fresh, UpdateContact(name="Other"))["name"] == "Other"


def test_a_deleted_contact_is_gone(stage: Stage) -> None:
    made = create(stage, "Ravi")
    stage.do(directory.delete_contact, call(contact_id=made["id"]))
    assert names(stage) == []
    with pytest.raises(NotFound):
        stage.do(directory.delete_contact, call(contact_id=made["id"]))


def test_an_offered_contact_cannot_be_deleted_until_the_offer_is_over(stage: Stage) -> None:
    made = create(stage, "Ravi")
    stage.hear(lending.offer_submitted, "kazenor", submitted(made["id"]))
    with pytest.raises(ContactInUse):
        stage.do(directory.delete_contact, call(contact_id=made["id"]))
    declined = DeclineReceived(customer="northwind", company="Northwind", by=Person(id=ADA, name="Nils"), at=START)
    stage.hear(lending.offer_declined, "kazenor", declined, subject=OFFER)
    stage.do(directory.delete_contact, call(contact_id=made["id"]))


def test_a_user_is_a_contact(stage: Stage) -> None:
    stage.hear(directory.user_changed, "kazenor", user(), subject=ADA)
    shown = stage.do(directory.get_contact, call(contact_id=ADA))
    assert (shown["id"], shown["name"], shown["email"], shown["is_user"]) == (
        ADA,
        "Ada Moreau",
        "ada@kazenor.example",
        True,
    )


def test_a_user_keeps_phone_and_title_when_accounts_changes_the_name(stage: Stage) -> None:
    stage.hear(directory.user_changed, "kazenor", user(), subject=ADA)
    stage.do(directory.update_contact, call(contact_id=ADA), UpdateContact(phone="1", title="Founder"))
    stage.hear(directory.user_changed, "kazenor", user(name="Ada M.", active=False), subject=ADA)
    shown = stage.do(directory.get_contact, call(contact_id=ADA))
    assert (shown["name"], shown["phone"], shown["title"], shown["is_user"]) == ("Ada M.", "1", "Founder", False)


def test_a_contact_that_gets_a_login_stays_the_same_contact(stage: Stage) -> None:
    made = create(stage, "Ravi", phone="1")
    got = UserChanged(id=made["id"], name="Ravi Iyer", email="ravi@kazenor.example", role="member", active=True)
    stage.hear(directory.user_changed, "kazenor", got, subject=made["id"])
    shown = stage.do(directory.get_contact, call(contact_id=made["id"]))
    assert (shown["name"], shown["phone"], shown["is_user"], shown["created_at"]) == (
        "Ravi Iyer",
        "1",
        True,
        made["created_at"],
    )


@pytest.mark.parametrize("active", [True, False])
def test_name_and_email_of_a_user_belong_to_accounts(stage: Stage, active: bool) -> None:
    stage.hear(directory.user_changed, "kazenor", user(active=active), subject=ADA)
    with pytest.raises(ValidationError) as refused:
        stage.do(
            directory.update_contact, call(contact_id=ADA), UpdateContact(name="X", email="x@x.example", phone="1")
        )
    assert [error["field"] for error in refused.value.info["errors"]] == ["name", "email"]
    assert stage.do(directory.get_contact, call(contact_id=ADA))["phone"] == ""


def test_somebody_with_a_login_cannot_be_deleted(stage: Stage) -> None:
    stage.hear(directory.user_changed, "kazenor", user(), subject=ADA)
    with pytest.raises(ContactInUse):
        stage.do(directory.delete_contact, call(contact_id=ADA))

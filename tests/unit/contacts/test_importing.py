"""Importing contacts: what each row would do is said before, and then exactly that is done, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.contacts.commands import CreateContact, ImportContacts, ListContacts, UpdateContact
from services.contacts.domain import importing as rules
from services.contacts.domain.directory import OF_A_LOGIN, Contact
from services.contacts.domain.importing import Planned, Row
from services.contacts.handlers import directory, importing
from shared.calls import Call
from shared.contracts.accounts import UserChanged
from shared.contracts.contacts import DetailsDue
from shared.errors import ChangedMeanwhile, ValidationError
from tests.support.hearing import START
from tests.unit.contacts.stage import ADA, Stage, call

Json = dict[str, Any]
RAVI = {"name": "Ravi Iyer", "email": "ravi@x.example"}
CLEO = {"name": "Cleo Sand", "email": "cleo@x.example"}


@pytest.fixture
def stage() -> Stage:
    return Stage()


def rows(*items: Json) -> ImportContacts:
    return ImportContacts(items=list(items))


def do(stage: Stage, *items: Json, **more: Any) -> Json:
    return dict(stage.do(importing.import_contacts, replace(call(), **more), rows(*items)))


def preview(stage: Stage, *items: Json, tenant: str = "kazenor") -> Json:
    return dict(stage.do(importing.preview_import, call(tenant), rows(*items)))


def create(stage: Stage, tenant: str = "kazenor", **body: Any) -> Json:
    return dict(stage.do(directory.create_contact, call(tenant), CreateContact(**body)))


def listed(stage: Stage) -> dict[str, Json]:
    return {c["name"]: c for c in stage.do(directory.list_contacts, call(), ListContacts())["items"]}


def outcomes(answer: Json) -> list[str]:
    return [item["outcome"] for item in answer["items"]]


def refused(stage: Stage, *items: Json) -> dict[str, str]:
    with pytest.raises(ValidationError) as refusal:
        do(stage, *items)
    return {error["field"]: error["message"] for error in refusal.value.info["errors"]}


def contact(id: str = "c1", **more: Any) -> Contact:
    values = {"name": "Ravi Iyer", "email": "ravi@x.example", **more}
    return Contact(tenant="kazenor", id=id, created_at=START, updated_at=START, **values)


def planned(*given: Json, known: tuple[Contact, ...] = ()) -> tuple[Planned, ...]:
    return rules.plan([Row(row) for row in given], known, now=START)


# The rules


def test_a_row_with_an_unknown_email_is_new() -> None:
    (one,) = planned(RAVI, known=(contact(email="other@x.example"),))
    assert (one.outcome, one.before, one.changes) == ("new", None, ())


def test_a_row_that_says_the_same_changes_nothing() -> None:
    (one,) = planned(RAVI, known=(contact(phone="1", title="Support"),))
    assert (one.outcome, one.changes) == ("unchanged", ())


def test_a_change_names_each_field_with_what_it_was_and_will_be() -> None:
    (one,) = planned({**RAVI, "name": "Ravi I.", "title": "", "phone": "1"}, known=(contact(phone="1", title="Lead"),))
    assert one.outcome == "changed"
    assert one.changes == (("name", "Ravi Iyer", "Ravi I."), ("title", "Lead", ""))


def test_name_and_email_of_a_user_are_not_imported() -> None:
    known = (contact(login="active"),)
    wrong, fine = planned({**RAVI, "name": "X"}, known=known)[0], planned({**RAVI, "phone": "1"}, known=known)[0]
    assert (wrong.outcome, wrong.faults, wrong.after) == ("invalid", (("name", OF_A_LOGIN),), None)
    assert fine.outcome == "changed"


def test_of_several_with_one_email_the_one_with_the_name_is_meant() -> None:
    two = (contact("c1"), contact("c2", name="Ravi the Younger"))
    (one,) = planned({**RAVI, "phone": "1"}, known=two)
    assert one.before is two[0]
    (nobody,) = planned({**RAVI, "name": "Ravi"}, known=two)
    assert (nobody.outcome, nobody.faults) == ("invalid", (("email", rules.UNCLEAR),))
    (both,) = planned(RAVI, known=(contact("c1"), contact("c2")))
    assert both.outcome == "invalid"


def test_the_first_good_row_with_an_email_counts() -> None:
    bad = Row({}, (("phone", "Too long."),))
    found = rules.plan([bad, Row(RAVI), Row(CLEO), Row({**RAVI, "name": "Other"}), Row(RAVI)], (), now=START)
    assert [one.outcome for one in found] == ["invalid", "new", "new", "double", "double"]
    assert [one.same_as for one in found] == [None, None, None, 1, 1]
    assert rules.counts(found) == {"new": 2, "changed": 0, "unchanged": 0, "invalid": 1, "double": 2}
    assert [field for field, _ in rules.faults(found)] == ["items.0.phone", "items.3.email", "items.4.email"]


def test_a_row_that_is_refused_takes_its_email_from_nobody() -> None:
    known = (contact(login="disabled"),)
    assert [one.outcome for one in planned({**RAVI, "name": "X"}, {**RAVI, "phone": "1"}, known=known)] == [
        "invalid",
        "changed",
    ]


def test_the_version_is_of_what_the_good_rows_do() -> None:
    version = rules.version(planned(RAVI))
    assert version == rules.version(planned(RAVI, RAVI)) == rules.version(planned(RAVI))
    others = [
        planned({**RAVI, "phone": "1"}),
        planned(RAVI, CLEO),
        planned(RAVI, known=(contact(),)),
        planned(RAVI, known=(contact(version=2),)),
        planned(RAVI, known=(contact("c2"),)),
    ]
    assert len({version, *map(rules.version, others)}) == 6


# What is done


def test_a_preview_writes_nothing_and_says_what_the_import_then_does(stage: Stage) -> None:
    create(stage, **CLEO, title="Engineer", phone="1")
    same = create(stage, name="Dora Lind", email="dora@x.example")
    rows = ({**RAVI, "title": "Support"}, {**CLEO, "title": "Lead"}, {"name": "Dora Lind", "email": "dora@x.example"})
    before = listed(stage)
    shown = preview(stage, *rows)
    assert listed(stage) == before
    assert shown["counts"] == {"new": 1, "changed": 1, "unchanged": 1, "invalid": 0, "double": 0}
    assert shown["items"][1]["changes"] == [{"field": "title", "before": "Engineer", "after": "Lead"}]
    assert shown["items"][0]["contact_id"] is None

    done = do(stage, *rows, if_match=str(shown["version"]))
    after = listed(stage)
    assert done["items"][0].pop("contact_id") == after["Ravi Iyer"]["id"]
    assert shown["items"][0].pop("contact_id") is None
    assert done == shown
    assert (after["Ravi Iyer"]["title"], after["Ravi Iyer"]["version"]) == ("Support", 1)
    assert (after["Cleo Sand"]["title"], after["Cleo Sand"]["phone"], after["Cleo Sand"]["version"]) == ("Lead", "1", 2)
    assert after["Dora Lind"] == same


def test_the_same_list_again_changes_nothing(stage: Stage) -> None:
    do(stage, RAVI, CLEO)
    before = listed(stage)
    assert outcomes(do(stage, RAVI, CLEO)) == ["unchanged", "unchanged"]
    assert listed(stage) == before


def test_what_is_typed_is_cleaned_before_it_is_compared(stage: Stage) -> None:
    create(stage, **RAVI)
    assert outcomes(preview(stage, {"name": "  Ravi Iyer ", "email": "RAVI@X.example", "phone": None})) == ["unchanged"]


def test_one_wrong_row_refuses_all_by_its_number_and_field(stage: Stage) -> None:
    found = refused(stage, RAVI, {"name": " ", "email": "nobody", "phone": "1" * 51, "surprise": 1}, RAVI, {})
    assert set(found) == {
        "items.1.name", "items.1.email", "items.1.phone", "items.1.surprise", "items.2.email", "items.3.name", "items.3.email",
    }  # fmt: skip
    assert found["items.1.email"] == "Enter an e-mail address like name@example.com."
    assert found["items.2.email"] == "This e-mail stands in items.0 already."
    assert listed(stage) == {}


def test_a_preview_tells_of_wrong_rows_beside_the_good_ones(stage: Stage) -> None:
    shown = preview(stage, {"name": "Nobody"}, RAVI, RAVI)
    assert outcomes(shown) == ["invalid", "new", "double"]
    assert shown["items"][0]["errors"] == [{"field": "email", "message": "This field is required."}]
    assert shown["items"][2]["same_as"] == 1
    # Left out, they make no other version: what was shown of the good ones may be done.
    assert outcomes(do(stage, RAVI, if_match=str(shown["version"]))) == ["new"]


def test_what_was_shown_is_not_done_when_the_directory_has_changed(stage: Stage) -> None:
    made = create(stage, **RAVI)
    shown = preview(stage, {**RAVI, "title": "Support"}, CLEO)
    stage.do(directory.update_contact, call(contact_id=made["id"]), UpdateContact(title="Lead"))
    with pytest.raises(ChangedMeanwhile):
        do(stage, {**RAVI, "title": "Support"}, CLEO, if_match=str(shown["version"]))
    assert set(listed(stage)) == {"Ravi Iyer"}
    assert listed(stage)["Ravi Iyer"]["title"] == "Lead"


def test_a_user_is_found_by_the_email_that_accounts_told(stage: Stage) -> None:
    told = UserChanged(id=ADA, name="Ada Moreau", email="ada@kazenor.example", role="member", active=True)
    stage.hear(directory.user_changed, "kazenor", told, subject=ADA)
    row = {"name": "Ada Moreau", "email": "ada@kazenor.example", "phone": "1"}
    assert outcomes(do(stage, row)) == ["changed"]
    assert refused(stage, {**row, "name": "Ada"}) == {"items.0.name": OF_A_LOGIN}


def test_businesses_they_are_lent_to_are_told_of_each_change_as_always(stage: Stage) -> None:
    ravi = create(stage, **RAVI)["id"]
    create(stage, **CLEO)
    assert stage.said() == []
    do(stage, {**RAVI, "phone": "1"}, CLEO, {"name": "Dora Lind", "email": "dora@x.example"})
    ((row, said),) = stage.said()
    assert (row.subject, said) == (ravi, DetailsDue())


def test_people_of_another_business_are_not_known(stage: Stage) -> None:
    create(stage, "northwind", **RAVI)
    assert outcomes(preview(stage, RAVI)) == ["new"]
    assert outcomes(preview(stage, RAVI, tenant="northwind")) == ["unchanged"]


def test_a_thousand_rows_are_imported_at_once_and_found_again(stage: Stage) -> None:
    many = [{"name": f"Person {n}", "email": f"p{n}@x.example"} for n in range(1000)]
    assert do(stage, *many)["counts"]["new"] == 1000
    assert preview(stage, *many)["counts"]["unchanged"] == 1000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": {}}, "items"),
        ({"items": [RAVI] * 1001}, "items"),
        ({"items": ["x"]}, "items.0"),
        ({"items": [RAVI], "preview": "yes"}, "preview"),
        ({"items": [RAVI], "surprise": 1}, "surprise"),
    ],
)
def test_a_bad_list_names_its_field(body: Json, field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Call("import_contacts", "kazenor", ADA, {}, body).read(ImportContacts)
    assert [error["field"] for error in refusal.value.info["errors"]] == [field]

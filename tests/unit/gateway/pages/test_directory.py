"""The directory's pages: the list, one contact, what a login and a change meanwhile mean for its form."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import ChangedMeanwhile, ContactInUse, Unavailable, ValidationError
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import FakeRpc
from tests.unit.gateway.pages.story import CONTACT, send, whole

PAGE = f"/contacts/{CONTACT['id']}"
TYPED = {"name": "Amara D.", "email": "amara@kazenor.example", "title": "Lead", "phone": "", "version": "1"}


def people(*found: dict[str, Any]) -> dict[str, Any]:
    return {"company": "Kazenor", "items": list(found)}


def test_the_list_is_searched_and_goes_on(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_contacts", {"items": [{**CONTACT, "is_user": True}], "next": "more"})
    answer = ada.get("/contacts?q=amara")
    whole(answer)
    assert "Has a login" in answer.text
    assert 'href="/contacts?q=amara&amp;cursor=more"' in answer.text
    (asked,) = rpc.asked("contacts", "list_contacts")
    assert (asked["q"], asked["limit"]) == ("amara", 100)


@pytest.mark.parametrize(("asked", "limit"), [("150", 150), ("5", 100), ("999", 200), ("x", 100), ("٣", 100)])
def test_a_script_asks_for_as_many_as_it_shows(asked: str, limit: int, ada: TestClient, rpc: FakeRpc) -> None:
    ada.get(f"/contacts?limit={asked}")
    assert rpc.asked("contacts", "list_contacts")[0]["limit"] == limit


def test_an_empty_directory_says_what_to_do_and_a_search_that_nobody_fits_is_another_matter(
    ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("contacts", "list_contacts", {"items": [], "next": None})
    empty = ada.get("/contacts")
    whole(empty)
    assert "Nobody is in your directory yet" in empty.text
    assert 'href="/contacts/export"' not in empty.text
    assert "Nobody fits “zoe”" in ada.get("/contacts?q=zoe").text


def test_a_member_reads_a_contact_and_changes_nothing(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.as_role("member")
    rpc.on("contacts", "get_contact", {**CONTACT, "phone": "+46 8 1"})
    listed, answer = ada.get("/contacts"), ada.get(PAGE)
    for page in (listed, answer):
        whole(page)
        assert "/contacts/new" not in page.text
    assert f'href="{PAGE}"' in listed.text
    assert 'href="tel:+4681"' in answer.text
    assert f'action="{PAGE}"' not in answer.text
    assert "Delete" not in answer.text


def test_a_login_is_led_to_and_owns_name_and_email(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_people", people({"id": CONTACT["id"], "active": False}))
    answer = ada.get(PAGE)
    whole(answer)
    assert f'<a href="/users/{CONTACT["id"]}">Had a login</a>' in answer.text
    assert 'name="email"' not in answer.text
    assert "Delete" not in answer.text
    rpc.on("contacts", "update_contact", CONTACT)
    assert send(ada, PAGE, title="Lead", phone="", version="1").status_code == 303
    (asked,) = rpc.asked("contacts", "update_contact")
    assert {"title": "Lead", "phone": "", "if_match": "1"}.items() <= asked.items()
    assert "name" not in asked
    assert "email" not in asked


def test_a_contact_without_a_login_is_changed_whole_and_may_be_deleted(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.get(PAGE)
    whole(answer)
    assert f'href="{PAGE}/deletion" data-dialog' in answer.text
    rpc.on("contacts", "update_contact", CONTACT)
    answer = send(ada, PAGE, **TYPED)
    assert (answer.status_code, answer.headers["location"]) == (303, "/contacts")
    (asked,) = rpc.asked("contacts", "update_contact")
    assert {**TYPED, "if_match": "1"}.items() >= {k: asked[k] for k in ("name", "email", "title", "phone", "if_match")}.items()  # fmt: skip


def test_what_somebody_else_changed_is_told_and_what_was_typed_stays(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "update_contact", ChangedMeanwhile())
    rpc.on("contacts", "get_contact", {**CONTACT, "title": "Architect", "version": 2})
    answer = send(ada, PAGE, **TYPED)
    whole(answer)
    assert "Now it reads: Amara Diallo, amara@kazenor.example, Architect." in answer.text
    assert 'value="Amara D."' in answer.text
    # Saved once more, it is meant.
    assert 'name="version" value="2"' in answer.text


@pytest.mark.parametrize(
    ("others", "leads"),
    [
        ([], "/contacts"),
        ([{**CONTACT, "id": new_id(), "email": "not.amara@kazenor.example"}], "/contacts"),
        ([{**CONTACT, "id": new_id(), "email": "Amara@Kazenor.example"}], "/contacts?q=amara%40kazenor.example"),
    ],
)
def test_whoever_is_added_twice_is_shown_with_the_other(
    ada: TestClient, rpc: FakeRpc, others: list[dict[str, Any]], leads: str
) -> None:
    rpc.on("contacts", "create_contact", CONTACT)
    rpc.on("contacts", "list_contacts", {"items": [CONTACT, *others], "next": None})
    typed = {"name": CONTACT["name"], "email": CONTACT["email"]}
    answer = send(ada, "/contacts", **typed)
    assert (answer.status_code, answer.headers["location"]) == (303, leads)
    assert send(ada, "/contacts", **typed, again="yes").headers["location"] == "/contacts/new"


def test_where_it_cannot_be_said_who_is_there_somebody_is_added(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "create_contact", CONTACT)
    rpc.on("contacts", "list_contacts", Unavailable())
    answer = send(ada, "/contacts", name="Amara Diallo", email="amara@kazenor.example")
    assert answer.headers["location"] == "/contacts"


def test_what_is_refused_stands_at_its_field(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "update_contact", ValidationError.of(("email", "Enter an e-mail address.")))
    answer = send(ada, PAGE, **TYPED)
    whole(answer)
    assert 'id="email-error"' in answer.text
    assert 'value="Amara D."' in answer.text


def test_what_was_typed_stays_when_contacts_is_away(ada: TestClient, rpc: FakeRpc) -> None:
    for method in ("update_contact", "get_contact"):
        rpc.on("contacts", method, Unavailable())
    answer = send(ada, PAGE, **TYPED)
    assert answer.status_code == 503
    assert 'value="Amara D."' in answer.text


def test_a_deletion_that_is_refused_says_why_in_its_question(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "delete_contact", ContactInUse("This contact is part of a partnership and cannot be deleted."))
    answer = send(ada, f"{PAGE}/deletion")
    whole(answer)
    assert "is part of a partnership and cannot be deleted" in answer.text
    assert "data-cancel" in answer.text

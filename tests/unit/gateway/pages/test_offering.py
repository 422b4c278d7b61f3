"""The Add Customer wizard: what its form holds, what is refused where, what its summary says, and the way back from it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import Forbidden, NotFound, PartnershipExists, RateLimited, Unavailable, ValidationError
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, FakeRpc
from tests.unit.gateway.pages.story import CONTACT, ID, partnership, send, whole

SENTENCE = "No business with that tenant name and login e-mail."


OFFER = {
    "customer_tenant": "northwind",
    "customer_email": "nils@northwind.example",
    "message": "Shall we?",
    "contact_ids": CONTACT["id"],
}


def test_an_offer_is_sent_with_the_key_of_its_form_and_the_sender_as_manager(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", partnership())
    key = re.search(r'name="idempotency_key" value="([^"]+)"', ada.get("/partnerships/new").text)
    assert key is not None
    body = {**OFFER, "customer_tenant": " HTTPS://Northwind.accord.example:8080/x ", "idempotency_key": key[1]}
    for _ in range(2):
        answer = send(ada, "/partnerships", **body)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/partnerships/new/summary/{ID}")
    first, second = rpc.asked("offers", "send_offer")
    assert first == second
    assert first["idempotency_key"] == key[1]
    assert first["customer_tenant"] == "northwind"
    assert first["contact_ids"] == [CONTACT["id"]]
    assert first["manager_ids"] == [ADA["id"]]


def test_every_form_has_a_key_of_its_own(ada: TestClient) -> None:
    pages = [ada.get("/partnerships/new").text for _ in range(3)]
    keys = [key for page in pages for key in re.findall(r'name="idempotency_key" value="([^"]+)"', page)]
    assert len(set(keys)) == len(keys) == 3


def test_an_incomplete_offer_is_shown_again_with_everything_still_filled_in(ada: TestClient, rpc: FakeRpc) -> None:
    answer = send(ada, "/partnerships", customer_tenant="northwind", message="x" * 501, contact_ids=CONTACT["id"])
    assert rpc.asked("offers", "send_offer") == []
    page = answer.text
    assert 'id="customer_email-error"' in page
    assert 'id="message-error"' in page
    assert 'value="northwind"' in page
    assert "x" * 501 in page
    assert re.search(rf'value="{CONTACT["id"]}" checked', page)
    # The focus goes to the first field at fault.
    assert re.findall(r'<(?:input|textarea)[^>]*\sid="(\w+)"[^>]* autofocus', page) == ["customer_email"]


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (ValidationError.of(("customer_email", "Enter an e-mail address like name@example.com.")), "customer_email"),
        (ValidationError.of(("contact_ids.0", "There is no such contact.")), "contact_ids"),
        (ValidationError.of(("manager_ids.1", "Has no active login.")), "manager_ids"),
        (PartnershipExists(), "customer_tenant"),
    ],
)
def test_what_the_service_refuses_stands_at_its_field(
    refusal: Exception, field: str, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", "send_offer", refusal)
    key = new_id()
    page = send(ada, "/partnerships", **OFFER, idempotency_key=key).text
    assert f'id="{field}-error"' in page
    # Nothing was stored under the key, so the corrected form keeps it.
    assert f'value="{key}"' in page


def test_an_offer_that_may_or_may_not_have_been_sent_can_be_sent_again_with_the_same_key(
    ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", "send_offer", Unavailable())
    key = new_id()
    answer = send(ada, "/partnerships", **OFFER, idempotency_key=key)
    assert answer.status_code == 503
    assert f'value="{key}"' in answer.text
    assert "Shall we?" in answer.text


def test_nothing_is_lost_when_the_directory_is_away_too(ada: TestClient, rpc: FakeRpc) -> None:
    for service, method in [("offers", "send_offer"), ("contacts", "list_contacts"), ("accounts", "list_users")]:
        rpc.on(service, method, Unavailable())
    answer = send(ada, "/partnerships", **OFFER, idempotency_key=new_id())
    assert answer.status_code == 503
    assert f'value="{CONTACT["id"]}" checked' in answer.text
    assert "Shall we?" in answer.text


def test_whoever_may_not_send_offers_is_told_so(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", Forbidden())
    assert send(ada, "/partnerships", **OFFER).status_code == 403


# The form


def test_the_wizard_begins_with_its_introduction_unless_one_has_switched_it_off(ada: TestClient, rpc: FakeRpc) -> None:
    for preferences, begins in [(None, True), ({}, True), ({"show_wizard_introduction": True}, True), ({"show_wizard_introduction": False}, False)]:  # fmt: skip
        rpc.on("accounts", "get_me", {"preferences": preferences})
        page = ada.get("/partnerships/new").text
        assert ('data-skip="introduction"' not in page) == begins
        assert bool(re.search(r'role="switch"[^>]* checked', page)) == begins


@pytest.mark.parametrize("refusal", [Unavailable(), NotFound()])
def test_a_preference_that_cannot_be_read_is_no_reason_to_fail(
    refusal: Exception, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("accounts", "get_me", refusal)
    answer = ada.get("/partnerships/new")
    assert answer.status_code == 200
    assert 'data-skip="introduction"' not in answer.text


@pytest.mark.parametrize(("body", "kept"), [({"show": "yes"}, True), ({"show": "no"}, False), ({}, False)])
def test_the_switch_is_kept_for_the_person(body: dict[str, str], kept: bool, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "update_me", {})
    assert send(ada, "/partnerships/new/introduction", **body).status_code == 204
    assert rpc.asked("accounts", "update_me")[0]["preferences"] == {"show_wizard_introduction": kept}


def test_whoever_is_logged_in_stands_first_and_cannot_be_left_out(ada: TestClient, rpc: FakeRpc) -> None:
    aaron, gone = {"id": new_id(), "name": "Aaron", "active": True}, {"id": new_id(), "name": "Gone", "active": False}
    rpc.on("accounts", "list_users", {"items": [gone, aaron, ADA], "next": None})
    boxes = re.findall(r'name="manager_ids" value="([^"]+)"([^>]*)>', ada.get("/partnerships/new").text)
    assert boxes == [(ADA["id"], " checked disabled"), (aaron["id"], "")]


def test_the_whole_directory_can_be_chosen_from_and_a_larger_one_says_where_it_ends(
    ada: TestClient, rpc: FakeRpc
) -> None:
    def listed(cursor: str = "0", **_: Any) -> dict[str, Any]:
        start = int(cursor)
        items = [{**CONTACT, "id": new_id(), "name": f"Person {n}"} for n in range(start, min(start + 200, size))]
        return {"items": items, "next": str(start + 200) if start + 200 < size else None}

    rpc.on("contacts", "list_contacts", listed)
    for size, told in [(450, False), (1200, True)]:
        page = ada.get("/partnerships/new").text
        assert page.count('name="contact_ids"') == min(size, 1000)
        assert ("Only the first 1000 people" in page) == told


def test_an_empty_directory_says_so_and_leads_to_where_contacts_are_added(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_contacts", {"items": [], "next": None})
    page = ada.get("/partnerships/new").text
    assert "Nobody is in your directory yet." in page
    assert re.search(r'<a href="/contacts/new" target="_blank"[^>]*>Add a contact</a>', page)


def test_somebody_who_may_not_send_offers_gets_no_wizard(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.as_role("member")
    answer = ada.get("/partnerships/new")
    assert answer.status_code == 403
    assert rpc.asked("contacts", "list_contacts") == []


# Refusals


def test_what_is_in_the_way_of_an_offer_is_named(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", PartnershipExists())
    # An ended one and one with a longer name are not it.
    other = {"tenant": "northwind-2", "company": "Northwind Two", "profile": {}}
    ended, another, live = (new_id() for _ in range(3))
    found = [
        partnership(id=another, role="partner", status="accepted", counterpart=other),
        partnership(id=ended, role="partner", status="declined"),
        partnership(id=live, role="partner", status="accepted"),
    ]
    rpc.on("offers", "list_partnerships", {"items": found, "next": None})
    page = send(ada, "/partnerships", **OFFER).text
    asked = rpc.asked("offers", "list_partnerships")[0]
    assert (asked["q"], asked["role"]) == ("northwind", "partner")
    assert f'href="/partnerships/{live}"' in page
    assert all(f"/partnerships/{id}" not in page for id in (ended, another))


def test_what_is_in_the_way_need_not_be_found(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", PartnershipExists())
    rpc.on("offers", "list_partnerships", Unavailable())
    answer = send(ada, "/partnerships", **OFFER)
    assert answer.status_code == 200
    assert 'id="customer_tenant-error"' in answer.text


def test_too_many_offers_are_told_so_with_everything_still_filled_in(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", RateLimited("Too many offers today. Try again tomorrow.", retry_after=7200))
    answer = send(ada, "/partnerships", **OFFER)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7200")
    assert "Too many offers today." in answer.text
    assert "Shall we?" in answer.text


# The summary


def sent(**other: Any) -> dict[str, Any]:
    """An offer of ours."""
    return partnership(**{"role": "partner", "turn": "theirs", "customer_email": "nils@northwind.example", **other})


SUMMARY = f"/partnerships/new/summary/{ID}"


def test_the_summary_says_what_was_sent_to_whom(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", sent())
    rpc.on("managers", "list_managers", {"items": [{"contact_id": ADA["id"], "name": "Ada"}, {"contact_id": new_id(), "name": "Berta"}], "next": None})  # fmt: skip
    answer = ada.get(SUMMARY)
    whole(answer)
    for told in ["5/5", "Northwind Traders", "nils@<wbr>northwind.example", "Amara Diallo", "Ada and Berta", "Shall we?", "<b>Open</b>", "Close"]:  # fmt: skip
        assert told in answer.text, told


def test_the_summary_does_not_need_the_team(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", sent())
    rpc.on("managers", "list_managers", Unavailable())
    assert ada.get(SUMMARY).status_code == 200


def test_the_summary_of_what_could_not_be_delivered_leads_back(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", sent(status="undeliverable", turn=None))
    answer = ada.get(SUMMARY)
    whole(answer)
    assert SENTENCE in answer.text
    assert "has been sent" not in answer.text
    assert f'name="again" value="{ID}"' in answer.text
    assert "Back to Customer Details" in answer.text


def test_an_offer_to_us_has_no_summary(ada: TestClient) -> None:
    answer = ada.get(SUMMARY)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/partnerships/{ID}")


# Again


def test_what_could_not_be_delivered_is_filled_in_again_with_the_reason_at_both_fields(
    ada: TestClient, rpc: FakeRpc
) -> None:
    berta = {"id": new_id(), "name": "Berta", "active": True}
    rpc.on("offers", "get_partnership", sent(status="undeliverable", turn=None))
    rpc.on("managers", "list_managers", {"items": [{"contact_id": berta["id"], "name": "Berta"}], "next": None})
    rpc.on("accounts", "list_users", {"items": [ADA, berta], "next": None})
    answer = ada.get(f"/partnerships/new?again={ID}")
    whole(answer)
    page = answer.text
    assert 'value="northwind"' in page
    assert 'value="nils@northwind.example"' in page
    assert "Shall we?</textarea>" in page
    assert re.search(rf'value="{CONTACT["id"]}" checked', page)
    assert re.search(rf'value="{berta["id"]}" checked', page)
    assert f'name="again" value="{ID}"' in page
    for field in ("customer_tenant", "customer_email"):
        assert re.search(rf'id="{field}-error".*?{re.escape(SENTENCE)}', page)


@pytest.mark.parametrize("status", ["open", "accepted", "declined"])
def test_only_what_could_not_be_delivered_is_filled_in_again(status: str, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", sent(status=status))
    page = ada.get(f"/partnerships/new?again={ID}").text
    assert "Shall we?" not in page
    assert SENTENCE not in page


def test_back_from_the_corrected_offer_there_is_a_new_form(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", sent(status="undeliverable", removed=True))
    page = ada.get(f"/partnerships/new?again={ID}").text
    assert SENTENCE not in page
    assert "Correct and send again" not in ada.get(f"/partnerships/{ID}").text


@pytest.mark.parametrize(("status", "removed"), [("undeliverable", 1), ("terminated", 0), ("open", 0)])
def test_once_corrected_and_sent_the_undelivered_one_leaves_the_home_and_no_other(
    status: str, removed: int, ada: TestClient, rpc: FakeRpc
) -> None:
    old = new_id()
    rpc.on("offers", "send_offer", sent())
    rpc.on("offers", "get_partnership", sent(id=old, status=status))
    answer = send(ada, "/partnerships", **OFFER, again=old)
    assert answer.headers["location"] == SUMMARY
    assert [asked["partnership_id"] for asked in rpc.asked("offers", "remove_partnership")] == [old] * removed


def test_an_undelivered_offer_stays_while_the_corrected_one_is_refused(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "send_offer", PartnershipExists())
    page = send(ada, "/partnerships", **OFFER, again=ID).text
    assert rpc.asked("offers", "remove_partnership") == []
    assert f'name="again" value="{ID}"' in page

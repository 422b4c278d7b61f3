"""Edit mode: its three bands, and Assigned Contacts, where an Update is picked, given a reason and proposed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.pages.words import UNANSWERED
from shared.errors import (
    ContactHasPendingChange,
    IdempotencyKeyReused,
    Refusal,
    Unavailable,
    ValidationError,
    WrongState,
)
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, FakeRpc
from tests.unit.gateway.pages.story import (
    CONTACT,
    ID,
    LENT,
    LENT_ONE,
    MID,
    NEWCOMER,
    item,
    listing,
    live,
    modification,
    ours,
    send,
    whole,
)

PAGE = f"/partnerships/{ID}"
CONTACTS = f"{PAGE}/contacts"
SEND = f"{PAGE}/modifications"
ANSWER = f"{PAGE}/modifications/{MID}/answer"


@pytest.fixture(autouse=True)
def _live(rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    rpc.on("contacts", "list_assignments", {"items": [LENT_ONE], "next": None})


def partner(rpc: FakeRpc, **other: Any) -> None:
    rpc.on("offers", "get_partnership", live(role="partner", **other))


def test_the_partner_may_release_who_works_there_and_add_who_does_not(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    directory = [CONTACT, {**CONTACT, "id": LENT, "name": "Bruno Keller"}]
    rpc.on("contacts", "list_contacts", {"items": directory, "next": None})
    answer = ada.get(CONTACTS)
    whole(answer)
    assert f'name="release_contact_ids" value="{LENT}"' in answer.text
    assert f'name="add_contact_ids" value="{CONTACT["id"]}"' in answer.text
    assert f'name="add_contact_ids" value="{LENT}"' not in answer.text


def test_the_customer_may_only_release(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.get(CONTACTS)
    whole(answer)
    assert f'name="release_contact_ids" value="{LENT}"' in answer.text
    assert "add_contact_ids" not in answer.text
    assert rpc.asked("contacts", "list_contacts") == []


def test_whoever_waits_for_an_answer_to_us_is_not_offered_again(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "list_contacts", {"items": [{**CONTACT, "id": NEWCOMER}, CONTACT], "next": None})
    rpc.on("contacts", "list_modifications", listing(ours()))
    page = ada.get(CONTACTS).text
    assert f'value="{LENT}"' not in page
    assert f'value="{NEWCOMER}"' not in page
    assert f'value="{CONTACT["id"]}"' in page
    assert "Waits for the answer of Northwind Traders" in page


def test_a_contact_that_they_want_to_release_leads_to_our_answer(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", listing(modification()))
    rpc.on("contacts", "list_assignments", {"items": [{**LENT_ONE, "label": "Released by Partner"}], "next": None})
    page = ada.get(CONTACTS).text
    assert f'value="{LENT}"' not in page
    assert f'Northwind Traders waits for your answer: <a href="{ANSWER}">Review</a>' in page
    assert "Released by Partner" in page


def test_a_contact_whose_item_is_decided_can_be_proposed_again(ada: TestClient, rpc: FakeRpc) -> None:
    half = ours(items=[item(LENT, "release", decision="decline"), item(NEWCOMER, "add")])
    rpc.on("contacts", "list_modifications", listing(half))
    assert f'name="release_contact_ids" value="{LENT}"' in ada.get(CONTACTS).text


def test_a_proposal_is_sent_whole_with_the_key_of_its_form(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "propose_modification", modification())
    key = new_id()
    body = {"release_contact_ids": LENT, "add_contact_ids": NEWCOMER, "reason": "A swap.", "idempotency_key": key}
    answer = send(ada, SEND, **body)
    assert (answer.status_code, answer.headers["location"]) == (303, CONTACTS)
    assert rpc.asked("contacts", "propose_modification") == [
        {
            "tenant": "kazenor", "actor": ADA["id"], "partnership_id": ID, "add_contact_ids": [NEWCOMER],
            "release_contact_ids": [LENT], "reason": "A swap.", "idempotency_key": key,
        }
    ]  # fmt: skip


def test_a_reply_says_what_it_replies_to(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "get_modification", ours(state="answered", suggestion="Rather Dora?"))
    rpc.on("contacts", "propose_modification", modification())
    page = ada.get(f"{CONTACTS}?in_reply_to={MID}").text
    assert "Rather Dora?" in page
    assert f'name="in_reply_to" value="{MID}"' in page
    send(ada, SEND, add_contact_ids=NEWCOMER, reason="As you wish.", in_reply_to=MID)
    assert rpc.asked("contacts", "propose_modification")[0]["in_reply_to"] == MID
    assert "in_reply_to" not in re.findall(r'name="(\w+)"', ada.get(f"{CONTACTS}?in_reply_to=x").text)


def test_update_asks_for_the_reason_and_says_whom_it_is_about(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    answer = send(ada, SEND, release_contact_ids=LENT, add_contact_ids=CONTACT["id"])
    whole(answer)
    assert "<h1>Update Contacts</h1>" in answer.text
    assert 'class="card narrow question"' in answer.text
    assert "release <b>Bruno Keller</b> and to add <b>Amara Diallo</b>" in answer.text
    assert f'name="release_contact_ids" value="{LENT}"' in answer.text
    assert f'name="add_contact_ids" value="{CONTACT["id"]}"' in answer.text
    assert "reason-error" not in answer.text
    assert rpc.asked("contacts", "propose_modification") == []


def test_cancel_returns_to_what_was_picked(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    answer = send(ada, SEND, release_contact_ids=LENT, add_contact_ids=CONTACT["id"], reason="Because.", back="yes")
    whole(answer)
    assert "<h1>Assigned Contacts</h1>" in answer.text
    assert f'value="{LENT}" checked' in answer.text
    assert f'value="{CONTACT["id"]}" checked' in answer.text
    assert rpc.asked("contacts", "propose_modification") == []


def test_an_update_of_nobody_is_shown_again(ada: TestClient, rpc: FakeRpc) -> None:
    answer = send(ada, SEND, reason="Because.")
    whole(answer)
    assert "Choose whom to release or to add first." in answer.text
    assert rpc.asked("contacts", "propose_modification") == []


@pytest.mark.parametrize("reason", ["  ", "x" * 501])
def test_a_reason_is_needed_and_bounded(reason: str, ada: TestClient, rpc: FakeRpc) -> None:
    answer = send(ada, SEND, release_contact_ids=LENT, reason=reason)
    whole(answer)
    assert re.findall(r'id="(\w+)-error"', answer.text) == ["reason"]
    assert reason.strip() in answer.text
    assert f'name="release_contact_ids" value="{LENT}"' in answer.text
    assert rpc.asked("contacts", "propose_modification") == []


@pytest.mark.parametrize(
    ("refusal", "shown"),
    [
        (ValidationError.of(("release_contact_ids.0", "Does not work there.")), "Does not work there."),
        (ValidationError.of(("reason", "Too long.")), 'id="reason-error"'),
        (ContactHasPendingChange(), "still waits for an answer"),
        (IdempotencyKeyReused(), "This form was sent already."),
    ],
)
def test_what_is_refused_stands_on_the_form(refusal: Refusal, shown: str, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "propose_modification", refusal)
    answer = send(ada, SEND, release_contact_ids=LENT, reason="Because.")
    whole(answer)
    assert shown in answer.text
    assert "Because." in answer.text


def test_a_proposal_that_may_have_been_sent_can_be_sent_again_with_its_key(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "propose_modification", Unavailable())
    key = new_id()
    answer = send(ada, SEND, release_contact_ids=LENT, reason="Because.", idempotency_key=key)
    assert answer.status_code == 503
    assert f'value="{key}"' in answer.text
    assert UNANSWERED in answer.text and "same key" not in answer.text


@pytest.mark.parametrize(
    "change", [{"status": "open", "actions": ["accept", "decline", "view"]}, {"status": "terminated"}]
)
def test_nothing_is_proposed_where_nothing_can_change(change: dict[str, Any], ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live(**{"actions": ["view"], **change}))
    answer = ada.get(CONTACTS)
    whole(answer)
    assert "<form" not in answer.text.split("<main", 1)[1]
    assert "Bruno Keller" in answer.text
    rpc.on("contacts", "propose_modification", WrongState("It has ended."))
    answer = send(ada, SEND, release_contact_ids=LENT, reason="Because.")
    assert answer.status_code == 409
    assert "It has ended." in answer.text


def test_a_change_meanwhile_can_be_told_from_what_was_shown(ada: TestClient, rpc: FakeRpc) -> None:
    def state() -> str:
        return re.search(r' data-state="([^"]*)"', ada.get(CONTACTS).text)[1]  # type: ignore[index]

    before = state()
    rpc.on("offers", "get_partnership", live(status="modified", turn="theirs"))
    assert state() == before  # follows what we did ourselves
    rpc.on("contacts", "list_assignments", {"items": [{**LENT_ONE, "label": "Released by Partner"}], "next": None})
    labelled = state()
    rpc.on("contacts", "list_assignments", {"items": [{**LENT_ONE, "state": "released"}], "next": None})
    released = state()
    rpc.on("offers", "get_partnership", live(status="terminated", actions=["view"]))
    assert len({before, labelled, released, state()}) == 4


# The bands


def test_edit_opens_three_bands(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("managers", "list_managers", {"items": [{"contact_id": ADA["id"], "name": "Ada"}] * 2, "next": None})
    answer = ada.get(f"{PAGE}/edit")
    whole(answer)
    assert "<h1>Edit</h1>" in answer.text
    found = re.findall(r'<b><a href="([^"]+)">([^<]+)</a></b>.*?(?:<span class="count">(\d+)</span>)?<svg', answer.text.split("<main", 1)[1])  # fmt: skip
    assert found == [
        (CONTACTS, "Assigned Contacts", "1"),
        (f"{PAGE}/managers", "Partner Management Team", "2"),
        (f"{PAGE}/history", "Partnership History", ""),
    ]


@pytest.mark.parametrize("here", ["contacts", "managers", "history"])
def test_one_can_switch_between_the_bands(here: str, ada: TestClient) -> None:
    answer = ada.get(f"{PAGE}/{here}")
    whole(answer)
    strip = answer.text.split('aria-label="Sections"', 1)[1].split("</nav>")[0]
    assert re.findall(r'href="([^"]+)"(?: aria-current="(page)")?', strip) == [
        (f"{PAGE}/{path}", "page" if path == here else "") for path in ("contacts", "managers", "history")
    ]


def test_where_nothing_can_be_changed_the_bands_are_to_be_viewed(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live(status="terminated", actions=["view", "remove"]))
    answer = ada.get(f"{PAGE}/edit")
    whole(answer)
    assert "<h1>View Partnership</h1>" in answer.text
    assert "Who worked here" in answer.text


def test_the_former_address_of_the_form_still_leads_there(ada: TestClient) -> None:
    answer = ada.get(f"{SEND}/new?in_reply_to={MID}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CONTACTS}?in_reply_to={MID}")

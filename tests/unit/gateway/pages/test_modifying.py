"""The pages of a change: proposing it, answering it item by item, withdrawing it, and what the partnership shows of it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import (
    ContactHasPendingChange,
    Forbidden,
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
    PLACES,
    item,
    live,
    modification,
    send,
    whole,
)

PAGE = f"/partnerships/{ID}"
NEW = f"{PAGE}/modifications/new"
SEND = f"{PAGE}/modifications"
ANSWER = f"{PAGE}/modifications/{MID}/answer"
WITHDRAW = f"{PAGE}/modifications/{MID}/withdrawal"
PLACE, ROLE = PLACES["items"][0]["id"], PLACES["items"][0]["roles"][0]["id"]
NASTY = "<script>alert(1)</script>"


def listing(*modifications: dict[str, Any]) -> Any:
    """contacts.list_modifications with these."""

    def answer(state: str = "", **_: Any) -> dict[str, Any]:
        return {"items": [m for m in modifications if state in {"", m["state"]}], "next": None}

    return answer


@pytest.fixture(autouse=True)
def _live(rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    rpc.on("contacts", "list_assignments", {"items": [LENT_ONE], "next": None})


def partner(rpc: FakeRpc, **other: Any) -> None:
    rpc.on("offers", "get_partnership", live(role="partner", **other))


def ours(**other: Any) -> dict[str, Any]:
    return modification(**{"proposed_by": "us", "created_by": {"name": "Ada"}, "actions": ["withdraw"], **other})


# What the partnership shows


def test_a_proposal_of_theirs_stands_on_the_page_with_its_labels_and_a_way_to_review_it(
    ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("contacts", "list_modifications", listing(modification()))
    answer = ada.get(PAGE)
    whole(answer)
    assert "Nils of Northwind Traders proposes to add 1 contact and release 1 contact" in answer.text
    assert "Released by Partner" in answer.text
    assert "Offered" in answer.text
    assert "Bruno moves on." in answer.text
    assert f'href="{ANSWER}"' in answer.text
    assert WITHDRAW not in answer.text


def test_the_partner_reads_that_the_customer_releases(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "list_modifications", listing(modification(items=[item(LENT, "release")])))
    assert "Released by Customer" in ada.get(PAGE).text


def test_a_proposal_of_ours_shows_how_far_it_came_and_can_be_withdrawn(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "list_modifications", listing(ours(delivery="seen")))
    answer = ada.get(PAGE)
    whole(answer)
    assert "Waits for Northwind Traders" in answer.text
    assert "Seen" in answer.text
    assert f'href="{WITHDRAW}"' in answer.text
    assert ANSWER not in answer.text
    assert ">Released<" in answer.text


def test_what_waits_for_us_stands_before_what_waits_for_them(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", listing(ours(id=new_id()), modification()))
    page = ada.get(PAGE).text
    assert page.index("proposes to") < page.index("Ada proposed to")


def test_whoever_may_do_nothing_is_offered_nothing(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live(actions=["view"]))
    rpc.on("contacts", "list_modifications", listing(modification(actions=[])))
    page = ada.get(PAGE).text
    assert "Bruno moves on." in page
    assert ANSWER not in page
    assert NEW not in page


def test_a_partnership_offers_to_edit_its_contacts_and_to_end_it(ada: TestClient) -> None:
    page = ada.get(PAGE).text
    assert f'href="{NEW}"' in page
    assert f'href="{PAGE}/termination"' in page
    assert f'href="{PAGE}/managers"' in page


def test_whoever_works_there_comes_first_and_nobody_stands_twice(ada: TestClient, rpc: FakeRpc) -> None:
    people = [
        {**LENT_ONE, "contact_id": NEWCOMER, "name": "Cleo Sand", "state": "offered", "label": "Offered"},
        {**LENT_ONE, "contact_id": CONTACT["id"], "name": "Amara Diallo", "state": "released"},
        LENT_ONE,
        {**LENT_ONE, "contact_id": CONTACT["id"], "name": "Amara Diallo", "state": "declined"},
        {**LENT_ONE, "state": "released"},
    ]
    rpc.on("contacts", "list_assignments", {"items": people, "next": None})
    page = ada.get(PAGE).text.split('aria-labelledby="people"')[1].split("</section>")[0]
    assert re.findall(r"<b>([^<]+)</b>", page) == ["Bruno Keller", "Cleo Sand", "Amara Diallo"]
    assert '<span class="count">2</span>' in page


def test_the_page_stands_when_contacts_is_away(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", Unavailable())
    answer = ada.get(PAGE)
    assert answer.status_code == 200
    assert "Proposals cannot be shown at the moment" in answer.text


def test_a_suggestion_can_be_proposed_until_it_has_been(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    answered = ours(
        state="answered", comment="Sorry.", suggestion="Rather Dora?", actions=[], answered_by={"name": "Nils"},
        items=[item(NEWCOMER, "add", decision="decline", comment="Too new."), item(LENT, "release", decision="accept")],
    )  # fmt: skip
    rpc.on("contacts", "list_modifications", listing(answered))
    answer = ada.get(PAGE)
    whole(answer)
    for words in ("Sorry.", "Rather Dora?", "Too new.", "Declined", "Accepted", "Nils of Northwind Traders answered"):
        assert words in answer.text
    assert f'href="{NEW}?in_reply_to={MID}"' in answer.text
    rpc.on("contacts", "list_modifications", listing(answered, ours(id=new_id(), in_reply_to=MID)))
    assert "in_reply_to=" not in ada.get(PAGE).text


def test_an_answer_that_was_ours_is_not_listed_as_theirs(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", listing(modification(state="answered", actions=[], suggestion="Dora?")))
    assert "Answers to your proposals" not in ada.get(PAGE).text


def test_an_ended_partnership_is_only_read(ada: TestClient, rpc: FakeRpc) -> None:
    ended = {"by": "them", "reason": "Done.", "their_reason": "Done.", "at": "2026-01-05T03:04:05Z"}
    rpc.on("offers", "get_partnership", live(status="terminated", ended=ended, actions=["view", "remove"]))
    answer = ada.get(PAGE)
    whole(answer)
    assert "Northwind Traders ended the partnership" in answer.text
    assert answer.text.count("Done.") == 1
    for gone in (NEW, "/termination", "/managers"):
        assert gone not in answer.text
    assert f'href="{PAGE}/removal"' in answer.text


def test_an_end_of_both_shows_both_reasons(ada: TestClient, rpc: FakeRpc) -> None:
    ended = {"by": "both", "reason": "Ours.", "their_reason": "Theirs.", "at": "2026-01-05T03:04:05Z"}
    rpc.on("offers", "get_partnership", live(status="terminated", ended=ended, actions=["view", "remove"]))
    page = ada.get(PAGE).text
    assert re.search(r"Your reason:.*Ours\..*Their reason:.*Theirs\.", page, re.DOTALL)


def test_the_history_opens_to_what_was_wished_and_decided(ada: TestClient, rpc: FakeRpc) -> None:
    details = {
        "reason": "A swap.", "comment": "Fine.", "suggestion": "Rather Dora?", "in_reply_to": MID,
        "items": [
            {"contact_id": LENT, "name": "Bruno Keller", "action": "release", "decision": "accept"},
            {"contact_id": NEWCOMER, "name": "Cleo Sand", "action": "add", "decision": "decline", "comment": "Too new."},
        ],
        "added": [{"id": ID, "name": "Berta"}], "removed": [{"id": ID, "name": "Carl"}],
        "owner": {"id": ID, "name": "Olga"}, "previous_owner": {"id": ID, "name": "Paul"},
    }  # fmt: skip
    entry = {"id": ID, "type": "modification.answered", "at": "2026-01-01T00:00:00Z", "title": "Nils answered.", "by": {"side": "them", "name": "Nils"}, "shared": True, "details": details}  # fmt: skip
    rpc.on("history", "list_entries", {"items": [entry], "next": None})
    answer = ada.get(f"{PAGE}/history")
    whole(answer)
    for words in ("A swap.", "Fine.", "Rather Dora?", "to be released, accepted", "to be added, declined", "Too new."):
        assert words in answer.text
    for person in ("Berta", "Carl", "Olga", "Paul"):
        assert person in answer.text
    assert MID not in answer.text  # an id says nothing to a person


# Proposing


def test_the_partner_may_release_who_works_there_and_add_who_does_not(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    directory = [CONTACT, {**CONTACT, "id": LENT, "name": "Bruno Keller"}]
    rpc.on("contacts", "list_contacts", {"items": directory, "next": None})
    answer = ada.get(NEW)
    whole(answer)
    assert f'name="release_contact_ids" value="{LENT}"' in answer.text
    assert f'name="add_contact_ids" value="{CONTACT["id"]}"' in answer.text
    assert f'name="add_contact_ids" value="{LENT}"' not in answer.text


def test_the_customer_may_only_release(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.get(NEW)
    whole(answer)
    assert f'name="release_contact_ids" value="{LENT}"' in answer.text
    assert "add_contact_ids" not in answer.text
    assert rpc.asked("contacts", "list_contacts") == []


def test_whoever_waits_for_an_answer_to_us_is_not_offered_again(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "list_contacts", {"items": [{**CONTACT, "id": NEWCOMER}, CONTACT], "next": None})
    rpc.on("contacts", "list_modifications", listing(ours()))
    page = ada.get(NEW).text
    assert f'value="{LENT}"' not in page
    assert f'value="{NEWCOMER}"' not in page
    assert f'value="{CONTACT["id"]}"' in page
    assert "Bruno Keller waits for the answer" in page


def test_a_contact_that_they_want_to_release_can_be_released_by_us_as_well(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", listing(modification()))
    assert f'name="release_contact_ids" value="{LENT}"' in ada.get(NEW).text


def test_a_contact_whose_item_is_decided_can_be_proposed_again(ada: TestClient, rpc: FakeRpc) -> None:
    half = ours(items=[item(LENT, "release", decision="decline"), item(NEWCOMER, "add")])
    rpc.on("contacts", "list_modifications", listing(half))
    assert f'name="release_contact_ids" value="{LENT}"' in ada.get(NEW).text


def test_a_proposal_is_sent_whole_with_the_key_of_its_form(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "propose_modification", modification())
    key = new_id()
    body = {"release_contact_ids": LENT, "add_contact_ids": NEWCOMER, "reason": "A swap.", "idempotency_key": key}
    answer = send(ada, SEND, **body)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
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
    page = ada.get(f"{NEW}?in_reply_to={MID}").text
    assert "Rather Dora?" in page
    assert f'name="in_reply_to" value="{MID}"' in page
    send(ada, SEND, add_contact_ids=NEWCOMER, reason="As you wish.", in_reply_to=MID)
    assert rpc.asked("contacts", "propose_modification")[0]["in_reply_to"] == MID
    assert "in_reply_to" not in re.findall(r'name="(\w+)"', ada.get(f"{NEW}?in_reply_to=x").text)


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({}, ["release_contact_ids", "reason"]),
        ({"release_contact_ids": LENT, "reason": "  "}, ["reason"]),
        ({"release_contact_ids": LENT, "reason": "x" * 501}, ["reason"]),
        ({"reason": "Because."}, ["release_contact_ids"]),
    ],
)
def test_an_incomplete_proposal_is_shown_again(
    fields: dict[str, Any], faults: list[str], ada: TestClient, rpc: FakeRpc
) -> None:
    answer = send(ada, SEND, **fields)
    whole(answer)
    assert rpc.asked("contacts", "propose_modification") == []
    assert re.findall(r'id="(\w+)-error"', answer.text) == faults
    assert fields.get("reason", "").strip() in answer.text
    assert (f'value="{LENT}" checked' in answer.text) == ("release_contact_ids" in fields)


@pytest.mark.parametrize(
    ("refusal", "shown"),
    [
        (ValidationError.of(("release_contact_ids.0", "Does not work there.")), 'id="release_contact_ids-error"'),
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


@pytest.mark.parametrize(
    "change", [{"status": "open", "actions": ["accept", "decline", "view"]}, {"status": "terminated"}]
)
def test_nothing_is_proposed_where_nothing_can_change(change: dict[str, Any], ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live(**{"actions": ["view"], **change}))
    assert ada.get(NEW).status_code == 409
    rpc.on("contacts", "propose_modification", WrongState("It has ended."))
    answer = send(ada, SEND, release_contact_ids=LENT, reason="Because.")
    assert answer.status_code == 409
    assert "It has ended." in answer.text


# Answering


def accepted(**other: Any) -> dict[str, Any]:
    return {
        "item": [LENT, NEWCOMER], f"decision.{LENT}": "accept", f"decision.{NEWCOMER}": "accept",
        f"roles.{NEWCOMER}": f"{PLACE}:{ROLE}", **other,
    }  # fmt: skip


def test_each_item_is_asked_for_and_roles_only_for_additions_at_the_customer(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.get(ANSWER)
    whole(answer)
    for contact in (LENT, NEWCOMER):
        assert answer.text.count(f'name="decision.{contact}"') == 2
        assert f'name="comment.{contact}"' in answer.text
    assert f'name="roles.{NEWCOMER}"' in answer.text
    assert f'name="roles.{LENT}"' not in answer.text
    assert " checked" not in answer.text  # nothing is decided for anybody


def test_the_partner_is_never_asked_for_roles(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "get_modification", modification(items=[item(LENT, "release")]))
    answer = ada.get(ANSWER)
    whole(answer)
    assert "roles." not in answer.text
    assert rpc.asked("accounts", "get_environments") == []


def test_what_is_decided_already_is_not_asked_again(ada: TestClient, rpc: FakeRpc) -> None:
    half = modification(items=[item(LENT, "release", decision="accept"), item(NEWCOMER, "add")])
    rpc.on("contacts", "get_modification", half)
    page = ada.get(ANSWER).text
    assert f"decision.{LENT}" not in page
    assert "Decided already" in page


def test_an_answer_names_every_item_with_its_decision_roles_and_comment(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", modification())
    key = new_id()
    body = accepted(comment="Fine.", suggestion="Dora too?", idempotency_key=key, **{f"comment.{LENT}": "Pity."})
    answer = send(ada, ANSWER, **body)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert rpc.asked("contacts", "answer_modification") == [
        {
            "tenant": "kazenor", "actor": ADA["id"], "partnership_id": ID, "modification_id": MID,
            "items": [
                {"contact_id": LENT, "decision": "accept", "comment": "Pity."},
                {"contact_id": NEWCOMER, "decision": "accept", "roles": [{"environment": PLACE, "role": ROLE}]},
            ],
            "comment": "Fine.", "suggestion": "Dora too?", "idempotency_key": key,
        }
    ]  # fmt: skip


def test_a_repeated_answer_is_the_same_request_though_nothing_is_open_any_more(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", modification())
    body = accepted(idempotency_key=new_id())
    assert send(ada, ANSWER, **body).status_code == 303
    rpc.on("contacts", "get_modification", modification(state="answered", actions=[]))
    assert send(ada, ANSWER, **body).status_code == 303
    first, second = rpc.asked("contacts", "answer_modification")
    assert first == second


def test_roles_of_somebody_declined_are_not_sent(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", modification())
    send(ada, ANSWER, **accepted(**{f"decision.{NEWCOMER}": "decline"}))
    (asked,) = rpc.asked("contacts", "answer_modification")
    assert asked["items"][1] == {"contact_id": NEWCOMER, "decision": "decline"}


def test_an_item_without_a_decision_and_an_addition_without_a_role_are_told_at_their_fields(
    ada: TestClient, rpc: FakeRpc
) -> None:
    body = {"item": [LENT, NEWCOMER], f"decision.{NEWCOMER}": "accept", "comment": "Hm."}
    answer = send(ada, ANSWER, **body)
    whole(answer)
    assert rpc.asked("contacts", "answer_modification") == []
    assert set(re.findall(r'class="field-error" id="([^"]+)-error"', answer.text)) == {f"decision.{LENT}", f"roles.{NEWCOMER}"}  # fmt: skip
    assert "Hm." in answer.text
    assert re.search(rf'name="decision\.{NEWCOMER}" value="accept" required checked', answer.text)


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("items.1.roles", f"roles.{NEWCOMER}"),
        ("items.1.roles.0.role", f"roles.{NEWCOMER}"),
        ("items.0.comment", f"comment.{LENT}"),
        ("items.0.decision", f"decision.{LENT}"),
        ("items.0.contact_id", f"decision.{LENT}"),
        ("suggestion", "suggestion"),
    ],
)
def test_what_the_service_refuses_stands_at_the_item(field: str, shown: str, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", ValidationError.of((field, "Not like this.")))
    answer = send(ada, ANSWER, **accepted())
    whole(answer)
    assert re.findall(r'class="field-error" id="([^"]+)-error"', answer.text) == [shown]


def test_a_fault_of_no_field_stands_above_the_form(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", ValidationError.of(("items", "Decide every item.")))
    assert "Decide every item." in send(ada, ANSWER, **accepted()).text


@pytest.mark.parametrize(
    ("change", "status", "sentence"),
    [
        ({"state": "withdrawn", "actions": []}, 409, "The proposal is withdrawn already."),
        ({"state": "answered", "actions": []}, 409, "The proposal is answered already."),
        ({"proposed_by": "us", "actions": ["withdraw"]}, 409, "answered by Northwind Traders"),
    ],
)
def test_what_cannot_be_answered_says_why(
    change: dict[str, Any], status: int, sentence: str, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("contacts", "get_modification", modification(**change))
    answer = ada.get(ANSWER)
    assert (answer.status_code, sentence in answer.text) == (status, True)


def test_a_proposal_that_was_withdrawn_meanwhile_is_not_a_dead_end(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", WrongState("They have withdrawn it."))
    answer = send(ada, ANSWER, **accepted())
    assert answer.status_code == 409
    assert "They have withdrawn it." in answer.text


# Withdrawing


def test_a_withdrawal_is_asked_for_and_done(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "get_modification", ours())
    rpc.on("contacts", "withdraw_modification", ours(state="withdrawn"))
    answer = ada.get(WITHDRAW)
    whole(answer)
    assert "Withdraw the proposal to Northwind Traders" in answer.text
    key = new_id()
    answer = send(ada, WITHDRAW, idempotency_key=key)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert rpc.asked("contacts", "withdraw_modification") == [
        {"tenant": "kazenor", "actor": ADA["id"], "partnership_id": ID, "modification_id": MID, "idempotency_key": key}
    ]


def test_their_proposal_cannot_be_withdrawn_by_us(ada: TestClient, rpc: FakeRpc) -> None:
    answer = ada.get(WITHDRAW)
    assert answer.status_code == 409
    assert "withdrawn by Northwind Traders only" in answer.text


def test_what_others_wrote_in_a_proposal_is_text(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    wild = ours(
        reason=NASTY, suggestion=NASTY, comment=NASTY, created_by={"name": NASTY}, answered_by={"name": NASTY}, delivery=NASTY,
        items=[item(LENT, NASTY, name=NASTY, comment=NASTY, decision=NASTY), item(NEWCOMER, "add", name=NASTY)], actions=["answer"],
    )  # fmt: skip
    rpc.on("contacts", "list_modifications", listing(wild, {**wild, "state": "answered"}))
    rpc.on("contacts", "get_modification", wild)
    rpc.on("contacts", "list_assignments", {"items": [{**LENT_ONE, "name": NASTY, "title": NASTY}], "next": None})
    for path in (PAGE, f"{NEW}?in_reply_to={MID}", ANSWER):
        text = ada.get(path).text
        assert "&lt;script&gt;" in text, path
        assert "<script>" not in text, path


@pytest.mark.parametrize("path", [SEND, ANSWER, WITHDRAW])
def test_whoever_may_not_is_told_so(path: str, ada: TestClient, rpc: FakeRpc) -> None:
    for method in ("propose_modification", "answer_modification", "withdraw_modification"):
        rpc.on("contacts", method, Forbidden())
    body = {"release_contact_ids": LENT, "reason": "Because.", "item": LENT, f"decision.{LENT}": "accept"}
    assert send(ada, path, **body).status_code == 403

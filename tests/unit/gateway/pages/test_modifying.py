"""The pages of a change that has been proposed: answering it item by item, and withdrawing it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import (
    Forbidden,
    ValidationError,
    WrongState,
)
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, FakeRpc
from tests.unit.gateway.pages.story import (
    ID,
    LENT,
    LENT_ONE,
    MID,
    NEWCOMER,
    PLACES,
    item,
    listing,
    live,
    modification,
    ours,
    send,
    whole,
)

PAGE = f"/partnerships/{ID}"
SEND = f"{PAGE}/modifications"
ANSWER = f"{PAGE}/modifications/{MID}/answer"
WITHDRAW = f"{PAGE}/modifications/{MID}/withdrawal"
PLACE, ROLE = PLACES["items"][0]["id"], PLACES["items"][0]["roles"][0]["id"]
NASTY = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _live(rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    rpc.on("contacts", "list_assignments", {"items": [LENT_ONE], "next": None})


def partner(rpc: FakeRpc, **other: Any) -> None:
    rpc.on("offers", "get_partnership", live(role="partner", **other))


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
    for path in (PAGE, f"{PAGE}/contacts?in_reply_to={MID}", ANSWER):
        text = ada.get(path).text
        assert "&lt;script&gt;" in text, path
        assert "<script>" not in text, path


@pytest.mark.parametrize("path", [SEND, ANSWER, WITHDRAW])
def test_whoever_may_not_is_told_so(path: str, ada: TestClient, rpc: FakeRpc) -> None:
    for method in ("propose_modification", "answer_modification", "withdraw_modification"):
        rpc.on("contacts", method, Forbidden())
    body = {"release_contact_ids": LENT, "reason": "Because.", "item": LENT, f"decision.{LENT}": "accept"}
    assert send(ada, path, **body).status_code == 403

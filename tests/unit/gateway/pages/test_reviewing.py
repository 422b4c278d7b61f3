"""The pages on which a proposal of the other side is reviewed and answered, item by item (OE-16, BX-04)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.pages.words import NOTES
from shared.errors import Forbidden, ValidationError, WrongState
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
    live,
    modification,
    ours,
    send,
    whole,
)

PAGE = f"/partnerships/{ID}"
ANSWER = f"{PAGE}/modifications/{MID}/answer"
PLACE, ROLE = PLACES["items"][0]["id"], PLACES["items"][0]["roles"][0]["id"]


@pytest.fixture(autouse=True)
def _live(rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    rpc.on("contacts", "list_assignments", {"items": [LENT_ONE], "next": None})


def partner(rpc: FakeRpc, **other: Any) -> None:
    rpc.on("offers", "get_partnership", live(role="partner", **other))


def accepted(**other: Any) -> dict[str, Any]:
    return {
        "item": [LENT, NEWCOMER], f"decision.{LENT}": "accept", f"decision.{NEWCOMER}": "accept",
        f"roles.{NEWCOMER}": f"{PLACE}:{ROLE}", "confirm": "yes", **other,
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
    assert 'name="roles.' not in answer.text
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
        ({"state": "withdrawn", "actions": []}, 409, "Northwind Traders has withdrawn the proposal."),
        (
            {"state": "answered", "items": [item(LENT, "release", decision="withdrawn")], "actions": []},
            409,
            "Northwind Traders has withdrawn the rest of the proposal.",
        ),
        ({"state": "answered", "actions": []}, 409, "The proposal has been answered already."),
        ({"state": "void", "actions": []}, 409, "the partnership has ended"),
        ({"proposed_by": "us", "actions": ["withdraw"]}, 409, "answered by Northwind Traders"),
    ],
)
def test_what_cannot_be_answered_says_why(
    change: dict[str, Any], status: int, sentence: str, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("contacts", "get_modification", modification(**change))
    # To a script that asks whether it still can; the status stands in a header then.
    answer = ada.get(ANSWER, headers={"X-Accord-Script": "1"})
    assert (int(answer.headers["X-Accord-Status"]), sentence in answer.text) == (status, True)


def test_a_link_to_what_is_settled_leads_to_what_became_of_it(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "get_modification", modification(state="answered", actions=[]))
    answer = ada.get(ANSWER)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert "no longer waits for an answer" in NOTES[answer.cookies["accord_note"]]


def test_review_leads_to_the_only_proposal_that_waits_for_us_else_to_all_of_them(ada: TestClient, rpc: FakeRpc) -> None:
    def overview(*modifications: dict[str, Any]) -> dict[str, Any]:
        return {
            "assignments": {"items": [], "next": None, "version": 1},
            "modifications": {"items": list(modifications), "next": None},
        }

    for waiting, leads in (
        ((modification(), ours()), ANSWER),
        ((modification(), modification(id=new_id())), PAGE),
        ((ours(),), PAGE),
        ((), PAGE),
    ):
        rpc.on("contacts", "get_overview", overview(*waiting))
        answer = ada.get(f"{PAGE}/review")
        assert (answer.status_code, answer.headers["location"]) == (303, leads)


def test_a_proposal_that_was_withdrawn_meanwhile_is_not_a_dead_end(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", WrongState("They have withdrawn it."))
    answer = send(ada, ANSWER, **accepted())
    assert answer.status_code == 409
    assert "They have withdrawn it." in answer.text


def test_before_the_yes_it_is_said_what_will_follow_for_each(ada: TestClient, rpc: FakeRpc) -> None:
    answer = send(ada, ANSWER, **accepted(confirm="", comment="Fine.", suggestion="Dora too?"))
    whole(answer)
    assert rpc.asked("contacts", "answer_modification") == []
    for sentence in (
        "Accept the proposal of Northwind Traders?",
        "<b>Bruno Keller</b> no longer works with you.",
        "<b>Cleo Sand</b> works with you as Viewer in Production.",
        "but not of the roles",
    ):
        assert sentence in answer.text
    # All that was entered goes along to the Yes.
    rpc.on("contacts", "answer_modification", modification())
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text)
    body: dict[str, Any] = {}
    for name, value in hidden:
        body.setdefault(name, []).append(value)
    send(ada, ANSWER, **{**body, "csrf_token": body["csrf_token"][0], "confirm": "yes"})
    (asked,) = rpc.asked("contacts", "answer_modification")
    assert asked["items"] == [
        {"contact_id": LENT, "decision": "accept"},
        {"contact_id": NEWCOMER, "decision": "accept", "roles": [{"environment": PLACE, "role": ROLE}]},
    ]
    assert (asked["comment"], asked["suggestion"]) == ("Fine.", "Dora too?")


@pytest.mark.parametrize(
    ("role", "decisions", "told"),
    [
        ("customer", {LENT: "decline", NEWCOMER: "decline"}, ["Decline the proposal of", "Bruno Keller</b> goes on working with you.", "Cleo Sand</b> is declined."]),
        ("customer", {LENT: "accept", NEWCOMER: "decline"}, ["Send this answer to", "no longer works with you.", "is declined."]),
        ("partner", {LENT: "accept", NEWCOMER: "accept"}, ["no longer works with Northwind Traders.", "works with Northwind Traders from now on."]),
    ],
)  # fmt: skip
def test_the_sentences_fit_what_was_decided_and_who_reads_them(
    role: str, decisions: dict[str, str], told: list[str], ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", "get_partnership", live(role=role))
    body = {"item": list(decisions), **{f"decision.{id}": verdict for id, verdict in decisions.items()}}
    page = send(ada, ANSWER, **body).text
    for sentence in told:
        assert sentence in page


def test_accepting_or_declining_all_asks_at_once_when_nothing_is_left_to_choose(ada: TestClient, rpc: FakeRpc) -> None:
    declined = ada.get(f"{ANSWER}?all=decline")
    whole(declined)
    assert "Decline the proposal of Northwind Traders?" in declined.text
    assert '<textarea id="comment"' in declined.text
    # Somebody who comes needs a role first: the review, with everything accepted.
    roles = ada.get(f"{ANSWER}?all=accept")
    whole(roles)
    assert "<h1>Northwind Traders proposes to add 1 contact and release 1 contact</h1>" in roles.text
    assert len(re.findall(r'value="accept" required checked', roles.text)) == 2
    assert "checked" not in ada.get(f"{ANSWER}?all=of-them").text


def test_back_from_the_question_returns_to_the_review_with_everything(ada: TestClient, rpc: FakeRpc) -> None:
    body = accepted(confirm="", back="yes", comment="Fine.", suggestion="Dora?", **{f"comment.{LENT}": "Pity."})
    answer = send(ada, ANSWER, **body)
    whole(answer)
    for kept in ("Fine.", "Dora?", "Pity.", f'value="{PLACE}:{ROLE}" checked', "proposes to add 1 contact"):
        assert kept in answer.text
    assert "field-error" not in answer.text


def test_a_role_that_was_removed_meanwhile_is_not_left_out_in_silence(ada: TestClient, rpc: FakeRpc) -> None:
    answer = send(
        ada, ANSWER, **accepted(confirm="", **{f"roles.{NEWCOMER}": [f"{PLACE}:{ROLE}", f"{PLACE}:{new_id()}"]})
    )
    whole(answer)
    assert f'id="roles.{NEWCOMER}-error"' in answer.text
    assert "removed meanwhile" in answer.text
    assert f'value="{PLACE}:{ROLE}" checked' in answer.text


def test_what_was_decided_before_the_question_is_not_asked(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "get_modification", modification(state="withdrawn", actions=[]))
    answer = send(ada, ANSWER, **accepted(confirm="", suggestion="Could Dora come?"))
    assert answer.status_code == 409
    assert "Northwind Traders has withdrawn the proposal." in answer.text
    # What was written can be copied, and there is a way on.
    assert "Could Dora come?" in answer.text
    assert f'href="{PAGE}"' in answer.text


def test_whoever_may_not_answer_is_told_so(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", Forbidden())
    body = {"item": LENT, f"decision.{LENT}": "accept", "confirm": "yes"}
    assert send(ada, ANSWER, **body).status_code == 403

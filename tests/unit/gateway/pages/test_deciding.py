"""Withdrawing, reminding, ending and removing: each one page that appears exactly when the action is allowed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.pages.deciding import DECISIONS
from services.gateway.pages.words import UNANSWERED
from shared.errors import TooSoon, Unavailable, WrongState
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, FakeRpc
from tests.unit.gateway.pages.story import ID, live, partnership, send, whole

PAGE = f"/partnerships/{ID}"


def sent(**other: Any) -> dict[str, Any]:
    """An open offer of ours."""
    return partnership(**{"role": "partner", "turn": "theirs", "actions": ["withdraw", "remind", "view"], **other})


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_appears_exactly_when_its_action_is_allowed(decision: str, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", sent(actions=[DECISIONS[decision].action, "view"]))
    whole(ada.get(f"{PAGE}/{decision}"))
    assert f'href="{PAGE}/{decision}"' in ada.get(PAGE).text
    rpc.on("offers", "get_partnership", sent(actions=["view"]))
    assert ada.get(f"{PAGE}/{decision}").status_code == 409
    assert f"/{decision}" not in ada.get(PAGE).text


@pytest.mark.parametrize(
    ("decision", "method", "fields", "body", "leads"),
    [
        ("withdrawal", "withdraw_offer", {"reason": "Too early."}, {"reason": "Too early."}, PAGE),
        ("withdrawal", "withdraw_offer", {"reason": " "}, {}, PAGE),
        ("reminder", "remind_offer", {"reason": "not asked"}, {}, PAGE),
        ("termination", "end_partnership", {"reason": "Done."}, {"reason": "Done."}, "/"),
        ("removal", "remove_partnership", {}, {}, "/"),
    ],
)
def test_a_decision_is_carried_out_with_the_key_of_its_form(
    decision: str, method: str, fields: dict[str, str], body: dict[str, str], leads: str, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", method, {})
    key = new_id()
    answer = send(ada, f"{PAGE}/{decision}", **fields, idempotency_key=key)
    assert (answer.status_code, answer.headers["location"]) == (303, leads)
    assert rpc.asked("offers", method) == [
        {"tenant": "kazenor", "actor": ADA["id"], "partnership_id": ID, **body, "idempotency_key": key}
    ]


def test_what_was_not_answered_may_have_been_done_and_that_is_said(ada: TestClient, rpc: FakeRpc) -> None:
    """A service that was slow, or stood still, may carry it out after we have given up on it."""
    rpc.on("offers", "get_partnership", live())
    rpc.on("offers", "end_partnership", Unavailable())
    answer = send(ada, f"/partnerships/{ID}/termination", reason="We move on.", idempotency_key=new_id())
    assert answer.status_code == 503
    assert UNANSWERED in answer.text
    rpc.on("offers", "list_partnerships", Unavailable())
    assert UNANSWERED not in ada.get("/").text


def test_an_end_needs_a_reason(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    answer = send(ada, f"{PAGE}/termination", reason="  ")
    whole(answer)
    assert 'id="reason-error"' in answer.text
    assert rpc.asked("offers", "end_partnership") == []


def test_a_reminder_that_comes_too_soon_says_until_when_to_wait(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", sent())
    rpc.on("offers", "remind_offer", TooSoon("You reminded them today: wait until tomorrow at nine.", retry_at="…"))
    answer = send(ada, f"{PAGE}/reminder")
    whole(answer)
    assert "wait until tomorrow at nine" in answer.text
    rpc.on("offers", "get_partnership", sent(actions=["withdraw", "view"]))
    answer = ada.get(f"{PAGE}/reminder")
    assert answer.status_code == 409
    assert "Once in 24 hours" in answer.text


def test_an_offer_of_ours_can_be_withdrawn_and_reminded_of_from_its_page(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", sent())
    answer = ada.get(PAGE)
    whole(answer)
    for path, label in (("reminder", "Send a reminder"), ("withdrawal", "Withdraw offer")):
        assert re.search(
            rf'<form class="go" method="get" action="{PAGE}/{path}" data-dialog><button[^>]*>.*?{label}</button>',
            answer.text,
        )


def test_an_end_that_came_from_both_sides_at_once_is_no_dead_end(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "end_partnership", WrongState("Northwind Traders has ended it already."))
    answer = send(ada, f"{PAGE}/termination", reason="Done.")
    assert answer.status_code == 409
    assert "has ended it already" in answer.text


def test_a_member_is_told_that_others_decide(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.as_role("member")
    rpc.on("offers", "get_partnership", live(actions=["view"]))
    assert ada.get(f"{PAGE}/termination").status_code == 403


WORKING = {"contact_id": new_id(), "state": "accepted"}


@pytest.mark.parametrize(
    ("role", "names", "said"),
    [
        ("partner", ["Amara Diallo", "Bruno Keller"], "Amara Diallo and Bruno Keller stop working at Northwind Traders at once."),
        ("customer", ["Amara Diallo"], "Amara Diallo stops working with you at once."),
        ("customer", ["A", "B", "C", "D", "E", "F"], "A, B, C, D and 2 more stop working with you at once."),
    ],
)  # fmt: skip
def test_before_an_end_it_is_said_who_stops_working_where(
    role: str, names: list[str], said: str, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", "get_partnership", live(role=role, pending_modifications=1))
    people = [{**WORKING, "name": name} for name in names]
    gone = {**WORKING, "name": "Gone", "state": "released"}
    rpc.on("contacts", "list_assignments", {"items": [*people, gone], "next": None})
    page = ada.get(f"{PAGE}/termination").text
    assert said in page
    assert "What has been proposed and not answered is void." in page
    assert "Gone" not in page


def test_an_end_can_be_decided_while_nobody_can_say_who_works_there(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    rpc.on("contacts", "list_assignments", Unavailable())
    answer = ada.get(f"{PAGE}/termination")
    whole(answer)
    assert "stop" not in answer.text.split("<h1>", 1)[1]

"""The pages of a change that has been proposed: who may do what with it, and withdrawing it."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import (
    Forbidden,
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


def test_after_the_end_no_reason_is_asked_for(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live(status="terminated", actions=["view", "remove"]))
    answer = send(ada, SEND, release_contact_ids=LENT)
    assert answer.status_code == 409
    assert "The partnership with Northwind Traders is terminated" in answer.text


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


@pytest.mark.parametrize("path", [SEND, WITHDRAW])
def test_whoever_may_not_is_told_so(path: str, ada: TestClient, rpc: FakeRpc) -> None:
    for method in ("propose_modification", "withdraw_modification"):
        rpc.on("contacts", method, Forbidden())
    body = {"release_contact_ids": LENT, "reason": "Because."}
    assert send(ada, path, **body).status_code == 403

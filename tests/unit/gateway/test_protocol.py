"""The endpoints of the two-party protocol: which service each one asks with what, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import (
    ChangedMeanwhile,
    ContactHasPendingChange,
    LastManager,
    Refusal,
    TooSoon,
    ValidationError,
    WrongState,
)
from tests.support.ids import id_of
from tests.unit.gateway.fake_rpc import ADA, FakeRpc

ID, MID, WHO = id_of("partnership"), id_of("modification"), id_of("contact")
PARTNERSHIP = f"/api/v1/partnerships/{ID}"
MODIFICATION = f"{PARTNERSHIP}/modifications/{MID}"
ITEM = {"contact_id": WHO, "decision": "accept", "roles": [{"environment": "Production", "role": "Viewer"}]}

ENDPOINTS: list[tuple[str, str, dict[str, Any] | None, str, int]] = [
    ("POST", f"{PARTNERSHIP}/withdrawal", {"reason": "Too early."}, "offers.withdraw_offer", 200),
    ("POST", f"{PARTNERSHIP}/reminder", {}, "offers.remind_offer", 200),
    ("POST", f"{PARTNERSHIP}/termination", {"reason": "Done."}, "offers.end_partnership", 200),
    ("GET", f"{PARTNERSHIP}/modifications", None, "contacts.list_modifications", 200),
    ("POST", f"{PARTNERSHIP}/modifications", {"release_contact_ids": [WHO], "reason": "Moves on."}, "contacts.propose_modification", 201),
    ("GET", MODIFICATION, None, "contacts.get_modification", 200),
    ("POST", f"{MODIFICATION}/answer", {"items": [ITEM], "comment": "Fine.", "suggestion": ""}, "contacts.answer_modification", 200),
    ("POST", f"{MODIFICATION}/withdrawal", None, "contacts.withdraw_modification", 200),
    ("POST", f"{PARTNERSHIP}/managers", {"contact_ids": [WHO]}, "managers.add_managers", 201),
    ("DELETE", f"{PARTNERSHIP}/managers/{WHO}", None, "managers.remove_manager", 204),
    ("PUT", f"{PARTNERSHIP}/owner", {"contact_id": WHO}, "managers.set_owner", 200),
]  # fmt: skip
NAMES = [f"{method} {rpc}" for method, _, _, rpc, _ in ENDPOINTS]


@pytest.mark.parametrize(("method", "path", "body", "rpc_name", "status"), ENDPOINTS, ids=NAMES)
def test_each_asks_its_service_with_the_ids_of_the_path_and_the_fields_of_the_body(
    method: str, path: str, body: dict[str, Any] | None, rpc_name: str, status: int, ada: TestClient, rpc: FakeRpc
) -> None:
    service, name = rpc_name.split(".")
    rpc.on(service, name, {"id": MID, "items": []})
    answer = ada.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    if status != 204:
        assert answer.json() == {"id": MID, "items": []}
    (asked,) = rpc.asked(service, name)
    expected = {"tenant": "kazenor", "actor": ADA["id"], "partnership_id": ID, **(body or {})}
    if MID in path:
        expected["modification_id"] = MID
    if path.endswith(WHO):
        expected["contact_id"] = WHO
    assert asked == expected


def test_a_proposal_has_an_address(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "propose_modification", {"id": MID})
    answer = ada.post(f"{PARTNERSHIP}/modifications", json={})
    assert answer.headers["Location"] == MODIFICATION


def test_proposals_are_asked_for_by_state_and_page(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", {"items": [], "next": None})
    ada.get(f"{PARTNERSHIP}/modifications?state=pending&state=void&limit=7&cursor=x")
    (asked,) = rpc.asked("contacts", "list_modifications")
    assert (asked["state"], asked["limit"], asked["cursor"]) == (["pending", "void"], 7, "x")
    ada.get(f"{PARTNERSHIP}/modifications?state=&limit=&cursor=")
    assert rpc.asked("contacts", "list_modifications")[1].keys().isdisjoint({"state", "limit", "cursor"})


def test_a_body_cannot_name_another_proposal_than_the_path(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "answer_modification", {"id": MID})
    ada.post(f"{MODIFICATION}/answer", json={"modification_id": WHO, "partnership_id": WHO})
    (asked,) = rpc.asked("contacts", "answer_modification")
    assert (asked["modification_id"], asked["partnership_id"]) == (MID, ID)
    assert set(asked) >= {"body.modification_id", "body.partnership_id"}  # for the service to refuse


@pytest.mark.parametrize("path", [f"{PARTNERSHIP}/modifications/7/answer", "/api/v1/partnerships/7/termination"])
def test_a_malformed_id_is_not_found(path: str, ada: TestClient, rpc: FakeRpc) -> None:
    assert ada.post(path, json={}).status_code == 404
    assert [name for _, name, _ in rpc.calls] == ["authenticate"]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (WrongState("It has ended."), 409),
        (ContactHasPendingChange(), 409),
        (LastManager(), 409),
        (TooSoon("They were reminded today."), 409),
        (ChangedMeanwhile(), 412),
        (ValidationError.of(("items.0.roles", "Choose a role.")), 422),
    ],
)
def test_each_refusal_carries_its_code_and_its_sentence(
    refusal: Refusal, status: int, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("contacts", "answer_modification", refusal)
    answer = ada.post(f"{MODIFICATION}/answer", json={})
    assert answer.status_code == status
    assert (answer.json()["code"], answer.json()["detail"]) == (refusal.code, refusal.detail)
    assert answer.json()["errors"] == refusal.info["errors"]
    assert "Retry-After" not in answer.headers


def test_too_soon_says_when(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "remind_offer", TooSoon("Remind them tomorrow.", retry_at="2030-01-01T00:00:00Z"))
    answer = ada.post(f"{PARTNERSHIP}/reminder", json={})
    assert (answer.status_code, answer.json()["retry_at"]) == (409, "2030-01-01T00:00:00Z")


def test_a_repeated_proposal_is_told_apart_by_its_partnership(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "propose_modification", {"id": MID})
    for partnership in (ID, ID, WHO):
        key = {"Idempotency-Key": "k"}
        ada.post(f"/api/v1/partnerships/{partnership}/modifications", json={}, headers=key)
    first, again, elsewhere = (asked["idempotency_key"] for asked in rpc.asked("contacts", "propose_modification"))
    assert first == again != elsewhere


def test_the_description_knows_their_shapes_and_codes(anybody: TestClient) -> None:
    described = anybody.get("/api/v1/openapi.json").json()
    shapes = described["components"]["schemas"]
    assert set(shapes["Modification"]["properties"]) == {
        "id", "partnership_id", "proposed_by", "state", "reason", "items", "comment", "suggestion", "in_reply_to", "delivery", "created_at",
        "created_by", "answered_by", "answered_at", "actions", "version",
    }  # fmt: skip
    assert shapes["NewModification"]["required"] == ["reason"]
    assert shapes["ItemAnswer"]["required"] == ["contact_id", "decision"]
    assert "retry_at" in shapes["Problem"]["properties"]
    paths = described["paths"]
    reminder = paths["/api/v1/partnerships/{partnership_id}/reminder"]["post"]
    assert "`too_soon`" in reminder["responses"]["409"]["description"]
    assert reminder["requestBody"]["required"] is False
    removal = paths["/api/v1/partnerships/{partnership_id}/managers/{contact_id}"]["delete"]
    assert "`last_manager`" in removal["responses"]["409"]["description"]
    proposal = paths["/api/v1/partnerships/{partnership_id}/modifications"]["post"]
    assert "`contact_has_pending_change`" in proposal["responses"]["409"]["description"]
    assert "Location" in proposal["responses"]["201"]["headers"]

"""The pages on which an offer is accepted: who gets which role where, what will follow, Yes (OE-08); and declining it (OE-09, BX-09)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import ValidationError, WrongState
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, FakeRpc
from tests.unit.gateway.pages.story import CONTACT, ID, PLACES, partnership, send, whole

PAGE = f"/partnerships/{ID}"
ACCEPT = f"{PAGE}/acceptance"
ROLES = f"roles.{CONTACT['id']}"
VIEWER, OPERATOR = (f"{PLACES['items'][0]['id']}:{role['id']}" for role in PLACES["items"][0]["roles"])
OTHER = new_id()
BERTA = {**ADA, "id": new_id(), "name": "Berta Kern", "email": "berta@kazenor.example"}


def two(rpc: FakeRpc) -> None:
    """An offer of two people, and a colleague."""
    offered = [{"contact_id": CONTACT["id"], "name": CONTACT["name"], "title": ""}, {"contact_id": OTHER, "name": "Bruno Keller", "title": ""}]  # fmt: skip
    rpc.on("offers", "get_partnership", partnership(offered=offered))
    rpc.on("accounts", "list_users", {"items": [ADA, BERTA, {**BERTA, "id": new_id(), "active": False}], "next": None})


def carried(page: str) -> dict[str, Any]:
    """What the hidden fields of a page would send."""
    body: dict[str, Any] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page):
        if name != "csrf_token":
            body.setdefault(name, []).append(value)
    return body


def test_before_the_yes_it_is_said_what_will_follow(ada: TestClient, rpc: FakeRpc) -> None:
    page = send(ada, ACCEPT, **{ROLES: [VIEWER, OPERATOR]}).text
    assert rpc.asked("offers", "accept_offer") == []
    assert "Accept the offer of Northwind Traders?" in page
    assert "Viewer, Operator" in page


def test_an_acceptance_names_each_contact_with_its_roles(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "accept_offer", partnership())
    key = new_id()
    answer = send(
        ada,
        ACCEPT,
        **{ROLES: [VIEWER, OPERATOR]},
        comment="Welcome.",
        confirm="yes",
        idempotency_key=key,
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"/partnerships/{ID}")
    asked = rpc.asked("offers", "accept_offer")[0]
    place, roles = PLACES["items"][0]["id"], [role["id"] for role in PLACES["items"][0]["roles"]]
    assert asked["contacts"] == [
        {"contact_id": CONTACT["id"], "roles": [{"environment": place, "role": r} for r in roles]}
    ]
    assert (asked["comment"], asked["idempotency_key"]) == ("Welcome.", key)


def test_an_acceptance_of_nobody_is_shown_again(ada: TestClient, rpc: FakeRpc) -> None:
    page = send(ada, ACCEPT, comment="Welcome.").text
    assert f'id="{ROLES}-error"' in page
    assert "Welcome." in page


def test_back_from_the_question_returns_to_the_roles_that_were_chosen(ada: TestClient) -> None:
    page = send(ada, ACCEPT, **{ROLES: [OPERATOR]}, back="yes").text
    assert "Assign Role" in page
    assert f'value="{OPERATOR}" checked' in page
    assert f'value="{VIEWER}" checked' not in page


def test_an_offer_that_was_withdrawn_meanwhile_is_not_a_dead_end(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", partnership(status="withdrawn", actions=["view", "remove"]))
    answer = ada.get(ACCEPT)
    assert answer.status_code == 409
    assert "Northwind Traders has withdrawn the offer." in answer.text
    for status, sentence in (
        ("accepted", "has been accepted already"),
        ("declined", "has been declined already"),
        ("expired", "has expired"),
        ("terminated", "The partnership with Northwind Traders has ended."),
    ):
        rpc.on("offers", "get_partnership", partnership(status=status, actions=["view"]))
        assert sentence in ada.get(ACCEPT).text


@pytest.mark.parametrize("status", ["open", "accepted"])
def test_whoever_sent_an_offer_is_not_told_that_it_was_theirs_to_accept(
    status: str, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", "get_partnership", partnership(status=status, role="partner", actions=["view"]))
    answer = ada.get(ACCEPT)
    assert answer.status_code == 409
    assert "The offer is yours: it is for Northwind Traders to accept." in answer.text


@pytest.mark.parametrize(("reason", "sent"), [("Not now.", {"reason": "Not now."}), ("   ", {})])
def test_a_decline_may_have_a_reason(reason: str, sent: dict[str, str], ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "decline_offer", partnership())
    assert send(ada, f"/partnerships/{ID}/decline", reason=reason).status_code == 303
    asked = rpc.asked("offers", "decline_offer")[0]
    assert {name: asked[name] for name in asked.keys() & {"reason"}} == sent


def test_the_yes_sends_all_that_was_chosen(ada: TestClient, rpc: FakeRpc) -> None:
    two(rpc)
    page = send(ada, ACCEPT, **{ROLES: [VIEWER, OPERATOR]}, comment="Welcome.", manager_ids=BERTA["id"])
    whole(page)
    assert "Bruno Keller is not accepted." in page.text
    assert "you become its partner manager, with Berta Kern." in page.text
    assert rpc.asked("offers", "accept_offer") == []
    rpc.on("offers", "accept_offer", partnership())
    body = carried(page.text)
    assert send(ada, ACCEPT, **body, confirm="yes").headers["location"] == PAGE
    (asked,) = rpc.asked("offers", "accept_offer")
    place, roles = PLACES["items"][0]["id"], [role["id"] for role in PLACES["items"][0]["roles"]]
    assert sorted(asked["contacts"][0]["roles"], key=lambda r: roles.index(r["role"])) == [{"environment": place, "role": r} for r in roles]  # fmt: skip
    assert [c["contact_id"] for c in asked["contacts"]] == [CONTACT["id"]]
    assert (asked["comment"], asked["manager_ids"]) == ("Welcome.", [BERTA["id"]])
    assert [asked["idempotency_key"]] == body["idempotency_key"]


def test_without_a_colleague_no_manager_is_named(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "accept_offer", partnership())
    assert "Partner managers on your side" not in ada.get(ACCEPT).text
    send(ada, ACCEPT, **{ROLES: VIEWER}, confirm="yes")
    assert "manager_ids" not in rpc.asked("offers", "accept_offer")[0]


def test_colleagues_with_a_login_can_be_chosen_but_not_oneself(ada: TestClient, rpc: FakeRpc) -> None:
    two(rpc)
    page = ada.get(ACCEPT)
    whole(page)
    assert re.findall(r'name="manager_ids" value="([^"]+)"', page.text) == [BERTA["id"]]


def test_a_role_that_was_removed_meanwhile_is_not_left_out_in_silence(ada: TestClient) -> None:
    page = send(ada, ACCEPT, **{ROLES: [OPERATOR, f"{new_id()}:{new_id()}"]}).text
    assert f'id="{ROLES}-error"' in page
    assert "removed meanwhile" in page
    assert f'value="{OPERATOR}" checked' in page


def test_what_the_service_refuses_stands_at_the_contact_and_nothing_is_lost(ada: TestClient, rpc: FakeRpc) -> None:
    two(rpc)
    rpc.on("offers", "accept_offer", ValidationError.of(("contacts.0.roles.0.role", "There is no such role.")))
    page = send(ada, ACCEPT, **{f"roles.{OTHER}": OPERATOR}, comment="Welcome.", confirm="yes")
    whole(page)
    assert re.findall(r'class="field-error" id="([^"]+)-error"', page.text) == [f"roles.{OTHER}"]
    assert "Welcome." in page.text
    assert f'name="roles.{OTHER}" value="{OPERATOR}" checked' in page.text


def test_where_there_are_no_roles_it_says_what_to_do(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "get_environments", {"items": [{"id": new_id(), "name": "Production", "roles": []}]})
    page = ada.get(ACCEPT)
    whole(page)
    assert "Add environments and roles" in page.text
    assert "<fieldset" not in page.text


def test_an_offer_that_is_gone_leaves_what_was_written_and_a_way_back(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "accept_offer", WrongState("The offer is not open any more: it is withdrawn."))
    answer = send(ada, ACCEPT, **{ROLES: VIEWER}, comment="Welcome <aboard>.\nSee you.", confirm="yes")
    assert answer.status_code == 409
    assert "What you had entered" in answer.text
    assert "Welcome &lt;aboard&gt;.<br>See you." in answer.text
    assert f'<a class="button primary" href="{PAGE}">Go to the partnership</a>' in answer.text


def test_what_another_site_sends_is_never_shown(ada: TestClient) -> None:
    answer = ada.post(ACCEPT, data={"comment": "Call this number.", "confirm": "yes", "csrf_token": "x"})
    assert answer.status_code == 403
    assert "Call this number." not in answer.text


def test_a_decline_may_keep_further_offers_away(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "decline_offer", partnership())
    assert "Take no more offers from Northwind Traders" in ada.get(f"{PAGE}/decline").text
    send(ada, f"{PAGE}/decline", reason="No.", block="yes")
    send(ada, f"{PAGE}/decline", reason="No.")
    first, second = rpc.asked("offers", "decline_offer")
    assert (first["block"], "block" in second) == (True, False)


def test_only_a_decline_asks_about_further_offers(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", partnership(status="accepted", actions=["end", "view"]))
    rpc.on("offers", "end_partnership", partnership())
    assert 'name="block"' not in ada.get(f"{PAGE}/termination").text
    send(ada, f"{PAGE}/termination", reason="Over.", block="yes")
    assert "block" not in rpc.asked("offers", "end_partnership")[0]

"""The main job through HTTP, on the running stack: two fresh businesses, what each sees, and what nobody sees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from deploy.local.paths import SERVICES
from shared.ids import new_id
from tests.support.servers import until
from tests.support.stack import Business, Stack


@pytest.fixture(scope="module")
def partner(stack: Stack) -> Business:
    return stack.register("partner")


@pytest.fixture(scope="module")
def customer(stack: Stack) -> Business:
    return stack.register("customer")


@pytest.fixture
def pair(stack: Stack) -> tuple[Business, Business]:
    return stack.register("north"), stack.register("south")


def test_an_offer_is_accepted_in_part_and_both_sides_agree(partner: Business, customer: Business) -> None:
    mia, olof = partner.contact("Mia Berg"), partner.contact("Olof Palm")
    sent = partner.offer(customer, mia, olof)
    assert (sent["status"], sent["turn"], sent["role"]) == ("open", "theirs", "partner")
    arrived = customer.until(sent["id"], status="open", turn="ours")
    assert (arrived["contacts_count"], arrived["offered_count"], arrived["managers_count"]) == (0, 2, 0)
    assert (arrived["message"], arrived["sent_by"]["name"]) == ("Shall we work together?", "Adam Partner")
    assert arrived["counterpart"]["company"] == "Partner Ltd"
    assert [t["id"] for t in customer.get("/partnerships?turn=ours")["items"]] == [sent["id"]]

    offered = until(lambda: customer.get(f"/partnerships/{sent['id']}/contacts")["items"], 10, "the offered contacts")
    assert {(a["contact_id"], a["label"], a["email"]) for a in offered} == {
        (mia, "Offered", None),
        (olof, "Offered", None),
    }

    partner.until(sent["id"], delivery="delivered")
    customer.ask("PUT", f"/partnerships/{sent['id']}/seen", 204)
    partner.until(sent["id"], delivery="seen")

    body = {
        "contacts": [{"contact_id": mia, "roles": [{"environment": "Production", "role": "Viewer"}]}],
        "comment": "Welcome",
    }
    accepted = customer.post(f"/partnerships/{sent['id']}/acceptance", body)
    assert (accepted["status"], accepted["contacts_count"], accepted["turn"]) == ("accepted", 1, None)
    ours = partner.until(sent["id"], status="accepted", contacts_count=1, delivery="answered")
    assert ours["owners"]["theirs"]["name"] == "Adam Customer"

    def of(side: Business) -> dict[str, dict[str, Any]]:
        return {a["contact_id"]: a for a in side.get(f"/partnerships/{sent['id']}/contacts")["items"]}

    until(
        lambda: of(customer)[mia]["email"] == f"mia.berg@{partner.tenant}.example",
        10,
        "the details follow the acceptance",
    )
    assert (of(customer)[mia]["state"], of(customer)[olof]["state"]) == ("accepted", "declined")
    assert [(r["environment"], r["role"]) for r in of(customer)[mia]["roles"]] == [("Production", "Viewer")]
    until(lambda: of(partner)[mia]["state"] == "accepted", 10)
    assert all("Viewer" not in str(a) for a in of(partner).values())

    teams = {side.tenant: side.get(f"/partnerships/{sent['id']}/managers")["items"] for side in (partner, customer)}
    assert [(m["name"], m["owner"]) for m in teams[partner.tenant]] == [("Adam Partner", True)]
    assert [(m["name"], m["owner"]) for m in teams[customer.tenant]] == [("Adam Customer", True)]

    def story(side: Business) -> list[tuple[str, str]]:
        return [(e["type"], e["by"]["name"]) for e in side.get(f"/partnerships/{sent['id']}/history")["items"]]

    expected = [("offer.accepted", "Adam Customer"), ("offer.sent", "Adam Partner")]
    until(lambda: story(partner) == story(customer) == expected, 10, "both histories tell the same")
    heard = until(lambda: customer.get("/notifications?unread=true")["items"], 10, "the receiver is told")
    assert any(n["partnership_id"] == sent["id"] for n in heard)
    until(lambda: partner.get("/notifications")["items"], 10, "the sender is told of the acceptance")


def test_the_reverse_direction_is_another_partnership_and_declining_tells_the_reason(
    pair: tuple[Business, Business],
) -> None:
    north, south = pair
    there = north.offer(south, north.contact("Nora"))
    back = south.offer(north, south.contact("Sven"))
    assert there["id"] != back["id"]
    north.until(back["id"], status="open", turn="ours")
    declined = north.post(f"/partnerships/{back['id']}/decline", {"reason": "Not this year"})
    assert (declined["status"], declined["decline_reason"]) == ("declined", "Not this year")
    south.until(back["id"], status="declined", decline_reason="Not this year")
    south.until(there["id"], status="open")
    refused = north.ask("POST", "/partnerships", 409, _offer(north, south))
    assert refused["code"] == "partnership_exists"
    again = south.offer(north, south.contact("Stina"))
    north.until(again["id"], status="open")


def _offer(of: Business, to: Business, **more: Any) -> dict[str, Any]:
    return {
        "customer_tenant": to.tenant, "customer_email": to.email, "message": "Hello", "contact_ids": [of.contact("Some One")],
        "manager_ids": [],
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"customer_tenant": "Not A Name"}, "customer_tenant"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"message": ""}, "message"),
        ({"message": "x" * 501}, "message"),
        ({"message": 7}, "message"),
        ({"contact_ids": []}, "contact_ids"),
        ({"contact_ids": "all"}, "contact_ids"),
        ({"contact_ids": [new_id()]}, "contact_ids.0"),
        ({"manager_ids": [new_id()]}, "manager_ids.0"),
        ({"colour": "red"}, "colour"),
        ({"tenant": "kazenor"}, "tenant"),
        ({"actor": "system"}, "actor"),
        ({"idempotency_key": "x"}, "idempotency_key"),
    ],
)
def test_a_bad_offer_names_its_field_and_stores_nothing(
    partner: Business, stack: Stack, more: dict[str, Any], field: str
) -> None:
    other = stack.register("other")
    before = len(partner.get("/partnerships?limit=200")["items"])
    problem = partner.ask("POST", "/partnerships", 422, _offer(partner, other, **more))
    assert (problem["code"], [e["field"] for e in problem["errors"]]) == ("validation_error", [field])
    assert len(partner.get("/partnerships?limit=200")["items"]) == before
    assert other.get("/partnerships")["items"] == []


def test_an_offer_to_oneself_is_refused_at_the_field(partner: Business) -> None:
    problem = partner.ask("POST", "/partnerships", 422, _offer(partner, partner))
    assert problem["errors"][0]["field"] == "customer_tenant"


@pytest.mark.parametrize("wrong", [{"customer_tenant": "nobody-here"}, {"customer_email": "nobody@south.example"}])
def test_nobody_there_makes_it_undeliverable_and_nobody_is_told(
    pair: tuple[Business, Business], wrong: dict[str, str]
) -> None:
    north, south = pair
    sent = north.ask("POST", "/partnerships", 201, _offer(north, south, **wrong))
    north.until(sent["id"], status="undeliverable", turn=None)
    assert south.get("/partnerships?status=ended")["items"] == []
    assert south.get("/notifications")["items"] == []
    north.ask("POST", "/partnerships", 201, _offer(north, south))


@pytest.mark.parametrize(
    ("contacts", "field"),
    [
        ([], "contacts"),
        ([{"roles": []}], "contacts.0.roles"),
        ([{"roles": [{"environment": "Moon", "role": "Viewer"}]}], "contacts.0.roles.0.environment"),
        ([{"roles": [{"environment": "Production", "role": "Pilot"}]}], "contacts.0.roles.0.role"),
        (
            [{"contact_id": new_id(), "roles": [{"environment": "Production", "role": "Viewer"}]}],
            "contacts.0.contact_id",
        ),
    ],
)
def test_accepting_without_a_role_is_refused(
    pair: tuple[Business, Business], contacts: list[dict[str, Any]], field: str
) -> None:
    north, south = pair
    mia = north.contact("Mia")
    sent = north.offer(south, mia)
    south.until(sent["id"], status="open")
    body = {"contacts": [{"contact_id": mia, **c} for c in contacts]}
    problem = south.ask("POST", f"/partnerships/{sent['id']}/acceptance", 422, body)
    assert [e["field"] for e in problem["errors"]] == [field]
    assert south.partnership(sent["id"])["status"] == "open"  # type: ignore[index]


def test_the_same_key_sends_one_offer_also_at_the_same_instant(pair: tuple[Business, Business]) -> None:
    north, south = pair
    body, key = _offer(north, south), str(uuid4())
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda _: north.http.post("/partnerships", json=body, headers={"Idempotency-Key": key}), range(4))
        )
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    assert len(north.get("/partnerships")["items"]) == 1
    problem = north.ask("POST", "/partnerships", 422, body | {"message": "Another"}, Idempotency_Key=key)
    assert problem["code"] == "idempotency_key_reused"


def test_what_belongs_to_others_is_not_there(stack: Stack, pair: tuple[Business, Business]) -> None:
    north, south = pair
    stranger = stack.register("stranger")
    mia = north.contact("Mia")
    id = north.offer(south, mia)["id"]
    south.until(id, status="open")
    for who, refused in ((stranger, 404), (stranger, 404)):
        for method, path, body in (
            ("GET", f"/partnerships/{id}", None),
            ("GET", f"/partnerships/{id}/contacts", None),
            ("GET", f"/partnerships/{id}/managers", None),
            ("GET", f"/partnerships/{id}/history", None),
            ("PUT", f"/partnerships/{id}/seen", {}),
            ("POST", f"/partnerships/{id}/acceptance", {"contacts": []}),
            ("POST", f"/partnerships/{id}/decline", {}),
            ("DELETE", f"/partnerships/{id}", None),
            ("GET", f"/contacts/{mia}", None),
            ("PATCH", f"/contacts/{mia}", {"name": "X"}),
            ("DELETE", f"/contacts/{mia}", None),
            ("PATCH", f"/users/{north.user['id']}", {"active": False}),
        ):
            answer = who.http.request(method, path, json=body)
            assert answer.status_code == refused, f"{method} {path}: {answer.status_code} {answer.text}"
            assert answer.json()["code"] == "not_found"
    for bad in ("not-an-id", "..", "1"):
        assert stranger.http.get(f"/partnerships/{bad}").status_code == 404
    assert south.partnership(id)["status"] == "open"  # type: ignore[index]
    other_host = httpx.get(
        f"{stack.url}/api/v1/me",
        headers={"Authorization": f"Bearer {north.token}", "Host": f"{south.tenant}.localhost:{stack.port}"},
    )
    assert other_host.status_code == 403


def test_a_stock_nameko_client_does_the_same_as_http(stack: Stack, pair: tuple[Business, Business]) -> None:
    north, south = pair
    mia = north.contact("Mia")
    with stack.rpc() as rpc:
        sent = rpc.offers.send_offer(
            tenant=north.tenant,
            actor=north.user["id"],
            customer_tenant=south.tenant,
            customer_email=south.email,
            message="Over RPC",
            contact_ids=[mia],
            manager_ids=[],
        )
        south.until(sent["id"], status="open", message="Over RPC")
        listed = rpc.offers.list_partnerships(tenant=south.tenant, actor=south.user["id"])
        assert listed == south.get("/partnerships")
        with pytest.raises(Exception, match="PartnershipExists"):
            rpc.offers.send_offer(
                tenant=north.tenant, actor=north.user["id"], customer_tenant=south.tenant, customer_email=south.email, message="x",
                contact_ids=[mia], manager_ids=[],
            )  # fmt: skip


def test_the_mails_land_in_the_folder(stack: Stack, pair: tuple[Business, Business]) -> None:
    north, south = pair
    north.offer(south, north.contact("Mia"))
    until(
        lambda: list((stack.folder / "run" / "mail").glob(f"*{south.tenant}*.eml")),
        20,
        "a mail for the receiver",
    )


def test_nothing_waits_anywhere_afterwards(stack: Stack, pair: tuple[Business, Business]) -> None:
    north, south = pair
    mia = north.contact("Mia")
    id = north.offer(south, mia)["id"]
    south.until(id, status="open")
    body = {"contacts": [{"contact_id": mia, "roles": [{"environment": "Production", "role": "Viewer"}]}]}
    south.post(f"/partnerships/{id}/acceptance", body)
    north.until(id, status="accepted")
    for service in SERVICES:
        with psycopg.connect(stack.env[f"ACCORD_{service.upper()}_DATABASE_URL"], autocommit=True) as connection:
            connection.execute("select set_config('app.tenants', %s, false)", [f"{north.tenant},{south.tenant}"])

            def waiting(of: psycopg.Connection[Any] = connection) -> list[tuple[Any, ...]]:
                return of.execute(
                    """select 'inbox', type, state, error from inbox where state <> 'applied'
                       union all select 'outbox', type, kind, '' from outbox where due_at is not null and type <> 'expiry.due'
                       union all select 'stream', subject, service, '' from streams where peer <> tenant and sent > confirmed"""
                ).fetchall()

            until(lambda w=waiting: not w(), 20, f"{service}: {waiting()}")  # type: ignore[misc]

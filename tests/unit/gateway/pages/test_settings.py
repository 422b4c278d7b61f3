"""The settings of the business: when offers expire, and whose offers it wants (BX-01, BX-09)."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import ChangedMeanwhile, ValidationError
from tests.unit.gateway.fake_rpc import FakeRpc
from tests.unit.gateway.pages.story import send, whole

CHOSEN: dict[str, Any] = {
    "offer_expiry_days": 30,
    "offers_from": "all",
    "blocked_tenants": ["southwind"],
    "limits": {"offers_per_day": 10_000, "undeliverable_offers_per_day": 50},
    "version": 4,
}


@pytest.fixture(autouse=True)
def chosen(rpc: FakeRpc) -> dict[str, Any]:
    found = dict(CHOSEN)

    def update(tenant: str, actor: str, if_match: str | None = None, **body: Any) -> Any:
        if if_match not in (None, str(found["version"])):
            return ChangedMeanwhile()
        found.update(body, version=found["version"] + 1)
        return found

    rpc.on("accounts", "get_settings", lambda **_: dict(found))
    rpc.on("accounts", "update_settings", update)
    return found


def test_an_admin_chooses_when_offers_expire_and_who_may_send_some(ada: TestClient, chosen: dict[str, Any]) -> None:
    page = ada.get("/settings")
    whole(page)
    assert 'value="30"' in page.text
    assert "10\u202f000" in page.text
    answer = send(ada, "/settings", offer_expiry_days=" 14 ", offers_from="none", version="4")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
    assert (chosen["offer_expiry_days"], chosen["offers_from"]) == (14, "none")
    assert chosen["blocked_tenants"] == ["southwind"]


@pytest.mark.parametrize("days", ["", "0", "366", "-1", "1.5", "soon", "²", "9" * 50])
def test_only_a_number_of_days_up_to_a_year_will_do(days: str, ada: TestClient, rpc: FakeRpc) -> None:
    answer = send(ada, "/settings", offer_expiry_days=days, offers_from="all", version="4")
    whole(answer)
    assert 'id="offer_expiry_days-error"' in answer.text
    assert rpc.asked("accounts", "update_settings") == []


def test_whoever_was_faster_is_not_overwritten_unasked(ada: TestClient, chosen: dict[str, Any]) -> None:
    chosen.update(offer_expiry_days=60, offers_from="none", version=5)
    answer = send(ada, "/settings", offer_expiry_days="14", offers_from="all", version="4")
    whole(answer)
    assert "They are 60 now." in answer.text
    assert "It is “Nobody” now." in answer.text
    assert 'name="version" value="5"' in answer.text
    assert chosen["offer_expiry_days"] == 60
    send(ada, "/settings", offer_expiry_days="14", offers_from="all", version="5")
    assert chosen["offer_expiry_days"] == 14


def test_a_business_is_blocked_by_its_name_or_address_and_unblocked(ada: TestClient, chosen: dict[str, Any]) -> None:
    for _ in range(2):
        answer = send(ada, "/settings/blocked", tenant="https://Westwind.accord.example/")
        assert answer.headers["location"] == "/settings"
    assert chosen["blocked_tenants"] == ["southwind", "westwind"]
    send(ada, "/settings/blocked/southwind/removal")
    send(ada, "/settings/blocked/nobody/removal")
    assert chosen["blocked_tenants"] == ["westwind"]


def test_a_block_at_the_very_moment_of_another_keeps_both(
    ada: TestClient, rpc: FakeRpc, chosen: dict[str, Any]
) -> None:
    update = rpc.tables["accounts", "update_settings"]
    others = iter(["eastwind"])

    def slowly(**body: Any) -> Any:
        for name in others:
            chosen.update(blocked_tenants=[*chosen["blocked_tenants"], name], version=chosen["version"] + 1)
        return update(**body)

    rpc.on("accounts", "update_settings", slowly)
    send(ada, "/settings/blocked", tenant="westwind")
    assert chosen["blocked_tenants"] == ["southwind", "eastwind", "westwind"]


def test_what_cannot_be_blocked_is_said_at_the_field(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("accounts", "update_settings", ValidationError.of(("blocked_tenants.1", "A business cannot block itself.")))
    for typed in ("kazenor", ""):
        answer = send(ada, "/settings/blocked", tenant=typed)
        whole(answer)
        assert 'id="tenant-error"' in answer.text


def test_others_do_not_see_the_settings_of_the_business(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.as_role("partnerships")
    page = ada.get("/settings")
    whole(page)
    assert "offer_expiry_days" not in page.text
    assert send(ada, "/settings/blocked", tenant="westwind").status_code == 403
    assert send(ada, "/settings/blocked/southwind/removal").status_code == 403
    assert rpc.asked("accounts", "update_settings") == []

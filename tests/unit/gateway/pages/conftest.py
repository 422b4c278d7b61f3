"""A browser at the pages, and services that know enough for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.app import create_app
from tests.unit.gateway.fake_rpc import ADA, TOKEN, FakeRpc
from tests.unit.gateway.pages.story import CONTACT, PLACES, modification, partnership


@pytest.fixture
def rpc(rpc: FakeRpc) -> FakeRpc:
    """All that the pages read is there."""
    nothing: dict[str, Any] = {"items": [], "next": None}
    rpc.on("notifications", "list_notifications", {**nothing, "unread_count": 3})
    rpc.on("offers", "list_partnerships", {"items": [partnership()], "next": None})
    rpc.on("offers", "count_partnerships", {"by_status": {"open": 1}, "by_role": {}, "by_turn": {}})
    rpc.on("offers", "get_partnership", partnership())
    rpc.on("contacts", "list_contacts", {"items": [CONTACT], "next": None})
    rpc.on("contacts", "get_contact", CONTACT)
    rpc.on("contacts", "list_assignments", nothing)
    rpc.on("contacts", "list_modifications", nothing)
    rpc.on("contacts", "get_modification", modification())
    rpc.on("managers", "list_managers", nothing)
    rpc.on("accounts", "get_settings", {"offer_expiry_days": 30})
    rpc.on("history", "list_entries", nothing)
    rpc.on("accounts", "list_users", {"items": [ADA], "next": None})
    rpc.on("accounts", "get_environments", PLACES)
    rpc.on("accounts", "get_profile", {"company": "Kazenor", "addresses": []})
    return rpc


@pytest.fixture
def visitor(rpc: FakeRpc) -> Iterator[TestClient]:
    """A browser without a session."""
    with TestClient(create_app(rpc), base_url="http://localhost:8080", follow_redirects=False) as client:
        yield client


@pytest.fixture
def ada(visitor: TestClient) -> TestClient:
    """Ada's browser, logged in."""
    visitor.cookies.set("accord_session", TOKEN)
    return visitor

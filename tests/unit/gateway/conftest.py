"""The gateway's application with services that answer from a table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from services.gateway.app import create_app
from tests.unit.gateway.fake_rpc import TOKEN, FakeRpc


@pytest.fixture
def rpc() -> FakeRpc:
    return FakeRpc()


@pytest.fixture
def anybody(rpc: FakeRpc) -> Iterator[TestClient]:
    """A client without a credential."""
    with TestClient(create_app(rpc), base_url="http://localhost:8080", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def ada(anybody: TestClient) -> TestClient:
    """Ada of kazenor, with a token."""
    anybody.headers["Authorization"] = f"Bearer {TOKEN}"
    return anybody

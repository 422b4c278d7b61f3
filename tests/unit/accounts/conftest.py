"""Accounts on the in-memory twin."""

from __future__ import annotations

import pytest

from tests.unit.accounts.desk import Accounts


@pytest.fixture
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture
def ada(accounts: Accounts) -> str:
    """The id of the first admin of kazenor."""
    return str(accounts.register()["user"]["id"])

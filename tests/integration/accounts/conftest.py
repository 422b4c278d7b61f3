"""Accounts on both kinds of storage."""

from __future__ import annotations

import pytest

from shared.bus.storage import Database
from tests.unit.accounts.desk import Accounts


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)

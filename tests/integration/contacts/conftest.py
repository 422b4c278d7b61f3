"""Contacts on both kinds of storage."""

from __future__ import annotations

import pytest

from services.contacts.store import TABLES
from shared.bus.storage import Database
from tests.support.hearing import Ear


@pytest.fixture
def contacts(database: Database) -> Ear:
    return Ear(database, "contacts", TABLES)

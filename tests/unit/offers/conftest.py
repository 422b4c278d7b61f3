"""The two businesses, anew for each test."""

from __future__ import annotations

import pytest

from tests.unit.offers.town import Town


@pytest.fixture
def town() -> Town:
    return Town()

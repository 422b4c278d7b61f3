"""The town is built once for all matrices."""

from __future__ import annotations

import pytest

from tests.security.town import Town
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def town(stack: Stack) -> Town:
    return Town(stack)

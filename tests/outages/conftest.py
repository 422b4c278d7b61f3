"""What the tests of outages share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.outages.load import Load
from tests.support.stack import Stack


@pytest.fixture
def load(stack: Stack) -> Iterator[Load]:
    """Commands under way, two of them answered."""
    running = Load(stack.register("sender"), [stack.register(f"receiver{n}") for n in range(4)])
    yield running
    running.stop()

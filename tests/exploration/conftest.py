"""What every exploration asserts of what it has met, and the figures under the test run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.exploration.search import Found

EXPLORED: list[tuple[str, Found]] = []


@pytest.fixture
def holds() -> Callable[[str, Found, int], None]:
    """Asserts that an exploration was whole, met at least so many states, and that none was bad; its figures are printed at the end."""

    def check(name: str, found: Found, least: int) -> None:
        EXPLORED.append((name, found))
        assert found.wrong is None, "\n".join([found.wrong or "", *found.trace])
        assert not found.full and found.ends
        assert found.states >= least, f"only {found.states} states: something of this scenario cannot happen any more"

    return check


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if EXPLORED:
        terminalreporter.section("explored")
        for name, found in EXPLORED:
            terminalreporter.write_line(f"{name:<36} {found.figures}")
        states, seconds = sum(found.states for _, found in EXPLORED), sum(found.seconds for _, found in EXPLORED)
        bad = sum(found.wrong is not None for _, found in EXPLORED)
        terminalreporter.write_line(f"{states:,} states, {seconds:.0f} s of one core, {bad} bad")

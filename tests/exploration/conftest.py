"""What every exploration asserts of what it has met, and the figures under the test run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.exploration.search import Found

FIGURES: list[str] = []


@pytest.fixture
def holds() -> Callable[[str, Found, int], None]:
    """Asserts that an exploration was whole, met at least so many states, and that none was bad; its figures are printed at the end."""

    def check(name: str, found: Found, least: int) -> None:
        FIGURES.append(f"{name:<40} {found.figures}")
        assert found.wrong is None, "\n".join([found.wrong or "", *found.trace])
        assert not found.full and found.ends
        assert found.states >= least, f"only {found.states} states: something of this scenario cannot happen any more"

    return check


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if FIGURES:
        terminalreporter.section("explored")
        for line in FIGURES:
            terminalreporter.write_line(line)

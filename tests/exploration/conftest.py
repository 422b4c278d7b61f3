"""What every exploration asserts of what it has met, and the figures under the test run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.exploration.search import Found


@pytest.fixture
def holds(request: pytest.FixtureRequest) -> Callable[[str, Found, int], None]:
    """Asserts that an exploration was whole, met at least so many states, and that none was bad; its figures are printed at the end."""

    def check(name: str, found: Found, least: int) -> None:
        figures = [f"{name:<36} {found.figures}", found.states, found.seconds, found.wrong is not None]
        # With the report, which may go to another process.
        request.node.user_properties.append(("explored", figures))
        assert found.wrong is None, "\n".join([found.wrong or "", *found.trace])
        assert not found.full and found.ends
        assert found.states >= least, f"only {found.states} states: something of this scenario cannot happen any more"

    return check


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, []) if r.when == "call"]
    explored = [figures for r in reports for name, figures in r.user_properties if name == "explored"]
    if explored:
        terminalreporter.section("explored")
        lines, states, seconds, bad = zip(*explored, strict=True)
        for line in lines:
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"{sum(states):,} states, {sum(seconds):.0f} s of one core, {sum(bad)} bad")

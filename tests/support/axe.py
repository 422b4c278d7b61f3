"""axe-core on a page as it stands: what a screen reader, a keyboard or weak eyes would stumble over.

The script is evaluated through the debugging protocol, not added to the page, so it runs under the page's own content security policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OPTIONS: dict[str, Any] = {
    "runOnly": {"type": "tag", "values": list(TAGS)},
    # Off unless asked for by name, whatever its tags say.
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
    # Nothing is fetched a second time.
    "preload": False,
}


def violations(page: Page, options: dict[str, Any] = OPTIONS) -> list[str]:
    """What is wrong, a line for each element: the rule, how bad, where, and why."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("options => axe.run(options)", options)
    return [
        f"{rule['id']} ({rule['impact']}) at {_where(node['target'])}: {_why(node)}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def _where(target: Sequence[Any]) -> str:
    return " ".join(str(part) for part in target)


def _why(node: dict[str, Any]) -> str:
    said = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
    return f"{'; '.join(said)} — {node['html'][:160]}"

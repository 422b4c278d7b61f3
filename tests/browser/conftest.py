"""A browser, and what every page must hold: nothing on the console, nothing against the content security policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.browser import chromium


# Not of the session: while Playwright runs, no other test in this process could run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def person(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`person()` is somebody at a browser of their own. At the end each page must have been quiet."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def make(**options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        contexts.append(context)
        # A violation of the policy is reported on the console too; this also names what was blocked.
        context.add_init_script(
            "document.addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        page = context.new_page()
        page.on(
            "console", lambda m: troubles.append(f"{page.url}: {m.text}") if m.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: troubles.append(f"{page.url}: {error}"))
        return page

    yield make
    for context in contexts:
        context.close()
    assert troubles == []

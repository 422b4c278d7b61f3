"""A browser, and what every page must hold: nothing on the console, nothing against the content security policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.partnership import Visit
from tests.browser.people import Person, enter
from tests.browser.wizard import DESKTOP, Wizard, colleague
from tests.support.browser import chromium
from tests.support.pair import Pair
from tests.support.stack import Business, Stack


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


@pytest.fixture(scope="module")
def kazenor(stack: Stack) -> Business:
    """A business with a directory and a colleague, which sends all offers here."""
    business = stack.register("kazenor", company="Kazenor Works", name="Zoe Vogt")
    for contact in ("Amara Diallo", "Bruno Keller", "Marta Oduya"):
        business.contact(contact)
    colleague(business, "Berta Kern")
    return business


@pytest.fixture
def begin(person: Person, kazenor: Business) -> Callable[..., Wizard]:
    """`begin()` is somebody of Kazenor at a browser, at home; the wizard is theirs to open."""

    def make(business: Business | None = None, **options: Any) -> Wizard:
        who = business or kazenor
        page = person(**{**DESKTOP, **options})
        enter(page, who)
        return Wizard(page, who)

    return make


@pytest.fixture
def pair(stack: Stack) -> Pair:
    """Kazenor lends Northwind two contacts and has two more."""
    names = ("Amara Diallo", "Bruno Keller", "Cleo Sand", "Dora Lind")
    running = Pair(stack, stack.register("kazenor"), stack.register("northwind"), *names)
    running.begin("Amara Diallo", "Bruno Keller")
    return running


@pytest.fixture
def visit(pair: Pair, person: Person) -> Visit:
    """`visit(business, "contacts")` is somebody of `business`, logged in, at a page of the partnership that hears of changes."""

    def at(business: Business, rest: str = "", **options: object) -> Page:
        page = person(**options)
        enter(page, business, pair.path(rest))
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-listening]", state="attached")
        return page

    return at

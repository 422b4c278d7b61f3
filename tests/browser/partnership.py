"""A running partnership as the tests of its pages visit it, and what they point at there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.people import PASSWORD
from tests.support.stack import Business

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
Size = dict[str, int]
Visit = Callable[..., Page]


def band(page: Page | Locator, name: str) -> Locator:
    return page.locator(".band").filter(has_text=name)


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def unloaded(page: Page) -> list[str]:
    """Where the page goes from now on."""
    loads: list[str] = []
    page.on("framenavigated", lambda frame: loads.append(frame.url))
    return loads


def colleague(of: Business, name: str) -> str:
    """Somebody else of this business, with a login."""
    body = {"name": name, "email": f"{name.split()[0].lower()}@{of.tenant}.example", "role": "member", "password": PASSWORD}  # fmt: skip
    return str(of.post("/users", body, 201)["id"])

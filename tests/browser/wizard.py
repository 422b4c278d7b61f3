"""Add Customer in front of somebody, and who the tests of it play."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.stack import PASSWORD, Business

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DEVICES = pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
STEPS = ["Introduction", "Customer Details", "Assign Contacts", "Assign Partner Manager"]
MESSAGE = "Two people for your warehouse.\nFrom Monday on?"


@dataclass
class Wizard:
    """The wizard in front of somebody, by what stands on it."""

    page: Page
    business: Business

    def button(self, label: str) -> Locator:
        return self.page.get_by_role("button", name=label, exact=True)

    @property
    def next(self) -> Locator:
        return self.button("Next Step")

    @property
    def completed(self) -> Locator:
        return self.page.get_by_role("button", name=re.compile("^Completed"))

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label)

    def contact(self, label: str) -> Locator:
        return self.page.get_by_role("checkbox", name=label)

    def open(self) -> None:
        """From home, as one begins."""
        self.page.goto(self.business.stack.tenant_url(self.business.tenant))
        self.page.get_by_role("button", name="Add Customer").first.click()
        self.at("Introduction")

    def at(self, step: str) -> None:
        """One stands on this step, and everything says so."""
        number = [*STEPS, "Summary"].index(step) + 1
        expect(self.page.get_by_role("heading", level=1)).to_have_text(step)
        expect(self.page.get_by_text(f"{number}/5", exact=True)).to_be_visible()
        expect(self.page.get_by_role("progressbar")).to_have_attribute("aria-valuetext", f"Step {number} of 5")
        expect(self.page.get_by_text("Current Step", exact=True)).to_be_visible()

    def details(self, tenant: str, email: str, message: str = MESSAGE) -> None:
        self.field("Customer's Tenant Name").fill(tenant)
        self.field("Customer's Contact Email").fill(email)
        self.field("Message to Customer").fill(message)

    def filled(self, tenant: str, email: str, message: str = MESSAGE) -> None:
        expect(self.field("Customer's Tenant Name")).to_have_value(tenant)
        expect(self.field("Customer's Contact Email")).to_have_value(email)
        expect(self.field("Message to Customer")).to_have_value(message)

    def ready(self, tenant: str, email: str, *contacts: str) -> None:
        """All filled in, on the step that sends."""
        self.open()
        self.next.click()
        self.details(tenant, email)
        self.next.click()
        for contact in contacts:
            self.contact(contact).check()
        self.next.click()
        self.at("Assign Partner Manager")

    def sent(self) -> str:
        """The id of the offer whose summary one sees."""
        self.at("Summary")
        expect(self.page).to_have_title("Summary · Add Customer · Accord")
        return self.page.url.split("?")[0].split("#")[0].rsplit("/", 1)[-1]

    def offers(self) -> list[dict[str, Any]]:
        return list(self.business.get("/partnerships?limit=200")["items"])


Begin = Callable[..., Wizard]


def colleague(of: Business, who: str, role: str = "partnerships") -> Business:
    """Another user of the business, logged in."""
    email = f"{who.split()[0].lower()}-{uuid4().hex[:6]}@{of.tenant}.example"
    user = of.post("/users", {"name": who, "email": email, "role": role, "password": PASSWORD}, 201)
    session = of.post("/sessions", {"tenant": of.tenant, "email": email, "password": PASSWORD}, 201)
    return Business(of.stack, of.tenant, email, user, session["token"])

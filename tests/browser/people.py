"""What people do at a browser, step by step, for the tests of this folder."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from services.gateway.identity import COOKIE
from tests.support.stack import Business, Stack

expect.set_options(timeout=10_000)
PASSWORD = "correct horse battery"
Person = Callable[..., Page]


def home(stack: Stack) -> str:
    """The address that names no business, as a person types it."""
    return f"http://localhost:{stack.port}"


def name(of: str) -> str:
    """A tenant name nobody has yet."""
    return f"{of}-{secrets.token_hex(4)}"


def register(page: Page, url: str, *, tenant: str, company: str, person: str, email: str) -> None:
    page.goto(f"{url}/")
    page.get_by_role("link", name="Register your business").click()
    page.get_by_label("Company").fill(company)
    page.get_by_label("Tenant name").fill(tenant)
    page.get_by_label("Your name").fill(person)
    page.get_by_label("Your e-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", name="Business partners", exact=True)).to_be_visible()


def log_in(page: Page, business: Business) -> None:
    """Whoever registered `business` through the API, at its own address."""
    page.goto(f"{business.stack.tenant_url(business.tenant)}/login")
    page.get_by_label("E-mail").fill(business.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Business partners", exact=True)).to_be_visible()


def enter(page: Page, business: Business, path: str = "/") -> None:
    """The same, with the session they have: the login is looked at where it is what a test is about."""
    url = business.stack.tenant_url(business.tenant)
    page.context.add_cookies([{"name": COOKIE, "value": business.token, "url": url}])
    page.goto(url + path)


def add_contact(page: Page, contact: str, title: str = "") -> None:
    page.get_by_role("link", name="Contacts").click()
    page.get_by_role("link", name="Add contact").first.click()
    page.get_by_label("Name").fill(contact)
    page.get_by_label("E-mail").fill(f"{contact.split()[0].lower()}@people.example")
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Add contact").click()
    expect(page.get_by_role("link", name=contact)).to_be_visible()


def send_offer(page: Page, *, customer: str, email: str, message: str, contacts: list[str]) -> None:
    """Add Customer: step by step, or in the long form of a browser without scripts."""
    page.get_by_role("link", name="Home").first.click()
    page.get_by_role("button", name="Add Customer").first.click()
    step, forward = page.get_by_role("heading", level=1), page.get_by_role("button", name="Next Step")
    expect(step).to_have_text(re.compile("Introduction|Customer Details|Add Customer"))
    # Until its script runs the wizard is not seen, and called as it is without one.
    expect(step).to_be_visible()
    scripts = step.inner_text() != "Add Customer"
    if step.inner_text() == "Introduction":
        forward.click()
    page.get_by_label("Customer's Tenant Name").fill(customer)
    page.get_by_label("Customer's Contact Email").fill(email)
    page.get_by_label("Message to Customer").fill(message)
    if scripts:
        forward.click()
    for contact in contacts:
        page.get_by_role("checkbox", name=contact).check()
    if scripts:
        forward.click()
        expect(step).to_have_text("Assign Partner Manager")
        forward.click()
    else:
        page.get_by_role("button", name="Send offer").click()
    expect(step).to_have_text("Summary")
    expect(page.get_by_text("The offer has been sent to")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="Business partners", exact=True)).to_be_visible()


def tile(page: Page, company: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=company, exact=True))


def reload_until(page: Page, shown: Callable[[], bool], seconds: float = 10) -> None:
    """Load the page again until what came by message is there."""
    for _ in range(int(seconds / 0.25)):
        if shown():
            return
        page.wait_for_timeout(250)
        page.reload()
    assert shown()

"""Somebody forgot their password, logs in with another e-mail, and ends a session on another device: by pages and mails."""

from __future__ import annotations

import email
import email.policy
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Page, expect

from tests.browser.people import PASSWORD, Person, log_in
from tests.support.axe import violations
from tests.support.servers import until
from tests.support.stack import Business, Stack

NEW = "another long secret"


def mailed(stack: Stack, to: str, subject: str) -> str:
    """The address that the button of a mail leads to, once the mail has come."""

    def found() -> Any:
        for path in sorted((stack.folder / "run" / "mail").glob(f"*-{to}.eml"), reverse=True):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["Subject"] == subject:
                return message
        return None

    body = until(found, 20, f"a mail to {to}: {subject}").get_body(("plain",))
    (link,) = re.findall(r"http://\S+", body.get_content())
    return str(link)


def enter(page: Page, address: str, password: str) -> None:
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def in_order(page: Page) -> None:
    """What the list of pages cannot show, since it needs a link that works."""
    assert violations(page) == []
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(person: Person, stack: Stack) -> None:
    business: Business = stack.register("forgetful")
    page = person()
    page.goto(f"{stack.tenant_url(business.tenant)}/login")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill(business.email)
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.get_by_text("If there is such a login, a mail is on its way.")).to_be_visible()
    link = mailed(stack, business.email, "Choose a new password")
    page.goto(link)
    in_order(page)
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password has been changed. Log in with it.")).to_be_visible()
    business.ask("GET", "/me", 401)
    enter(page, business.email, NEW)
    expect(page.get_by_role("heading", name="Business partners", exact=True)).to_be_visible()
    # Asked for outside of the browser, whose console would call the refusal an error; not every resolver knows names below localhost.
    address = urlsplit(link)
    again = httpx.get(f"{stack.url}{address.path}?{address.query}", headers={"Host": address.netloc}, timeout=15)
    assert (again.status_code, "This link does not work any more" in again.text) == (410, True)
    assert mailed(stack, business.email, "Your password was changed").endswith("/password-reset")


def test_another_email_and_the_end_of_a_session_elsewhere(person: Person, stack: Stack) -> None:
    business = stack.register("moving")
    new = f"new@{business.tenant}.example"
    page, elsewhere = person(), person()
    log_in(elsewhere, business)
    log_in(page, business)
    page.goto(f"{stack.tenant_url(business.tenant)}/me")
    page.get_by_label("New e-mail").fill(new)
    page.get_by_role("textbox", name="Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.get_by_text("A mail is on its way to the new e-mail.")).to_be_visible()
    page.goto(mailed(stack, new, "Confirm your new e-mail"))
    in_order(page)
    page.get_by_role("button", name="Use this e-mail").click()
    expect(page.get_by_text(f"{new} · Admin")).to_be_visible()
    mailed(stack, business.email, "You log in with another e-mail now")
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_text("All your other sessions have ended.")).to_be_visible()
    elsewhere.goto(f"{stack.tenant_url(business.tenant)}/contacts")
    expect(elsewhere.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto(f"{stack.tenant_url(business.tenant)}/audit")
    expect(page.get_by_text("ended all other sessions of their own.")).to_be_visible()
    expect(page.get_by_text(f"logs in with {new} now")).to_be_visible()

"""What is being entered when the session ends or the page is loaded again: it stands there again, for who had entered it and for nobody else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Person, log_in
from tests.support.pair import Pair
from tests.support.stack import PASSWORD, Business, Stack

KEPT = "What you had entered is here again. It has not been saved yet."


@pytest.fixture(scope="module")
def pair(stack: Stack) -> Pair:
    running = Pair(stack, stack.register("kazenor"), stack.register("northwind"), "Amara Diallo")
    running.begin("Amara Diallo")
    return running


def at(page: Page, business: Business, path: str) -> None:
    """The person stands on a page, logged in. It hears of nothing: else it may be led to the login by itself, before what is pressed then."""
    page.add_init_script("delete window.EventSource")
    log_in(page, business)
    page.goto(business.stack.tenant_url(business.tenant) + path)


def log_in_again(page: Page, email: str) -> None:
    expect(page).to_have_url(re.compile("/login"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).not_to_have_url(re.compile("/login"))


def test_a_form_is_as_it_was_left_after_the_login_and_saves(pair: Pair, person: Person) -> None:
    page = person()
    at(page, pair.partner, "/contacts/new")
    page.get_by_label("Name").fill("Late Person")
    page.get_by_label("E-mail").fill("late@people.example")
    page.context.clear_cookies()
    page.get_by_role("button", name="Add contact").click()
    log_in_again(page, pair.partner.email)
    expect(page.get_by_text(KEPT)).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Late Person")
    page.get_by_role("button", name="Add contact").click()
    expect(page.get_by_role("link", name="Late Person")).to_be_visible()
    # Once is enough.
    page.goto(pair.stack.tenant_url(pair.partner.tenant) + "/contacts/new")
    expect(page.get_by_label("Name")).to_have_value("")
    expect(page.get_by_text(KEPT)).to_have_count(0)


def test_a_reason_in_a_dialog_is_there_when_it_is_opened_again(pair: Pair, person: Person) -> None:
    page = person()
    at(page, pair.partner, pair.path())
    page.get_by_role("button", name="End Partnership").click()
    page.get_by_label("Reason").fill("We have learned enough.")
    page.context.clear_cookies()
    page.get_by_role("dialog").get_by_role("button", name="Yes").click()
    log_in_again(page, pair.partner.email)
    page.get_by_role("button", name="End Partnership").click()
    expect(page.get_by_label("Reason")).to_have_value("We have learned enough.")
    expect(page.get_by_role("dialog").get_by_text(KEPT)).to_be_visible()
    assert pair.partner.get(pair.path())["status"] == "accepted"


def test_nobody_else_sees_it(pair: Pair, person: Person) -> None:
    body = {"name": "Berta Kern", "email": "berta@kazenor.example", "role": "admin", "password": PASSWORD}
    pair.partner.post("/users", body, 201)
    page = person()
    at(page, pair.partner, "/contacts/new")
    page.get_by_label("Name").fill("Somebody Secret")
    page.context.clear_cookies()
    page.get_by_role("button", name="Add contact").click()
    log_in_again(page, body["email"])
    expect(page.get_by_role("heading", name="Add contact")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("")
    assert page.evaluate("sessionStorage.getItem('accord.kept')") is None


def test_a_form_is_as_it_was_left_when_the_page_is_loaded_again(pair: Pair, person: Person) -> None:
    page = person()
    at(page, pair.partner, "/contacts/new")
    page.get_by_label("Name").fill("Half Written")
    page.reload()
    expect(page.get_by_text(KEPT)).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Half Written")
    # Whoever goes elsewhere has left it.
    page.get_by_role("link", name="Home").first.click()
    expect(page).not_to_have_url(re.compile("/contacts"))
    page.goto(pair.stack.tenant_url(pair.partner.tenant) + "/contacts/new")
    expect(page.get_by_label("Name")).to_have_value("")


def test_whoever_logs_out_leaves_nothing_behind(pair: Pair, person: Person) -> None:
    page = person()
    at(page, pair.partner, "/contacts/new")
    page.get_by_label("Name").fill("Half Written")
    page.get_by_role("button", name="Log out").first.click()
    expect(page).to_have_url(re.compile("/login"))
    assert page.evaluate("sessionStorage.getItem('accord.kept')") is None

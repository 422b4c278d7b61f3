"""Left in the middle and come back to by the browser's back button: what was entered stands there again, where it belongs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import Person, enter
from tests.browser.wizard import Begin, Wizard
from tests.support.pair import Pair
from tests.support.stack import Stack

KEPT = "What you had entered is here again. It has not been saved yet."


@pytest.fixture
def pair(stack: Stack) -> Pair:
    partner = stack.register("kazenor", company="Kazenor Works", name="Ada Vogt")
    customer = stack.register("northwind", company="Northwind Traders", name="Nils Berg")
    return Pair(stack, partner, customer, "Amara Diallo", "Bruno Keller", "Cleo Sand")


def away_and_back(page: Page, business: str) -> None:
    page.get_by_role("main").get_by_role("link", name=business).first.click()
    expect(page.get_by_role("heading", name=business, exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_text(KEPT)).to_be_visible()


def test_a_role_stays_with_whom_it_was_given_to(pair: Pair, person: Person) -> None:
    pair.offer()
    nils = person()
    enter(nils, pair.customer, pair.path("acceptance"))
    members, roles = nils.get_by_role("region", name="Team Member"), nils.get_by_role("region", name="Assign Role(s)")
    members.get_by_role("button", name="Bruno Keller").click()
    roles.get_by_role("group", name="Production").get_by_label("Viewer").check()
    nils.get_by_label("Comment").fill("Bruno first.")
    away_and_back(nils, "Kazenor Works")
    expect(members.get_by_role("button", name="Bruno Keller")).to_contain_text("Production: Viewer")
    expect(members.get_by_role("button", name="Amara Diallo")).to_contain_text("No role yet")
    expect(nils.get_by_label("Comment")).to_have_value("Bruno first.")
    # Whoever is chosen now is whose boxes are shown.
    for place in roles.get_by_role("checkbox").all():
        expect(place).not_to_be_checked()
    roles.get_by_role("group", name="Production").get_by_label("Operator").check()
    expect(members.get_by_role("button", name="Bruno Keller")).not_to_contain_text("Operator")


def test_a_review_is_as_it_was_left(pair: Pair, person: Person) -> None:
    pair.begin("Amara Diallo", "Bruno Keller")
    mid = pair.propose(pair.partner, add=("Cleo Sand",), release=("Bruno Keller",))
    nils = person()
    enter(nils, pair.customer, pair.path(f"modifications/{mid}/answer"))
    cleo = nils.get_by_role("group", name="Cleo Sand")
    cleo.get_by_role("radio", name="Accept").check()
    cleo.get_by_role("group", name="Production").get_by_label("Viewer").check()
    cleo.get_by_text("Add a comment").click()
    cleo.get_by_label("Comment about Cleo Sand").fill("Welcome, Cleo.")
    away_and_back(nils, "Kazenor Works")
    expect(cleo.get_by_role("radio", name="Accept")).to_be_checked()
    expect(cleo.get_by_label("Comment about Cleo Sand")).to_be_visible()
    expect(cleo.get_by_label("Comment about Cleo Sand")).to_have_value("Welcome, Cleo.")
    expect(cleo.get_by_role("group", name="Production").get_by_label("Viewer")).to_be_checked()


def test_a_reason_that_was_begun_waits_for_its_question(pair: Pair, person: Person) -> None:
    pair.begin("Amara Diallo", "Bruno Keller")
    ada = person()
    enter(ada, pair.partner, pair.path("contacts"))
    ada.on("dialog", lambda asked: asked.accept())  # the picks are not sent yet
    update, asking = ada.get_by_role("button", name="Update", exact=True), ada.get_by_role("dialog")

    def begun() -> None:
        update.click()
        expect(asking.get_by_label("Reason")).to_have_value("Bruno moves")
        expect(asking.get_by_text(KEPT)).to_be_visible()
        ada.keyboard.press("Escape")
        expect(asking).to_have_count(0)

    ada.locator(".band").filter(has_text="Bruno Keller").click()
    update.click()
    asking.get_by_label("Reason").fill("Bruno moves")
    ada.keyboard.press("Escape")
    expect(asking).to_have_count(0)
    begun()
    ada.reload()
    # It waits, however often the page is loaded before it is asked again.
    ada.get_by_role("heading", name="Assigned Contacts").click()
    ada.reload()
    begun()
    ada.get_by_role("link", name="Partnership History").click()
    expect(ada.get_by_role("heading", name="Partnership History")).to_be_visible()
    ada.go_back()
    expect(ada.get_by_text("To Be Released")).to_be_visible()
    begun()
    # Cancel takes it away.
    update.click()
    asking.get_by_role("button", name="Cancel").click()
    update.click()
    expect(asking.get_by_label("Reason")).to_have_value("")


def undelivered(wizard: Wizard, stack: Stack) -> str:
    """An offer that found nobody."""
    us, contact = wizard.business, wizard.business.contact("Greta Gold")
    id = str(us.offer(stack.register("northwind"), contact, customer_email="nobody@northwind.example")["id"])
    us.until(id, status="undeliverable")
    return id


def correct_another_and_begin(wizard: Wizard, stack: Stack) -> None:
    """An undeliverable offer is looked at, left, and a new one begun."""
    page, id = wizard.page, undelivered(wizard, stack)
    page.goto(f"{stack.tenant_url(wizard.business.tenant)}/partnerships/new?again={id}#customer-details")
    expect(page.get_by_label("Message to Customer")).to_have_value("Shall we work together?")
    page.get_by_role("link", name="Home").first.click()
    page.get_by_role("button", name="Add Customer").click()
    page.get_by_role("button", name="Next Step").click()


def test_what_was_corrected_and_left_is_not_the_beginning_of_another_offer(begin: Begin, stack: Stack) -> None:
    wizard = begin()
    page = wizard.page
    correct_another_and_begin(wizard, stack)
    expect(page.get_by_label("Message to Customer")).to_have_value("")


def test_a_draft_says_that_it_is_one_and_waits(begin: Begin, stack: Stack) -> None:
    wizard = begin()
    page = wizard.page
    wizard.open()
    wizard.next.click()
    wizard.details("northwind", "nils@northwind.example")
    page.get_by_role("link", name="Home").first.click()
    page.get_by_role("button", name="Add Customer").click()
    expect(page.get_by_text("What you had entered is here again. Nothing has been sent.")).to_be_visible()
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("What you had entered is here again.")).to_have_count(0)
    # Another offer is corrected meanwhile: the draft waits.
    wizard.filled("northwind", "nils@northwind.example")
    correct_another_and_begin(wizard, stack)
    expect(page.get_by_label("Customer's Contact Email")).to_have_value("nils@northwind.example")

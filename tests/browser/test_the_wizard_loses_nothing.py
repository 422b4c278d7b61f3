"""What goes wrong on the way through Add Customer: nothing is sent twice, and nothing that was entered is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.people import enter, name, tile
from tests.browser.wizard import DEVICES, Begin, Wizard, colleague
from tests.support.stack import PASSWORD, Business, Stack

SENTENCE = "No business with that tenant name and login e-mail."
# Sends the form as it stands, so many times at once, past the page's own guard.
SEND = """async times => {
    const form = document.querySelector('form.wizard')
    const send = () => fetch(form.action, {method: 'POST', body: new URLSearchParams(new FormData(form)), redirect: 'manual'})
    await Promise.all(Array.from({length: times}, send))
}"""


# Nothing is sent early, nothing twice


def test_a_double_click_never_sends_from_an_earlier_step_and_sends_one_offer_from_the_last(
    begin: Begin, stack: Stack
) -> None:
    north = stack.register("northwind", company="Double Traders")
    # In a small window the buttons stay where they are, so that the second press meets the next step's.
    wizard = begin(viewport={"width": 390, "height": 480})
    wizard.open()
    before = len(wizard.offers())
    wizard.next.dblclick()
    wizard.at("Customer Details")
    wizard.details(north.tenant, north.email)
    wizard.next.dblclick()
    wizard.at("Assign Contacts")
    wizard.contact("Amara Diallo").check()
    wizard.next.dblclick()
    wizard.at("Assign Partner Manager")
    posts: list[str] = []
    wizard.page.on("request", lambda r: posts.append(r.url) if r.method == "POST" and r.url.endswith("/partnerships") else None)  # fmt: skip
    wizard.next.dblclick()
    wizard.sent()
    assert len(posts) == 1
    assert len(wizard.offers()) == before + 1


def test_what_was_sent_three_times_all_the_same_is_one_offer(begin: Begin, stack: Stack) -> None:
    north = stack.register("northwind", company="Triple Traders")
    wizard = begin()
    before = len(wizard.offers())
    wizard.ready(north.tenant, north.email, "Amara Diallo")
    # Only the key in the form is left to tell that it is the same.
    wizard.page.evaluate(SEND, 3)
    assert len(wizard.offers()) == before + 1
    # The press that follows is the fourth, and shows what the first has done.
    wizard.next.click()
    wizard.sent()
    assert len(wizard.offers()) == before + 1


# Nothing is lost


def test_what_was_entered_survives_a_reload_and_the_back_button(begin: Begin) -> None:
    wizard = begin()
    page = wizard.page
    wizard.ready("northwind", "nils@northwind.example", "Amara Diallo", "Bruno Keller")
    wizard.contact("Berta Kern").check()
    page.reload()
    wizard.at("Assign Partner Manager")
    expect(wizard.contact("Berta Kern")).to_be_checked()
    expect(wizard.completed).to_have_text(re.compile(r"Completed\s*3"))
    page.go_back()
    wizard.at("Assign Contacts")
    expect(wizard.contact("Bruno Keller")).to_be_checked()
    expect(wizard.contact("Marta Oduya")).not_to_be_checked()
    page.go_back()
    wizard.at("Customer Details")
    wizard.filled("northwind", "nils@northwind.example")
    page.go_forward()
    wizard.at("Assign Contacts")
    # Also somebody who looks something up elsewhere finds it as it was.
    page.get_by_role("link", name="Contacts").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Contacts")
    page.go_back()
    wizard.at("Assign Contacts")
    expect(wizard.contact("Amara Diallo")).to_be_checked()
    wizard.open()
    wizard.next.click()
    wizard.filled("northwind", "nils@northwind.example")


def test_the_address_of_a_later_step_leads_no_further_than_one_has_come(begin: Begin) -> None:
    wizard = begin()
    wizard.page.goto(f"{wizard.page.url}partnerships/new#assign-partner-manager")
    wizard.at("Customer Details")


def test_a_partnership_that_is_there_already_is_said_where_the_customer_is_entered(begin: Begin, stack: Stack) -> None:
    north = stack.register("northwind", company="Known Traders")
    wizard = begin()
    wizard.ready(north.tenant, north.email, "Amara Diallo")
    wizard.next.click()
    there = wizard.sent()
    wizard.open()
    wizard.next.click()
    wizard.details(north.tenant, north.email)
    expect(
        wizard.page.get_by_text("There is already a live partnership or open offer with this business.")
    ).to_be_visible()
    expect(wizard.page.get_by_role("link", name=f"View the partnership with {north.tenant}")).to_have_attribute(
        "href", f"/partnerships/{there}"
    )
    expect(wizard.next).to_be_disabled()
    # Another customer is welcome, and this one is remembered.
    wizard.field("Customer's Tenant Name").fill("somebody-else")
    wizard.page.keyboard.press("Tab")
    expect(wizard.field("Customer's Contact Email")).to_be_focused()
    expect(wizard.page.get_by_text("There is already a live partnership")).to_have_count(0)
    expect(wizard.next).to_be_enabled()
    wizard.field("Customer's Tenant Name").fill(north.tenant)
    wizard.field("Customer's Contact Email").focus()
    expect(wizard.page.get_by_role("link", name=f"View the partnership with {north.tenant}")).to_be_visible()
    expect(wizard.next).to_be_disabled()
    # Also what comes back after a reload is looked at.
    wizard.page.reload()
    expect(wizard.page.get_by_text("There is already a live partnership")).to_be_visible()
    expect(wizard.page.get_by_role("link", name=f"View the partnership with {north.tenant}")).to_have_count(1)
    expect(wizard.next).to_be_disabled()


def test_a_partnership_that_has_come_meanwhile_leads_a_kept_offer_back_to_the_customer(
    begin: Begin, stack: Stack
) -> None:
    north = stack.register("northwind", company="Meanwhile Traders")
    wizard = begin()
    wizard.ready(north.tenant, north.email, "Amara Diallo")
    wizard.business.offer(north, wizard.business.contact("Somebody Else"))
    wizard.page.reload()
    wizard.at("Customer Details")
    expect(wizard.page.get_by_text("There is already a live partnership")).to_be_visible()
    expect(wizard.next).to_be_disabled()


def test_what_one_person_entered_is_not_shown_to_another(begin: Begin, kazenor: Business) -> None:
    wizard = begin()
    wizard.open()
    wizard.next.click()
    wizard.details("northwind", "nils@northwind.example")
    # An open page goes to the login by itself when its session is gone; nobody is at two places at once.
    wizard.page.goto("about:blank")
    wizard.page.context.clear_cookies()
    enter(wizard.page, colleague(kazenor, "Ines Roth"))
    wizard.open()
    wizard.next.click()
    wizard.filled("", "", "")


@pytest.mark.parametrize("correcting", [False, True], ids=["first", "again"])
def test_whoever_is_logged_out_meanwhile_finds_everything_after_the_login(
    correcting: bool, begin: Begin, stack: Stack, kazenor: Business
) -> None:
    north = stack.register("northwind", company="Returned Traders")
    wizard = begin(berta := colleague(kazenor, "Ines Roth"))
    page = wizard.page
    before = len(wizard.offers())
    if correcting:
        lost = undelivered(wizard)
        page.goto(f"{kazenor.stack.tenant_url(kazenor.tenant)}/partnerships/new?again={lost}")
        wizard.details(north.tenant, north.email)
        wizard.next.click()
        wizard.contact("Amara Diallo").check()
        wizard.next.click()
    else:
        wizard.ready(north.tenant, north.email, "Amara Diallo")
    page.context.clear_cookies()
    wizard.next.click()
    page.get_by_label("E-mail").fill(berta.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile("/partnerships/new"))
    # Where they were, although the login does not know the step.
    wizard.at("Assign Partner Manager")
    wizard.completed.click()
    page.get_by_role("menuitem", name="Customer Details").click()
    wizard.filled(north.tenant, north.email)
    wizard.next.click()
    expect(wizard.contact("Amara Diallo")).to_be_checked()
    wizard.next.click()
    wizard.next.click()
    wizard.sent()
    # The one that was corrected has left the home.
    assert len(wizard.offers()) == before + 1


def undelivered(wizard: Wizard) -> str:
    """The id of an offer that found nobody."""
    contact = wizard.business.get("/contacts?q=Marta")["items"][0]["id"]
    id = wizard.business.offer(
        wizard.business, contact, customer_tenant=name("nobody"), customer_email="x@nobody.example"
    )["id"]
    wizard.business.until(id, status="undeliverable")
    return str(id)


def test_cancel_asks_only_when_something_was_entered(begin: Begin) -> None:
    wizard = begin()
    page, home = wizard.page, wizard.page.get_by_role("heading", name="Business partners", exact=True)
    wizard.open()
    wizard.next.click()
    wizard.button("Cancel").click()
    expect(home).to_be_visible()
    wizard.open()
    wizard.next.click()
    wizard.field("Message to Customer").fill("Shall we?")
    wizard.button("Cancel").click()
    question = page.get_by_role("dialog", name="Cancel the wizard?")
    expect(question.get_by_role("button", name="No")).to_be_focused()
    question.get_by_role("button", name="No").click()
    expect(question).to_have_count(0)
    expect(wizard.button("Cancel")).to_be_focused()
    expect(wizard.field("Message to Customer")).to_have_value("Shall we?")
    wizard.button("Cancel").click()
    page.keyboard.press("Escape")
    wizard.at("Customer Details")
    wizard.button("Cancel").click()
    question.get_by_role("button", name="Yes").click()
    expect(home).to_be_visible()
    wizard.open()
    wizard.next.click()
    wizard.filled("", "", "")


# What comes back


@DEVICES
def test_an_offer_that_finds_nobody_leads_back_to_the_details_with_everything_filled_in(
    device: dict[str, Any], begin: Begin, stack: Stack
) -> None:
    north = stack.register("northwind", company="Found Traders")
    wizard, nobody = begin(**device), name("nobody")
    page = wizard.page
    wizard.ready(nobody, north.email, "Amara Diallo", "Bruno Keller")
    wizard.contact("Berta Kern").check()
    wizard.next.click()
    wizard.at("Customer Details")
    expect(page).to_have_url(re.compile(r"\?again=[0-9a-f-]+#customer-details$"))
    wizard.filled(nobody, north.email)
    expect(page.get_by_role("alert").get_by_text(SENTENCE)).to_have_count(2)
    for label in ("Customer's Tenant Name", "Customer's Contact Email"):
        expect(wizard.field(label)).to_have_accessible_description(re.compile(re.escape(SENTENCE)))
    expect(wizard.field("Customer's Tenant Name")).to_be_focused()
    # The summary leads to the fields, and not away from the step.
    page.get_by_role("alert").get_by_role("link", name="Customer's Contact Email").click()
    expect(wizard.field("Customer's Contact Email")).to_be_focused()
    wizard.at("Customer Details")

    wizard.field("Customer's Tenant Name").fill(north.tenant)
    wizard.next.click()
    expect(wizard.contact("Bruno Keller")).to_be_checked()
    page.reload()
    wizard.at("Assign Contacts")
    wizard.button("Previous Step").click()
    expect(page.get_by_text(SENTENCE)).to_have_count(0)  # it was about what stood there before
    wizard.filled(north.tenant, north.email)
    wizard.next.click()
    wizard.next.click()
    expect(wizard.contact("Berta Kern")).to_be_checked()
    wizard.next.click()
    wizard.sent()
    wizard.button("Close").click()
    expect(tile(page, north.tenant)).to_contain_text("Open")
    expect(tile(page, nobody)).to_have_count(0)


def test_without_scripts_the_summary_says_what_was_not_delivered_and_leads_back(begin: Begin) -> None:
    wizard = begin(java_script_enabled=False)
    page = wizard.page
    id = undelivered(wizard)
    page.goto(f"{wizard.page.url}partnerships/new/summary/{id}")
    expect(page.get_by_text(SENTENCE)).to_be_visible()
    page.get_by_role("button", name="Back to Customer Details").click()
    expect(wizard.contact("Marta Oduya")).to_be_checked()
    expect(wizard.field("Message to Customer")).to_have_value("Shall we work together?")


def test_an_offer_to_somebody_one_works_with_names_what_is_in_the_way(begin: Begin, stack: Stack) -> None:
    north = stack.register("northwind", company="Present Traders")
    wizard = begin()
    page = wizard.page
    contact = wizard.business.get("/contacts?q=Marta")["items"][0]["id"]
    wizard.ready(north.tenant, north.email, "Amara Diallo")
    # A colleague was faster.
    id = wizard.business.offer(north, contact)["id"]
    north.until(id, status="open")
    wizard.next.click()
    wizard.at("Customer Details")
    expect(wizard.field("Customer's Tenant Name")).to_be_focused()
    expect(wizard.field("Customer's Tenant Name")).to_have_accessible_description(re.compile("already"))
    wizard.filled(north.tenant, north.email)
    way = page.get_by_role("link", name=re.compile("View the partnership with Present Traders|" + north.tenant))
    expect(way.first).to_have_attribute("href", f"/partnerships/{id}")
    # It can be loaded again as any other page.
    page.reload()
    wizard.at("Customer Details")
    wizard.filled(north.tenant, north.email)
    expect(way.first).to_have_attribute("href", f"/partnerships/{id}")
    wizard.field("Customer's Tenant Name").fill("somebody-else")
    wizard.next.click()
    expect(wizard.contact("Amara Diallo")).to_be_checked()


def test_a_refusal_that_is_about_no_field_comes_back_to_the_step_that_sends(begin: Begin, stack: Stack) -> None:
    north = stack.register("northwind", company="Patient Traders")
    wizard = begin()
    page = wizard.page
    wizard.ready(north.tenant, north.email, "Amara Diallo")
    wizard.contact("Berta Kern").check()
    # It was sent, but the answer got lost on its way; so the message is changed and sent again.
    page.evaluate(SEND, 1)
    before = len(wizard.offers())
    wizard.completed.click()
    page.get_by_role("menuitem", name="Customer Details").click()
    wizard.details(north.tenant, north.email, "Please?")
    wizard.next.click()
    wizard.next.click()
    wizard.next.click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("This form was sent already")
    expect(alert).to_be_focused()
    wizard.at("Assign Partner Manager")
    expect(wizard.contact("Berta Kern")).to_be_checked()
    # Loaded again it is known why: the offer is there.
    page.reload()
    wizard.at("Customer Details")
    wizard.filled(north.tenant, north.email, "Please?")
    expect(wizard.next).to_be_disabled()
    wizard.field("Customer's Tenant Name").fill("somebody-else")
    wizard.next.click()
    expect(wizard.contact("Amara Diallo")).to_be_checked()
    assert len(wizard.offers()) == before

"""Add Customer as a person does it: step by step, with the mouse, the keyboard, a phone and without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import tile
from tests.browser.wizard import DESKTOP, DEVICES, MESSAGE, PHONE, STEPS, Begin, Wizard, colleague
from tests.support.axe import violations
from tests.support.stack import Business, Stack

# The way through


@DEVICES
def test_five_steps_lead_to_an_offer_that_stands_open_on_home(
    device: dict[str, Any], begin: Begin, stack: Stack
) -> None:
    north = stack.register("northwind", company="Northwind Traders", name="Nils Berg")
    wizard = begin(**device)
    page = wizard.page
    wizard.open()
    expect(wizard.button("Previous Step")).to_be_hidden()
    expect(wizard.button("Cancel")).to_be_visible()
    flow = page.get_by_role("list").filter(has_text="Your offer is on its way")
    expect(flow.get_by_role("listitem")).to_have_count(5)
    expect(wizard.completed).to_have_text(re.compile(r"Completed\s*0"))
    wizard.completed.click()
    expect(page.get_by_text("Nothing completed yet")).to_be_visible()
    page.keyboard.press("Escape")

    wizard.next.click()
    wizard.at("Customer Details")
    expect(page).to_have_url(re.compile("#customer-details$"))
    expect(wizard.next).to_be_disabled()
    expect(wizard.completed).to_have_text(re.compile(r"Completed\s*1"))
    wizard.details(north.tenant, north.email)
    wizard.next.click()
    wizard.at("Assign Contacts")
    expect(wizard.next).to_be_disabled()
    wizard.contact("Amara Diallo").check()
    wizard.next.click()
    wizard.at("Assign Partner Manager")
    expect(page.get_by_text(f"Next Step sends the offer to {north.tenant}.")).to_be_visible()
    expect(wizard.completed).to_have_text(re.compile(r"Completed\s*3"))

    # Back to a completed step and forward again: nothing is lost.
    wizard.completed.click()
    expect(page.get_by_role("menuitem")).to_have_text(STEPS[:3])
    page.get_by_role("menuitem", name="Customer Details").click()
    wizard.at("Customer Details")
    wizard.filled(north.tenant, north.email)
    wizard.completed.click()
    page.get_by_role("menuitem", name="Assign Contacts").click()
    expect(wizard.contact("Amara Diallo")).to_be_checked()
    wizard.button("Previous Step").click()
    wizard.at("Customer Details")
    wizard.next.click()
    wizard.next.click()
    wizard.at("Assign Partner Manager")
    wizard.contact("Berta Kern").check()
    wizard.next.click()

    id = wizard.sent()
    expect(page.get_by_text("The offer has been sent to")).to_be_visible()
    main = page.get_by_role("main")
    for told in (north.email, "Amara Diallo", "Zoe Vogt", "Berta Kern", "Two people for your warehouse."):
        expect(main).to_contain_text(told)
    wizard.completed.click()
    expect(page.get_by_role("menuitem")).to_have_count(4)
    for item in page.get_by_role("menuitem").all():
        expect(item).to_be_disabled()
    page.keyboard.press("Escape")
    expect(main.get_by_role("listitem").filter(has_text="Delivered")).to_have_text("Delivered")  # and not “(not yet)”
    north.ask("PUT", f"/partnerships/{id}/seen", 204)
    expect(main.get_by_role("listitem").filter(has_text="Seen")).to_have_text("Seen")
    wizard.button("Close").click()
    expect(tile(page, north.tenant)).to_contain_text("Open")

    there = north.until(id, status="open")
    assert (there["message"], there["offered_count"]) == (MESSAGE, 1)
    team = wizard.business.get(f"/partnerships/{id}/managers")["items"]
    assert {m["name"] for m in team} == {"Zoe Vogt", "Berta Kern"}


def test_the_whole_way_by_keyboard_alone(begin: Begin, stack: Stack) -> None:
    north = stack.register("northwind", company="Keyboard Traders")
    wizard = begin()
    page, press = wizard.page, wizard.page.keyboard.press

    def to(target: Locator) -> None:
        for _ in range(40):
            if target.evaluate("e => e === document.activeElement"):
                return
            press("Tab")
        raise AssertionError(f"the Tab key does not reach {target}")

    to(page.get_by_role("button", name="Add Customer").first)
    press("Enter")
    wizard.at("Introduction")
    to(wizard.next)
    press("Enter")
    # Each step begins at its title, so that one hears where one is.
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_role("heading", level=1)).to_have_accessible_description("2/5")
    to(wizard.field("Customer's Tenant Name"))
    page.keyboard.type(north.tenant)
    press("Enter")
    # It says what is missing and goes there.
    expect(page.get_by_text("Enter the customer’s login e-mail.")).to_be_visible()
    expect(wizard.field("Customer's Contact Email")).to_be_focused()
    wizard.at("Customer Details")
    press("Tab")
    page.keyboard.type("Shall we?")
    press("Enter")
    page.keyboard.type("Or not?")
    wizard.at("Customer Details")  # a line break in a message is one
    press("Shift+Tab")
    page.keyboard.type(north.email)
    press("Enter")
    wizard.at("Assign Contacts")
    to(wizard.field("Search"))
    page.keyboard.type("mart")
    press("Enter")
    press("Tab")
    if not wizard.contact("Marta Oduya").evaluate("e => e === document.activeElement"):
        to(wizard.contact("Marta Oduya"))
    press("Enter")
    wizard.at("Assign Contacts")
    expect(wizard.contact("Marta Oduya")).not_to_be_checked()
    press("Space")
    expect(wizard.contact("Marta Oduya")).to_be_checked()
    to(wizard.next)
    press("Enter")
    wizard.at("Assign Partner Manager")
    to(wizard.contact("Berta Kern"))
    press("Space")
    press("Enter")
    wizard.at("Assign Partner Manager")
    to(wizard.completed)
    press("Enter")
    expect(page.get_by_role("menuitem", name="Introduction")).to_be_focused()
    press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Customer Details")).to_be_focused()
    press("Enter")
    wizard.filled(north.tenant, north.email, "Shall we?\nOr not?")
    for step in ("Assign Contacts", "Assign Partner Manager", "Summary"):
        to(wizard.next)
        press("Enter")
        wizard.at(step)
    to(wizard.button("Close"))
    press("Enter")
    expect(tile(page, north.tenant)).to_contain_text("Open")


@DEVICES
def test_the_form_also_sends_without_scripts(device: dict[str, Any], begin: Begin, stack: Stack) -> None:
    north = stack.register("northwind", company="Plain Traders")
    wizard = begin(**device, java_script_enabled=False)
    page = wizard.page
    page.get_by_role("button", name="Add Customer").first.click()
    wizard.details(f"https://{north.tenant}.accord.example/", "nobody", "Shall we?")
    wizard.contact("Bruno Keller").check()
    page.get_by_role("button", name="Send offer").click()
    expect(page.get_by_text("Enter an e-mail address like name@example.com.").last).to_be_visible()
    wizard.filled(north.tenant, "nobody", "Shall we?")
    expect(wizard.contact("Bruno Keller")).to_be_checked()
    wizard.field("Customer's Contact Email").fill(north.email)
    page.get_by_role("button", name="Send offer").click()
    expect(page.get_by_role("heading", name="The offer has been sent to")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(tile(page, north.tenant)).to_contain_text("Open")


# The frame


def test_the_information_area_collapses_and_stays_so(begin: Begin) -> None:
    wizard = begin()
    wizard.open()
    area, text = wizard.button("Information"), wizard.page.get_by_text("You offer another business to work together")
    expect(text).to_be_visible()
    expect(area).to_have_attribute("aria-expanded", "true")
    area.click()
    expect(text).to_be_hidden()
    expect(area).to_have_attribute("aria-expanded", "false")
    wizard.page.reload()
    wizard.at("Introduction")
    expect(text).to_be_hidden()
    area.click()
    wizard.next.click()
    expect(text).to_be_hidden()
    expect(wizard.page.get_by_text("is part of the customer’s address")).to_be_visible()


def fits_on_every_phone(page: Page) -> None:
    for width in (320, 340, 350, 354, 360, 375, 384, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_on_a_phone_the_information_is_closed_and_the_buttons_stay_in_reach(begin: Begin) -> None:
    wizard = begin(**PHONE)
    page = wizard.page
    wizard.open()
    text = page.get_by_text("You offer another business to work together")
    expect(text).to_be_hidden()
    wizard.button("Information").click()
    expect(text).to_be_visible()
    wizard.next.click()
    for step in STEPS[1:]:
        wizard.at(step)
        nav = page.get_by_role("navigation", name="Main").bounding_box()
        button = wizard.next.bounding_box()
        assert nav is not None
        assert button is not None
        assert button["y"] >= 0
        assert button["y"] + button["height"] <= nav["y"]
        fits_on_every_phone(page)
        if step == "Customer Details":
            wizard.details("northwind", "nils@northwind.example")
            wizard.next.click()
        elif step == "Assign Contacts":
            for box in page.get_by_role("group", name="Assign Contacts").get_by_role("checkbox").all():
                box.check()
            fits_on_every_phone(page)
            wizard.next.click()


def test_a_long_name_among_the_chosen_is_shortened_before_its_cross(begin: Begin, stack: Stack) -> None:
    ours = stack.register("manor")
    long = "Bartholomew Featherstonehaugh-Cholmondeley-Worthington"
    for name in (long, "Mia Berg"):
        ours.contact(name)
    wizard = begin(ours, **PHONE)
    page = wizard.page
    wizard.open()
    wizard.next.click()
    wizard.details("northwind", "nils@northwind.example")
    wizard.next.click()
    group = page.get_by_role("group", name="Assign Contacts")
    for box in group.get_by_role("checkbox").all():
        box.check()
    for width in (320, 360, 390):
        page.set_viewport_size({"width": width, "height": 844})
        outside, chip = group.bounding_box(), page.get_by_role("button", name=f"Remove {long}").bounding_box()
        assert outside is not None
        assert chip is not None
        assert chip["x"] >= outside["x"]
        assert chip["x"] + chip["width"] <= outside["x"] + outside["width"]


def test_without_the_introduction_a_phone_shows_where_one_is(begin: Begin, stack: Stack) -> None:
    somebody = stack.register("skipper", company="Skipper Traders")
    somebody.ask("PATCH", "/me", body={"preferences": {"show_wizard_introduction": False}})
    wizard = begin(somebody, **PHONE)
    wizard.button("Add Customer").first.click()
    wizard.at("Customer Details")
    wizard.page.wait_for_load_state("load")
    # The browser goes to what the address names in its own time.
    wizard.page.evaluate(
        "() => new Promise(done => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
    )
    assert wizard.page.evaluate("scrollY") == 0
    expect(wizard.page.get_by_text("Current Step", exact=True)).to_be_in_viewport(ratio=1)


def test_the_introduction_can_be_switched_off_for_oneself(begin: Begin, kazenor: Business) -> None:
    wizard = begin(colleague(kazenor, "Ines Roth"))
    page, switch = wizard.page, wizard.page.get_by_role("switch", name="Show every time you use this wizard")
    wizard.open()
    expect(switch).to_be_checked()
    with page.expect_response("**/partnerships/new/introduction"):
        switch.click()
    page.goto(kazenor.stack.tenant_url(kazenor.tenant))
    page.get_by_role("button", name="Add Customer").first.click()
    wizard.at("Customer Details")
    wizard.completed.click()
    page.get_by_role("menuitem", name="Introduction").click()
    wizard.at("Introduction")
    expect(switch).not_to_be_checked()
    with page.expect_response("**/partnerships/new/introduction"):
        switch.click()
    wizard.open()
    # It is everybody's own.
    other = begin()
    other.open()


def test_a_switch_that_cannot_be_kept_goes_back(begin: Begin, kazenor: Business) -> None:
    wizard = begin(colleague(kazenor, "Ines Roth"))
    # A page that hears of a change would ask for itself again, and be led to the login.
    wizard.page.add_init_script("delete window.EventSource")
    wizard.open()
    # As it is when the session has ended meanwhile: led to the login.
    wizard.page.context.clear_cookies()
    switch = wizard.page.get_by_role("switch")
    switch.click()
    expect(wizard.page.get_by_text("This could not be saved. Try again.")).to_have_count(1)
    expect(switch).to_be_checked()


# Customer Details


def test_a_pasted_address_becomes_the_tenant_name(begin: Begin) -> None:
    wizard = begin()
    wizard.open()
    wizard.next.click()
    tenant = wizard.field("Customer's Tenant Name")
    tenant.fill("https://Northwind.accord.example:8443/contacts?q=1")
    tenant.press("Tab")
    expect(tenant).to_have_value("northwind")


def test_what_is_missing_is_said_when_one_leaves_a_field_and_not_while_typing(begin: Begin) -> None:
    wizard = begin()
    page = wizard.page
    wizard.open()
    wizard.next.click()
    tenant, email = wizard.field("Customer's Tenant Name"), wizard.field("Customer's Contact Email")
    missing = page.get_by_text("Enter the customer’s tenant name.")
    tenant.focus()
    expect(missing).to_have_count(0)
    tenant.press("Tab")
    expect(missing).to_be_visible()
    expect(tenant).to_have_accessible_description(re.compile("Enter the customer’s tenant name"))
    expect(tenant).to_have_attribute("aria-invalid", "true")
    tenant.fill("northwind")
    expect(missing).to_have_count(0)
    expect(tenant).not_to_have_attribute("aria-invalid", "true")

    tenant.fill(wizard.business.tenant)
    own = page.get_by_text("This is your own business. Name the one you want to work with.")
    expect(own).to_have_count(0)
    email.click()
    expect(own).to_be_visible()
    email.press_sequentially("nils@nort")
    expect(page.get_by_text("Enter an e-mail address")).to_have_count(0)
    # A disabled button takes no press; whoever tries is told why.
    expect(wizard.next).to_be_disabled()
    wizard.next.click(force=True)
    expect(page.get_by_text("Enter an e-mail address like name@example.com.")).to_be_visible()
    for wrong in ("Nord wind", "1north", "north-", "n", "xn--north"):
        tenant.fill(wrong)
        tenant.press("Tab")
        expect(page.get_by_text("A tenant name has 2 to 63")).to_be_visible()
    tenant.fill("northwind")
    email.fill("nils@northwind.example")
    wizard.field("Message to Customer").fill("Shall we?")
    expect(wizard.next).to_be_enabled()
    expect(page.get_by_text(re.compile("^Enter |This is your own"))).to_have_count(0)


def test_a_message_that_appears_does_not_move_the_button_that_is_being_pressed(begin: Begin) -> None:
    wizard = begin()
    wizard.open()
    wizard.next.click()
    wizard.field("Customer's Tenant Name").focus()
    wizard.button("Previous Step").click()
    wizard.at("Introduction")
    wizard.next.click()
    wizard.field("Customer's Tenant Name").focus()
    wizard.button("Cancel").click()
    expect(wizard.page.get_by_role("heading", name="Business partners", exact=True)).to_be_visible()


def test_the_message_counts_what_is_left_and_cuts_nothing_off(begin: Begin) -> None:
    wizard = begin()
    page = wizard.page
    wizard.open()
    wizard.next.click()
    wizard.details("northwind", "nils@northwind.example", "x" * 499)
    expect(page.get_by_text("1 of 500 characters left", exact=True)).to_be_visible()
    wizard.details("northwind", "nils@northwind.example", "🙂" * 500)
    expect(page.get_by_text("0 of 500 characters left", exact=True).first).to_be_visible()
    expect(wizard.next).to_be_enabled()
    wizard.field("Message to Customer").press_sequentially("xy")
    expect(page.get_by_text("2 characters too many", exact=True).first).to_be_visible()
    expect(wizard.next).to_be_disabled()
    wizard.field("Message to Customer").press("Tab")
    expect(page.get_by_text("Use at most 500 characters.")).to_be_visible()


# People


@DEVICES
def test_contacts_are_searched_chosen_and_taken_back(device: dict[str, Any], begin: Begin) -> None:
    wizard = begin(**device)
    page = wizard.page
    wizard.open()
    wizard.next.click()
    wizard.details("northwind", "nils@northwind.example")
    wizard.next.click()
    group = page.get_by_role("group", name="Assign Contacts")
    expect(wizard.contact("Marta Oduya")).to_be_visible()
    expect(group.get_by_text("Nobody chosen yet")).to_be_visible()
    plain = band(wizard, "Bruno Keller").evaluate("e => getComputedStyle(e).backgroundColor")
    # Case and accents are no matter.
    wizard.field("Search").fill("DIÁLL")
    expect(group.get_by_role("checkbox")).to_have_count(1)
    wizard.contact("Amara Diallo").check()
    wizard.field("Search").fill("nobody of that name")
    expect(group.get_by_role("checkbox")).to_have_count(0)
    expect(page.get_by_text("Nobody is called that.")).to_be_visible()
    wizard.field("Search").fill("")
    band(wizard, "Bruno Keller").click()
    expect(wizard.contact("Bruno Keller")).to_be_checked()
    expect(group.get_by_text("2 chosen")).to_be_visible()
    expect(band(wizard, "Bruno Keller")).not_to_have_css("background-color", plain)
    names = page.get_by_role("list", name="Chosen")
    expect(names.get_by_role("listitem")).to_have_count(2)
    names.get_by_role("button", name="Remove Amara Diallo").click()
    expect(wizard.contact("Amara Diallo")).not_to_be_checked()
    expect(names.get_by_role("button", name="Remove Bruno Keller")).to_be_focused()
    expect(wizard.next).to_be_enabled()
    names.get_by_role("button", name="Remove Bruno Keller").press("Enter")
    expect(wizard.contact("Bruno Keller")).to_be_focused()
    expect(group.get_by_text("Nobody chosen yet")).to_be_visible()
    expect(wizard.next).to_be_disabled()


def band(wizard: Wizard, who: str) -> Locator:
    return wizard.page.get_by_role("listitem").filter(has=wizard.contact(who)).locator("label")


def test_whoever_sends_stands_first_among_the_managers_and_cannot_be_taken_out(begin: Begin) -> None:
    wizard = begin()
    wizard.ready("northwind", "nils@northwind.example", "Amara Diallo")
    boxes = wizard.page.get_by_role("group", name="Assign Partner Manager").get_by_role("checkbox")
    expect(boxes.first).to_have_accessible_name(re.compile("Zoe Vogt.*You, always part of the team"))
    expect(boxes.first).to_be_checked()
    expect(boxes.first).to_be_disabled()
    group = wizard.page.get_by_role("group", name="Assign Partner Manager")
    expect(group.get_by_text("1 chosen")).to_be_visible()
    wizard.field("Search").fill("berta")
    expect(boxes).to_have_count(1)
    band(wizard, "Berta Kern").click()
    expect(group.get_by_text("2 chosen")).to_be_visible()
    expect(wizard.page.get_by_role("button", name="Remove Zoe Vogt")).to_have_count(0)


def test_a_directory_without_anybody_leads_to_where_one_adds_people_and_notices_them(
    begin: Begin, stack: Stack
) -> None:
    # A business in its first minute: not even its admin can be seen as somebody to lend, until a contact is there.
    wizard = begin(stack.register("beginner", company="Beginner"))
    page = wizard.page
    wizard.open()
    wizard.next.click()
    wizard.details("northwind", "nils@northwind.example")
    wizard.next.click()
    wizard.at("Assign Contacts")
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Add a contact").click()
    other = opened.value
    other.get_by_label("Name", exact=True).fill("Amara Diallo")
    other.get_by_label("E-mail").fill("amara@beginner.example")
    other.get_by_role("button", name="Add contact").click()
    expect(other.get_by_role("link", name="Amara Diallo")).to_be_visible()
    other.close()
    wizard.contact("Amara Diallo").check()
    group = page.get_by_role("group", name="Assign Contacts")
    expect(group.get_by_text("1 chosen")).to_be_visible()
    wizard.field("Search").fill("amara")
    expect(group.get_by_role("checkbox")).to_have_count(1)
    # Whoever comes later does not change what is chosen.
    wizard.business.contact("Amara Second")
    expect(group.get_by_role("checkbox")).to_have_count(2)
    expect(wizard.contact("Amara Diallo")).to_be_checked()
    expect(wizard.contact("Amara Second")).not_to_be_checked()
    expect(wizard.field("Search")).to_be_focused()
    wizard.next.click()
    wizard.at("Assign Partner Manager")


# For everybody


@pytest.mark.parametrize(
    ("device", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")], ids=["desktop-light", "phone-dark"]
)
def test_each_step_is_for_everybody(device: dict[str, Any], scheme: str, begin: Begin, stack: Stack) -> None:
    north = stack.register("northwind", company="Every Traders")
    wizard = begin(**device, color_scheme=scheme)
    page = wizard.page
    wizard.open()
    found = violations(page)
    wizard.completed.click()
    found += violations(page)
    page.keyboard.press("Escape")
    wizard.next.click()
    wizard.field("Customer's Tenant Name").focus()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_text("Write a message to the customer.")).to_be_visible()
    found += violations(page)
    wizard.details(north.tenant, north.email)
    wizard.next.click()
    wizard.contact("Amara Diallo").check()
    found += violations(page)
    wizard.next.click()
    wizard.completed.click()
    found += violations(page)
    page.keyboard.press("Escape")
    wizard.button("Cancel").click()
    found += violations(page)
    page.get_by_role("dialog").get_by_role("button", name="No").click()
    wizard.next.click()
    wizard.sent()
    found += violations(page)
    assert found == []


def test_a_member_is_told_who_sends_offers(begin: Begin, kazenor: Business, stack: Stack) -> None:
    wizard = begin(colleague(kazenor, "Mia Berg", "member"), java_script_enabled=False)
    expect(wizard.page.get_by_role("heading", level=1)).to_be_visible()
    expect(wizard.page.get_by_role("button", name="Add Customer")).to_have_count(0)

"""Add Customer as a person does it: step by step, with the mouse, the keyboard, a phone and without scripts; and what goes wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Person, enter, name, tile
from tests.support.axe import violations
from tests.support.stack import PASSWORD, Business, Stack

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DEVICES = pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
STEPS = ["Introduction", "Customer Details", "Assign Contacts", "Assign Partner Manager"]
SENTENCE = "No business with that tenant name and login e-mail."
MESSAGE = "Two people for your warehouse.\nFrom Monday on?"
# Sends the form as it stands, so many times at once, past the page's own guard.
SEND = """async times => {
    const form = document.querySelector('form.wizard')
    const send = () => fetch(form.action, {method: 'POST', body: new URLSearchParams(new FormData(form)), redirect: 'manual'})
    await Promise.all(Array.from({length: times}, send))
}"""


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
        return self.page.url.split("?")[0].split("#")[0].rsplit("/", 1)[-1]

    def offers(self) -> list[dict[str, Any]]:
        return list(self.business.get("/partnerships?limit=200")["items"])


@pytest.fixture(scope="module")
def kazenor(stack: Stack) -> Business:
    """A business with a directory and a colleague, which sends all offers here."""
    business = stack.register("kazenor", company="Kazenor Works", name="Zoe Vogt")
    for contact in ("Amara Diallo", "Bruno Keller", "Marta Oduya"):
        business.contact(contact)
    colleague(business, "Berta Kern")
    return business


def colleague(of: Business, who: str, role: str = "partnerships") -> Business:
    """Another user of the business, logged in."""
    email = f"{who.split()[0].lower()}-{uuid4().hex[:6]}@{of.tenant}.example"
    user = of.post("/users", {"name": who, "email": email, "role": role, "password": PASSWORD}, 201)
    session = of.post("/sessions", {"tenant": of.tenant, "email": email, "password": PASSWORD}, 201)
    return Business(of.stack, of.tenant, email, user, session["token"])


@pytest.fixture
def begin(person: Person, kazenor: Business) -> Callable[..., Wizard]:
    """`begin()` is somebody of Kazenor at a browser, at home; the wizard is theirs to open."""

    def make(business: Business | None = None, **options: Any) -> Wizard:
        who = business or kazenor
        page = person(**{**DESKTOP, **options})
        enter(page, who)
        return Wizard(page, who)

    return make


Begin = Callable[..., Wizard]


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
    expect(wizard.page.get_by_text("stands in the customer’s address")).to_be_visible()


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
        assert page.evaluate("document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth")
        if step == "Customer Details":
            wizard.details("northwind", "nils@northwind.example")
            wizard.next.click()
        elif step == "Assign Contacts":
            # More names than the row above the list can hold: it scrolls, the page does not.
            for box in page.get_by_role("group", name="Assign Contacts").get_by_role("checkbox").all():
                box.check()
            assert page.evaluate("document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth")
            wizard.next.click()


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
    wizard.field("Search").fill("DIALL")
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
    wizard.field("Customer's Contact Email").focus()
    expect(wizard.page.get_by_text("There is already a live partnership")).to_have_count(0)
    expect(wizard.next).to_be_enabled()
    wizard.field("Customer's Tenant Name").fill(north.tenant)
    wizard.field("Customer's Contact Email").focus()
    expect(wizard.page.get_by_role("link", name=f"View the partnership with {north.tenant}")).to_be_visible()
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
    id = wizard.business.offer(north, contact)["id"]
    north.until(id, status="open")
    wizard.ready(north.tenant, north.email, "Amara Diallo")
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
    page.reload()
    wizard.at("Assign Partner Manager")
    wizard.button("Previous Step").click()
    expect(wizard.contact("Amara Diallo")).to_be_checked()
    wizard.button("Previous Step").click()
    wizard.filled(north.tenant, north.email, "Please?")
    assert len(wizard.offers()) == before


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

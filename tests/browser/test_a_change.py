"""What two people do to a partnership: a mixed change, answered item by item with a suggestion, the reply, and the end; also without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import PASSWORD, Person, enter, reload_until, tile
from tests.support.pair import Pair
from tests.support.stack import Business, Stack

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def pair(stack: Stack) -> Pair:
    """Ada of Kazenor lends Nils of Northwind two of her people; two more could come."""
    partner = stack.register("kazenor", company="Kazenor Works", name="Ada Vogt")
    customer = stack.register("northwind", company="Northwind Traders", name="Nils Berg")
    running = Pair(stack, partner, customer, "Amara Diallo", "Bruno Keller", "Cleo Sand", "Dora Lind")
    running.begin("Amara Diallo", "Bruno Keller")
    return running


def at_the_partnership(page: Page, pair: Pair, business: Business) -> Page:
    enter(page, business, pair.path())
    return page


def button(place: Page | Locator, name: str) -> Locator:
    return place.get_by_role("button", name=name, exact=True)


def band(place: Page | Locator, name: str) -> Locator:
    return place.locator(".band").filter(has_text=name)


def contacts(page: Page) -> Locator:
    """Who works there, as the page of the partnership shows it."""
    return page.get_by_role("region", name="Assigned Contacts")


def update(page: Page, reason: str) -> None:
    button(page, "Update").click()
    page.get_by_label("Reason").fill(reason)
    button(page, "Yes").click()
    expect(page.get_by_text("Your proposal is on its way.")).to_be_visible()


def test_the_tile_tells_how_far_a_proposal_has_come(pair: Pair, person: Person) -> None:
    mid = pair.propose(pair.partner, add=("Cleo Sand",))
    ada = person()
    enter(ada, pair.partner, "/")
    northwind = tile(ada, "Northwind Traders")
    expect(northwind).to_contain_text("Modified")
    expect(northwind).to_contain_text("Delivered")
    pair.customer.ask("PUT", pair.path("seen"), 204)
    expect(northwind).to_contain_text("Seen")
    pair.answer(pair.customer, mid, **{"Cleo Sand": "decline"})
    expect(northwind).to_contain_text("Answered")


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE], ids=["desktop", "phone"])
def test_a_mixed_change_is_answered_in_part_replied_to_and_ended(
    pair: Pair, person: Person, size: dict[str, int]
) -> None:
    """From the first step on nobody loads a page again to see what the other has done."""
    ada = at_the_partnership(person(viewport=size), pair, pair.partner)
    nils = at_the_partnership(person(viewport=size), pair, pair.customer)
    button(ada, "Edit").click()
    ada.get_by_role("link", name="Assigned Contacts").click()
    band(ada, "Bruno Keller").click()
    button(ada, "Add").click()
    adding = ada.get_by_role("dialog", name="Add Contact(s)")
    expect(band(adding, "Amara Diallo")).to_have_count(0)
    band(adding, "Cleo Sand").click()
    button(adding, "Save").click()
    update(ada, "Bruno moves on.\nCleo takes over.")
    ada.get_by_role("link", name="Northwind Traders").first.click()
    ours = ada.get_by_role("region", name="Ada Vogt proposed to add 1 contact and release 1 contact")
    expect(ours).to_contain_text("Released")
    expect(ours).to_contain_text("Waits for Northwind Traders")

    theirs = nils.get_by_role(
        "region", name="Ada Vogt of Kazenor Works proposes to add 1 contact and release 1 contact"
    )
    expect(theirs).to_contain_text("Released by Partner")
    expect(theirs).to_contain_text("Offered")
    expect(nils.get_by_text("Modified", exact=True).first).to_be_visible()
    expect(contacts(nils)).to_contain_text("Bruno Keller")

    button(theirs, "Review").click()
    bruno = nils.get_by_role("group", name="Bruno Keller, to be released")
    cleo = nils.get_by_role("group", name="Cleo Sand, to be added")
    bruno.get_by_role("radio", name="Accept").check()
    cleo.get_by_role("radio", name="Decline").check()
    cleo.get_by_text("Add a comment").click()
    cleo.get_by_label("Comment about Cleo Sand").fill("We asked for an engineer.")
    nils.get_by_label("Suggest something else").fill("Could Dora come?")
    button(nils, "Send answer").click()
    button(nils.get_by_role("dialog"), "Yes").click()
    expect(nils.get_by_text("Your answer is on its way.")).to_be_visible()

    # She has not touched her page: the answer comes to it.
    answers = ada.get_by_role("region", name="Answers to your proposals")
    for told in ("We asked for an engineer.", "Could Dora come?", "Declined", "Accepted"):
        expect(answers).to_contain_text(told)
    expect(ada.get_by_text("Accepted", exact=True).first).to_be_visible()
    button(answers, "Propose again").click()
    expect(ada.get_by_role("region", name="Northwind Traders suggests")).to_contain_text("Could Dora come?")
    button(ada, "Add").click()
    band(adding, "Dora Lind").click()
    button(adding, "Save").click()
    update(ada, "Here she is.")
    ada.get_by_role("link", name="Northwind Traders").first.click()
    expect(button(ada, "Propose again")).to_have_count(0)

    button(nils, "Accept").click()
    nils.get_by_role("group", name=re.compile("^Development")).get_by_label("Viewer").check()
    button(nils, "Accept").click()
    button(nils.get_by_role("dialog"), "Yes").click()
    expect(contacts(nils)).to_contain_text("Development Viewer")
    expect(contacts(nils).get_by_role("heading", name="Assigned Contacts 2")).to_be_visible()

    expect(contacts(ada).get_by_role("heading", name="Assigned Contacts 2")).to_be_visible()
    expect(contacts(ada).get_by_role("listitem").filter(has_text="Bruno Keller")).to_have_count(0)
    expect(contacts(ada).get_by_role("link", name=re.compile("former contact"))).to_be_visible()
    expect(ada.get_by_text("Viewer")).to_have_count(0)  # roles are the customer's own matter

    button(ada, "Actions for Northwind Traders").click()
    ada.get_by_role("menuitem", name="End Partnership").click()
    asking = ada.get_by_role("dialog", name="End Partnership")
    asking.get_by_label("Reason").fill("The warehouse runs by itself now.")
    button(asking, "Yes").click()
    expect(ada.get_by_text("The partnership has ended.")).to_be_visible()
    expect(tile(ada, "Northwind Traders")).to_have_count(0)
    expect(nils.get_by_role("region", name="Kazenor Works ended the partnership")).to_contain_text(
        "The warehouse runs by itself now."
    )
    expect(button(nils, "Edit")).to_have_count(0)


def test_two_who_edit_at_once_lose_nothing(pair: Pair, person: Person) -> None:
    """Both propose to release the same one at the same time: both have agreed (BX-05)."""
    ada = at_the_partnership(person(), pair, pair.partner)
    nils = at_the_partnership(person(), pair, pair.customer)
    for page in (ada, nils):
        button(page, "Edit").click()
        page.get_by_role("link", name="Assigned Contacts").click()
        band(page, "Bruno Keller").click()
        button(page, "Update").click()
        page.get_by_label("Reason").fill("It is time.")
    for page in (ada, nils):
        button(page, "Yes").click()
        # The second one agrees with the first, if that has reached them by then.
        expect(page.get_by_text(re.compile("Your proposal is on its way|Both sides want the same"))).to_be_visible()
    pair.agree(status="accepted", pending=0, count=1)
    for page in (ada, nils):
        page.reload()
        expect(band(page, "Amara Diallo")).to_have_count(1)
        page.get_by_text("1 former contact").click()
        expect(band(page, "Bruno Keller")).to_contain_text("Released")


def test_a_proposal_is_withdrawn_and_the_team_changed_without_scripts(pair: Pair, person: Person) -> None:
    ada = at_the_partnership(person(java_script_enabled=False), pair, pair.partner)
    nils = at_the_partnership(person(java_script_enabled=False, viewport=PHONE), pair, pair.customer)

    nils.get_by_role("link", name="Show all assigned contacts").click()
    expect(nils.get_by_role("group", name="Who could be added")).to_have_count(0)
    nils.get_by_role("checkbox", name=re.compile("Amara Diallo")).check()
    update(nils, "We have learned enough.")
    nils.get_by_role("link", name="Kazenor Works").first.click()
    reload_until(ada, lambda: ada.get_by_text("Released by Customer").count() > 0)
    button(nils, "Withdraw").click()
    button(nils, "Withdraw proposal").click()
    expect(nils.get_by_text("The proposal is withdrawn.")).to_be_visible()
    reload_until(ada, lambda: ada.get_by_text("Released by Customer").count() == 0)
    expect(contacts(ada)).to_contain_text("Amara Diallo")

    ada.get_by_role("link", name="Show all assigned contacts").click()
    ada.get_by_role("group", name="Who could be added").get_by_role("checkbox", name=re.compile("Cleo Sand")).check()
    ada.get_by_role("checkbox", name=re.compile("Bruno Keller")).check()
    update(ada, "A swap.")
    expect(band(ada, "Cleo Sand")).to_contain_text("Offered")

    body = {"name": "Berta Kern", "email": "berta@k.example", "role": "member", "password": PASSWORD}
    pair.partner.post("/users", body, 201)
    ada.get_by_role("link", name="Partner Management Team").click()
    expect(ada.get_by_role("button", name=re.compile("^Remove"))).to_have_count(0)  # somebody must look after it
    button(ada, "Add").click()
    ada.get_by_role("checkbox", name=re.compile("Berta Kern")).check()
    button(ada, "Save").click()
    button(ada, "Make account owner Berta Kern").click()
    expect(band(ada, "Berta Kern")).to_contain_text("Account owner")
    button(ada, "Remove Ada Vogt").click()
    expect(ada.get_by_role("heading", name="Release Partner Manager")).to_be_visible()
    button(ada, "Yes").click()
    expect(ada.get_by_text("The manager has been released.")).to_be_visible()
    expect(band(ada, "Ada Vogt")).to_have_count(0)
    expect(ada.get_by_role("button", name=re.compile("^Remove"))).to_have_count(0)  # Berta is the last one now
    # Of the team, the other side learns who the account owner is.
    details = nils.get_by_role("region", name="Partnership", exact=True)
    reload_until(nils, lambda: details.get_by_text("Berta Kern").count() == 1)

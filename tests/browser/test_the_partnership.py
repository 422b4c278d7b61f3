"""One partnership: its details, edit mode, Assigned Contacts, the team, the history, the end (OE-11 to OE-15, OE-17 to OE-20)."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.partnership import DESKTOP, PHONE, SIZES, Size, Visit, band, button, colleague, unloaded
from tests.browser.people import Person, enter, tile
from tests.support.pair import Pair

# Details


@SIZES
def test_details_tell_who_the_other_side_is_and_follow_it(pair: Pair, visit: Visit, size: Size) -> None:
    ada = visit(pair.partner, viewport=size)
    expect(ada.get_by_role("region", name="Address")).to_contain_text("Northwind Ltd has not shared its address yet.")
    for name in (
        "Partnership",
        "Assigned Contacts 2",
        "Communication",
        "Partner Management Team 1",
        "Partnership History",
    ):
        expect(ada.get_by_role("region", name=name, exact=True)).to_be_visible()
    expect(ada.get_by_role("region", name="Assigned Contacts")).to_contain_text("Amara Diallo")
    loads = unloaded(ada)
    address = {"type": "Business", "line1": "Storgatan 1", "line2": "", "city": "Malmö", "state": "", "zip": "211 34", "country": "Sweden", "default": True}  # fmt: skip
    pair.customer.ask(
        "PATCH",
        "/tenants/current",
        body={"phone": "+46 40 123", "website": "https://northwind.example", "addresses": [address]},
    )
    expect(ada.get_by_role("region", name="Address")).to_contain_text("211 34 Malmö")
    expect(ada.get_by_role("link", name="+46 40 123")).to_have_attribute("href", "tel:+4640123")
    expect(ada.get_by_role("link", name="northwind.example")).to_have_attribute("href", "https://northwind.example")
    assert loads == []


@SIZES
def test_edit_mode_opens_from_the_details_and_from_the_menu(pair: Pair, visit: Visit, size: Size) -> None:
    ada = visit(pair.partner, viewport=size)
    button(ada, "Actions for Northwind Ltd").click()
    expect(ada.get_by_role("menuitem")).to_have_text(["View Partnership", "Edit", "End Partnership"])
    ada.get_by_role("menuitem", name="Edit").click()
    expect(ada.get_by_role("heading", name="Edit", exact=True)).to_be_visible()
    ada.go_back()
    button(ada, "Edit").click()
    bands = ada.get_by_role("navigation", name="Sections")
    expect(bands.get_by_role("listitem")).to_have_count(3)
    bands.get_by_role("link", name="Partner Management Team").click()
    expect(ada.get_by_role("heading", name="Partner Management Team")).to_be_visible()
    # From one band to the next without going back.
    strip = ada.get_by_role("navigation", name="Sections")
    expect(strip.get_by_role("link", name="Partner Management Team")).to_have_attribute("aria-current", "page")
    strip.get_by_role("link", name="Partnership History").click()
    expect(ada.get_by_role("heading", name="Partnership History")).to_be_visible()
    # Where one is can be seen, also on a screen too narrow for all three.
    expect(strip.get_by_role("link", name="Partnership History")).to_be_in_viewport(ratio=0.95)
    strip.get_by_role("link", name="Assigned Contacts").click()
    expect(ada.get_by_role("heading", name="Assigned Contacts")).to_be_visible()


def test_a_row_of_tabs_fades_where_there_is_more_of_it(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner, "contacts", viewport=PHONE)
    strip = ada.get_by_role("navigation", name="Sections")

    def fades() -> tuple[str, ...]:
        told = strip.evaluate(
            "row => ['--before', '--after'].map(side => getComputedStyle(row).getPropertyValue(side))"
        )
        return tuple(told)

    assert "linear-gradient" in strip.evaluate("row => getComputedStyle(row).maskImage")
    assert fades() == ("0px", "40px")
    # By keyboard the last of them comes out of the fade.
    strip.get_by_role("link").first.focus()
    for _ in range(2):
        ada.keyboard.press("Tab")
    expect(strip.get_by_role("link", name="Partnership History")).to_be_focused()
    expect(strip).to_have_css("--after", "0px")
    assert fades() == ("40px", "0px")
    ada.set_viewport_size(DESKTOP)
    expect(strip).to_have_css("--before", "0px")
    assert fades() == ("0px", "0px")
    # Without scripts nothing is out of sight.
    plain = visit(pair.partner, "contacts", viewport=PHONE, java_script_enabled=False)
    expect(plain.get_by_role("link", name="Partnership History")).to_be_in_viewport(ratio=1)


# Assigned Contacts


@SIZES
def test_releases_and_additions_go_in_one_update_with_one_reason(pair: Pair, visit: Visit, size: Size) -> None:
    ada, nils = visit(pair.partner, "contacts", viewport=size), visit(pair.customer, viewport=size)
    update = button(ada, "Update")
    expect(update).to_be_disabled()
    band(ada, "Bruno Keller").click()
    expect(band(ada, "Bruno Keller")).to_contain_text("To Be Released")
    expect(update).to_be_enabled()
    band(ada, "Bruno Keller").click()
    expect(ada.get_by_text("To Be Released")).to_have_count(0)
    expect(update).to_be_disabled()
    # The same by keyboard: the band is a box with the name of the contact.
    bruno = ada.get_by_role("checkbox", name=re.compile("Bruno Keller"))
    bruno.focus()
    ada.keyboard.press("Space")
    expect(band(ada, "Bruno Keller")).to_contain_text("To Be Released")

    button(ada, "Add").click()
    adding = ada.get_by_role("dialog", name="Add Contact(s)")
    expect(button(adding, "Save")).to_be_disabled()
    expect(adding.locator(".band")).to_have_count(3)  # and Adam, who has a login
    expect(adding.locator(".search .icon")).to_be_visible()
    adding.get_by_label("Search").fill("dora")
    expect(band(adding, "Cleo Sand")).to_be_hidden()
    adding.get_by_label("Search").fill("")
    band(adding, "Cleo Sand").click()
    band(adding, "Dora Lind").click()
    button(adding, "Save").click()
    expect(adding).to_have_count(0)
    expect(ada.get_by_text("To Be Added")).to_have_count(2)
    band(ada, "Dora Lind").click()
    expect(band(ada, "Dora Lind")).to_have_count(0)
    expect(ada.get_by_text("1 release, 1 addition")).to_be_visible()
    ada.reload()
    expect(band(ada, "Cleo Sand")).to_contain_text("To Be Added")
    expect(band(ada, "Bruno Keller")).to_contain_text("To Be Released")

    button(ada, "Update").click()
    asking = ada.get_by_role("dialog", name="Update Contacts")
    expect(asking).to_contain_text("release Bruno Keller and to add Cleo Sand")
    button(asking, "Yes").click()
    expect(asking.get_by_text("Give a reason.").first).to_be_visible()
    button(asking, "Cancel").click()
    expect(asking).to_have_count(0)
    button(ada, "Update").click()
    asking.get_by_label("Reason").fill("Bruno moves on.\nCleo takes over.")
    expect(asking.get_by_text("characters left").first).to_be_visible()
    button(asking, "Yes").click()
    expect(ada.get_by_text("Your proposal is on its way.")).to_be_visible()
    expect(band(ada, "Bruno Keller")).to_contain_text("Released")
    expect(band(ada, "Bruno Keller")).to_contain_text("Waits for the answer of Northwind Ltd")
    expect(band(ada, "Cleo Sand")).to_contain_text("Offered")
    # Nothing is left over of what was picked.
    expect(button(ada, "Update")).to_be_disabled()
    expect(ada.get_by_role("checkbox", name=re.compile("Bruno"))).to_have_count(0)
    assert len(pair.partner.get(pair.path("modifications"))["items"]) == 1

    # The other side sees it on the page that is open there, and decides on it.
    theirs = nils.get_by_role("region", name=re.compile("proposes to add 1 contact and release 1 contact"))
    expect(theirs).to_contain_text("Bruno moves on.")
    for label in ("Released by Partner", "Offered"):
        expect(theirs).to_contain_text(label)
    for name in ("Accept", "Decline", "Review"):
        expect(button(theirs, name)).to_be_visible()
    expect(nils.get_by_text("Modified", exact=True).first).to_be_visible()
    expect(nils.get_by_role("region", name="Assigned Contacts")).to_contain_text("Released by Partner")


@SIZES
def test_the_customer_releases_the_same_way_and_adds_nobody(pair: Pair, visit: Visit, size: Size) -> None:
    nils, ada = visit(pair.customer, "contacts", viewport=size), visit(pair.partner, "contacts", viewport=size)
    expect(button(nils, "Add")).to_have_count(0)
    band(nils, "Amara Diallo").click()
    button(nils, "Update").click()
    asking = nils.get_by_role("dialog", name="Update Contacts")
    asking.get_by_label("Reason").fill("We have learned enough.")
    button(asking, "Yes").click()
    expect(band(nils, "Amara Diallo")).to_contain_text("Released")
    # Ada has picked nobody yet: her page follows.
    expect(band(ada, "Amara Diallo")).to_contain_text("Released by Customer")
    band(ada, "Amara Diallo").get_by_role("link", name="Review").click()
    expect(ada).to_have_url(re.compile("/answer$"))


def test_whoever_was_released_has_gone_from_the_details(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner)
    working = ada.get_by_role("region", name="Assigned Contacts")
    expect(working.get_by_role("heading")).to_have_text("Assigned Contacts 2")
    mid = pair.propose(pair.partner, add=("Cleo Sand",), release=("Bruno Keller",))
    expect(working.get_by_role("listitem").filter(has_text="Cleo Sand")).to_contain_text("Offered")
    expect(working.get_by_role("heading")).to_have_text("Assigned Contacts 2")
    pair.customer.until(pair.id, status="modified")
    answers = [
        {"contact_id": pair.people["Bruno Keller"], "decision": "accept"},
        {"contact_id": pair.people["Cleo Sand"], "decision": "decline"},
    ]
    pair.customer.post(pair.path(f"modifications/{mid}/answer"), {"items": answers})
    expect(working.get_by_role("heading")).to_have_text("Assigned Contacts 1")
    expect(working.get_by_role("listitem")).to_have_count(1)
    working.get_by_role("link", name="1 former contact, 1 not accepted").click()
    ada.get_by_text("1 former contact, 1 not accepted").click()
    expect(band(ada, "Bruno Keller")).to_contain_text("Released")
    expect(band(ada, "Cleo Sand")).to_contain_text("Not accepted")


def test_on_a_phone_the_answers_to_a_question_are_equally_wide(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner, viewport=PHONE)
    button(ada, "End Partnership").click()
    asking = ada.get_by_role("dialog")
    end, cancel = button(asking, "Yes").bounding_box(), asking.get_by_role("link", name="Cancel").bounding_box()
    ada.goto(ada.url + "/contacts")
    band(ada, "Amara Diallo").click()
    button(ada, "Update").click()
    propose, back = button(asking, "Yes").bounding_box(), button(asking, "Cancel").bounding_box()
    assert end
    assert cancel
    assert propose
    assert back
    assert len({(box["x"], box["width"]) for box in (end, cancel, propose, back)}) == 1
    assert end["y"] + end["height"] < cancel["y"]
    assert propose["y"] + propose["height"] < back["y"]


def test_whoever_releases_whom_the_other_side_releases_is_told_that_it_holds(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner, "contacts")
    band(ada, "Bruno Keller").click()
    button(ada, "Update").click()
    asking = ada.get_by_role("dialog", name="Update Contacts")
    asking.get_by_label("Reason").fill("The work is done.")
    pair.propose(pair.customer, release=("Bruno Keller",))
    expect(ada.get_by_text("This has changed meanwhile.")).to_be_visible()
    button(asking, "Yes").click()
    expect(ada.get_by_text("Both sides want the same, so it takes effect at once.")).to_be_visible()
    pair.customer.until(pair.id, contacts_count=1)


def test_a_tile_whose_turn_is_ours_leads_to_the_review_and_looking_reads_what_was_told(
    pair: Pair, person: Person
) -> None:
    nils = person()
    enter(nils, pair.customer)
    mid = pair.propose(pair.partner, release=("Bruno Keller",))
    bell = nils.get_by_role("navigation", name="Main").get_by_role("link", name="Notifications")
    expect(bell).to_contain_text("unread")
    expect(tile(nils, "Kazenor Ltd")).to_contain_text("Your turn")
    expect(tile(nils, "Kazenor Ltd")).not_to_contain_text("Answered")
    button(nils, "Actions for Kazenor Ltd").click()
    expect(nils.get_by_role("menuitem")).to_have_text(["View Partnership", "Review", "Edit", "End Partnership"])
    nils.get_by_role("menuitem", name="Review").click()
    expect(nils).to_have_url(re.compile(f"/modifications/{mid}/answer"))
    expect(bell).not_to_contain_text("unread")
    # Once it is settled, the same address leads to what became of it.
    answer = {"items": [{"contact_id": pair.people["Bruno Keller"], "decision": "accept"}]}
    pair.customer.post(pair.path(f"modifications/{mid}/answer"), answer)
    nils.goto(nils.url)
    expect(nils.get_by_text("That proposal no longer waits for an answer.")).to_be_visible()
    expect(nils.get_by_role("heading", name="Kazenor Ltd", level=1)).to_be_visible()


def test_leaving_asks_exactly_when_something_was_picked(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner, "contacts")
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    ada.on("dialog", stay)
    band(ada, "Amara Diallo").click()
    ada.get_by_role("link", name="Partnership History").click(no_wait_after=True)
    expect(band(ada, "Amara Diallo")).to_contain_text("To Be Released")
    expect(ada).to_have_title(re.compile("^Assigned Contacts"))
    assert asked == ["beforeunload"]
    band(ada, "Amara Diallo").click()
    ada.get_by_role("link", name="Partnership History").click()
    expect(ada.get_by_role("heading", name="Partnership History")).to_be_visible()
    assert asked == ["beforeunload"]


# The team


@SIZES
def test_the_team_is_changed_at_once_and_its_last_one_stays(pair: Pair, visit: Visit, size: Size) -> None:
    for name in ("Berta Kern", "Carl Moe"):
        colleague(pair.partner, name)
    ada, reader = visit(pair.partner, "managers", viewport=size), visit(pair.partner, "managers", viewport=size)
    adam = "Adam Kazenor"
    expect(ada.get_by_text("add another manager before you remove the last one")).to_be_visible()
    expect(button(ada, f"Remove {adam}")).to_have_count(0)
    button(ada, "Add").click()
    adding = ada.get_by_role("dialog", name="Add Partner Manager(s)")
    expect(button(adding, "Save")).to_be_disabled()
    for name in ("Berta Kern", "Carl Moe"):
        band(adding, name).click()
    button(adding, "Save").click()
    expect(ada.get_by_text("The team has been changed.")).to_be_visible()
    expect(ada.locator("#team .band")).to_have_count(3)
    expect(reader.locator("#team .band")).to_have_count(3)  # by itself

    # Nothing that is not seen stands between the edge and who is the account owner; on a phone it is seen.
    owner = band(ada, adam)
    edge, mark = owner.bounding_box(), owner.get_by_text("Account owner", exact=True).bounding_box()
    assert edge
    assert mark
    assert size is PHONE or edge["x"] + edge["width"] - mark["x"] - mark["width"] < 20

    remove = button(ada, "Remove Carl Moe")
    band(ada, "Carl Moe").hover()
    expect(remove).to_have_css("opacity", "1")
    remove.click()
    asking = ada.get_by_role("dialog", name="Release Partner Manager")
    expect(asking).to_contain_text("Carl Moe no longer looks after the partnership")
    asking.get_by_role("link", name="Cancel").click()
    # The same by keyboard; the focus has returned to where it was.
    expect(remove).to_be_focused()
    ada.keyboard.press("Enter")
    # A second Enter takes nothing away, and what does is one step back.
    expect(asking.get_by_role("link", name="Cancel")).to_be_focused()
    ada.keyboard.press("Enter")
    expect(asking).to_have_count(0)
    expect(remove).to_be_focused()
    ada.keyboard.press("Enter")
    expect(asking.get_by_role("link", name="Cancel")).to_be_focused()
    ada.keyboard.press("Shift+Tab")
    expect(button(asking, "Yes")).to_be_focused()
    ada.keyboard.press("Enter")
    expect(ada.get_by_text("The manager has been released.")).to_be_visible()
    expect(band(ada, "Carl Moe")).to_have_count(0)
    expect(band(reader, "Carl Moe")).to_have_count(0)

    band(ada, "Berta Kern").hover()
    button(ada, "Make account owner Berta Kern").click()
    expect(band(ada, "Berta Kern")).to_contain_text("Account owner")
    # Of the team, the other side learns who the account owner is.
    nils = visit(pair.customer, viewport=size)
    expect(nils.get_by_role("region", name="Partnership", exact=True)).to_contain_text("Berta Kern")
    expect(nils.get_by_text("Carl Moe")).to_have_count(0)


# The end


@SIZES
def test_an_end_is_said_before_it_happens_and_read_on_the_other_side(
    pair: Pair, visit: Visit, person: Person, size: Size
) -> None:
    ada, nils = visit(pair.partner, viewport=size), visit(pair.customer, viewport=size)
    button(ada, "End Partnership").click()
    asking = ada.get_by_role("dialog", name="End Partnership")
    expect(asking).to_contain_text("Amara Diallo and Bruno Keller stop working at Northwind Ltd at once.")
    button(asking, "Yes").click()
    expect(asking.get_by_text("Give a reason.").first).to_be_visible()
    asking.get_by_label("Reason").fill("The warehouse runs by itself now.")
    button(asking, "Yes").click()
    expect(ada.get_by_text("The partnership has ended.")).to_be_visible()
    expect(tile(ada, "Northwind Ltd")).to_have_count(0)

    ended = nils.get_by_role("region", name="Kazenor Ltd ended the partnership")
    expect(ended).to_contain_text("The warehouse runs by itself now.")
    expect(nils.get_by_text("Terminated", exact=True).first).to_be_visible()
    nils.goto(pair.stack.tenant_url(pair.customer.tenant))
    expect(tile(nils, "Kazenor Ltd")).to_contain_text("Terminated")
    button(nils, "Actions for Kazenor Ltd").click()
    expect(nils.get_by_role("menuitem")).to_have_text(["View Partnership", "Remove"])
    nils.get_by_role("menuitem", name="View Partnership").click()
    screens = nils.get_by_role("navigation", name="View Partnership")
    for title, shown in (
        ("Assigned Contacts", "Amara Diallo"),
        ("Partner Management Team", "Adam Northwind"),
        ("Partnership History", "ended the partnership"),
    ):
        screens.get_by_role("link", name=title).click()
        expect(nils.get_by_role("heading", name=title)).to_be_visible()
        expect(nils.get_by_role("main").get_by_text(shown).first).to_be_visible()
        for change in ("Add", "Update", "Edit"):
            expect(button(nils, change)).to_have_count(0)
        nils.get_by_role("link", name="Kazenor Ltd").first.click()
    button(nils, "Actions for Kazenor Ltd").click()
    nils.get_by_role("menuitem", name="Remove").click()
    asking = nils.get_by_role("dialog")
    button(asking, "Remove").click()
    expect(nils.get_by_text("The tile has been removed.")).to_be_visible()
    expect(tile(nils, "Kazenor Ltd")).to_have_count(0)
    nils.get_by_role("link", name="Ended").first.click()
    expect(tile(nils, "Kazenor Ltd")).to_be_visible()

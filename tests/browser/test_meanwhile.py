"""What the other side, or a colleague, does while one is at work on a partnership: one is told, and nothing that was entered is lost (BX-10)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.partnership import Visit, band, button, unloaded
from tests.browser.people import Person, enter
from tests.support.pair import Pair


def test_a_pick_of_somebody_who_was_changed_meanwhile_is_dropped_and_said(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner, "contacts")
    band(ada, "Amara Diallo").click()
    band(ada, "Bruno Keller").click()
    pair.propose(pair.customer, release=("Bruno Keller",))
    expect(ada.get_by_text("This has changed meanwhile.")).to_be_visible()
    expect(ada.get_by_text("To Be Released")).to_have_count(2)
    ada.get_by_role("link", name="Show it as it is now").click()
    expect(ada.get_by_text("What you had picked for Bruno Keller is gone: it was changed meanwhile.")).to_be_visible()
    expect(band(ada, "Amara Diallo")).to_contain_text("To Be Released")
    expect(band(ada, "Bruno Keller")).not_to_contain_text("To Be Released")


def test_while_nothing_is_picked_the_contacts_become_as_they_are(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner, "contacts")
    loads = unloaded(ada)
    ada.get_by_role("checkbox", name="Amara Diallo").focus()
    mid = pair.propose(pair.customer, release=("Bruno Keller",))
    expect(band(ada, "Bruno Keller")).to_contain_text("Northwind Ltd waits for your answer")
    expect(ada.get_by_role("checkbox", name="Amara Diallo")).to_be_focused()
    expect(ada.get_by_text("This has changed meanwhile.")).to_be_hidden()
    # It is the page that it was: what is picked now is kept from the next change.
    ada.keyboard.press("Space")
    expect(band(ada, "Amara Diallo")).to_contain_text("To Be Released")
    pair.customer.post(pair.path(f"modifications/{mid}/withdrawal"))
    expect(ada.get_by_text("This has changed meanwhile.")).to_be_visible()
    expect(band(ada, "Amara Diallo")).to_contain_text("To Be Released")
    button(ada, "Update").click()
    asking = ada.get_by_role("dialog", name="Update Contacts")
    asking.get_by_label("Reason").fill("The work is done.")
    button(asking, "Yes").click()
    expect(ada.get_by_text("Your proposal is on its way.")).to_be_visible()
    assert len(loads) == 1, "only the last step loads"


def test_a_question_that_has_been_overtaken_says_so_and_keeps_what_was_typed(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner)
    button(ada, "End Partnership").click()
    asking = ada.get_by_role("dialog", name="End Partnership")
    asking.get_by_label("Reason").fill("We move on.")
    pair.customer.post(pair.path("termination"), {"reason": "So do we."})
    expect(asking.get_by_role("alert")).to_contain_text("This can no longer be done")
    expect(asking.get_by_label("Reason")).to_have_value("We move on.")
    expect(button(asking, "Yes")).to_be_disabled()
    asking.get_by_role("link", name="Cancel").click()
    expect(ada.get_by_role("region", name="Northwind Ltd ended the partnership")).to_be_visible()


def test_an_end_by_the_other_side_is_told_in_the_pop_up_that_is_open(pair: Pair, visit: Visit) -> None:
    ada = visit(pair.partner, "contacts")
    band(ada, "Bruno Keller").click()
    button(ada, "Update").click()
    asking = ada.get_by_role("dialog", name="Update Contacts")
    asking.get_by_label("Reason").fill("Bruno moves on.")
    # Whatever else changes leaves the question as it is.
    pair.propose(pair.customer, release=("Amara Diallo",))
    expect(ada.get_by_text("This has changed meanwhile.")).to_be_visible()
    expect(button(asking, "Yes")).to_be_enabled()
    pair.customer.post(pair.path("termination"), {"reason": "The season is over."})
    expect(asking.get_by_role("alert")).to_contain_text("The partnership with Northwind Ltd is terminated")
    expect(button(asking, "Yes")).to_be_disabled()
    expect(asking.get_by_label("Reason")).to_have_value("Bruno moves on.")
    # The page behind knows why, too, and offers nothing that could be refused only.
    ada.keyboard.press("Escape")
    expect(ada.get_by_role("status").filter(has_text="Northwind Ltd ended the partnership.")).to_be_visible()
    expect(band(ada, "Bruno Keller")).to_contain_text("To Be Released")
    band(ada, "Bruno Keller").click()
    band(ada, "Bruno Keller").click()
    expect(button(ada, "Update")).to_be_disabled()
    expect(button(ada, "Add")).to_be_disabled()


@pytest.mark.parametrize("picked", [True, False], ids=["somebody-picked", "nobody-picked"])
def test_an_end_by_the_other_side_is_told_to_whoever_chooses_whom_to_add(
    picked: bool, pair: Pair, visit: Visit
) -> None:
    ada = visit(pair.partner, "contacts")
    if picked:
        band(ada, "Bruno Keller").click()
    button(ada, "Add").click()
    adding = ada.get_by_role("dialog", name="Add Contact(s)")
    band(adding, "Cleo Sand").click()
    pair.customer.post(pair.path("termination"), {"reason": "The season is over."})
    expect(adding.get_by_role("alert")).to_contain_text("This can no longer be done")
    expect(adding.get_by_role("alert")).to_contain_text("Northwind Ltd ended the partnership.")
    band(adding, "Dora Lind").click()
    expect(button(adding, "Save")).to_be_disabled()
    button(adding, "Cancel").click()
    expect(ada.get_by_role("status").filter(has_text="Northwind Ltd ended the partnership.")).to_be_visible()
    expect(button(ada, "Add")).to_be_disabled()
    expect(button(ada, "Update")).to_be_disabled()


def test_what_cannot_be_done_any_more_is_said_in_the_pop_up_and_nothing_is_lost(pair: Pair, person: Person) -> None:
    # No visit: a refusal of the server stands on the console of the browser.
    ada = pair.partner
    page = person(java_script_enabled=False)
    enter(page, ada, pair.path("contacts"))
    page.get_by_role("checkbox", name=re.compile("Amara Diallo")).check()
    page.get_by_role("checkbox", name=re.compile("Cleo Sand")).check()
    button(page, "Update").click()
    expect(page.get_by_role("heading", name="Update Contacts")).to_be_visible()
    page.get_by_label("Reason").fill("A swap.")
    pair.propose(ada, release=("Amara Diallo",))
    button(page, "Yes").click()
    expect(page.get_by_role("alert")).to_contain_text("waits for an answer")
    expect(page.get_by_label("Reason")).to_have_value("A swap.")
    button(page, "Cancel").click()
    expect(page.get_by_role("checkbox", name=re.compile("Cleo Sand"))).to_be_checked()


def test_a_refusal_is_said_in_the_pop_up(pair: Pair, visit: Visit) -> None:
    page = visit(pair.partner, "contacts")
    band(page, "Amara Diallo").click()
    button(page, "Update").click()
    asking = page.get_by_role("dialog", name="Update Contacts")
    asking.get_by_label("Reason").fill("A swap.")
    pair.propose(pair.partner, release=("Amara Diallo",))
    button(asking, "Yes").click()
    expect(asking.get_by_role("alert")).to_contain_text("waits for an answer")
    expect(asking.get_by_label("Reason")).to_have_value("A swap.")
    button(asking, "Cancel").click()
    expect(band(page, "Amara Diallo")).to_contain_text("To Be Released")

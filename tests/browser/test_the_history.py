"""Partnership History (OE-18): what happened, opened, sieved and printed; it grows at both ends."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.partnership import PHONE, Visit, button, colleague
from tests.support.pair import Pair


@pytest.fixture
def long_history(pair: Pair) -> Pair:
    """More than one page of it."""
    berta = colleague(pair.partner, "Berta Kern")
    for _ in range(35):
        pair.partner.post(pair.path("managers"), {"contact_ids": [berta]}, 201)
        pair.partner.ask("DELETE", pair.path(f"managers/{berta}"), 204)
    return pair


def test_the_history_opens_is_sieved_and_grows_at_both_ends(long_history: Pair, visit: Visit) -> None:
    pair = long_history
    ada = visit(pair.partner, "history")
    entries = ada.locator("#timeline .timeline > li")
    expect(entries).to_have_count(50)
    first = ada.get_by_text("accepted our offer")
    expect(first).to_have_count(0)
    ada.mouse.move(640, 400)
    for _ in range(12):
        ada.mouse.wheel(0, 4000)
    expect(entries).to_have_count(72)
    expect(first).to_have_count(1)
    expect(ada.get_by_role("link", name="Show more")).to_have_count(0)

    # What happens now stands on top, and nothing that was loaded goes.
    offer = entries.filter(has_text="sent an offer")
    offer.locator("summary").click()
    expect(offer.get_by_text("Shall we work together?")).to_be_visible()
    pair.propose(pair.customer, release=("Amara Diallo",))
    expect(entries).to_have_count(73)
    expect(entries.first).to_contain_text("Adam Northwind of Northwind Ltd proposed to release 1 contact.")
    expect(entries.first).to_contain_text("Northwind Ltd")
    expect(offer.get_by_text("Shall we work together?")).to_be_visible()
    keys = entries.evaluate_all("all => new Set(all.map(li => li.dataset.key)).size")
    assert keys == 73

    # What is done with all of it stands beside its title, however long the names of the two are.
    title, expand = ada.get_by_role("heading", level=1).bounding_box(), button(ada, "Expand all").bounding_box()
    assert title
    assert expand
    assert abs(title["y"] + title["height"] / 2 - expand["y"] - expand["height"] / 2) < 4
    button(ada, "Expand all").click()
    expect(entries.first.get_by_text("A change of plan")).to_be_visible()
    button(ada, "Collapse all").click()
    expect(entries.first.get_by_text("A change of plan")).to_be_hidden()
    # On paper everything is open.
    ada.emulate_media(media="print")
    ada.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(entries.first.get_by_text("A change of plan")).to_be_visible()
    expect(ada.get_by_role("navigation", name="Main")).to_be_hidden()
    ada.evaluate("dispatchEvent(new Event('afterprint'))")
    ada.emulate_media(media="screen")
    expect(entries.first.get_by_text("A change of plan")).to_be_hidden()

    ada.get_by_role("navigation", name="Side").get_by_role("link", name="Northwind Ltd").click()
    expect(entries).to_have_count(2)
    ada.get_by_role("navigation", name="Kind").get_by_role("link", name="Contacts").click()
    expect(entries).to_have_count(1)
    ada.get_by_role("navigation", name="Kind").get_by_role("link", name="Team").click()
    ada.get_by_role("link", name="Show everything").click()
    expect(entries).to_have_count(50)


def test_older_entries_are_a_page_without_scripts(long_history: Pair, visit: Visit) -> None:
    nils = visit(long_history.partner, "history", java_script_enabled=False, viewport=PHONE)
    nils.get_by_role("link", name="Show more").click()
    expect(nils.get_by_text("accepted our offer")).to_be_visible()

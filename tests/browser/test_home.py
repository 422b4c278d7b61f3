"""Home: finding a partner, its context menu, what needs an answer, many tiles; and pages that change by themselves (OE-01, BX-02, BX-10)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.people import Person, enter, tile
from tests.support.pair import Pair
from tests.support.servers import until
from tests.support.stack import Stack

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def pair(stack: Stack) -> Pair:
    """Kazenor lends Northwind a contact."""
    partner, customer = stack.register("kazenor"), stack.register("northwind")
    running = Pair(stack, partner, customer, "Amara Diallo", "Bruno Keller")
    running.begin("Amara Diallo")
    return running


def tiles(page: Page) -> int:
    return page.locator("#tiles > li").count()


@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE], ids=["desktop", "phone"])
def test_partners_are_found_as_one_types_and_by_status_and_role(
    stack: Stack, person: Person, size: dict[str, int]
) -> None:
    ours, other, third = stack.register("finder"), stack.register("alpha"), stack.register("beta")
    contact = ours.contact("Amara Diallo")
    for to in (other, third):
        ours.offer(to, contact)
    third.until(ours.get("/partnerships?q=beta")["items"][0]["id"], status="open")
    declined = third.get("/partnerships")["items"][0]
    third.post(f"/partnerships/{declined['id']}/decline")
    ours.until(declined["id"], status="declined")

    page = person(viewport=size)
    enter(page, ours)
    expect(page.locator("#tiles > li")).to_have_count(2)
    page.get_by_label("Search by name").fill("alph")
    expect(page.locator("#tiles > li")).to_have_count(1)
    # What a business is called we learn with its answer.
    expect(tile(page, other.tenant)).to_be_visible()
    expect(page).to_have_url(re.compile("q=alph"))
    page.reload()
    expect(page.locator("#tiles > li")).to_have_count(1)
    page.get_by_label("Search by name").fill("nobody is called so")
    expect(page.get_by_role("heading", name="Nothing fits these filters")).to_be_visible()
    page.get_by_label("Search by name").fill("")
    expect(page.locator("#tiles > li")).to_have_count(2)

    statuses = page.get_by_role("navigation", name="Status")
    expect(statuses.get_by_role("link", name="Open")).to_contain_text("1")
    statuses.get_by_role("link", name="Ended").click()
    expect(page.locator("#tiles > li")).to_have_count(1)
    expect(tile(page, "Beta Ltd")).to_contain_text("Declined")
    statuses.get_by_role("link", name="Current").click()
    page.get_by_label("Role").select_option("customer")
    expect(page.get_by_role("heading", name="Nothing fits these filters")).to_be_visible()


def test_the_context_menu_offers_what_is_allowed_by_mouse_and_keyboard(pair: Pair, person: Person) -> None:
    page = person()
    enter(page, pair.partner)
    button = page.get_by_role("button", name="Actions for Northwind Ltd")
    button.focus()
    page.keyboard.press("Enter")
    items = page.get_by_role("menuitem")
    expect(items).to_have_text(["View Partnership", "Edit", "End Partnership"])
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(items.nth(2)).to_be_focused()
    page.keyboard.press("Escape")
    expect(items).to_have_count(0)
    expect(button).to_be_focused()

    tile(page, "Northwind Ltd").click(button="right")
    items.get_by_text("End Partnership").click()
    dialog = page.get_by_role("dialog", name="End Partnership")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    # The Tab key stays inside.
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    dialog.get_by_role("button", name="Yes").click()
    expect(dialog.get_by_text("Give a reason.").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert pair.partner.get(pair.path())["status"] == "accepted"


# In one go: what the page hears meanwhile would take the mark away again.
MORPHED = """async (menuitem) => {
    const { morph } = await import([...document.scripts].find(s => s.src.endsWith('/accord.js')).src.replace('accord.js', 'morph.js'))
    const list = document.querySelector('#tiles'), menu = menuitem.closest('.menu-list')
    return [true, false].map((shows) => {
        const next = list.cloneNode(true), twin = next.querySelector('#' + CSS.escape(menu.id))
        twin.removeAttribute('data-placed')
        twin.removeAttribute('style')
        if (shows) twin.previousElementSibling.insertAdjacentHTML('beforebegin', '<span class="alert">!</span>')
        else next.querySelector('.alert').remove()
        const before = JSON.stringify(menuitem.getBoundingClientRect())
        morph(list, next)
        return {
            marks: list.querySelectorAll('.alert').length,
            focused: document.activeElement === menuitem,
            moved: JSON.stringify(menuitem.getBoundingClientRect()) !== before,
        }
    })
}"""


def test_a_menu_that_is_open_stays_where_it_is_while_its_tile_changes(pair: Pair, person: Person) -> None:
    page = person()
    enter(page, pair.partner)
    page.get_by_role("button", name="Actions for Northwind Ltd").click()
    first = page.get_by_role("menuitem", name="View Partnership")
    expect(first).to_be_focused()
    stays = {"focused": True, "moved": False}
    assert first.evaluate(MORPHED) == [{"marks": 1, **stays}, {"marks": 0, **stays}]
    first.click()
    expect(page.get_by_role("heading", name="Northwind Ltd", level=1)).to_be_visible()


def test_more_tiles_come_as_one_scrolls(stack: Stack, person: Person) -> None:
    ours, other = stack.register("many"), stack.register("other")
    contact, number = ours.contact("Amara Diallo"), 55
    for _ in range(number):
        sent = ours.offer(other, contact)
        ours.post(f"/partnerships/{sent['id']}/withdrawal")
    page = person()
    enter(page, ours)
    before = tiles(page)
    assert 0 < before < number
    page.mouse.move(640, 400)
    for _ in range(20):
        page.mouse.wheel(0, 4000)
    expect(page.locator("#tiles > li")).to_have_count(number)
    keys = page.locator("#tiles > li").evaluate_all("all => new Set(all.map(li => li.dataset.key)).size")
    assert keys == number
    # A change elsewhere takes nothing away of what was loaded.
    ours.offer(other, contact)
    expect(page.locator("#tiles > li")).to_have_count(number + 1)


def listening(page: Page) -> None:
    """Until the page hears of changes: what happens before that, it shows when it is loaded."""
    page.wait_for_selector("html[data-listening]", state="attached")


def test_both_homes_and_the_open_page_change_by_themselves(pair: Pair, person: Person) -> None:
    ada, nils, reader = person(), person(viewport=PHONE), person()
    enter(ada, pair.partner)
    enter(nils, pair.customer)
    enter(reader, pair.partner)
    reader.goto(f"{pair.stack.tenant_url(pair.partner.tenant)}{pair.path()}")
    for page in (ada, nils, reader):
        listening(page)
    loads: list[str] = []
    for page in (ada, nils, reader):
        page.on("framenavigated", lambda frame: loads.append(frame.url))
    button = ada.get_by_role("button", name="Actions for Northwind Ltd")
    button.focus()

    proposed = pair.customer.post(
        pair.path("modifications"),
        {"add_contact_ids": [], "release_contact_ids": [pair.people["Amara Diallo"]], "reason": "The work is done."},
        201,
    )
    expect(tile(ada, "Northwind Ltd")).to_contain_text("Modified")
    expect(ada.get_by_role("region", name="Needs your answer")).to_contain_text("Northwind Ltd")
    expect(ada.get_by_role("link", name=re.compile("Notifications.*unread"))).to_be_visible()
    expect(tile(nils, "Kazenor Ltd")).to_contain_text("Modified")
    expect(button).to_be_focused()
    expect(reader.get_by_role("button", name="Accept")).to_be_visible()
    expect(reader.get_by_role("region", name="Partnership History")).to_contain_text("proposed to release 1 contact")

    pair.customer.post(pair.path(f"modifications/{proposed['id']}/withdrawal"))
    expect(tile(ada, "Northwind Ltd")).to_contain_text("Accepted")
    expect(ada.get_by_role("region", name="Needs your answer")).to_have_count(0)
    expect(reader.get_by_role("button", name="Accept")).to_have_count(0)
    assert loads == []


def test_what_changes_before_the_stream_is_open_is_told_once_it_is(pair: Pair, person: Person) -> None:
    ada, held = person(), list[Route]()
    ada.route("**/api/v1/events*", lambda route: held.append(route))
    enter(ada, pair.partner, pair.path())
    expect(ada.get_by_role("button", name="End Partnership")).to_be_visible()
    until(lambda: held or ada.wait_for_timeout(20), 10, "the page asks for its stream")
    proposed = pair.propose(pair.customer, release=("Amara Diallo",))
    pair.partner.until(pair.id, status="modified")
    expect(ada.get_by_role("button", name="Accept")).to_have_count(0)
    held[0].continue_()
    expect(ada.get_by_role("button", name="Accept")).to_be_visible()
    pair.customer.post(pair.path(f"modifications/{proposed}/withdrawal"))
    expect(ada.get_by_role("button", name="Accept")).to_have_count(0)


def test_a_page_that_could_not_be_asked_for_is_asked_for_again(pair: Pair, person: Person) -> None:
    ada, refused = person(), list[str]()
    enter(ada, pair.partner, pair.path())
    listening(ada)

    def refuse(route: Route) -> None:
        if "x-accord-script" in route.request.headers and len(refused) < 2:
            refused.append(route.request.url)
            # As the server tells a script of a 503.
            route.fulfill(status=200, headers={"X-Accord-Status": "503"}, body="<title>Away</title>")
        else:
            route.continue_()

    ada.route(f"**{pair.path()}", refuse)
    proposed = pair.propose(pair.customer, release=("Amara Diallo",))
    expect(ada.get_by_role("button", name="Accept")).to_be_visible()
    assert len(refused) == 2
    pair.customer.post(pair.path(f"modifications/{proposed}/withdrawal"))
    expect(ada.get_by_role("button", name="Accept")).to_have_count(0)


def test_the_first_offer_brings_the_tools_to_find_it_and_counts_follow(stack: Stack, person: Person) -> None:
    pair = Pair(stack, stack.register("sender"), stack.register("empty"), "Amara Diallo")
    page = person()
    enter(page, pair.customer)
    listening(page)
    expect(page.get_by_role("heading", name="No business partners yet")).to_be_visible()
    expect(page.get_by_label("Search by name")).to_have_count(0)
    pair.offer()
    expect(tile(page, "Sender Ltd")).to_contain_text("Open")
    page.get_by_label("Search by name").fill("send")
    turn = page.get_by_label("Turn")
    expect(turn.locator("option")).to_have_text(["Any turn", "Your turn (1)", "Their turn (0)"])
    turn.select_option("ours")
    pair.customer.post(pair.path("decline"), {"reason": "No need."})
    expect(turn.locator("option")).to_have_text(["Any turn", "Your turn (0)", "Their turn (0)"])
    expect(turn).to_have_value("ours")
    expect(page.get_by_label("Search by name")).to_have_value("send")
    expect(page.get_by_role("button", name="Apply")).not_to_be_in_viewport()


def test_without_an_event_stream_one_loads_again(pair: Pair, person: Person) -> None:
    page = person()
    page.add_init_script("delete window.EventSource")
    enter(page, pair.partner)
    expect(tile(page, "Northwind Ltd")).to_contain_text("Accepted")
    assert page.locator("html[data-listening]").count() == 0


def test_the_first_visit_says_what_to_do(stack: Stack, person: Person) -> None:
    page = person(viewport=PHONE)
    enter(page, stack.register("fresh"))
    expect(page.get_by_role("heading", name="No business partners yet")).to_be_visible()
    page.get_by_role("link", name="Add a contact").click()
    expect(page.get_by_role("heading", name="Add contact")).to_be_visible()

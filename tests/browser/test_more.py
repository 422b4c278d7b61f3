"""Lists that are longer than a page: all of them go on in the same way, as one scrolls, at a press, and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Person, enter
from tests.support.servers import until
from tests.support.stack import Business, Stack

HALF = 30
# All that is said to those who do not see it: the next sentence takes the place of the last.
SAID = """
    window.said = []
    new MutationObserver(() => said.push(...[...document.querySelectorAll('[role=status]')].map(e => e.textContent.trim())))
        .observe(document, { childList: true, subtree: true, characterData: true })"""
LISTS = pytest.mark.parametrize("path", ["/notifications", "/audit"])


@pytest.fixture(scope="module")
def busy(stack: Stack) -> Business:
    """Somebody to whom more has happened than fits on a page: offers that came and went, and as many changes of their own."""
    ours, other = stack.register("busy"), stack.register("other")
    contact = other.contact("Amara Diallo")
    for days in range(2 * HALF):
        ours.ask("PATCH", "/settings", body={"offer_expiry_days": 7 + days % 2})
    for _ in range(HALF):
        id = other.offer(ours, contact)["id"]
        ours.until(id, status="open")
        other.post(f"/partnerships/{id}/withdrawal")
        ours.until(id, status="withdrawn")
    until(lambda: ours.get("/notifications")["unread_count"] == 2 * HALF, 10, "all of it is told")
    return ours


def entries(page: Page) -> Locator:
    return page.locator("[data-list] li[data-key]")


def each_once(page: Page) -> int:
    keys: list[str] = entries(page).evaluate_all("all => all.map(li => li.dataset.key)")
    assert len(set(keys)) == len(keys)
    days: list[str] = page.locator("[data-list] > section").evaluate_all("all => all.map(day => day.dataset.key)")
    assert len(set(days)) == len(days)
    return len(keys)


@LISTS
def test_the_rest_comes_as_one_scrolls(busy: Business, person: Person, path: str) -> None:
    page = person()
    page.add_init_script(SAID)
    enter(page, busy, path)
    expect(page.get_by_role("link", name="Show more")).to_have_count(1)
    first = each_once(page)
    page.mouse.move(640, 400)
    for _ in range(8):
        page.mouse.wheel(0, 4000)
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    assert each_once(page) > first
    told = "said.some(words => words.endsWith('more shown, and these are all'))"
    until(lambda: page.evaluate(told), 10, "it is said that these are all")
    expect(page.get_by_role("navigation", name="Pages")).to_have_count(0)


@LISTS
def test_whoever_presses_it_goes_on_with_what_came(busy: Business, person: Person, path: str) -> None:
    page = person()
    page.add_init_script("IntersectionObserver.prototype.observe = () => {}")
    enter(page, busy, path)
    first = each_once(page)
    page.get_by_role("link", name="Show more").press("Enter")
    expect(entries(page).nth(first)).to_be_attached()
    assert entries(page).nth(first).evaluate("entry => entry.contains(document.activeElement)")
    assert page.url.endswith(path)


@LISTS
def test_without_scripts_it_is_a_page_and_leads_back(busy: Business, person: Person, path: str) -> None:
    page = person(java_script_enabled=False)
    enter(page, busy, path)
    first = entries(page).first.get_attribute("data-key")
    page.get_by_role("link", name="Show more").click()
    expect(page).to_have_url(re.compile(r"cursor="))
    expect(page.locator(f"[data-key='{first}']")).to_have_count(0)
    page.get_by_role("link", name="First page").click()
    expect(page.locator(f"[data-key='{first}']")).to_have_count(1)


def test_what_was_loaded_stays_when_something_happens(busy: Business, person: Person) -> None:
    page = person()
    enter(page, busy, "/notifications")
    page.wait_for_selector("html[data-listening]", state="attached")
    entries(page).last.scroll_into_view_if_needed()
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    many = each_once(page)
    last = entries(page).last.get_by_role("link")
    last.focus()
    sender = busy.stack.register("late", company="Late Ltd")
    sender.offer(busy, sender.contact("Cleo Sand"))
    expect(entries(page).filter(has_text="Late Ltd")).to_have_count(1)
    assert each_once(page) == many + 1
    expect(last).to_be_focused()

"""What people do with API keys in the browser: at a desk, and on a phone without scripts (BX-13)."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.people import Person, log_in
from tests.support.stack import Stack

WAYS = [
    pytest.param(
        {"viewport": {"width": 1280, "height": 800}, "permissions": ["clipboard-read", "clipboard-write"]}, id="desk"
    ),
    pytest.param({"viewport": {"width": 390, "height": 844}, "java_script_enabled": False}, id="phone without scripts"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_key_is_made_copied_used_and_revoked(way: dict[str, object], stack: Stack, person: Person) -> None:
    ours = stack.register("atelier")
    page = person(**way)
    log_in(page, ours)
    page.goto(f"{stack.tenant_url(ours.tenant)}/me")
    page.get_by_role("link", name="Your API keys").click()
    expect(page.get_by_role("heading", name="No API keys yet")).to_be_visible()
    page.get_by_role("link", name="Make a key").click()

    page.get_by_label("Name").fill("Nightly export")
    page.get_by_role("button", name="Make key").click()
    expect(page.get_by_text("Choose what it may do.").first).to_be_visible()
    page.get_by_role("checkbox", name="See contacts", exact=True).check()
    page.get_by_label("Ends after").select_option(label="30 days")
    page.get_by_role("button", name="Make key").click()

    expect(page.get_by_role("heading", name="Your new key")).to_be_visible()
    field = page.get_by_label("Nightly export")
    key = field.input_value()
    if way.get("java_script_enabled", True):
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == key
    else:
        expect(page.get_by_role("button", name="Copy")).to_have_count(0)

    def ask(path: str) -> int:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.get(f"{stack.url}/api/v1{path}", headers=headers, timeout=15).status_code

    assert [ask("/contacts"), ask("/partnerships")] == [200, 403]
    if way.get("java_script_enabled", True):
        # Sent once more, it makes no second one.
        page.reload()
        expect(page.get_by_text("This key was made already and cannot be shown again.")).to_be_visible()
    else:
        page.get_by_role("link", name="Done").click()
    row = page.get_by_role("listitem").filter(has_text="Nightly export")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("May see contacts")
    expect(row).to_contain_text("used just now")
    assert key not in page.content()

    row.get_by_role("link", name="Revoke Nightly export").click()
    expect(page.get_by_role("heading", name="Revoke Nightly export?")).to_be_visible()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_text("The key has been revoked.").first).to_be_visible()
    expect(page.get_by_role("heading", name="No API keys yet")).to_be_visible()
    assert ask("/contacts") == 401

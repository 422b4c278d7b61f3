"""Our own business and oneself, as people use the pages: profile, users, environments, settings, preferences (OE-20, BX-09).

With a mouse at a desk, on a phone, and the main ones in a browser without scripts.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.people import PASSWORD, Person, log_in, reload_until, tile
from tests.support.servers import until
from tests.support.stack import Business, Stack

WAYS = [
    pytest.param({"viewport": {"width": 1280, "height": 800}}, id="desk"),
    pytest.param({"viewport": {"width": 390, "height": 844}, "has_touch": True}, id="phone"),
    pytest.param({"java_script_enabled": False}, id="without scripts"),
]


def png(side: int, noise: int = 0) -> bytes:
    """A picture of `side` pixels; with `noise` one that cannot be packed well."""
    state, rows = noise, bytearray()
    for _ in range(side):
        rows += b"\0"
        for x in range(side * 3):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            rows.append((state >> 16) & 255 if noise else x % 251)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b"")
    )


@pytest.fixture
def two(stack: Stack) -> tuple[Business, Business]:
    """Two businesses that work together."""
    ours, theirs = stack.register("atelier"), stack.register("borough")
    contact = ours.contact("Amara Diallo")
    id = ours.offer(theirs, contact)["id"]
    theirs.until(id, status="open")
    roles = [{"environment": "Production", "role": "Viewer"}]
    theirs.post(f"/partnerships/{id}/acceptance", {"contacts": [{"contact_id": contact, "roles": roles}]})
    ours.until(id, status="accepted")
    return ours, theirs


def somebody(person: Person, business: Business, way: dict[str, object]) -> Page:
    page = person(**way)
    log_in(page, business)
    return page


def go(page: Page, path: str) -> None:
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + path)


def done(page: Page, sentence: str) -> None:
    expect(page.get_by_role("main").get_by_role("status").filter(has_text=sentence)).to_be_visible()


def in_menu(page: Page, of: str, entry: str) -> None:
    """Choose an entry of a context menu; without scripts the browser itself opens it."""
    page.get_by_role("button", name=f"Actions for {of}").click()
    page.get_by_role("menuitem", name=entry).click()


def test_the_field_of_the_logo_is_whole_on_the_smallest_phones(two: tuple[Business, Business], person: Person) -> None:
    ada = somebody(person, two[0], {"viewport": {"width": 320, "height": 700}})
    go(ada, "/profile/logo")
    field, button = ada.get_by_label("Picture").bounding_box(), ada.get_by_role("button", name="Upload").bounding_box()
    assert field
    assert button
    assert field["width"] == button["width"]


@pytest.mark.parametrize("way", WAYS)
def test_the_profile_with_two_addresses_and_a_logo_reaches_the_other_side(
    way: dict[str, object], two: tuple[Business, Business], person: Person, tmp_path: Path
) -> None:
    ours, theirs = two
    ada = somebody(person, ours, way)
    go(ada, "/profile")
    ada.get_by_label("Company").fill("Atelier Lindqvist")
    ada.get_by_label("Phone").fill("+46 8 123")
    ada.get_by_label("Website").fill("atelier")
    ada.get_by_role("button", name="Save").click()
    # Refused at its field, with everything still filled in.
    expect(ada.get_by_label("Website")).to_have_attribute("aria-invalid", "true")
    expect(ada.get_by_label("Phone")).to_have_value("+46 8 123")
    ada.get_by_label("Website").fill("https://atelier.example")
    ada.get_by_role("button", name="Save").click()
    done(ada, "The profile has been changed.")

    ada.get_by_role("link", name="Add Address").click()
    ada.get_by_role("button", name="Add Address").click()
    expect(ada.get_by_label("Address Line 1")).to_have_attribute("aria-invalid", "true")
    ada.get_by_label("Address Line 1").fill("Strandvägen 7")
    ada.get_by_label("City").fill("Stockholm")
    ada.get_by_label("Zip Code").fill("114 56")
    ada.get_by_label("Country").fill("Sweden")
    expect(ada.get_by_label("Default address")).to_be_checked()
    ada.get_by_role("button", name="Add Address").click()
    done(ada, "The address has been added.")
    ada.get_by_role("link", name="Add Address").click()
    expect(ada.get_by_label("Type")).to_contain_text("Billing")
    expect(ada.get_by_label("Type")).not_to_contain_text("Business")
    ada.get_by_label("Type").select_option("Billing")
    ada.get_by_label("Address Line 1").fill("Box 1207")
    ada.get_by_role("button", name="Add Address").click()
    done(ada, "The address has been added.")
    addresses = ada.get_by_role("region", name="Addresses")
    expect(addresses.get_by_role("listitem")).to_have_count(2)
    expect(addresses.get_by_role("listitem").first).to_contain_text("Default")

    picture = tmp_path / "logo.png"
    picture.write_bytes(png(64))
    ada.get_by_role("link", name="Upload logo").click()
    ada.get_by_label("Picture").set_input_files(picture)
    ada.get_by_role("button", name="Upload").click()
    done(ada, "The logo has been changed.")
    logo = ada.get_by_role("region", name="Logo").locator("img")
    expect(logo).to_be_visible()
    expect(logo).to_have_attribute("src", re.compile(r"^/logo\?v="))

    bert = somebody(person, theirs, way)
    reload_until(bert, lambda: tile(bert, "Atelier Lindqvist").locator("img").count() == 1)
    shown = tile(bert, "Atelier Lindqvist").locator("img")
    expect(shown).to_be_visible()
    bert.get_by_role("link", name="Atelier Lindqvist").first.click()
    # Each change is a message of its own: the last of them may come after the logo's tile.
    reload_until(bert, lambda: "Box 1207" in bert.get_by_role("main").inner_text())
    for text in ("Strandvägen 7", "114 56 Stockholm", "Sweden", "+46 8 123", "Box 1207"):
        expect(bert.get_by_role("main").get_by_text(text).first).to_be_visible()
    if way.get("java_script_enabled", True):
        drawn = "Array.from(document.images).some((i) => i.naturalWidth === 64)"
        until(lambda: bert.evaluate(drawn), 10, "the logo is drawn")


def test_addresses_are_edited_made_the_default_and_removed(stack: Stack, person: Person) -> None:
    ours = stack.register("atelier")
    site = {"type": "Business", "line1": "Quay 1", "default": True}
    ours.ask("PATCH", "/tenants/current", 200, {"addresses": [site, {"type": "Billing", "line1": "Box 7"}]})
    ada = somebody(person, ours, {})
    go(ada, "/profile")
    in_menu(ada, "the Billing address", "Edit")
    dialog = ada.get_by_role("dialog", name="Billing address")
    expect(dialog.get_by_label("Address Line 1")).to_have_value("Box 7")
    # Somebody else changes the same address while it is open here: nothing of either is lost unasked.
    ours.ask("PATCH", "/tenants/current", 200, {"addresses": [site, {"type": "Billing", "line1": "Box 8"}]})
    dialog.get_by_label("Address Line 1").fill("Box 9")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("It says now: Box 8.")).to_be_visible()
    expect(dialog.get_by_label("Address Line 1")).to_have_value("Box 9")
    dialog.get_by_role("button", name="Save").click()
    done(ada, "The address has been changed.")
    in_menu(ada, "the Billing address", "Make default")
    done(ada, "The default address has been changed.")
    addresses = ada.get_by_role("region", name="Addresses").get_by_role("listitem")
    expect(addresses.first).to_contain_text("Billing")
    expect(addresses.first).to_contain_text("Box 9")
    expect(addresses.first).to_contain_text("Default")
    expect(addresses.last).not_to_contain_text("Default")
    in_menu(ada, "the Business address", "Remove")
    ada.get_by_role("dialog").get_by_role("button", name="Remove").click()
    done(ada, "The address has been removed.")
    expect(addresses).to_have_count(1)


def test_a_picture_that_is_too_large_is_made_smaller_before_it_is_sent(
    stack: Stack, person: Person, tmp_path: Path
) -> None:
    ours = stack.register("atelier")
    ada = somebody(person, ours, {})
    go(ada, "/profile")
    picture, text = tmp_path / "big.png", tmp_path / "logo.svg"
    picture.write_bytes(png(400, noise=7))
    text.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert picture.stat().st_size > 100_000
    ada.get_by_role("link", name="Upload logo").click()
    dialog = ada.get_by_role("dialog", name="Logo")
    dialog.get_by_label("Picture").set_input_files(text)
    dialog.get_by_role("button", name="Upload").click()
    expect(dialog.get_by_text("Error: Use a PNG, JPEG, WebP or GIF picture.")).to_be_visible()
    dialog.get_by_label("Picture").set_input_files(picture)
    expect(ada.get_by_text("The picture has been made smaller.")).to_be_attached()
    dialog.get_by_role("button", name="Upload").click()
    done(ada, "The logo has been changed.")
    ada.get_by_role("region", name="Logo").get_by_role("button", name="Remove").click()
    done(ada, "The logo has been removed.")
    expect(ada.get_by_role("region", name="Logo").locator("img")).to_have_count(0)


@pytest.mark.parametrize("way", WAYS)
def test_users_are_added_found_changed_and_switched_off(way: dict[str, object], stack: Stack, person: Person) -> None:
    ours = stack.register("atelier")
    ours.contact("Eva Holm")
    ada = somebody(person, ours, way)
    go(ada, "/users")
    ada.get_by_role("link", name="Add user").click()
    ada.get_by_label("Name").fill("Bea Lang")
    ada.get_by_label("E-mail").fill("bea@atelier.example")
    ada.get_by_role("radio", name="Partnerships", exact=True).check()
    ada.get_by_role("button", name="Add user").click()
    expect(ada.get_by_label("First password")).to_have_attribute("aria-invalid", "true")
    ada.get_by_label("First password").fill(PASSWORD)
    ada.get_by_role("button", name="Add user").click()
    done(ada, "The login has been made.")

    # Somebody who is in the directory keeps what is known of them there.
    ada.get_by_role("link", name="Add user").click()
    ada.get_by_role("link", name="Choose the contact").click()
    ada.get_by_role("link", name="Eva Holm").click()
    expect(ada.get_by_label("Name")).to_have_value("Eva Holm")
    ada.get_by_label("First password").fill(PASSWORD)
    ada.get_by_role("button", name="Add user").click()
    done(ada, "The login has been made.")

    users = ada.locator("#users").get_by_role("listitem")
    expect(users).to_have_count(3)
    ada.get_by_role("searchbox").fill("bea@")
    if not way.get("java_script_enabled", True):
        ada.get_by_role("button", name="Search").click()
    expect(users).to_have_count(1)
    ada.get_by_role("link", name="Bea Lang").click()
    ada.get_by_label("Name").fill("Bea Lang-Ek")
    ada.get_by_role("radio", name="Member", exact=True).check()
    ada.get_by_role("button", name="Save").click()
    done(ada, "The login has been changed.")

    bea = person(**way)
    bea.goto(f"{stack.tenant_url(ours.tenant)}/login")
    bea.get_by_label("E-mail").fill("bea@atelier.example")
    bea.get_by_label("Password").fill(PASSWORD)
    bea.get_by_role("button", name="Log in").click()
    expect(bea.get_by_role("heading", name="Business partners", exact=True)).to_be_visible()
    # What a member may read they may not change.
    go(bea, "/users")
    expect(bea.get_by_role("link", name="Add user")).to_have_count(0)
    go(bea, "/profile")
    expect(bea.get_by_role("main").get_by_role("button")).to_have_count(0)

    ada.get_by_role("link", name="Bea Lang-Ek").click()
    ada.get_by_role("link", name="Deactivate").click()
    expect(ada.get_by_text("all their sessions end at once")).to_be_visible()
    ada.get_by_role("button", name="Deactivate").click()
    done(ada, "The login has been deactivated.")
    expect(users.filter(has_text="Bea Lang-Ek")).to_contain_text("Inactive")
    # An open page notices by itself that nobody is logged in any more; without scripts the next one does.
    if not way.get("java_script_enabled", True):
        go(bea, "/users")
    expect(bea.get_by_role("button", name="Log in")).to_be_visible(timeout=20_000)
    ada.get_by_role("link", name="Bea Lang-Ek").click()
    ada.get_by_role("link", name="Activate").click()
    ada.get_by_role("button", name="Activate").click()
    done(ada, "The login is active again.")

    # Oneself is another admin's to change.
    ada.get_by_role("link", name=ours.user["name"]).first.click()
    go(ada, f"/users/{ours.user['id']}")
    expect(ada.get_by_role("link", name="Deactivate")).to_have_count(0)
    expect(ada.get_by_text("Your own role is changed by another admin.")).to_be_visible()


@pytest.mark.parametrize("way", WAYS)
def test_environments_and_roles_are_changed_in_one_form(
    way: dict[str, object], two: tuple[Business, Business], person: Person
) -> None:
    _, theirs = two
    bert = somebody(person, theirs, way)
    go(bert, "/environments")
    production = bert.get_by_role("group", name="Production")
    production.get_by_role("button", name="Add role").click()
    fresh = production.get_by_role("textbox", name="Role 4 in Production")
    expect(fresh).to_be_focused()
    fresh.fill("Auditor")
    bert.get_by_role("button", name="Remove Administrator from Production").click()
    expect(fresh).to_have_count(0)
    expect(production.get_by_role("textbox", name="Role 3 in Production")).to_have_value("Auditor")
    bert.get_by_role("button", name="Add environment").click()
    new = bert.get_by_role("group", name="New environment")
    expect(new.get_by_label("Environment", exact=True)).to_be_focused()
    new.get_by_label("Environment", exact=True).fill("Staging")
    new.get_by_role("textbox", name="Role 1").fill("Tester")
    # Enter saves, whatever other buttons there are.
    new.get_by_role("textbox", name="Role 1").press("Enter")
    done(bert, "Environments and roles have been changed.")
    found = {e["name"]: [r["name"] for r in e["roles"]] for e in theirs.get("/environments")["items"]}
    assert found["Production"] == ["Viewer", "Operator", "Auditor"]
    assert found["Staging"] == ["Tester"]

    # Amara holds Viewer in Production.
    bert.get_by_role("button", name="Remove Viewer from Production").click()
    expect(production.get_by_role("textbox")).to_have_count(3)
    bert.get_by_role("button", name="Save").click()
    expect(production.get_by_text("until then you can rename it")).to_be_visible()
    expect(production.get_by_role("textbox")).to_have_count(4)
    bert.get_by_role("button", name="Save").click()
    done(bert, "Environments and roles have been changed.")

    # Somebody else is faster.
    now = theirs.get("/environments")["items"]
    theirs.ask("PUT", "/environments", 200, {"items": [*now, {"name": "Demo", "roles": [{"name": "Guest"}]}]})
    bert.get_by_role("group", name="Staging").get_by_label("Environment", exact=True).fill("Rehearsal")
    bert.get_by_role("button", name="Save").click()
    expect(bert.get_by_text("There is Demo, which does not stand here.")).to_be_visible()
    expect(bert.get_by_role("group", name="Rehearsal").get_by_label("Environment", exact=True)).to_have_value(
        "Rehearsal"
    )
    assert "Demo" in [e["name"] for e in theirs.get("/environments")["items"]]


def test_leaving_environments_asks_exactly_when_something_was_changed(
    two: tuple[Business, Business], person: Person
) -> None:
    bert = somebody(person, two[1], {})
    go(bert, "/environments")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    bert.on("dialog", stay)
    bert.get_by_role("button", name="Remove Operator from Production").click()
    bert.get_by_role("link", name="Home").first.click(no_wait_after=True)
    expect(bert.get_by_role("button", name="Remove Operator from Production")).to_have_count(0)
    expect(bert).to_have_title(re.compile("^Environments"))
    assert asked == ["beforeunload"]
    bert.remove_listener("dialog", stay)
    bert.get_by_role("button", name="Save").click()
    done(bert, "Environments and roles have been changed.")
    bert.on("dialog", stay)
    bert.get_by_role("link", name="Home").first.click()
    expect(bert.get_by_role("heading", name="Business partners", level=1)).to_be_visible()
    assert asked == ["beforeunload"]


def test_settings_are_chosen_and_businesses_blocked(stack: Stack, person: Person) -> None:
    ours = stack.register("atelier")
    ada = somebody(person, ours, {})
    go(ada, "/settings")
    ada.get_by_label("Days until an offer expires").fill("14")
    ada.get_by_role("radio", name="Nobody", exact=True).check()
    ada.get_by_role("region", name="Offers").or_(ada.get_by_role("form", name="Offers")).get_by_role(
        "button", name="Save"
    ).click()
    done(ada, "The settings have been changed.")
    chosen = ours.get("/settings")
    assert (chosen["offer_expiry_days"], chosen["offers_from"]) == (14, "none")
    ada.get_by_label("Tenant name").fill("https://coldcalls.accord.example/")
    ada.get_by_role("button", name="Block").click()
    done(ada, "Offers of this business reach you no more.")
    ada.get_by_label("Tenant name").fill(ours.tenant)
    ada.get_by_role("button", name="Block", exact=True).click()
    expect(ada.get_by_text("A business cannot block itself.")).to_be_visible()
    assert ours.get("/settings")["blocked_tenants"] == ["coldcalls"]
    ada.get_by_role("button", name="Unblock coldcalls").click()
    done(ada, "Offers of this business reach you again.")
    assert ours.get("/settings")["blocked_tenants"] == []


@pytest.mark.parametrize("way", WAYS)
def test_people_choose_for_themselves(way: dict[str, object], stack: Stack, person: Person) -> None:
    ours = stack.register("atelier")
    ada = somebody(person, ours, way)
    scripts = way.get("java_script_enabled", True)
    go(ada, "/me")
    ada.get_by_label("Time zone").select_option(label="Tokyo")
    ada.get_by_label("Name").fill("Ada Lindqvist")
    ada.get_by_role("button", name="Save").first.click()
    done(ada, "Your details have been changed.")
    assert ours.get("/me")["user"]["time_zone"] == "Asia/Tokyo"

    mail = ada.get_by_role("switch", name="Send me notifications by e-mail")
    introduction = ada.get_by_role("switch", name="Show the introduction when I add a customer")
    expect(mail).to_be_checked()
    if scripts:
        mail.click()
        expect(ada.get_by_text("Saved.")).to_be_attached()
        introduction.click()
        reload_until(ada, lambda: not introduction.is_checked())
    else:
        mail.uncheck()
        introduction.uncheck()
        ada.get_by_role("form", name="Preferences").get_by_role("button", name="Save").click()
        done(ada, "Your preferences have been changed.")
    expect(mail).not_to_be_checked()
    expect(introduction).not_to_be_checked()
    assert ours.get("/notification-preferences")["mail"] is False
    go(ada, "/partnerships/new")
    if scripts:
        expect(ada.get_by_role("heading", level=1)).to_have_text("Customer Details")

    go(ada, "/me")
    expect(ada.get_by_role("button", name="End the session of")).to_have_count(1)
    ada.get_by_label("Current password").fill("not the password")
    ada.get_by_label("New password", exact=True).fill("an even better one")
    ada.get_by_label("New password again").fill("an even better one")
    ada.get_by_role("button", name="Change password").click()
    expect(ada.get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    ada.get_by_label("Current password").fill(PASSWORD)
    ada.get_by_label("New password", exact=True).fill("an even better one")
    ada.get_by_label("New password again").fill("an even better one")
    ada.get_by_role("button", name="Change password").click()
    done(ada, "Your password has been changed")
    # The session of the API, which was another one, has ended.
    expect(ada.get_by_role("button", name="End the session of")).to_have_count(0)
    expect(ada.get_by_text("This session")).to_be_visible()


def test_another_session_is_ended(stack: Stack, person: Person) -> None:
    ours = stack.register("atelier")
    here, elsewhere = somebody(person, ours, {}), somebody(person, ours, {})
    go(here, "/me")
    expect(here.get_by_role("button", name="End the session of")).to_have_count(2)
    here.get_by_role("button", name="End the session of").first.click()
    done(here, "The session has ended.")
    expect(here.get_by_role("button", name="End the session of")).to_have_count(1)
    go(elsewhere, "/me")
    expect(elsewhere.get_by_role("button", name="Log in")).to_be_visible()

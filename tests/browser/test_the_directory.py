"""What somebody does with the directory: a file is looked at before it is imported, and comes out again as it went in."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Person, enter, log_in
from tests.support.axe import violations
from tests.support.stack import PASSWORD, Business, Stack

PHONE = {"width": 390, "height": 844}


def file(text: str) -> dict[str, object]:
    return {"name": "people.csv", "mimeType": "text/csv", "buffer": text.encode()}


def directory(page: Page) -> None:
    page.get_by_role("link", name="Contacts").first.click()
    expect(page.get_by_role("heading", name="Contacts", exact=True)).to_be_visible()


def listed(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("listitem")


def look_at(page: Page, text: str) -> None:
    """Choose a file on the page that asks for one."""
    page.get_by_label("CSV file").set_input_files(file(text))  # type: ignore[arg-type]
    page.get_by_role("button", name="Show what will happen").click()


def exported(page: Page) -> str:
    directory(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename.endswith(".csv")
    return Path(download.value.path()).read_bytes().decode()


def open_to_everybody(page: Page) -> None:
    """Nothing for axe-core to find, in light and dark, and nothing to scroll sideways for, down to 320 px."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert violations(page) == []
    before = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 844})
    assert page.evaluate("document.scrollingElement.scrollWidth") == 320
    assert violations(page) == []
    if before is not None:
        page.set_viewport_size(before)


def whoever(stack: Stack) -> tuple[Business, str]:
    """A business with three contacts, and a file about them and others."""
    who = stack.register("directory")
    for name in ("Marta Oduya", "Jonas Weber", "Priya Raman"):
        who.contact(name)
    mail = f"@{who.tenant}.example"
    return who, "\r\n".join(
        [
            "E-mail;Name;Phone;Title;Room",
            f"marta.oduya{mail};Marta Oduya;;Lead Consultant;1",
            f"jonas.weber{mail};Jonas Weber;+46 8 1;Consultant;2",
            f'nora{mail};"Lind, Nora";+47 1;=1+1;3',
            f"lena{mail};;;;4",
            "nowhere;Omar Haddad;;;5",
            f"nora{mail};Nora Again;;;6",
        ]
    )


def test_a_file_is_looked_at_then_its_good_rows_are_imported_and_come_out_again(stack: Stack, person: Person) -> None:
    who, content = whoever(stack)
    ada = person(accept_downloads=True)
    enter(ada, who)
    directory(ada)
    ada.get_by_role("link", name="Import", exact=True).click()
    look_at(ada, "Marta,marta@x.example")
    expect(ada.get_by_text("The first line must name the columns").first).to_be_visible()

    look_at(ada, content)
    expect(ada.get_by_role("heading", name="What will happen")).to_be_visible()
    expect(ada.get_by_text("1 new, 1 changed, 1 as it is, 3 with mistakes")).to_be_visible()
    expect(ada.get_by_text("contacts have no such column: Room")).to_be_visible()
    wrong = ada.get_by_role("table", name="With mistakes")
    for line, words in (
        ("5", "Name: There is none."),
        ("6", "E-mail: Enter an e-mail address"),
        ("7", "stands on line 4 already"),
    ):
        expect(wrong.get_by_role("row").filter(has_text=words).get_by_role("cell").first).to_have_text(f"Line {line}")
    changed = ada.get_by_role("table", name="Changed").get_by_role("row").filter(has_text="Marta Oduya")
    expect(changed).to_contain_text("was Consultant")
    expect(changed).to_contain_text("will be Lead Consultant")
    assert len(who.get("/contacts")["items"]) == 4  # nothing has happened yet
    open_to_everybody(ada)

    ada.get_by_role("button", name="Import 2 contacts").click()
    expect(ada.get_by_text("Contacts added: 1, changed: 1.")).to_be_visible()
    expect(listed(ada).filter(has_text="Marta Oduya")).to_contain_text("Lead Consultant")
    expect(listed(ada).filter(has_text="Lind, Nora")).to_contain_text("=1+1")
    expect(listed(ada)).to_have_count(5)

    text = exported(ada)
    rows = {row["Name"]: row for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))}
    assert rows["Lind, Nora"] == {
        "Name": "Lind, Nora",
        "E-mail": f"nora@{who.tenant}.example",
        "Title": "'=1+1",
        "Phone": "'+47 1",
    }
    assert set(rows) == {"Adam Directory", "Marta Oduya", "Jonas Weber", "Priya Raman", "Lind, Nora"}
    ada.get_by_role("link", name="Import", exact=True).click()
    look_at(ada, text)
    expect(ada.get_by_text("5 as they are", exact=True)).to_be_visible()
    expect(ada.get_by_role("button", name="Import")).to_have_count(0)


def test_it_works_on_a_phone_and_without_scripts(stack: Stack, person: Person) -> None:
    who, content = whoever(stack)
    ada = person(java_script_enabled=False, viewport=PHONE)
    enter(ada, who)
    directory(ada)
    ada.get_by_role("link", name="Import", exact=True).click()
    ada.get_by_label("Or paste the rows").fill(content)
    ada.get_by_role("button", name="Show what will happen").click()
    # Meanwhile somebody else adds the one who was new.
    who.post("/contacts", {"name": "Lind, Nora", "email": f"nora@{who.tenant}.example"}, 201)
    ada.get_by_role("button", name="Import 2 contacts").click()
    expect(ada.get_by_text("Your directory has changed since")).to_be_visible()
    expect(ada.get_by_text("2 changed, 1 as it is")).to_be_visible()
    ada.get_by_role("button", name="Import 2 contacts").click()
    expect(ada.get_by_text("Contacts added: 0, changed: 2.")).to_be_visible()
    ada.get_by_label("Search by name").fill("=1+")
    ada.get_by_role("button", name="Search").click()
    expect(listed(ada)).to_have_count(1)
    expect(listed(ada)).to_contain_text("Lind, Nora")


def test_contacts_are_found_as_one_types_changed_and_deleted(stack: Stack, person: Person) -> None:
    who, _ = whoever(stack)
    people = [{"name": f"Person {n:03}", "email": f"p{n}@x.example"} for n in range(150)]
    who.post("/contacts/import", {"items": people})
    ada = person()
    enter(ada, who)
    directory(ada)
    # More come as one scrolls.
    listed(ada).last.scroll_into_view_if_needed()
    expect(listed(ada)).to_have_count(154)
    ada.get_by_label("Search by name").press_sequentially("marta")
    expect(listed(ada)).to_have_count(1)
    expect(ada).to_have_url(f"{stack.tenant_url(who.tenant)}/contacts?q=marta")
    ada.get_by_role("link", name="Marta Oduya").click()
    ada.get_by_label("Title").fill("Lead")
    # Somebody else saves first: it is told at once, and what was typed stays.
    found = who.get("/contacts?q=marta")["items"][0]
    who.ask("PATCH", f"/contacts/{found['id']}", body={"phone": "+46 8 2"})
    expect(ada.get_by_text("This contact has been changed meanwhile.")).to_be_visible()
    ada.get_by_role("button", name="Save").click()
    expect(ada.get_by_text("Now it reads: Marta Oduya").first).to_be_visible()
    expect(ada.get_by_label("Title")).to_have_value("Lead")
    ada.get_by_role("button", name="Save").click()
    expect(ada.get_by_text("The contact has been changed.")).to_be_visible()
    ada.get_by_label("Search by name").fill("priya")
    ada.get_by_role("link", name="Priya Raman").click()
    ada.get_by_role("link", name="Delete").click()
    ada.get_by_role("dialog", name="Delete Priya Raman?").get_by_role("button", name="Delete").click()
    expect(ada.get_by_text("The contact has been deleted.")).to_be_visible()
    ada.get_by_label("Search by name").fill("priya")
    expect(ada.get_by_text("Nobody fits “priya”")).to_be_visible()


def test_a_member_reads_all_of_it_and_the_list_changes_by_itself(stack: Stack, person: Person) -> None:
    who, _ = whoever(stack)
    email = f"mia@{who.tenant}.example"
    user = who.post("/users", {"name": "Mia Berg", "email": email, "role": "member", "password": PASSWORD}, 201)
    mia = person(viewport=PHONE)
    log_in(mia, Business(stack, who.tenant, email, user, ""))
    directory(mia)
    for name in ("Import", "Add contact"):
        expect(mia.get_by_role("link", name=name, exact=True)).to_have_count(0)
    expect(mia.get_by_role("link", name="Export")).to_be_visible()
    who.contact("Zoe Late")
    expect(mia.get_by_role("link", name="Zoe Late")).to_be_visible()
    mia.get_by_role("link", name="Marta Oduya").click()
    expect(mia.get_by_role("link", name=f"marta.oduya@{who.tenant}.example")).to_be_visible()
    expect(mia.get_by_role("button", name="Save")).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_whoever_adds_somebody_twice_is_shown_both(stack: Stack, person: Person, scripts: bool) -> None:
    who = stack.register("twice")
    who.contact("Marta Oduya")
    ada = person(viewport=PHONE, java_script_enabled=scripts)
    enter(ada, who, "/contacts/new")
    ada.get_by_label("Name").fill("Marta Oduya")
    ada.get_by_label("E-mail").fill(f"marta.oduya@{who.tenant}.example")
    ada.get_by_role("button", name="Add contact").click()
    expect(ada.get_by_text("Somebody else there has the same e-mail: here are both.")).to_be_visible()
    expect(ada.get_by_role("link", name="Marta Oduya")).to_have_count(2)
    expect(ada.get_by_role("link", name="Adam")).to_have_count(0)
    if scripts:
        open_to_everybody(ada)

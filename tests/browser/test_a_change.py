"""What two people do to a partnership: a mixed change, answered item by item with a suggestion, the reply, the team, and the end."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.people import Person, add_contact, home, name, register, reload_until, send_offer, tile
from tests.support.stack import Stack


def begin(stack: Stack, ada: Page, nils: Page, people: list[str], lent: list[str]) -> None:
    """Ada of Kazenor lends Nils of Northwind some of her people; both stand on the page of the partnership."""
    customer = name("northwind")
    register(
        ada, home(stack), tenant=name("kazenor"), company="Kazenor Works", person="Ada Vogt", email="ada@k.example"
    )
    register(
        nils,
        home(stack),
        tenant=customer,
        company="Northwind Traders",
        person="Nils Berg",
        email="nils@n.example",
    )
    for contact in people:
        add_contact(ada, contact)
    send_offer(ada, customer=customer, email="nils@n.example", message="Shall we?", contacts=lent)
    nils.reload()
    reload_until(nils, lambda: tile(nils, "Kazenor Works").count() == 1)
    tile(nils, "Kazenor Works").get_by_role("link", name="Kazenor Works").click()
    reload_until(nils, lambda: nils.get_by_role("region", name="Offered contacts").get_by_text(lent[0]).count() == 1)
    nils.get_by_role("link", name="Accept", exact=True).last.click()
    for contact in lent:
        give_role(nils.get_by_role("group", name=f"Roles of {contact}"), "Production", "Operator")
    nils.get_by_role("button", name="Continue").click()
    nils.get_by_role("button", name="Yes").click()
    expect(nils.get_by_text("The partnership has begun.")).to_be_visible()
    ada.get_by_role("link", name="Home").first.click()
    reload_until(ada, lambda: tile(ada, "Northwind Traders").filter(has_text="Accepted").count() == 1)
    tile(ada, "Northwind Traders").get_by_role("link", name="Northwind Traders").click()


def give_role(who: Locator, environment: str, role: str) -> None:
    who.get_by_role("group", name=environment).get_by_label(role).check()


def contacts(page: Page) -> Locator:
    """Who works there, as the page of the partnership shows it."""
    return page.get_by_role("region", name="Contacts")


def test_a_mixed_change_is_answered_in_part_replied_to_and_ended(stack: Stack, person: Person) -> None:
    ada, nils = person(), person()
    begin(
        stack, ada, nils, ["Amara Diallo", "Bruno Keller", "Cleo Sand", "Dora Lind"], ["Amara Diallo", "Bruno Keller"]
    )

    ada.get_by_role("link", name="Edit contacts").last.click()
    leaving, coming = ada.get_by_role("group", name="To Be Released"), ada.get_by_role("group", name="To Be Added")
    expect(coming.get_by_text("Amara Diallo")).to_have_count(0)
    leaving.get_by_role("checkbox", name="Bruno Keller").check()
    coming.get_by_role("checkbox", name="Cleo Sand").check()
    # Without a reason it comes back, with everything that was chosen.
    ada.get_by_role("button", name="Update").click()
    expect(ada.get_by_text("Give a reason.").first).to_be_visible()
    expect(leaving.get_by_role("checkbox", name="Bruno Keller")).to_be_checked()
    ada.get_by_label("Reason").fill("Bruno moves on.\nCleo takes over.")
    ada.get_by_role("button", name="Update").click()
    expect(ada.get_by_text("Your proposal is on its way.")).to_be_visible()
    ours = ada.get_by_role("region", name="Ada Vogt proposed to add 1 contact and release 1 contact")
    expect(ours).to_contain_text("Released")
    expect(ours).to_contain_text("Waits for Northwind Traders")

    nils.reload()
    theirs = nils.get_by_role(
        "region", name="Ada Vogt of Kazenor Works proposes to add 1 contact and release 1 contact"
    )
    reload_until(nils, lambda: theirs.count() == 1)
    reload_until(nils, lambda: nils.get_by_text("Modified", exact=True).count() > 0)
    expect(theirs).to_contain_text("Released by Partner")
    expect(theirs).to_contain_text("Offered")
    expect(contacts(nils)).to_contain_text("Bruno Keller")
    # That he has looked is told to the other side.
    reload_until(ada, lambda: ours.get_by_text("Seen").count() == 1)

    theirs.get_by_role("link", name="Review").click()
    bruno = nils.get_by_role("group", name="Bruno Keller, to be released")
    cleo = nils.get_by_role("group", name="Cleo Sand, to be added")
    bruno.get_by_label("Accept").check()
    cleo.get_by_label("Accept").check()
    nils.get_by_role("button", name="Send answer").click()
    expect(nils.get_by_text("Choose at least one role in one environment.").first).to_be_visible()
    cleo.get_by_label("Decline").check()
    expect(cleo.get_by_role("group", name="Assign Role(s)")).to_be_hidden()
    cleo.get_by_label("Comment about Cleo Sand").fill("We asked for an engineer.")
    nils.get_by_label("Suggest something else").fill("Could Dora come?")
    nils.get_by_role("button", name="Send answer").click()
    expect(nils.get_by_text("Your answer is on its way.")).to_be_visible()
    reload_until(nils, lambda: nils.get_by_text("Accepted", exact=True).count() > 0)

    answers = ada.get_by_role("region", name="Answers to your proposals")
    reload_until(ada, lambda: answers.count() == 1)
    for told in ("We asked for an engineer.", "Could Dora come?", "Declined", "Accepted"):
        expect(answers).to_contain_text(told)
    answers.get_by_role("link", name="Propose again").click()
    expect(ada.get_by_text("Could Dora come?")).to_be_visible()
    ada.get_by_role("group", name="To Be Added").get_by_role("checkbox", name="Dora Lind").check()
    ada.get_by_label("Reason").fill("Here she is.")
    ada.get_by_role("button", name="Update").click()
    expect(ada.get_by_role("link", name="Propose again")).to_have_count(0)

    nils.reload()
    reload_until(nils, lambda: nils.get_by_role("link", name="Review").count() == 1)
    nils.get_by_role("link", name="Review").click()
    dora = nils.get_by_role("group", name="Dora Lind, to be added")
    dora.get_by_label("Accept").check()
    give_role(dora, "Development", "Viewer")
    nils.get_by_role("button", name="Send answer").click()
    reload_until(nils, lambda: contacts(nils).get_by_text("Development Viewer").count() == 1)
    expect(contacts(nils).get_by_role("heading", name="Contacts 2")).to_be_visible()

    reload_until(ada, lambda: contacts(ada).get_by_role("heading", name="Contacts 2").count() == 1)
    expect(contacts(ada).get_by_role("listitem").filter(has_text="Bruno Keller")).to_contain_text("Released")
    expect(ada.get_by_text("Viewer")).to_have_count(0)  # roles are the customer's own matter

    ada.get_by_role("link", name="End Partnership").last.click()
    ada.get_by_label("Reason").fill("The warehouse runs by itself now.")
    ada.get_by_role("button", name="Yes").click()
    expect(ada.get_by_text("The partnership has ended.")).to_be_visible()
    expect(tile(ada, "Northwind Traders")).to_have_count(0)

    reload_until(nils, lambda: nils.get_by_role("region", name="Kazenor Works ended the partnership").count() == 1)
    expect(nils.get_by_text("The warehouse runs by itself now.")).to_have_count(1)
    expect(nils.get_by_role("link", name="Edit contacts")).to_have_count(0)
    nils.get_by_role("link", name="Show all").click()
    expect(nils.get_by_text("Ada Vogt of Kazenor Works ended the partnership.")).to_be_visible()
    nils.get_by_role("link", name="Home").first.click()
    expect(tile(nils, "Kazenor Works")).to_contain_text("Terminated")
    tile(nils, "Kazenor Works").locator("summary").click()
    tile(nils, "Kazenor Works").get_by_role("link", name="Remove").click()
    nils.get_by_role("button", name="Remove").click()
    expect(tile(nils, "Kazenor Works")).to_have_count(0)


def test_a_proposal_is_withdrawn_and_the_team_changed_without_scripts(stack: Stack, person: Person) -> None:
    ada = person(java_script_enabled=False)
    nils = person(java_script_enabled=False, viewport={"width": 390, "height": 844})
    begin(stack, ada, nils, ["Amara Diallo"], ["Amara Diallo"])

    nils.get_by_role("link", name="Edit contacts").last.click()
    expect(nils.get_by_role("group", name="To Be Added")).to_have_count(0)
    nils.get_by_role("checkbox", name="Amara Diallo").check()
    nils.get_by_label("Reason").fill("We have learned enough.")
    nils.get_by_role("button", name="Update").click()
    reload_until(ada, lambda: ada.get_by_text("Released by Customer").count() > 0)
    nils.get_by_role("link", name="Withdraw").click()
    nils.get_by_role("button", name="Withdraw proposal").click()
    expect(nils.get_by_text("The proposal is withdrawn.")).to_be_visible()
    reload_until(ada, lambda: ada.get_by_text("Released by Customer").count() == 0)
    expect(contacts(ada)).to_contain_text("Amara Diallo")

    page = ada.url
    ada.get_by_role("link", name="Users").first.click()
    ada.get_by_role("link", name="Add user").click()
    ada.get_by_label("Name", exact=True).fill("Berta Kern")
    ada.get_by_label("E-mail").fill("berta@k.example")
    ada.get_by_label("First password").fill("correct horse battery")
    ada.get_by_role("button", name="Add user").click()
    ada.goto(page)
    ada.get_by_role("link", name="Manage team").click()
    expect(ada.get_by_role("link", name="Remove")).to_have_count(0)  # somebody must look after the partnership
    ada.get_by_role("checkbox", name="Berta Kern").check()
    ada.get_by_role("button", name="Add", exact=True).click()
    ada.get_by_role("button", name="Make account owner Berta Kern").click()
    berta = ada.get_by_role("listitem").filter(has_text="Berta Kern")
    expect(berta).to_contain_text("Account owner")
    ada.get_by_role("link", name="Remove Ada Vogt").click()
    expect(ada.get_by_role("heading", name="Release Partner Manager")).to_be_visible()
    ada.get_by_role("button", name="Yes").click()
    expect(ada.get_by_text("The manager has been released.")).to_be_visible()
    # She may come back; Berta is the last one now and stays.
    expect(ada.get_by_role("checkbox", name="Ada Vogt")).to_be_visible()
    expect(ada.get_by_role("link", name="Remove")).to_have_count(0)
    # Of the team, the other side learns who the account owner is.
    details = nils.get_by_role("region", name="Details")
    reload_until(nils, lambda: details.get_by_text("Berta Kern").count() == 1)

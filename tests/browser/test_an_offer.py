"""What two people do: each registers a business, one offers to work together, the other accepts with a role."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.people import PASSWORD, Person, add_contact, home, name, register, reload_until, send_offer, tile
from tests.support.stack import Stack


def test_an_offer_is_sent_accepted_with_a_role_and_seen_on_both_homes(stack: Stack, person: Person) -> None:
    ada, nils = person(), person()
    sender, customer = name("kazenor"), name("northwind")
    register(ada, home(stack), tenant=sender, company="Kazenor Works", person="Ada Vogt", email="ada@kazenor.example")
    register(
        nils,
        stack.tenant_url(customer),
        tenant=customer,
        company="Northwind Traders",
        person="Nils Berg",
        email="nils@northwind.example",
    )
    expect(nils.get_by_text("No business partners yet")).to_be_visible()

    add_contact(ada, "Amara Diallo", "Integration engineer")
    add_contact(ada, "Bruno Keller")
    # A pasted address is reduced to the tenant name in it.
    send_offer(
        ada,
        customer=f"https://{customer}.accord.example/",
        email="nils@northwind.example",
        message="Two people for your warehouse.\nFrom Monday on?",
        contacts=["Amara Diallo", "Bruno Keller"],
    )

    nils.reload()
    reload_until(nils, lambda: tile(nils, "Kazenor Works").count() == 1)
    expect(tile(nils, "Kazenor Works")).to_contain_text("Open")
    expect(tile(nils, "Kazenor Works")).to_contain_text("0 contacts, 2 offered")
    expect(tile(nils, "Kazenor Works")).to_contain_text("Your turn")
    nils.get_by_role("region", name="Needs your answer").get_by_role("button", name=re.compile("Answer")).click()
    expect(nils.get_by_text("Two people for your warehouse.")).to_be_visible()
    offer = nils.get_by_role("region", name="Kazenor Works offers to work with you")
    expect(offer.get_by_text("Ada Vogt")).to_be_visible()

    nils.get_by_role("button", name="Accept").click()
    expect(nils.get_by_role("heading", name="Assign Role", level=1)).to_be_visible()
    roles = nils.get_by_role("region", name="Assign Role(s)")
    roles.get_by_role("group", name="Production").get_by_label("Operator").check()
    nils.get_by_role("button", name="Accept").click()
    expect(nils.get_by_role("dialog").get_by_text("Bruno Keller is not accepted.")).to_be_visible()
    nils.get_by_role("button", name="Yes").click()
    expect(nils.get_by_text("The partnership has begun.")).to_be_visible()
    expect(nils.get_by_text("Production Operator")).to_be_visible()

    nils.get_by_role("link", name="Home").first.click()
    reload_until(nils, lambda: "1 contact" in tile(nils, "Kazenor Works").inner_text())
    expect(tile(nils, "Kazenor Works")).to_contain_text("Accepted")

    ada.get_by_role("link", name="Home").first.click()
    reload_until(
        ada,
        lambda: (
            "Accepted"
            in (tile(ada, "Northwind Traders").inner_text() if tile(ada, "Northwind Traders").count() else "")
        ),
    )
    reload_until(ada, lambda: "1 contact" in tile(ada, "Northwind Traders").inner_text())
    tile(ada, "Northwind Traders").get_by_role("link", name="Northwind Traders").click()
    # Roles are the customer's own matter.
    expect(ada.get_by_text("Operator")).to_have_count(0)
    ada.get_by_role("link", name="Show all of the history").click()
    expect(ada.get_by_text("Nils Berg of Northwind Traders accepted our offer with 1 of 2 contacts.")).to_be_visible()
    ada.get_by_role("link", name="Notifications").click()
    expect(ada.get_by_role("main")).to_contain_text("Northwind Traders")


def test_an_offer_is_declined_with_a_reason_and_without_scripts(stack: Stack, person: Person) -> None:
    ada, nils = (
        person(java_script_enabled=False),
        person(java_script_enabled=False, viewport={"width": 390, "height": 844}),
    )
    sender, customer = name("kazenor"), name("northwind")
    register(
        ada,
        stack.tenant_url(sender),
        tenant=sender,
        company="Kazenor Works",
        person="Ada Vogt",
        email="ada@kazenor.example",
    )
    register(
        nils,
        home(stack),
        tenant=customer,
        company="Northwind Traders",
        person="Nils Berg",
        email="nils@northwind.example",
    )
    add_contact(ada, "Amara Diallo")
    send_offer(ada, customer=customer, email="nils@northwind.example", message="Shall we?", contacts=["Amara Diallo"])
    nils.goto(home(stack))
    reload_until(nils, lambda: tile(nils, "Kazenor Works").count() == 1)
    tile(nils, "Kazenor Works").get_by_role("link", name="Kazenor Works").click()
    nils.get_by_role("button", name="Decline", exact=True).click()
    nils.get_by_label("Reason").fill("Not this year. Please ask again in spring.")
    nils.get_by_role("button", name="Decline").click()
    expect(nils.get_by_text("Declined. The other side has been told.")).to_be_visible()

    ada.goto(stack.tenant_url(sender))
    reload_until(
        ada,
        lambda: (
            "Declined" in tile(ada, "Northwind Traders").inner_text()
            if tile(ada, "Northwind Traders").count()
            else False
        ),
    )
    tile(ada, "Northwind Traders").get_by_role("link", name="Northwind Traders").click()
    expect(ada.get_by_text("Please ask again in spring.")).to_be_visible()


def test_whoever_is_logged_out_comes_back_to_where_they_were(stack: Stack, person: Person) -> None:
    page = person()
    tenant = name("returner")
    register(page, home(stack), tenant=tenant, company="Returner", person="Rita", email="rita@returner.example")
    page.get_by_role("button", name="Log out").first.click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    page.goto(f"{home(stack)}/contacts?q=a")
    page.get_by_label("Tenant name").fill(tenant)
    page.get_by_label("E-mail").fill("rita@returner.example")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("No login fits these details.")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{home(stack)}/contacts?q=a")

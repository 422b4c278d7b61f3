"""Answering: Assign Role, declining, and reviewing a proposal item by item (OE-07 to OE-09, OE-15, OE-16, BX-04, BX-08, BX-09)."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.partnership import PHONE, SIZES, Size, Visit, button
from tests.support.pair import Pair
from tests.support.servers import until
from tests.support.stack import Business, Stack


@pytest.fixture
def pair(stack: Stack) -> Pair:
    """Kazenor has people to lend, Northwind may want them."""
    names = ("Amara Diallo", "Bruno Keller", "Cleo Sand", "Dora Lind")
    partner = stack.register("kazenor", company="Kazenor Works", name="Ada Vogt")
    return Pair(stack, partner, stack.register("northwind", company="Northwind Traders", name="Nils Berg"), *names)


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def members(page: Page) -> Locator:
    return page.get_by_role("region", name="Team Member")


def role(page: Page, environment: str, name: str) -> Locator:
    """A box on the right: it holds for whoever is selected on the left."""
    return page.get_by_role("region", name="Assign Role(s)").get_by_role("group", name=environment).get_by_label(name)


def item(page: Page, name: str) -> Locator:
    """One item of a proposal."""
    return page.get_by_role("group", name=re.compile(f"^{name}, to be"))


def decide(page: Page, name: str, verdict: str) -> None:
    item(page, name).get_by_role("radio", name=verdict).check()


def working(of: Business, pair: Pair) -> dict[str, list[str]]:
    """Who works there, and as what, as this side knows it."""
    found = of.get(pair.path("contacts"))["items"]
    return {
        a["name"]: sorted(f"{r['environment']} {r['role']}" for r in a["roles"])
        for a in found
        if a["state"] == "accepted"
    }


# Assign Role


@SIZES
def test_roles_are_given_to_one_and_to_several_and_fewer_are_accepted_than_were_offered(
    pair: Pair, visit: Visit, size: Size
) -> None:
    pair.offer("Amara Diallo", "Bruno Keller", "Cleo Sand")
    nils = visit(pair.customer, viewport=size)
    button(nils, "Accept").click()
    expect(nils.get_by_role("heading", name="Assign Role", level=1)).to_be_visible()

    # The first is selected; nobody has a role, so there is nothing to accept yet, and it is said why.
    progress = nils.get_by_role("progressbar")
    expect(progress).to_have_attribute("aria-valuetext", "0 of 3 have a role")
    expect(button(nils, "Accept")).to_be_disabled()
    expect(nils.get_by_text("Give at least one contact a role first.")).to_be_visible()
    expect(members(nils).get_by_role("checkbox", name="Amara Diallo")).to_be_checked()
    role(nils, "Production", "Operator").check()
    expect(button(nils, "Accept")).to_be_enabled()
    expect(members(nils).get_by_role("listitem").first).to_contain_text("Production: Operator")

    # Two together: what only one of them has is shown as such, and what is ticked holds for both.
    members(nils).get_by_role("checkbox", name="Bruno Keller").check()
    expect(role(nils, "Production", "Operator")).to_have_js_property("indeterminate", True)
    role(nils, "Development", "Viewer").check()
    expect(progress).to_have_attribute("aria-valuetext", "2 of 3 have a role")
    expect(nils.get_by_text("Cleo Sand has no role and will not be accepted.")).to_be_visible()

    # One alone again; nobody selected; everybody.
    members(nils).get_by_role("button", name="Cleo Sand").click()
    expect(members(nils).get_by_role("checkbox", name="Amara Diallo")).not_to_be_checked()
    expect(role(nils, "Development", "Viewer")).not_to_be_checked()
    members(nils).get_by_role("checkbox", name="Cleo Sand").uncheck()
    expect(nils.get_by_text("Select a team member")).to_be_visible()
    expect(role(nils, "Development", "Viewer")).to_be_disabled()
    nils.get_by_label("Select all").check()
    expect(role(nils, "Development", "Viewer")).to_have_js_property("indeterminate", True)

    nils.get_by_label("Comment").fill("Welcome aboard.")
    button(nils, "Accept").click()
    asked = dialog(nils)
    expect(asked).to_have_accessible_name("Accept the offer of Kazenor Works?")
    for sentence in (
        "2 contacts of Kazenor Works work with you from now on",
        "Cleo Sand is not accepted.",
        "Welcome aboard.",
    ):
        expect(asked).to_contain_text(sentence)
    expect(asked.get_by_role("listitem").filter(has_text="Amara Diallo")).to_contain_text("Operator")
    # Not yet: nothing is lost, nothing is done.
    button(asked, "Cancel").click()
    expect(asked).to_have_count(0)
    expect(button(nils, "Accept")).to_be_focused()
    assert pair.customer.get(pair.path())["status"] == "open"
    button(nils, "Accept").click()
    button(dialog(nils), "Yes").click()
    expect(nils.get_by_text("The partnership has begun.")).to_be_visible()
    expected = {"Amara Diallo": ["Development Viewer", "Production Operator"], "Bruno Keller": ["Development Viewer"]}
    until(lambda: working(pair.customer, pair) == expected, 10, "both work there")

    ada = visit(pair.partner, viewport=size)
    expect(ada.get_by_text("Nils Berg of Northwind Traders accepted our offer with 2 of 3 contacts.")).to_be_visible()


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab until it is there: at most once around the page."""
    for _ in range(80):
        page.keyboard.press(key)
        if wanted.count() and wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"the Tab key does not lead to {wanted}")


def test_an_offer_is_accepted_with_the_keyboard_alone(pair: Pair, visit: Visit) -> None:
    pair.offer("Amara Diallo", "Bruno Keller")
    nils = visit(pair.customer)
    tab_to(nils, button(nils, "Accept"))
    nils.keyboard.press("Enter")
    expect(nils.get_by_role("heading", name="Assign Role", level=1)).to_be_visible()
    tab_to(nils, nils.get_by_label("Select all"))
    nils.keyboard.press("Space")
    tab_to(nils, role(nils, "Production", "Viewer"))
    nils.keyboard.press("Space")
    # Bruno alone gets one more.
    tab_to(nils, members(nils).get_by_role("button", name="Bruno Keller"), "Shift+Tab")
    nils.keyboard.press("Enter")
    tab_to(nils, role(nils, "Quality Testing", "Operator"))
    nils.keyboard.press("Space")
    tab_to(nils, button(nils, "Accept"))
    nils.keyboard.press("Enter")
    expect(dialog(nils)).to_be_visible()
    expect(button(dialog(nils), "Yes")).to_be_focused()
    nils.keyboard.press("Escape")
    expect(button(nils, "Accept")).to_be_focused()
    nils.keyboard.press("Enter")
    expect(button(dialog(nils), "Yes")).to_be_focused()
    nils.keyboard.press("Enter")
    expect(nils.get_by_text("The partnership has begun.")).to_be_visible()
    expected = {
        "Amara Diallo": ["Production Viewer"],
        "Bruno Keller": ["Production Viewer", "Quality Testing Operator"],
    }
    until(lambda: working(pair.customer, pair) == expected, 10, "both work there")


def test_a_colleague_becomes_partner_manager_with_the_acceptance(pair: Pair, visit: Visit) -> None:
    body = {
        "name": "Berta Kern",
        "email": "berta@northwind.example",
        "role": "member",
        "password": "correct horse battery",
    }
    berta = pair.customer.post("/users", body, 201)
    pair.offer("Amara Diallo")
    nils = visit(pair.customer, "acceptance")
    role(nils, "Production", "Viewer").check()
    nils.get_by_text("Partner managers on your side").click()
    nils.get_by_role("checkbox", name="Berta Kern").check()
    button(nils, "Accept").click()
    expect(dialog(nils)).to_contain_text("you become its partner manager, with Berta Kern.")
    button(dialog(nils), "Yes").click()
    expect(nils.get_by_text("The partnership has begun.")).to_be_visible()
    both = {berta["id"], pair.customer.user["id"]}
    until(
        lambda: {m["contact_id"] for m in pair.customer.get(pair.path("managers"))["items"]} == both,
        10,
        "both look after it",
    )


def test_a_role_that_is_removed_meanwhile_is_said_at_whom_it_concerns(pair: Pair, visit: Visit) -> None:
    pair.offer("Amara Diallo", "Bruno Keller")
    nils = visit(pair.customer, "acceptance")
    nils.get_by_label("Select all").check()
    role(nils, "Production", "Viewer").check()
    members(nils).get_by_role("button", name="Bruno Keller").click()
    role(nils, "Quality Testing", "Operator").check()
    nils.get_by_label("Comment").fill("Welcome.")
    places = pair.customer.get("/environments")
    kept = [e for e in places["items"] if e["name"] != "Quality Testing"]
    pair.customer.ask("PUT", "/environments", body={"items": kept})
    button(nils, "Accept").click()
    expect(members(nils).get_by_text("A role you had chosen has been removed meanwhile.")).to_be_visible()
    expect(members(nils).get_by_role("button", name="Bruno Keller")).to_be_focused()
    expect(members(nils).get_by_role("listitem").first).to_contain_text("Production: Viewer")
    expect(nils.get_by_label("Comment")).to_have_value("Welcome.")
    button(nils, "Accept").click()
    button(dialog(nils), "Yes").click()
    expect(nils.get_by_text("The partnership has begun.")).to_be_visible()


def test_roles_and_comment_survive_a_reload(pair: Pair, visit: Visit) -> None:
    pair.offer("Amara Diallo", "Bruno Keller")
    nils = visit(pair.customer, "acceptance")
    members(nils).get_by_role("button", name="Bruno Keller").click()
    role(nils, "Production", "Operator").check()
    nils.get_by_label("Comment").fill("Welcome.")
    nils.reload()
    expect(members(nils).get_by_role("listitem").filter(has_text="Bruno Keller")).to_contain_text(
        "Production: Operator"
    )
    expect(members(nils).get_by_role("listitem").filter(has_text="Amara Diallo")).to_contain_text("No role yet")
    expect(nils.get_by_label("Comment")).to_have_value("Welcome.")
    button(nils, "Accept").click()
    expect(dialog(nils)).to_contain_text("Bruno Keller")


def test_an_offer_that_is_withdrawn_meanwhile_is_told_and_nothing_is_lost(pair: Pair, visit: Visit) -> None:
    pair.offer("Amara Diallo", "Bruno Keller")
    nils = visit(pair.customer, "acceptance")
    role(nils, "Production", "Operator").check()
    nils.get_by_label("Comment").fill("Welcome.")
    button(nils, "Accept").click()
    expect(dialog(nils)).to_be_visible()
    pair.partner.post(pair.path("withdrawal"))
    expect(dialog(nils).get_by_role("alert")).to_contain_text("This can no longer be done")
    expect(dialog(nils).get_by_role("alert")).to_contain_text("Kazenor Works has withdrawn the offer.")
    expect(button(dialog(nils), "Yes")).to_be_disabled()
    nils.keyboard.press("Escape")
    # The page has heard of it too, and keeps what was chosen.
    expect(nils.get_by_text("Kazenor Works has withdrawn the offer.")).to_be_visible()
    expect(role(nils, "Production", "Operator")).to_be_checked()
    expect(nils.get_by_label("Comment")).to_have_value("Welcome.")


def test_what_happens_while_our_answer_is_on_its_way_is_told_after_it_was_refused(pair: Pair, visit: Visit) -> None:
    pair.offer("Amara Diallo", "Bruno Keller")
    nils = visit(pair.customer, "acceptance")
    role(nils, "Production", "Operator").check()
    button(nils, "Accept").click()
    held: list[Route] = []
    nils.route("**/acceptance", lambda r: held.append(r) if r.request.method == "POST" else r.continue_())
    button(dialog(nils), "Yes").click()
    with nils.expect_response(lambda r: r.request.method == "GET"):
        pair.partner.post(pair.path("withdrawal"))
    [answer] = held
    answer.continue_()
    expect(dialog(nils).get_by_role("alert")).to_contain_text("This can no longer be done")
    nils.keyboard.press("Escape")
    expect(nils.get_by_text("Kazenor Works has withdrawn the offer.")).to_be_visible()


def test_without_scripts_an_offer_is_accepted_on_pages(pair: Pair, visit: Visit) -> None:
    pair.offer("Amara Diallo", "Bruno Keller")
    nils = visit(pair.customer, java_script_enabled=False, viewport=PHONE)
    button(nils, "Accept").click()
    amara = nils.get_by_role("group", name="Roles of Amara Diallo")
    amara.get_by_role("group", name="Production").get_by_label("Operator").check()
    nils.get_by_label("Comment").fill("Welcome aboard.")
    button(nils, "Accept").click()
    expect(nils.get_by_role("heading", name="Accept the offer of Kazenor Works?")).to_be_visible()
    button(nils, "Cancel").click()
    expect(amara.get_by_role("group", name="Production").get_by_label("Operator")).to_be_checked()
    button(nils, "Accept").click()
    button(nils, "Yes").click()
    expect(nils.get_by_text("The partnership has begun.")).to_be_visible()
    until(lambda: working(pair.customer, pair) == {"Amara Diallo": ["Production Operator"]}, 10, "Amara works there")


# Decline


@SIZES
def test_an_offer_is_declined_with_a_reason_and_further_ones_are_kept_away(
    pair: Pair, visit: Visit, size: Size
) -> None:
    first = pair.offer("Amara Diallo")
    nils, ada = visit(pair.customer, viewport=size), visit(pair.partner, viewport=size)
    button(nils, "Decline").click()
    asked = dialog(nils)
    expect(asked).to_have_accessible_name("Decline the offer of Kazenor Works")
    asked.get_by_label("Reason").fill("Not this year.\nPlease ask in spring.")
    asked.get_by_label("Take no more offers from Kazenor Works").check()
    button(asked, "Decline").click()
    expect(nils.get_by_text("Declined. The other side has been told.")).to_be_visible()
    # Ada sees it without doing anything; what else was decided is not told.
    expect(ada.get_by_text("Please ask in spring.")).to_be_visible()
    pair.partner.until(first, status="declined")
    until(lambda: pair.customer.get("/settings")["blocked_tenants"] == [pair.partner.tenant], 10, "no more of theirs")
    again = pair.partner.offer(pair.customer, pair.people["Amara Diallo"])["id"]
    pair.partner.until(again, status="undeliverable")


# Review


@SIZES
def test_a_proposal_is_answered_item_by_item_with_comments_and_a_suggestion(
    pair: Pair, visit: Visit, size: Size
) -> None:
    pair.begin("Amara Diallo", "Bruno Keller")
    mid = pair.propose(
        pair.partner, add=("Cleo Sand", "Dora Lind"), release=("Bruno Keller",), reason="Bruno moves on."
    )
    pair.customer.until(pair.id, status="modified")
    nils, ada = visit(pair.customer, viewport=size), visit(pair.partner, viewport=size)
    button(nils, "Review").click()
    expect(
        nils.get_by_role("heading", name="Kazenor Works proposes to add 2 contacts and release 1 contact")
    ).to_be_visible()
    expect(nils.get_by_text("Bruno moves on.")).to_be_visible()
    expect(item(nils, "Bruno Keller")).to_contain_text("Released by Partner")
    expect(item(nils, "Cleo Sand")).to_contain_text("Offered")

    # What is undecided is said at its place.
    button(nils, "Send answer").click()
    expect(item(nils, "Dora Lind").get_by_text("Accept or decline this.")).to_be_visible()
    places = [
        item(nils, "Dora Lind").locator(one).bounding_box() for one in (":scope > .field-error", ":scope > details")
    ]
    assert places[0]
    assert places[1]
    assert places[0]["x"] == places[1]["x"], "it stands in line with what else belongs to her"
    decide(nils, "Bruno Keller", "Accept")
    decide(nils, "Dora Lind", "Decline")
    decide(nils, "Cleo Sand", "Accept")
    # One alone shows its environments directly.
    expect(members(nils)).to_be_hidden()
    button(nils, "Send answer").click()
    expect(item(nils, "Cleo Sand").get_by_text("Choose at least one role in one environment.")).to_be_visible()
    item(nils, "Cleo Sand").get_by_role("group", name="Production").get_by_label("Operator").check()
    item(nils, "Dora Lind").get_by_text("Add a comment").click()
    nils.get_by_label("Comment about Dora Lind").fill("We asked for an engineer.")
    nils.get_by_label("Comment optional").fill("Thank you for asking.")
    nils.get_by_label("Suggest something else").fill("Could somebody from Amara's team come?")
    button(nils, "Send answer").click()
    asked = dialog(nils)
    expect(asked).to_have_accessible_name("Send this answer to Kazenor Works?")
    for sentence in (
        "Bruno Keller no longer works with you.",
        "Cleo Sand works with you as Operator in Production.",
        "Dora Lind is declined.",
        "Could somebody from Amara's team come?",
    ):
        expect(asked).to_contain_text(sentence)
    assert pair.customer.get(pair.path(f"modifications/{mid}"))["state"] == "pending"
    button(asked, "Yes").click()
    expect(nils.get_by_text("Your answer is on its way.")).to_be_visible()
    expected = {"Amara Diallo": ["Production Viewer"], "Cleo Sand": ["Production Operator"]}
    until(lambda: working(pair.customer, pair) == expected, 10, "what was accepted has happened")
    for told in ("We asked for an engineer.", "Thank you for asking.", "Could somebody from Amara's team come?"):
        expect(ada.get_by_text(told).first).to_be_visible()
    pair.partner.until(pair.id, status="accepted")


@SIZES
def test_all_is_accepted_at_once_and_several_get_their_roles_together(pair: Pair, visit: Visit, size: Size) -> None:
    pair.begin("Amara Diallo", "Bruno Keller")
    pair.propose(pair.partner, add=("Cleo Sand", "Dora Lind"), release=("Bruno Keller",))
    pair.customer.until(pair.id, status="modified")
    nils = visit(pair.customer, viewport=size)
    # Whoever comes needs a role: Accept leads to the review with everything accepted.
    button(nils, "Accept").click()
    expect(nils.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "0 of 2 have a role")
    button(nils, "Decline all").click()
    expect(members(nils)).to_be_hidden()
    expect(button(nils, "Decline")).to_be_visible()
    button(nils, "Accept all").click()
    expect(button(nils, "Accept")).to_be_visible()
    role(nils, "Production", "Operator").check()
    expect(nils.get_by_text("Dora Lind has no role yet.")).to_be_visible()
    button(nils, "Accept").click()
    dora = members(nils).get_by_role("button", name="Dora Lind")
    expect(dora).to_be_focused()
    expect(dora).to_contain_text("Choose at least one role in one environment.")
    role(nils, "Development", "Viewer").check()
    button(nils, "Accept").click()
    for sentence in (
        "Cleo Sand works with you as Operator in Production.",
        "Dora Lind works with you as Viewer in Development.",
    ):
        expect(dialog(nils)).to_contain_text(sentence)
    button(dialog(nils), "Yes").click()
    expect(nils.get_by_text("Your answer is on its way.")).to_be_visible()
    expected = {
        "Amara Diallo": ["Production Viewer"],
        "Cleo Sand": ["Production Operator"],
        "Dora Lind": ["Development Viewer"],
    }
    until(lambda: working(pair.customer, pair) == expected, 10, "what was accepted has happened")


def test_the_partner_acknowledges_a_release_by_the_customer_in_place(pair: Pair, visit: Visit) -> None:
    pair.begin("Amara Diallo", "Bruno Keller")
    pair.propose(pair.customer, release=("Bruno Keller",))
    pair.partner.until(pair.id, status="modified")
    ada = visit(pair.partner)
    expect(ada.get_by_text("Released by Customer").first).to_be_visible()
    button(ada, "Accept").click()
    asked = dialog(ada)
    expect(asked).to_have_accessible_name("Accept the proposal of Northwind Traders?")
    expect(asked).to_contain_text("Bruno Keller no longer works with Northwind Traders.")
    asked.get_by_label("Comment").fill("He was glad to help.")
    button(asked, "Yes").click()
    expect(ada.get_by_text("Your answer is on its way.")).to_be_visible()
    until(lambda: list(working(pair.partner, pair)) == ["Amara Diallo"], 10, "Bruno has left")


def test_a_proposal_that_is_withdrawn_meanwhile_is_told_and_nothing_is_lost(pair: Pair, visit: Visit) -> None:
    pair.begin("Amara Diallo", "Bruno Keller")
    mid = pair.propose(pair.partner, add=("Cleo Sand",), release=("Bruno Keller",))
    pair.customer.until(pair.id, status="modified")
    nils = visit(pair.customer, f"modifications/{mid}/answer")
    decide(nils, "Bruno Keller", "Accept")
    decide(nils, "Cleo Sand", "Decline")
    nils.get_by_label("Suggest something else").fill("Could Dora come?")
    pair.partner.post(pair.path(f"modifications/{mid}/withdrawal"))
    expect(nils.get_by_text("Kazenor Works has withdrawn the proposal.")).to_be_visible()
    button(nils, "Send answer").click()
    expect(dialog(nils)).to_contain_text("Kazenor Works has withdrawn the proposal.")
    button(dialog(nils), "Close").click()
    expect(nils.get_by_label("Suggest something else")).to_have_value("Could Dora come?")
    expect(item(nils, "Bruno Keller").get_by_role("radio", name="Accept")).to_be_checked()


def test_without_scripts_a_proposal_is_answered_on_pages(pair: Pair, visit: Visit) -> None:
    pair.begin("Amara Diallo")
    pair.propose(pair.partner, add=("Cleo Sand",))
    pair.customer.until(pair.id, status="modified")
    nils = visit(pair.customer, java_script_enabled=False)
    button(nils, "Review").click()
    decide(nils, "Cleo Sand", "Accept")
    item(nils, "Cleo Sand").get_by_role("group", name="Production").get_by_label("Viewer").check()
    nils.get_by_label("Comment optional").fill("Welcome.")
    button(nils, "Send answer").click()
    expect(nils.get_by_role("heading", name="Accept the proposal of Kazenor Works?")).to_be_visible()
    button(nils, "Cancel").click()
    expect(nils.get_by_label("Comment optional")).to_have_value("Welcome.")
    button(nils, "Send answer").click()
    button(nils, "Yes").click()
    expect(nils.get_by_text("Your answer is on its way.")).to_be_visible()
    until(lambda: "Cleo Sand" in working(pair.customer, pair), 10, "Cleo works there")

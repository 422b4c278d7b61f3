"""The page of one partnership: what waits for an answer, who works there, how it ended."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.errors import NotFound, Unavailable
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import FakeRpc
from tests.unit.gateway.pages.story import (
    CONTACT,
    ID,
    LENT,
    LENT_ONE,
    MID,
    NEWCOMER,
    item,
    listing,
    live,
    modification,
    ours,
    whole,
)

PAGE = f"/partnerships/{ID}"
CONTACTS = f"{PAGE}/contacts"
ANSWER = f"{PAGE}/modifications/{MID}/answer"
WITHDRAW = f"{PAGE}/modifications/{MID}/withdrawal"


@pytest.fixture(autouse=True)
def _live(rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live())
    rpc.on("contacts", "list_assignments", {"items": [LENT_ONE], "next": None})


def buttons(page: str, path: str) -> list[tuple[str, str]]:
    """What else the buttons that lead to `path` send, and what they are called."""
    found = re.findall(
        rf'<form class="go" method="get" action="{path}"[^>]*>(.*?)<button[^>]*>(.*?)</button>', page, re.DOTALL
    )
    return [(inside, re.sub(r"<[^>]*>", "", words).strip()) for inside, words in found]


def partner(rpc: FakeRpc, **other: Any) -> None:
    rpc.on("offers", "get_partnership", live(role="partner", **other))


def test_a_proposal_of_theirs_stands_on_the_page_with_its_labels_and_a_way_to_review_it(
    ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("contacts", "list_modifications", listing(modification()))
    answer = ada.get(PAGE)
    whole(answer)
    assert "Nils of Northwind Traders proposes to add 1 contact and release 1 contact" in answer.text
    assert "Released by Partner" in answer.text
    assert "Offered" in answer.text
    assert "Bruno moves on." in answer.text
    assert [label for _, label in buttons(answer.text, ANSWER)] == ["Accept", "Decline", "Review"]
    assert ['name="all" value="accept"' in inside for inside, _ in buttons(answer.text, ANSWER)] == [True, False, False]
    assert WITHDRAW not in answer.text


def test_the_partner_reads_that_the_customer_releases(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "list_modifications", listing(modification(items=[item(LENT, "release")])))
    assert "Released by Customer" in ada.get(PAGE).text


def test_a_proposal_of_ours_shows_how_far_it_came_and_can_be_withdrawn(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    rpc.on("contacts", "list_modifications", listing(ours(delivery="seen")))
    answer = ada.get(PAGE)
    whole(answer)
    assert "Waits for Northwind Traders" in answer.text
    assert "Seen" in answer.text
    assert buttons(answer.text, WITHDRAW) == [("", "Withdraw")]
    assert ANSWER not in answer.text
    assert ">Released<" in answer.text


def test_what_waits_for_us_stands_before_what_waits_for_them(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", listing(ours(id=new_id()), modification()))
    page = ada.get(PAGE).text
    assert page.index("proposes to") < page.index("Ada proposed to")


def test_whoever_may_do_nothing_is_offered_nothing(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("offers", "get_partnership", live(actions=["view"]))
    rpc.on("contacts", "list_modifications", listing(modification(actions=[])))
    page = ada.get(PAGE).text
    assert "Bruno moves on." in page
    assert ANSWER not in page
    assert f"{PAGE}/edit" not in page


def test_a_partnership_offers_to_edit_its_contacts_and_to_end_it(ada: TestClient) -> None:
    page = ada.get(PAGE).text
    assert [label for _, label in buttons(page, f"{PAGE}/edit")] == ["Edit"]
    assert [label for _, label in buttons(page, f"{PAGE}/termination")] == ["End Partnership"]
    # The menu offers the same.
    for path in ("edit", "termination"):
        assert f'role="menuitem" href="{PAGE}/{path}"' in page
    assert f'href="{PAGE}/managers"' in page


def test_whoever_works_there_comes_first_and_nobody_stands_twice(ada: TestClient, rpc: FakeRpc) -> None:
    people = [
        {**LENT_ONE, "contact_id": NEWCOMER, "name": "Cleo Sand", "state": "offered", "label": "Offered"},
        {**LENT_ONE, "contact_id": CONTACT["id"], "name": "Amara Diallo", "state": "released"},
        LENT_ONE,
        {**LENT_ONE, "contact_id": CONTACT["id"], "name": "Amara Diallo", "state": "declined"},
        {**LENT_ONE, "state": "released"},
    ]
    rpc.on("contacts", "list_assignments", {"items": people, "next": None})
    page = ada.get(PAGE).text.split('aria-labelledby="people"')[1].split("</section>")[0]
    assert re.findall(r"<b>([^<]+)</b>", page) == ["Bruno Keller", "Cleo Sand"]
    assert '<span class="count">1</span>' in page, "whoever is only offered does not work there yet"
    assert f'<a href="{CONTACTS}">1 former contact</a>' in page


def test_after_the_end_as_many_are_listed_as_are_counted(ada: TestClient, rpc: FakeRpc) -> None:
    people = [
        LENT_ONE,
        {**LENT_ONE, "contact_id": CONTACT["id"], "name": "Amara Diallo", "state": "released"},
        {**LENT_ONE, "contact_id": NEWCOMER, "name": "Cleo Sand", "state": "declined", "label": "Not accepted"},
    ]
    rpc.on("contacts", "list_assignments", {"items": people, "next": None})
    rpc.on("offers", "get_partnership", live(status="terminated", actions=["view", "remove"]))
    page = ada.get(PAGE).text.split('aria-labelledby="people"')[1].split("</section>")[0]
    assert re.findall(r"<b>([^<]+)</b>", page) == ["Bruno Keller"]
    assert '<span class="count">1</span>' in page
    assert f'<a href="{CONTACTS}">1 former contact, 1 not accepted</a>' in page
    # Of an offer that came to nothing there is nobody else to show.
    rpc.on("offers", "get_partnership", live(status="declined", actions=["view", "remove"]))
    rpc.on("contacts", "list_assignments", {"items": people[2:], "next": None})
    page = ada.get(PAGE).text.split('aria-labelledby="people"')[1].split("</section>")[0]
    assert re.findall(r"<b>([^<]+)</b>", page) == ["Cleo Sand"]
    assert 'class="count"' not in page


def test_the_page_stands_when_contacts_is_away(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", Unavailable())
    answer = ada.get(PAGE)
    assert answer.status_code == 200
    assert "Proposals cannot be shown at the moment" in answer.text


def test_a_suggestion_can_be_proposed_until_it_has_been(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc)
    answered = ours(
        state="answered", comment="Sorry.", suggestion="Rather Dora?", actions=[], answered_by={"name": "Nils"},
        items=[item(NEWCOMER, "add", decision="decline", comment="Too new."), item(LENT, "release", decision="accept")],
    )  # fmt: skip
    rpc.on("contacts", "list_modifications", listing(answered))
    answer = ada.get(PAGE)
    whole(answer)
    for words in ("Sorry.", "Rather Dora?", "Too new.", "Declined", "Accepted", "Nils of Northwind Traders answered"):
        assert words in answer.text
    ((inside, label),) = buttons(answer.text, CONTACTS)
    assert (label, f'name="in_reply_to" value="{MID}"' in inside) == ("Propose again", True)
    rpc.on("contacts", "list_modifications", listing(answered, ours(id=new_id(), in_reply_to=MID)))
    assert "Propose again" not in ada.get(PAGE).text


@pytest.mark.parametrize("by", ["us", "them"])
@pytest.mark.parametrize("state", ["pending", "answered"])
def test_what_was_suggested_is_not_offered_after_it_was_proposed_some_other_way(
    ada: TestClient, rpc: FakeRpc, by: str, state: str
) -> None:
    partner(rpc)
    answered = ours(
        state="answered", suggestion="Rather Dora?", actions=[], answered_by={"name": "Nils"}, answered_at="2026-01-04T00:00:00Z"
    )  # fmt: skip
    other = modification(id=new_id(), proposed_by=by, state=state, actions=[], created_at="2026-01-05T00:00:00.5+00:00")
    rpc.on("contacts", "list_modifications", listing(other, answered))
    page = ada.get(PAGE).text
    assert "Rather Dora?" in page
    assert "Propose again" not in page
    # One that crossed with the answer is none to it.
    rpc.on("contacts", "list_modifications", listing({**other, "created_at": "2026-01-03T12:00:00Z"}, answered))
    assert "Propose again" in ada.get(PAGE).text


def test_an_answer_that_was_ours_is_not_listed_as_theirs(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "list_modifications", listing(modification(state="answered", actions=[], suggestion="Dora?")))
    assert "Answers to your proposals" not in ada.get(PAGE).text


def test_an_ended_partnership_is_only_read(ada: TestClient, rpc: FakeRpc) -> None:
    ended = {"by": "them", "reason": "Done.", "their_reason": "Done.", "at": "2026-01-05T03:04:05Z"}
    rpc.on("offers", "get_partnership", live(status="terminated", ended=ended, actions=["view", "remove"]))
    answer = ada.get(PAGE)
    whole(answer)
    assert "Northwind Traders ended the partnership" in answer.text
    assert answer.text.count("Done.") == 1
    for gone in (f"{PAGE}/edit", "/termination", "/modifications"):
        assert gone not in answer.text
    assert [label for _, label in buttons(answer.text, f"{PAGE}/removal")] == ["Remove"]
    # Three screens remain to be read (OE-19).
    bands = answer.text.split('aria-label="View Partnership"', 1)[1].split("</nav>")[0]
    assert re.findall(r'<a href="([^"]+)">([^<]+)</a>', bands) == [
        (CONTACTS, "Assigned Contacts"),
        (f"{PAGE}/managers", "Partner Management Team"),
        (f"{PAGE}/history", "Partnership History"),
    ]
    # They were the partner: it is not for us to offer anew.
    assert "Send a new offer" not in answer.text


@pytest.mark.parametrize("status", ["declined", "withdrawn", "expired", "terminated"])
def test_after_its_end_the_partner_may_offer_anew(status: str, ada: TestClient, rpc: FakeRpc) -> None:
    ended = {"by": "them", "reason": "Done.", "their_reason": "Done.", "at": "2026-01-05T03:04:05Z"}
    partner(rpc, status=status, ended=ended if status == "terminated" else None, actions=["view", "remove"])
    ((inside, label),) = buttons(ada.get(PAGE).text, "/partnerships/new")
    assert (label, 'name="customer" value="northwind"' in inside) == ("Send a new offer", True)


def test_an_offer_that_could_not_be_delivered_can_be_corrected(ada: TestClient, rpc: FakeRpc) -> None:
    partner(rpc, status="undeliverable", actions=["view", "remove"])
    answer = ada.get(PAGE)
    whole(answer)
    ((inside, label),) = buttons(answer.text, "/partnerships/new")
    assert (label, f'name="again" value="{ID}"' in inside) == ("Correct and send again", True)
    assert "No business with that tenant name and login e-mail." in answer.text


def test_what_the_other_side_told_of_itself_stands_there_with_links(ada: TestClient, rpc: FakeRpc) -> None:
    told = {
        "phone": "+46 8 (555) 01", "email": "hello@northwind.example", "fax": "", "website": "https://northwind.example/",
        "addresses": [
            {"type": "Shipping", "line1": "Dock 4", "line2": "", "city": "Malmö", "state": "", "zip": "211 18", "country": "Sweden", "default": False},
            {"type": "Business", "line1": "Storgatan 1", "line2": "", "city": "Lund", "state": "Skåne", "zip": "222 22", "country": "Sweden", "default": True},
        ],
    }  # fmt: skip
    rpc.on(
        "offers",
        "get_partnership",
        live(counterpart={"tenant": "northwind", "company": "Northwind Traders", "profile": told}),
    )
    answer = ada.get(PAGE)
    for shown in (
        'href="tel:+46855501"',
        'href="mailto:hello@northwind.example"',
        'href="https://northwind.example/"',
        ">northwind.example<",
        "211 18 Malmö",
    ):
        assert shown in answer.text
    assert ">Fax<" not in answer.text
    assert answer.text.index("Storgatan 1") < answer.text.index("Dock 4")  # the default first


def test_a_website_that_is_no_web_address_is_no_link(ada: TestClient, rpc: FakeRpc) -> None:
    told = {"website": "javascript:alert(1)", "addresses": []}
    rpc.on(
        "offers",
        "get_partnership",
        live(counterpart={"tenant": "northwind", "company": "Northwind Traders", "profile": told}),
    )
    page = ada.get(PAGE).text
    assert 'href="javascript' not in page
    assert "Northwind Traders has not shared its address yet." in page


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("open", "You see this once you work together."),
        ("declined", "Only those who work together see this."),
        ("accepted", "Northwind Traders has not shared how to reach it yet."),
    ],
)
def test_a_profile_that_is_not_there_says_whether_it_is_empty_or_not_told_yet(
    status: str, said: str, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.on("offers", "get_partnership", live(status=status, counterpart={"tenant": "northwind", "company": "Northwind Traders"}))  # fmt: skip
    page = ada.get(PAGE).text
    assert said in page
    assert ("has not shared" in page) == (status == "accepted")


def test_an_end_of_both_shows_both_reasons(ada: TestClient, rpc: FakeRpc) -> None:
    ended = {"by": "both", "reason": "Ours.", "their_reason": "Theirs.", "at": "2026-01-05T03:04:05Z"}
    rpc.on("offers", "get_partnership", live(status="terminated", ended=ended, actions=["view", "remove"]))
    page = ada.get(PAGE).text
    assert re.search(r"Your reason:.*Ours\..*Their reason:.*Theirs\.", page, re.DOTALL)


def test_the_history_opens_to_what_was_wished_and_decided(ada: TestClient, rpc: FakeRpc) -> None:
    details = {
        "reason": "A swap.", "comment": "Fine.", "suggestion": "Rather Dora?", "in_reply_to": MID,
        "items": [
            {"contact_id": LENT, "name": "Bruno Keller", "action": "release", "decision": "accept"},
            {"contact_id": NEWCOMER, "name": "Cleo Sand", "action": "add", "decision": "decline", "comment": "Too new."},
        ],
        "added": [{"id": ID, "name": "Berta"}], "removed": [{"id": ID, "name": "Carl"}],
        "owner": {"id": ID, "name": "Olga"}, "previous_owner": {"id": ID, "name": "Paul"},
    }  # fmt: skip
    entry = {"id": ID, "type": "modification.answered", "at": "2026-01-01T00:00:00Z", "title": "Nils answered.", "by": {"side": "them", "name": "Nils"}, "shared": True, "details": details}  # fmt: skip
    rpc.on("history", "list_entries", {"items": [entry], "next": None})
    answer = ada.get(f"{PAGE}/history")
    whole(answer)
    for words in ("A swap.", "Fine.", "Rather Dora?", "to be released, accepted", "to be added, declined", "Too new."):
        assert words in answer.text
    for person in ("Berta", "Carl", "Olga", "Paul"):
        assert person in answer.text
    assert MID not in answer.text  # an id says nothing to a person


def test_of_many_proposals_all_that_wait_are_shown(ada: TestClient, rpc: FakeRpc) -> None:
    waiting = [modification(id=new_id()), modification(id=new_id())]
    rpc.on(
        "contacts",
        "list_modifications",
        lambda **asked: listing(*waiting)(**asked) if "state" in asked else {"items": [waiting[0]], "next": "more"},
    )
    page = ada.get(PAGE).text
    assert all(f"{PAGE}/modifications/{m['id']}" in page for m in waiting)
    assert rpc.asked("contacts", "list_modifications")[0]["state"] == "pending"


def test_everybody_is_counted_however_many_work_there(ada: TestClient, rpc: FakeRpc) -> None:
    names = ["Bruno Keller", "Cleo Sand", "Dora Lind", "Emil Roth"]

    def some(cursor: str = "0", **_: Any) -> dict[str, Any]:
        at = int(cursor)
        one = {**LENT_ONE, "id": new_id(), "contact_id": new_id(), "name": names[at]}
        return {"items": [one], "next": str(at + 1) if at + 1 < len(names) else None}

    rpc.on("contacts", "list_assignments", some)
    page = ada.get(PAGE).text
    assert [name for name in names if f"<b>{name}</b>" in page] == names
    assert '<span class="count">4</span>' in page


def test_the_bell_is_asked_for_at_once_for_a_page_and_not_for_what_is_none(ada: TestClient, rpc: FakeRpc) -> None:
    def asked(accept: str) -> list[str]:
        rpc.calls.clear()
        ada.get(PAGE, headers={"Accept": accept})
        return [f"{service}.{method}" for service, method, _ in rpc.calls if service != "accounts"]

    bell = "notifications.list_notifications"
    assert asked("text/html,*/*;q=0.8").index(bell) < 3
    assert asked("*/*")[-1] == bell
    assert asked("text/html").count(bell) == 1
    rpc.calls.clear()
    ada.get(f"{PAGE}/logo", headers={"Accept": "image/png,*/*"})
    assert rpc.asked("notifications", "list_notifications") == []


@pytest.mark.parametrize(("role", "told"), [("member", True), ("partnerships", False)])
def test_whoever_sees_only_some_is_told_so_where_there_is_nothing(
    role: str, told: bool, ada: TestClient, rpc: FakeRpc
) -> None:
    rpc.as_role(role)
    rpc.on("offers", "get_partnership", NotFound())
    for path in (PAGE, f"{PAGE}/managers"):
        answer = ada.get(path)
        assert (answer.status_code, "You see the partnerships that you look after." in answer.text) == (404, told)
        assert "Go to the partnership" not in answer.text

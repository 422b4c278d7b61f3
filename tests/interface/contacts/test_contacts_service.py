"""contacts at its interface: its own process, relay, database and broker are real; accounts and offers are played."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from shared.contracts.accounts import UserChanged
from shared.contracts.contacts import ContactDetails, DetailsShared, ModificationProposed, ProposedItem
from shared.contracts.offers import AcceptedContact, Grant, OfferedContact, Person
from shared.errors import (
    ChangedMeanwhile,
    ContactHasPendingChange,
    ContactInUse,
    Forbidden,
    IdempotencyKeyReused,
    NotFound,
    Refusal,
    Unavailable,
    ValidationError,
    WrongState,
)
from shared.ids import new_id
from tests.support import story
from tests.support.desk import Desk, serving
from tests.support.neighbours import People, StandIn, Standings
from tests.support.servers import RabbitServer, until

ENVIRONMENTS = {"items": [{"id": "e1", "name": "Production", "roles": [{"id": "r1", "name": "Viewer"}]}]}
VIEWER = [{"environment": "Production", "role": "Viewer"}]


@dataclass
class Office:
    """contacts and its played neighbours, with two tenants of its own: a partner and a customer."""

    desk: Desk
    people: People
    standings: Standings
    accounts: StandIn
    offers: StandIn
    partner: str
    customer: str
    ada: str
    nils: str

    def ask(self, method: str, **request: Any) -> Any:
        """Ask as Ada of the partner, unless told otherwise."""
        return self.desk.ask(method, **{"tenant": self.partner, "actor": self.ada} | request)

    def create(self, name: str = "Mia Berg", **more: Any) -> dict[str, Any]:
        body = {"name": name, "email": f"{name.split()[0].lower()}@{self.partner}.example"}
        return dict(self.ask("create_contact", **body | more))

    def assignments(self, tenant: str, partnership: str) -> list[dict[str, Any]]:
        actor = self.ada if tenant == self.partner else self.nils
        return list(self.desk.ask("list_assignments", tenant=tenant, actor=actor, partnership_id=partnership)["items"])

    def state(self, tenant: str, partnership: str, *facts: Any) -> None:
        """State facts of offers, and have offers know of them from now on."""
        for fact in facts:
            self.desk.say(fact, tenant=tenant, subject=partnership)
        role = "partner" if tenant == self.partner else "customer"
        self.standings.add(tenant, partnership, role, self.desk.heard("offers", partnership, tenant))

    def offer(self, *contacts: dict[str, Any]) -> str:
        """An offer of these people that both sides know of; answers the partnership."""
        partnership = new_id()
        people = [OfferedContact(id=c["id"], name=c["name"], title=c["title"]) for c in contacts]
        sent = story.SUBMITTED.model_copy(update={"customer": self.customer, "contacts": people})
        self.state(self.partner, partnership, sent)
        got = story.RECEIVED.model_copy(update={"partner": self.partner, "contacts": people})
        self.state(self.customer, partnership, got)
        return partnership

    def accept(self, partnership: str, contact: dict[str, Any], role: str) -> None:
        """The customer accepts this one."""
        grant = Grant(environment_id=new_id(), environment="Production", role_id=role, role="Operator")
        accepted = AcceptedContact(id=contact["id"], name=contact["name"], roles=[grant])
        given = story.ACCEPTANCE_GIVEN.model_copy(update={"partner": self.partner, "contacts": [accepted]})
        self.state(self.customer, partnership, given)

    def learn(self, partnership: str, contact: dict[str, Any]) -> None:
        """The partner hears that this one was accepted."""
        person = Person(id=contact["id"], name=contact["name"])
        heard = story.ACCEPTANCE_RECEIVED.model_copy(update={"customer": self.customer, "contacts": [person]})
        self.state(self.partner, partnership, heard)


@pytest.fixture(scope="module")
def everything(
    service_databases: Callable[..., dict[str, str]], broker: RabbitServer
) -> Iterator[tuple[Desk, People, Standings, StandIn, StandIn]]:
    people, standings = People(), Standings()
    uri = broker.uri()
    with (
        StandIn(
            uri,
            "accounts",
            {
                "get_people": people.get_people,
                "reserve_roles": lambda request: ENVIRONMENTS,
                "release_roles": lambda request: {},
            },
        ) as accounts,
        StandIn(uri, "offers", {"get_standing": standings.get_standing, "get_latest": standings.get_latest}) as offers,
        serving("contacts", service_databases, broker) as environment,
    ):
        yield Desk("contacts", environment), people, standings, accounts, offers


@pytest.fixture
def office(everything: tuple[Desk, People, Standings, StandIn, StandIn]) -> Iterator[Office]:
    desk, people, standings, accounts, offers = everything
    partner, customer = ("t" + secrets.token_hex(6) for _ in range(2))
    ada, nils = people.add(partner), people.add(customer, name="Nils Holm")
    yield Office(desk, people, standings, accounts, offers, partner, customer, ada, nils)
    accounts.away = offers.away = False


def fields(refused: pytest.ExceptionInfo[Refusal]) -> list[str]:
    return [error["field"] for error in refused.value.info["errors"]]


def test_a_contact_is_made_found_changed_and_deleted(office: Office) -> None:
    made = office.create(phone="1", title="Consultant")
    assert office.ask("get_contact", contact_id=made["id"]) == made
    assert office.ask("list_contacts", q="mia")["items"] == [made]
    assert office.ask("get_contacts", contact_ids=[new_id(), made["id"]]) == {"items": [made]}
    offer = new_id()
    assert office.ask("reserve_contacts", contact_ids=[made["id"]], needed_by=offer) == {"items": [made]}
    with pytest.raises(ContactInUse):
        office.ask("delete_contact", contact_id=made["id"])
    assert office.ask("release_contacts", needed_by=offer) == {}
    changed = office.ask("update_contact", contact_id=made["id"], phone=None, if_match='"1"')
    assert (changed["phone"], changed["version"]) == ("", 2)
    with pytest.raises(ChangedMeanwhile):
        office.ask("update_contact", contact_id=made["id"], phone="2", if_match='"1"')
    assert office.ask("delete_contact", contact_id=made["id"]) == {}
    with pytest.raises(NotFound):
        office.ask("get_contact", contact_id=made["id"])


def test_a_repeated_key_makes_one_contact_also_at_the_same_instant(office: Office) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: office.create(idempotency_key="k1"), range(4)))
    assert len({contact["id"] for contact in made}) == 1
    assert len(office.ask("list_contacts")["items"]) == 1
    with pytest.raises(IdempotencyKeyReused):
        office.create("Olof Palm", idempotency_key="k1")


def test_a_deletion_repeated_at_the_same_instant_gives_the_same_answer(office: Office) -> None:
    made = office.create()
    with ThreadPoolExecutor(4) as pool:
        request = {"contact_id": made["id"], "idempotency_key": "k2"}
        answers = list(pool.map(lambda _: office.ask("delete_contact", **request), range(4)))
    assert answers == [{}] * 4
    with pytest.raises(NotFound):
        office.ask("delete_contact", contact_id=made["id"])


def test_a_bad_body_names_its_fields_and_stores_nothing(office: Office) -> None:
    with pytest.raises(ValidationError) as refused:
        office.ask("create_contact", name=" ", email="nonsense", phone="1" * 51, title=1, surprise=True)
    assert sorted(fields(refused)) == ["email", "name", "phone", "surprise", "title"]
    assert office.ask("list_contacts")["items"] == []


def test_an_import_is_shown_then_done_once_and_all_or_nothing(office: Office) -> None:
    made = office.create()
    rows = [
        {"name": "Mia Berg", "email": made["email"], "title": "Lead"},
        {"name": "Olof Palm", "email": "olof@x.example"},
    ]
    shown = office.ask("import_contacts", items=rows, preview=True, idempotency_key="k3")
    assert [item["outcome"] for item in shown["items"]] == ["changed", "new"]
    assert office.ask("list_contacts")["items"] == [made]
    with pytest.raises(ValidationError) as refused:
        office.ask("import_contacts", items=[*rows, {"name": "", "email": "x@x.example"}])
    assert fields(refused) == ["items.2.name"]
    assert office.ask("list_contacts")["items"] == [made]
    request = {"items": rows, "if_match": str(shown["version"]), "idempotency_key": "k4"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: office.ask("import_contacts", **request), range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert [c["title"] for c in office.ask("list_contacts")["items"]] == ["Lead", ""]
    with pytest.raises(ChangedMeanwhile):
        office.ask("import_contacts", **request | {"idempotency_key": "k5"})


@pytest.mark.parametrize("method", ["create_contact", "update_contact", "delete_contact", "import_contacts"])
def test_a_member_reads_but_does_not_change(office: Office, method: str) -> None:
    made = office.create()
    member = office.people.add(office.partner, "member")
    assert office.ask("list_contacts", actor=member)["items"] == [made]
    ids = {} if method in {"create_contact", "import_contacts"} else {"contact_id": made["id"]}
    with pytest.raises(Forbidden):
        office.ask(method, actor=member, nonsense=1, **ids)
    assert office.ask("list_contacts")["items"] == [made]


@pytest.mark.parametrize("role", ["admin", "partnerships"])
def test_those_who_may_change_partnerships_may_change_the_directory(office: Office, role: str) -> None:
    assert office.create(actor=office.people.add(office.partner, role))["version"] == 1


def test_an_unknown_contact_is_not_found_before_anything_else_is_wrong(office: Office) -> None:
    member = office.people.add(office.partner, "member")
    for id in (new_id(), "nonsense"):
        for method in ("get_contact", "update_contact", "delete_contact"):
            with pytest.raises(NotFound):
                office.ask(method, actor=member, contact_id=id, nonsense=1)


def test_strangers_and_disabled_people_are_not_let_in(office: Office) -> None:
    made = office.create()
    for actor in (office.nils, office.people.add(office.partner, active=False), new_id()):
        for request in ({"method": "list_contacts"}, {"method": "get_contact", "contact_id": made["id"]}):
            with pytest.raises(Forbidden):
                office.ask(request.pop("method"), actor=actor, **request)


def test_another_business_finds_nothing(office: Office) -> None:
    made = office.create()
    theirs = {"tenant": office.customer, "actor": office.nils}
    assert office.ask("list_contacts", **theirs)["items"] == []
    assert office.ask("reserve_contacts", contact_ids=[made["id"]], needed_by=new_id(), **theirs) == {"items": []}
    for method in ("get_contact", "update_contact", "delete_contact"):
        with pytest.raises(NotFound):
            office.ask(method, contact_id=made["id"], **theirs)


def test_a_user_made_a_moment_ago_is_a_contact(office: Office) -> None:
    """accounts knows the user already; its fact arrives while contacts waits."""
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(office.ask, "get_contact", contact_id=office.ada)
        several = pool.submit(office.ask, "reserve_contacts", contact_ids=[new_id(), office.ada], needed_by=new_id())
        until(lambda: sum(m == "get_people" and office.ada in r["ids"] for m, r in office.accounts.asked) > 1)
        assert not waiting.done()
        person = office.people[office.partner, office.ada]
        office.desk.say(UserChanged(**person), tenant=office.partner, subject=office.ada)
        assert (waiting.result()["name"], waiting.result()["is_user"]) == (person["name"], True)
        assert [contact["id"] for contact in several.result()["items"]] == [office.ada]


def test_a_user_whose_fact_does_not_come_is_unavailable_for_now(office: Office) -> None:
    with pytest.raises(Unavailable):
        office.ask("get_contact", contact_id=office.ada)


def test_without_accounts_nobody_is_let_in(office: Office) -> None:
    office.accounts.away = True
    with pytest.raises(Unavailable):
        office.create()
    office.accounts.away = False
    assert office.ask("list_contacts")["items"] == []


def test_an_offer_crosses_and_both_sides_see_what_they_may(office: Office) -> None:
    mia, olof = office.create("Mia Berg", phone="1", title="Consultant"), office.create("Olof Palm")
    partnership, role = office.offer(mia, olof), new_id()
    ours, theirs = (office.assignments(t, partnership) for t in (office.partner, office.customer))
    assert [(a["name"], a["state"], a["label"], a["email"]) for a in ours] == [
        ("Mia Berg", "offered", "Offered", mia["email"]),
        ("Olof Palm", "offered", "Offered", olof["email"]),
    ]
    assert [a["id"] for a in theirs] == [a["id"] for a in ours]
    assert {(a["email"], a["phone"]) for a in theirs} == {(None, None)}

    office.accept(partnership, mia, role)
    office.learn(partnership, mia)
    theirs = until(lambda: [a for a in office.assignments(office.customer, partnership) if a["email"]], 5)
    assert [(a["name"], a["email"], a["phone"], a["title"]) for a in theirs] == [
        ("Mia Berg", mia["email"], "1", "Consultant")
    ]
    assert [grant["role_id"] for grant in theirs[0]["roles"]] == [role]
    ours = office.assignments(office.partner, partnership)
    assert [(a["name"], a["state"], a["label"], a["roles"]) for a in ours] == [
        ("Mia Berg", "accepted", None, []),
        ("Olof Palm", "declined", None, []),
    ]
    [(type_, tenant, figures)] = office.desk.said(partnership, office.customer)
    assert (type_, tenant, figures["version"], figures["working"], figures["pending"]) == (
        "assignments.changed", office.customer, 1, 1, 0
    )  # fmt: skip
    assert [type_ for type_, *_ in office.desk.said(partnership, office.partner)] == [
        "details.shared",
        "assignments.changed",
    ]
    in_use = office.ask("roles_in_use", tenant=office.customer, actor="system", role_ids=[role, new_id()])
    assert in_use == {"role_ids": [role]}


def test_a_change_of_a_lent_person_reaches_the_customer(office: Office) -> None:
    mia = office.create()
    partnership = office.offer(mia)
    office.accept(partnership, mia, new_id())
    office.learn(partnership, mia)
    office.ask("update_contact", contact_id=mia["id"], phone="2")
    until(lambda: office.assignments(office.customer, partnership)[0]["phone"] == "2", 5)


def test_details_that_overtake_the_acceptance_wait_for_it(office: Office) -> None:
    mia = office.create()
    partnership = office.offer(mia)
    details = ContactDetails(id=mia["id"], name="Mia Berg", email="mia@early.example")
    office.desk.say(
        DetailsShared(counter=7, contacts=[details]),
        tenant=office.customer,
        subject=partnership,
        origin=office.partner,
    )
    assert office.assignments(office.customer, partnership)[0]["email"] is None
    office.accept(partnership, mia, new_id())
    until(lambda: office.assignments(office.customer, partnership)[0]["email"] == "mia@early.example", 5)


def test_a_contact_in_an_open_offer_cannot_be_deleted_until_it_is_declined(office: Office) -> None:
    mia = office.create()
    partnership = office.offer(mia)
    office.assignments(office.partner, partnership)
    with pytest.raises(ContactInUse):
        office.ask("delete_contact", contact_id=mia["id"])
    office.state(office.partner, partnership, story.DECLINE_RECEIVED)
    assert [a["state"] for a in office.assignments(office.partner, partnership)] == ["declined"]
    assert office.ask("delete_contact", contact_id=mia["id"]) == {}
    assert [a["name"] for a in office.assignments(office.partner, partnership)] == ["Mia Berg"]


def test_nobody_is_deleted_before_what_offers_did_last_is_known_here(office: Office) -> None:
    mia, partnership = office.create(), new_id()
    office.standings.add(office.partner, partnership, "partner", 1)
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(office.ask, "delete_contact", contact_id=mia["id"])
        until(lambda: any(method == "get_latest" for method, _ in office.offers.asked))
        assert not deleting.done()
        people = [OfferedContact(id=mia["id"], name=mia["name"], title=mia["title"])]
        sent = story.SUBMITTED.model_copy(update={"customer": office.customer, "contacts": people})
        office.desk.say(sent, tenant=office.partner, subject=partnership)
        with pytest.raises(ContactInUse):
            deleting.result()


def test_no_role_is_free_before_what_offers_did_last_is_known_here(office: Office) -> None:
    office.standings.add(office.customer, new_id(), "customer", 1)
    with pytest.raises(Unavailable):
        office.ask("roles_in_use", tenant=office.customer, actor="system", role_ids=[new_id()])


def test_whoever_got_a_login_a_moment_ago_is_neither_renamed_nor_deleted(office: Office) -> None:
    mia = office.create()
    office.people.add(office.partner, id=mia["id"])
    for method, more in (("update_contact", {"name": "Mia Lund"}), ("delete_contact", {})):
        with pytest.raises(Unavailable):
            office.ask(method, contact_id=mia["id"], **more)
    office.desk.say(UserChanged(**office.people[office.partner, mia["id"]]), tenant=office.partner, subject=mia["id"])
    with pytest.raises(ValidationError):
        office.ask("update_contact", contact_id=mia["id"], name="Mia Lund")
    with pytest.raises(ContactInUse):
        office.ask("delete_contact", contact_id=mia["id"])


def test_assignments_wait_for_what_offers_has_just_shown(office: Office) -> None:
    mia = office.create()
    partnership = office.offer(mia)
    office.standings.add(office.partner, partnership, "partner", 2)
    with pytest.raises(Unavailable):
        office.assignments(office.partner, partnership)
    office.state(office.partner, partnership, story.DECLINE_RECEIVED)
    assert [a["state"] for a in office.assignments(office.partner, partnership)] == ["declined"]


def test_assignments_refuse_what_offers_refuses(office: Office) -> None:
    with pytest.raises(NotFound):
        office.assignments(office.partner, new_id())
    with pytest.raises(NotFound):
        office.assignments(office.partner, "nonsense")
    partnership = office.offer(office.create())
    office.offers.away = True
    with pytest.raises(Unavailable):
        office.assignments(office.partner, partnership)


def working(office: Office) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A partnership in which the first of two people works at the customer, as the partner knows it."""
    mia, olof = office.create("Mia Berg"), office.create("Olof Palm")
    partnership = office.offer(mia)
    office.accept(partnership, mia, new_id())
    office.learn(partnership, mia)
    return partnership, mia, olof


def propose(office: Office, partnership: str, **more: Any) -> dict[str, Any]:
    return dict(office.ask("propose_modification", partnership_id=partnership, **{"reason": "Because."} | more))


def test_a_proposal_under_an_old_version_of_the_partnership_is_refused(office: Office) -> None:
    partnership, mia, _ = working(office)
    with pytest.raises(ChangedMeanwhile):
        propose(office, partnership, release_contact_ids=[mia["id"]], if_match='"0"')
    made = propose(office, partnership, release_contact_ids=[mia["id"]], if_match='"1"')
    assert made["state"] == "pending"


def still(modification: dict[str, Any]) -> dict[str, Any]:
    """A modification without how far it has come, which the other side changes meanwhile."""
    return {name: value for name, value in modification.items() if name != "delivery"}


def test_a_proposal_is_made_listed_and_withdrawn(office: Office) -> None:
    partnership, mia, olof = working(office)
    made = propose(office, partnership, add_contact_ids=[olof["id"]], release_contact_ids=[mia["id"]])
    assert (made["state"], made["proposed_by"], made["actions"]) == ("pending", "us", ["withdraw"])
    assert [(i["name"], i["action"], i["decision"]) for i in made["items"]] == [
        ("Olof Palm", "add", None),
        ("Mia Berg", "release", None),
    ]
    [listed] = office.ask("list_modifications", partnership_id=partnership, state="pending")["items"]
    assert still(listed) == still(made)
    labels = {a["name"]: a["label"] for a in office.assignments(office.partner, partnership)}
    assert labels == {"Olof Palm": "Offered", "Mia Berg": "Released"}
    with pytest.raises(ContactHasPendingChange):
        propose(office, partnership, add_contact_ids=[olof["id"]])
    ids = {"partnership_id": partnership, "modification_id": made["id"]}
    with pytest.raises(ChangedMeanwhile):
        office.ask("withdraw_modification", if_match='"7"', **ids)
    withdrawn = office.ask("withdraw_modification", **ids)
    assert withdrawn["state"] == "withdrawn"
    assert still(office.ask("get_modification", **ids)) == still(withdrawn)
    with pytest.raises(WrongState):
        office.ask("withdraw_modification", **ids)
    assert "modification.withdrawn" in [type_ for type_, *_ in office.desk.said(partnership, office.partner)]


def test_a_proposal_with_a_repeated_key_is_made_once_also_at_the_same_instant(office: Office) -> None:
    partnership, mia, _ = working(office)
    with ThreadPoolExecutor(4) as pool:
        made = list(
            pool.map(
                lambda _: propose(office, partnership, release_contact_ids=[mia["id"]], idempotency_key="k"), range(4)
            )
        )
    assert len({one["id"] for one in made}) == 1
    assert len(office.ask("list_modifications", partnership_id=partnership)["items"]) == 1


def test_a_proposal_that_arrives_is_answered_with_roles(office: Office) -> None:
    mia, olof = office.create("Mia Berg"), office.create("Olof Palm")
    partnership = office.offer(mia)
    # Only the customer knows of the acceptance: contacts of the partner says nothing itself, and we speak in its name.
    office.accept(partnership, mia, new_id())
    mid = new_id()
    item = ProposedItem(action="add", contact_id=olof["id"], assignment_id=new_id(), name="Olof Palm")
    proposal = ModificationProposed(
        id=mid, reason="Because.", proposed_by=story.ADA, proposed_at=story.SENT, items=[item]
    )
    office.desk.say(proposal, tenant=office.customer, subject=partnership, origin=office.partner)
    theirs = {"tenant": office.customer, "actor": office.nils}
    ids = {"partnership_id": partnership, "modification_id": mid}

    def arrived() -> bool:
        found = office.ask("list_modifications", partnership_id=partnership, **theirs)["items"]
        return [one["id"] for one in found] == [mid]

    until(arrived, 5)
    accept = {"contact_id": olof["id"], "decision": "accept"}
    with pytest.raises(ValidationError) as refused:
        office.ask("answer_modification", items=[accept], **ids, **theirs)
    assert fields(refused) == ["items.0.roles"]
    answered = office.ask(
        "answer_modification", items=[accept | {"roles": VIEWER}], suggestion="More?", **ids, **theirs
    )
    assert (answered["state"], answered["suggestion"], answered["items"][0]["decision"]) == (
        "answered", "More?", "accept"
    )  # fmt: skip
    assert office.ask("answer_modification", items=[accept | {"roles": VIEWER}], **ids, **theirs) == answered
    with pytest.raises(WrongState):
        office.ask("answer_modification", items=[{"contact_id": olof["id"], "decision": "decline"}], **ids, **theirs)
    [someone] = [a for a in office.assignments(office.customer, partnership) if a["name"] == "Olof Palm"]
    assert (someone["state"], [r["role"] for r in someone["roles"]]) == ("accepted", ["Viewer"])


def test_refusals_of_proposals_come_in_their_order(office: Office) -> None:
    partnership, mia, _ = working(office)
    member = office.people.add(office.partner, "member")
    made = propose(office, partnership, release_contact_ids=[mia["id"]])
    ids = {"partnership_id": partnership, "modification_id": made["id"]}
    before = len(office.accounts.asked)
    for method in ("answer_modification", "withdraw_modification"):
        for unknown in (ids | {"modification_id": new_id()}, ids | {"partnership_id": new_id()}):
            with pytest.raises(NotFound):
                office.ask(method, actor=member, nonsense=1, **unknown)
        with pytest.raises(Forbidden):
            office.ask(method, actor=member, nonsense=1, **ids)
        with pytest.raises(ValidationError):
            office.ask(method, nonsense=1, **ids)
    assert "reserve_roles" not in [method for method, _ in office.accounts.asked[before:]]
    with pytest.raises(ValidationError) as refused:
        office.ask("propose_modification", partnership_id=partnership, add_contact_ids="all")
    assert sorted(fields(refused)) == ["add_contact_ids", "reason"]
    with pytest.raises(WrongState):
        office.ask("answer_modification", items=[{"contact_id": mia["id"], "decision": "accept"}], **ids)


def test_after_the_end_the_form_is_looked_at_first_and_then_all_is_refused(office: Office) -> None:
    partnership, mia, _ = working(office)

    def ended(request: dict[str, Any]) -> Any:
        if request.get("change"):
            raise WrongState("The partnership has ended: it is terminated.")
        return office.standings.get_standing(request)

    played = office.offers.methods
    office.offers.methods = {"get_standing": ended}
    try:
        with pytest.raises(WrongState, match="ended"):
            propose(office, partnership, release_contact_ids=[mia["id"]])
        with pytest.raises(ValidationError):
            propose(office, partnership, reason="")
        assert office.ask("list_modifications", partnership_id=partnership)["items"] == []
    finally:
        office.offers.methods = played

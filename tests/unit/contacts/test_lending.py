"""Who is lent to whom: offered, accepted, declined; and how the customer learns whom it may call."""

from __future__ import annotations

from typing import Any

import pytest

from services.contacts.commands import CreateContact, RolesInUse, UpdateContact
from services.contacts.domain import lending as rules
from services.contacts.domain import parking
from services.contacts.domain.parking import Early
from services.contacts.handlers import directory, lending
from shared.bus.work import Stranger
from shared.calls import Paged
from shared.contracts.contacts import AssignmentsChanged, ContactDetails, DetailsDue, DetailsShared
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    AcceptedContact,
    DeclineGiven,
    DeclineReceived,
    Grant,
    OfferedContact,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
    Person,
)
from shared.errors import ValidationError
from tests.support.hearing import START
from tests.unit.contacts.stage import ADA, BEN, OFFER, STRANGER, Stage, call

NILS = Person(id=BEN, name="Nils")
ROLE = Grant(environment_id=STRANGER, environment="Production", role_id=OFFER, role="Viewer")


class Two(Stage):
    """kazenor has offered Ravi and Cleo to northwind; nobody has answered."""

    def __init__(self) -> None:
        super().__init__()
        self.ravi = self.create("Ravi Iyer", "ravi@kazenor.example", phone="1", title="Support")
        self.cleo = self.create("Cleo Duarte", "cleo@kazenor.example")
        people = [
            OfferedContact(id=self.ravi, name="Ravi Iyer", title="Support"),
            OfferedContact(id=self.cleo, name="Cleo Duarte"),
        ]
        said: dict[str, Any] = {
            "message": "Hello",
            "sent_by": Person(id=ADA, name="Ada"),
            "sent_at": START,
            "expires_at": START,
        }
        submitted = OfferSubmitted(
            customer="northwind", email="nils@northwind.example", contacts=people, managers=[], **said
        )
        received = OfferReceived(partner="kazenor", company="Kazenor", recipient_id=BEN, contacts=people, **said)
        self.hear(lending.offer_submitted, "kazenor", submitted)
        self.hear(lending.offer_received, "northwind", received)

    def create(self, name: str, email: str, **more: str) -> str:
        return str(self.do(directory.create_contact, call(), CreateContact(name=name, email=email, **more))["id"])

    def accept(self) -> None:
        """northwind's own offers: Ravi comes, Cleo does not."""
        given = AcceptanceGiven(
            partner="kazenor",
            company="Kazenor",
            by=NILS,
            at=START,
            managers=[],
            contacts=[AcceptedContact(id=self.ravi, name="Ravi Iyer", roles=[ROLE])],
            declined=[Person(id=self.cleo, name="Cleo Duarte")],
        )
        self.hear(lending.acceptance_given, "northwind", given)

    def learn(self) -> None:
        """kazenor's own offers: they accepted Ravi."""
        received = AcceptanceReceived(
            customer="northwind",
            company="Northwind",
            by=NILS,
            at=START,
            contacts=[Person(id=self.ravi, name="Ravi Iyer")],
            declined=[Person(id=self.cleo, name="Cleo Duarte")],
        )
        self.hear(lending.acceptance_received, "kazenor", received)

    def told(self) -> list[DetailsShared]:
        """What contacts of kazenor has told contacts of northwind since the last time."""
        return [data for row, data in self.said() if row.kind == "peer" and row.destination == "northwind"]

    def tell(self, message: DetailsShared, origin: str = "kazenor") -> None:
        self.hear(lending.receive, "northwind", message, origin=origin)

    def listed(self, tenant: str, **page: Any) -> dict[str, dict[str, Any]]:
        answer = self.do(lending.list_assignments, call(tenant, partnership_id=OFFER), Paged(**page))
        return {one["name"]: one for one in answer["items"]}

    def run_timers(self) -> None:
        for row, data in self.said():
            if row.kind == "timer":
                self.hear(lending.details_due, row.tenant, data, subject=row.subject)


@pytest.fixture
def two() -> Two:
    return Two()


def test_offered_people_stand_on_both_sides_under_the_same_ids(two: Two) -> None:
    ours, theirs = two.listed("kazenor"), two.listed("northwind")
    assert {n: (a["id"], a["contact_id"], a["state"], a["label"]) for n, a in ours.items()} == {
        n: (a["id"], a["contact_id"], a["state"], a["label"]) for n, a in theirs.items()
    }
    assert ours["Ravi Iyer"]["id"] == rules.assignment_id(OFFER, two.ravi, START)
    assert {(a["state"], a["label"]) for a in ours.values()} == {("offered", "Offered")}


def test_an_assignment_has_all_fields_of_the_contract(two: Two) -> None:
    assert two.listed("kazenor")["Ravi Iyer"] == {
        "id": rules.assignment_id(OFFER, two.ravi, START),
        "contact_id": two.ravi,
        "name": "Ravi Iyer",
        "email": "ravi@kazenor.example",
        "phone": "1",
        "title": "Support",
        "state": "offered",
        "label": "Offered",
        "roles": [],
    }


def test_the_customer_cannot_reach_anybody_before_it_accepts(two: Two) -> None:
    assert [(a["email"], a["phone"]) for a in two.listed("northwind").values()] == [(None, None)] * 2


def test_accepting_some_declines_the_others(two: Two) -> None:
    two.accept()
    two.learn()
    for tenant in ("kazenor", "northwind"):
        assert {n: (a["state"], a["label"]) for n, a in two.listed(tenant).items()} == {
            "Ravi Iyer": ("accepted", None),
            "Cleo Duarte": ("declined", None),
        }


def test_roles_are_seen_on_the_customers_side_only(two: Two) -> None:
    two.accept()
    two.learn()
    shown = {"environment": "Production", "role": "Viewer", "environment_id": STRANGER, "role_id": OFFER}
    assert two.listed("northwind")["Ravi Iyer"]["roles"] == [shown]
    assert two.listed("kazenor")["Ravi Iyer"]["roles"] == []


def test_both_sides_state_how_many_work_there(two: Two) -> None:
    two.said()
    two.accept()
    two.learn()
    assert [(row.tenant, data) for row, data in two.said() if row.kind == "fact"] == [
        ("northwind", AssignmentsChanged(version=1, working=1)),
        ("kazenor", AssignmentsChanged(version=1, working=1)),
    ]


def test_an_acceptance_heard_again_changes_nothing(two: Two) -> None:
    two.accept()
    two.learn()
    before = two.partnership("northwind"), two.partnership("kazenor")
    two.said()
    two.accept()
    two.learn()
    assert two.said() == []
    assert (two.partnership("northwind"), two.partnership("kazenor")) == before


def test_the_customer_is_told_how_to_reach_those_who_come_and_nobody_else(two: Two) -> None:
    two.accept()
    two.said()
    two.learn()
    (message,) = two.told()
    assert message == DetailsShared(
        counter=1,
        contacts=[
            ContactDetails(id=two.ravi, name="Ravi Iyer", email="ravi@kazenor.example", phone="1", title="Support")
        ],
    )
    two.tell(message)
    people = two.listed("northwind")
    assert (people["Ravi Iyer"]["email"], people["Ravi Iyer"]["phone"]) == ("ravi@kazenor.example", "1")
    assert (people["Cleo Duarte"]["email"], people["Cleo Duarte"]["phone"]) == (None, None)


def details(counter: int, id: str, email: str = "ravi@kazenor.example") -> DetailsShared:
    return DetailsShared(counter=counter, contacts=[ContactDetails(id=id, name="Ravi Iyer", email=email)])


def test_details_that_come_before_our_own_acceptance_wait_for_it(two: Two) -> None:
    before = two.partnership("northwind")
    two.tell(details(1, two.ravi))
    assert two.partnership("northwind") == before
    two.accept()
    assert two.listed("northwind")["Ravi Iyer"]["email"] == "ravi@kazenor.example"
    assert two.database.records["parked"] == {}


def test_details_that_come_before_the_offer_itself_wait_too() -> None:
    late, early = Two(), Stage()
    early.hear(lending.receive, "northwind", details(1, late.ravi), origin="kazenor")
    assert early.partnership("northwind") is None
    # The same database goes on with the offer and the acceptance.
    late.database.records["parked"] = early.database.records["parked"]
    late.accept()
    assert late.listed("northwind")["Ravi Iyer"]["email"] == "ravi@kazenor.example"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_several_details_the_highest_counter_counts(two: Two, order: tuple[int, int]) -> None:
    two.accept()
    for counter in order:
        two.tell(details(counter, two.ravi, f"ravi{counter}@kazenor.example"))
    assert two.listed("northwind")["Ravi Iyer"]["email"] == "ravi2@kazenor.example"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_several_waiting_details_the_highest_counter_counts(two: Two, order: tuple[int, int]) -> None:
    for counter in order:
        two.tell(details(counter, two.ravi, f"ravi{counter}@kazenor.example"))
    two.accept()
    assert two.listed("northwind")["Ravi Iyer"]["email"] == "ravi2@kazenor.example"


def test_details_reach_nobody_whom_the_customer_did_not_accept(two: Two) -> None:
    two.accept()
    two.tell(details(1, two.cleo))
    assert {name: one["email"] for name, one in two.listed("northwind").items()} == {
        "Ravi Iyer": None,
        "Cleo Duarte": None,
    }


def test_of_what_waits_only_the_counterparts_own_words_are_heard() -> None:
    early = [Early(origin=origin, type="details.shared", body="{}") for origin in ("stranger", "kazenor")]
    parked = None
    for message in early:
        parked = parking.park(parked, tenant="northwind", id=OFFER, message=message)
    assert parking.said_by(parked, "kazenor") == (early[1],)


def test_of_a_value_told_over_and_over_only_the_newest_waits() -> None:
    parked = None
    for counter in (1, 3, 2, *range(4, 100)):
        for origin in ("stranger", "kazenor"):
            message = Early(origin=origin, type="details.shared", body=f"{counter}", counter=counter)
            parked = parking.park(parked, tenant="northwind", id=OFFER, message=message)
    assert parked is not None and [(one.origin, one.body) for one in parked.messages] == [
        ("stranger", "99"),
        ("kazenor", "99"),
    ]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stranger_cannot_speak_for_lent_people(two: Two, when: str) -> None:
    if when == "after":
        two.accept()
    with pytest.raises(Stranger):
        two.tell(details(9, two.ravi, "evil@stranger.example"), origin="stranger")
    if when == "before":
        two.accept()
    assert two.listed("northwind")["Ravi Iyer"]["email"] is None


def test_the_customer_cannot_speak_for_people_it_was_lent(two: Two) -> None:
    two.accept()
    two.learn()
    before = two.partnership("kazenor")
    two.hear(lending.receive, "kazenor", details(9, two.ravi, "evil@northwind.example"), origin="northwind")
    assert two.partnership("kazenor") == before


def test_details_of_strangers_are_dropped_and_texts_are_cut_to_one_line(two: Two) -> None:
    two.accept()
    people = [
        ContactDetails(id=two.ravi, name="Ra\nvi\x00" + "i" * 300, email="e" * 300, phone="1" * 60, title="\ttitle"),
        ContactDetails(id=STRANGER, name="Nobody", email="nobody@kazenor.example"),
    ]
    two.tell(DetailsShared(counter=1, contacts=people))
    partnership = two.partnership("northwind")
    assert partnership is not None
    (person,) = partnership.details
    assert (person.name[:6], len(person.name), len(person.email), len(person.phone)) == ("Ra vii", 200, 254, 50)
    assert person.title == "title"


def test_somebody_offered_twice_is_offered_once(two: Two) -> None:
    people = [(two.ravi, "Ravi Iyer", "")] * 2
    made = rules.offered(tenant="t", id=OFFER, side="customer", counterpart="x", contacts=people, at=START)
    assert len(made.assignments) == 1


def test_a_change_of_a_lent_person_is_told_with_the_next_counter(two: Two) -> None:
    two.accept()
    two.learn()
    two.said()
    two.do(directory.update_contact, call(contact_id=two.ravi), UpdateContact(phone="2"))
    two.run_timers()
    (message,) = two.told()
    assert (message.counter, message.contacts[0].phone) == (2, "2")


def test_what_the_customer_has_heard_is_not_told_again(two: Two) -> None:
    two.accept()
    two.learn()
    two.said()
    for _ in range(2):
        two.hear(lending.details_due, "kazenor", DetailsDue(), subject=two.ravi)
    assert two.said() == []


def test_a_change_of_somebody_who_is_not_lent_is_told_to_nobody(two: Two) -> None:
    two.accept()
    two.learn()
    two.said()
    two.do(directory.update_contact, call(contact_id=two.cleo), UpdateContact(phone="2"))
    two.run_timers()
    assert two.told() == []


def test_a_change_of_an_offered_person_waits_for_the_acceptance(two: Two) -> None:
    two.said()
    two.do(directory.update_contact, call(contact_id=two.ravi), UpdateContact(phone="2"))
    two.run_timers()
    assert two.told() == []
    two.learn()
    (message,) = two.told()
    assert (message.counter, message.contacts[0].phone) == (1, "2")


def test_a_decline_declines_everybody_on_both_sides(two: Two) -> None:
    two.hear(lending.offer_declined, "northwind", DeclineGiven(partner="kazenor", company="Kazenor", by=NILS, at=START))
    two.hear(
        lending.offer_declined,
        "kazenor",
        DeclineReceived(customer="northwind", company="Northwind", by=NILS, at=START),
    )
    for tenant in ("kazenor", "northwind"):
        assert {a["state"] for a in two.listed(tenant).values()} == {"declined"}


def test_an_offer_that_found_nobody_withdraws_everybody(two: Two) -> None:
    two.hear(
        lending.offer_undeliverable,
        "kazenor",
        OfferUndeliverable(customer="northwind", email="nobody@northwind.example"),
    )
    assert {a["state"] for a in two.listed("kazenor").values()} == {"withdrawn"}


def test_a_late_decline_changes_nothing_of_an_acceptance(two: Two) -> None:
    two.accept()
    two.hear(lending.offer_declined, "northwind", DeclineGiven(partner="kazenor", company="Kazenor", by=NILS, at=START))
    after = two.partnership("northwind")
    assert after is not None and after.phase == "accepted"
    assert two.listed("northwind")["Ravi Iyer"]["state"] == "accepted"


def test_facts_about_an_unknown_partnership_do_nothing() -> None:
    two = Two()
    two.database.records["partnerships"].clear()
    two.said()
    two.accept()
    two.learn()
    two.hear(lending.offer_declined, "northwind", DeclineGiven(partner="kazenor", company="Kazenor", by=NILS, at=START))
    two.hear(
        lending.offer_undeliverable,
        "kazenor",
        OfferUndeliverable(customer="northwind", email="nobody@northwind.example"),
    )
    assert two.said() == []
    assert two.listed("kazenor") == two.listed("northwind") == {}


def test_granted_roles_are_in_use(two: Two) -> None:
    asked = RolesInUse(role_ids=[STRANGER, OFFER])
    assert two.do(lending.roles_in_use, call("northwind"), asked) == {"role_ids": []}
    two.accept()
    assert two.do(lending.roles_in_use, call("northwind"), asked) == {"role_ids": [OFFER]}
    assert two.do(lending.roles_in_use, call("kazenor"), asked) == {"role_ids": []}


def test_the_overview_is_the_first_page_of_both_lists(two: Two) -> None:
    two.accept()
    about = call("northwind", partnership_id=OFFER)
    found = two.do(lending.get_overview, about)
    assert found["assignments"] == two.do(lending.list_assignments, about, Paged(limit=200))
    assert found["assignments"]["items"]
    assert found["modifications"] == {"items": [], "next": None}


def test_assignments_come_in_pages(two: Two) -> None:
    answer = two.do(lending.list_assignments, call("northwind", partnership_id=OFFER), Paged(limit=1))
    assert [one["name"] for one in answer["items"]] == ["Cleo Duarte"]
    assert list(two.listed("northwind", limit=1, cursor=answer["next"])) == ["Ravi Iyer"]
    with pytest.raises(ValidationError):
        two.listed("northwind", cursor="nonsense")


def test_a_partner_sees_the_directory_of_today(two: Two) -> None:
    two.do(directory.update_contact, call(contact_id=two.ravi), UpdateContact(name="Ravi I."))
    assert set(two.listed("kazenor")) == {"Ravi I.", "Cleo Duarte"}

"""What contacts of another business may say and do not change here: it breaks the rules, or means harm."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.contacts.domain import modifying as rules
from services.contacts.domain import parking
from services.contacts.domain.parking import Parked
from services.contacts.handlers import lending
from shared.bus.deliveries import decode
from shared.bus.unit import Unit
from shared.bus.work import Confirmed
from shared.contracts.accounts import ProfileReceived
from shared.contracts.contacts import ModificationDecided, ModificationProposed, ModificationWithdrawn, ProposedItem
from shared.contracts.messages import PeerMessage
from shared.contracts.offers import Person
from shared.ids import new_id
from tests.support.hearing import START
from tests.support.saying import Streams
from tests.unit.contacts.two import ID, Side, Two


@pytest.fixture
def two() -> Two:
    two = Two()
    two.accept()
    two.deliver()
    return two


def says(side: Side, message: PeerMessage, origin: str, time: datetime = START) -> Any:
    """Somebody says this to contacts of a side, next in its stream; answers what the inbox made of it."""
    streams = Streams()
    stream = side.database.streams.get((side.tenant, ID, origin, "contacts"))
    if stream is not None:
        streams._ends[origin, side.tenant, "contacts", ID] = (stream.applied, stream.applied_digest)
    body = streams.body(message, tenant=side.tenant, subject=ID, origin=origin, time=time)
    return side.inbox.handle([decode(body)])


def proposal(*items: ProposedItem, mid: str = "", at: datetime = START) -> ModificationProposed:
    who = Person(id="a", name="Ada")
    return ModificationProposed(id=mid or new_id(), reason="x", proposed_by=who, proposed_at=at, items=list(items))


def item(action: str, contact: str, assignment: str = "", name: str = "Olof") -> ProposedItem:
    return ProposedItem(action=action, contact_id=contact, assignment_id=assignment or new_id(), name=name)  # type: ignore[arg-type]


def assignment(side: Side, contact: str) -> str:
    return next(a["id"] for a in side.people() if a["contact_id"] == contact)


def test_a_release_that_calls_somebody_by_another_name_is_shown_by_ours(two: Two) -> None:
    mid = new_id()
    says(
        two.partner, proposal(item("release", two.mia, assignment(two.partner, two.mia), "Olof"), mid=mid), "northwind"
    )
    assert [i["name"] for i in two.partner.modification(mid)["items"]] == ["Mia"]


def test_a_release_of_one_person_under_the_id_of_another_is_declined_by_itself(two: Two) -> None:
    mid = new_id()
    says(two.partner, proposal(item("release", two.olof, assignment(two.partner, two.mia)), mid=mid), "northwind")
    assert two.partner.decisions(mid) == {two.olof: "decline"}
    assert dict(two.partner.states()) == {two.mia: "accepted", two.olof: "accepted"}


def test_a_release_of_an_assignment_that_nobody_made_is_declined_by_itself(two: Two) -> None:
    mid = new_id()
    says(two.partner, proposal(item("release", two.olof), mid=mid), "northwind")
    assert two.partner.decisions(mid) == {two.olof: "decline"}


def test_a_customer_adds_nobody_and_leaves_no_trace_of_it_among_our_people(two: Two) -> None:
    mid = new_id()
    says(two.partner, proposal(item("add", new_id()), item("add", new_id()), mid=mid), "northwind")
    assert set(two.partner.decisions(mid).values()) == {"decline"}
    assert len(two.partner.people()) == 2
    assert two.partner.figures().pending == 0


@pytest.mark.parametrize("items", [[item("add", new_id()) for _ in range(201)], []])
def test_a_proposal_that_could_not_be_answered_is_none(two: Two, items: list[ProposedItem]) -> None:
    forged = proposal(item("add", new_id())).model_copy(update={"items": items})
    assert says(two.customer, forged, "kazenor").failed == 1
    assert two.customer.modifications() == []


def test_a_time_at_the_end_of_the_calendar_is_none(two: Two) -> None:
    far = proposal(item("add", new_id())).model_copy(
        update={"proposed_at": datetime(9999, 12, 31, tzinfo=START.tzinfo)}
    )
    assert says(two.customer, far, "kazenor").failed == 1


def test_more_open_wishes_than_anybody_has_are_declined_by_themselves(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_OPEN", 3)
    first, second = new_id(), new_id()
    says(two.customer, proposal(item("add", new_id()), item("add", new_id()), mid=first), "kazenor")
    later = START + timedelta(seconds=1)
    says(two.customer, proposal(item("add", new_id()), item("add", new_id()), mid=second, at=later), "kazenor")
    assert list(two.customer.decisions(first).values()) == [None, None]
    assert sorted(two.customer.decisions(second).values(), key=str) == [None, "decline"]


def test_our_own_wishes_stay_below_what_the_other_side_would_decline(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_OPEN", 1)
    with pytest.raises(rules.ValidationError) as refused:
        two.partner.propose(add=(two.eva, two.lars))
    assert "1 changes wait" in refused.value.info["errors"][0]["message"]


def test_no_more_people_are_lent_than_one_message_can_name(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_PEOPLE", 3)
    two.partner.propose(add=(two.eva,))
    with pytest.raises(rules.ValidationError) as refused:
        two.partner.propose(add=(two.lars,))
    assert "3 people" in refused.value.info["errors"][0]["message"]


def test_an_answer_after_the_receipt_of_our_withdrawal_is_none(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    two.partner.withdraw(mid)
    two.deliver()
    news = Confirmed("kazenor", "northwind", ID, two.partner.record().told, 0)
    two.partner.do(lambda work, call, now: lending.receipt(work, news, now))
    late = ModificationDecided.model_validate(
        {
            "modification_id": mid,
            "decided_by": None,
            "decided_at": START,
            "items": [{"contact_id": two.eva, "decision": "accept"}],
        }
    )
    assert says(two.partner, late, "northwind").applied == 1
    assert two.partner.decisions(mid) == {two.eva: "withdrawn"}
    assert "eva@x.example" not in str(two.partner.take())


def test_what_a_stranger_says_of_our_partnership_is_not_kept(two: Two) -> None:
    waiting = Two()
    says(waiting.partner, proposal(item("add", new_id())), "evil")
    assert waiting.partner.database.records.get("parked", {}) == {}


def test_what_waits_for_an_acceptance_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "MOST", 2)
    two = Two()
    for n in range(3):
        tally = says(two.partner, proposal(item("release", new_id())), "northwind", START + timedelta(seconds=n))
        # Not lost: the inbox tries it again later.
        assert (tally.applied, tally.failed) == ((1, 0) if n < 2 else (0, 1))
    with two.partner.database.transaction(["kazenor"]) as storage:
        parked = Unit(storage, "contacts", two.partner.session.tables, START).peek(Parked, "kazenor", ID)
    assert parked is not None and len(parked.messages) == 2


def test_what_comes_after_the_end_is_no_news_to_people(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    two.end(two.customer)
    says(two.customer, proposal(item("add", new_id())), "kazenor")
    gone = ModificationWithdrawn(
        modification_id=mid, withdrawn_by=Person(id="a", name="Ada"), withdrawn_at=START, contact_ids=[two.eva]
    )
    says(two.customer, gone, "kazenor")
    assert [f.counts for f in two.customer.facts("proposal.received")] == [True, False]
    assert [f.counts for f in two.customer.facts("retraction.received")] == [False]


def test_our_facts_call_the_other_business_as_it_calls_itself_now(two: Two) -> None:
    told = ProfileReceived(counter=2, company="Northwind & Sons")
    two.partner.now += timedelta(seconds=1)
    body = Streams().body(told, tenant="kazenor", subject="northwind", time=two.partner.now)
    assert two.partner.inbox.handle([decode(body)]).applied == 1
    two.partner.propose(add=(two.eva,))
    assert [f.company for f in two.partner.facts("proposal.given")] == ["Northwind & Sons"]


def test_the_customer_knows_how_to_reach_whoever_works_there_and_nobody_else(two: Two) -> None:
    mid = two.customer.propose(release=(two.mia,))["id"]
    two.deliver()
    assert {a["email"] for a in two.customer.people()} == {"mia@x.example", "olof@x.example"}
    two.partner.answer(mid, **{two.mia: "accept"})
    two.deliver()
    assert {a["name"]: a["email"] for a in two.customer.people()} == {"Mia": None, "Olof": "olof@x.example"}

"""Proposals between two sides."""

from __future__ import annotations

from typing import Any

import pytest

from services.contacts.commands import AnswerModification
from services.contacts.handlers import lending, modifying
from shared.bus.deliveries import decode
from shared.bus.work import Confirmed
from shared.contracts.contacts import ModificationDecided
from shared.contracts.offers import (
    PartnershipLookedAt,
)
from shared.errors import ContactHasPendingChange, NotFound, ValidationError, WrongState
from shared.ids import new_id
from tests.support.hearing import START
from tests.support.saying import Streams
from tests.unit.contacts.two import ENVIRONMENTS, ID, VIEWER, Side, Two


@pytest.fixture
def two() -> Two:
    two = Two()
    two.accept()
    two.deliver()
    return two


def test_a_mixed_proposal_shows_its_labels_on_both_sides_and_changes_nothing_yet(two: Two) -> None:
    made = two.partner.propose(add=(two.eva,), release=(two.mia,))
    assert (made["proposed_by"], made["state"], made["delivery"], made["version"]) == ("us", "pending", "queued", 1)
    two.agree()
    assert two.partner.labels() == {two.eva: "Offered", two.mia: "Released", two.olof: None}
    assert two.customer.labels() == {two.eva: "Offered", two.mia: "Released by Partner", two.olof: None}
    assert dict(two.customer.states()) == {two.mia: "accepted", two.olof: "accepted", two.eva: "offered"}
    theirs = two.customer.modification(made["id"])
    assert (theirs["proposed_by"], theirs["reason"], theirs["actions"]) == ("them", "Because.", ["answer"])
    for side, waits in ((two.partner, (0, 1)), (two.customer, (1, 0))):
        figures = side.figures()
        assert (figures.working, figures.pending, (figures.to_answer, figures.awaiting)) == (2, 1, waits)


def test_an_answer_decides_each_item_by_itself(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva, two.lars), release=(two.mia,))["id"]
    two.deliver()
    answered = two.customer.answer(mid, **{two.eva: "accept", two.lars: "decline", two.mia: "accept"})
    assert (answered["state"], answered["answered_by"], answered["comment"]) == (
        "answered",
        {"name": "Nils"},
        "So be it.",
    )
    two.agree()
    assert dict(two.partner.states()) == {
        two.mia: "released", two.olof: "accepted", two.eva: "accepted", two.lars: "declined"
    }  # fmt: skip
    ours = two.partner.modification(mid)
    assert (ours["delivery"], ours["suggestion"], ours["actions"]) == ("answered", "Another one?", [])
    assert set(two.partner.labels().values()) == {None}
    eva = {a["contact_id"]: a for a in two.customer.people()}[two.eva]
    assert (eva["email"], eva["roles"][0]["role"]) == ("eva@x.example", "Viewer")
    assert {a["contact_id"]: a["roles"] for a in two.partner.people()}[two.eva] == []
    assert (two.partner.figures().working, two.partner.figures().pending) == (2, 0)
    assert (two.partner.figures().last_word, two.customer.figures().last_word) == ("answered", "queued")


def test_what_is_decided_by_itself_is_nobodys_last_word(two: Two) -> None:
    two.partner.propose(release=(two.mia,))
    two.customer.propose(release=(two.mia,))
    two.agree()
    assert (two.partner.figures().last_word, two.customer.figures().last_word) == ("answered", "answered")


def test_a_withdrawal_is_a_last_word_too(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    news = Confirmed("kazenor", "northwind", ID, two.partner.record().told, two.partner.record().told)
    two.partner.do(lambda work, call, now: lending.receipt(work, news, now))
    assert two.partner.figures().last_word == "seen"
    two.partner.withdraw(mid)
    assert two.partner.figures().last_word == "queued"


def test_a_suggestion_can_be_answered_with_a_proposal(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    two.customer.answer(mid, **{two.eva: "decline"})
    two.deliver()
    reply = two.partner.propose(add=(two.lars,), reply=mid)
    two.agree()
    assert two.customer.modification(reply["id"])["in_reply_to"] == mid


def test_the_customer_releases_and_the_partner_acknowledges(two: Two) -> None:
    mid = two.customer.propose(release=(two.mia,))["id"]
    two.deliver()
    assert two.partner.labels()[two.mia] == "Released by Customer"
    two.partner.answer(mid, **{two.mia: "accept"})
    two.agree()
    assert dict(two.customer.states())[two.mia] == "released"


def test_both_who_release_the_same_person_agree(two: Two) -> None:
    ours = two.partner.propose(release=(two.mia,))["id"]
    theirs = two.customer.propose(release=(two.mia, two.olof))["id"]
    two.agree()
    assert dict(two.partner.states()) == {two.mia: "released", two.olof: "accepted"}
    assert two.partner.decisions(ours) == {two.mia: "accept"}
    assert two.partner.decisions(theirs) == {two.mia: "accept", two.olof: None}
    automatic = two.customer.facts("answer.given")
    assert [(f.modification_id, f.by) for f in automatic] == [(ours, None)]


def test_an_agreement_holds_when_one_of_them_withdraws_at_the_same_moment(two: Two) -> None:
    ours = two.partner.propose(release=(two.mia,))["id"]
    theirs = two.customer.propose(release=(two.mia,))["id"]
    for body in two.partner.take():
        two.customer.inbox.handle([decode(body)])
    two.partner.withdraw(ours)
    two.agree()
    assert dict(two.partner.states())[two.mia] == "released"
    assert two.partner.decisions(ours) == {two.mia: "accept"}
    # Who was released already needs no answer any more.
    assert two.customer.decisions(theirs) == {two.mia: "accept"}


def test_the_answer_that_was_given_counts_against_a_withdrawal(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,), release=(two.mia,))["id"]
    two.deliver()
    two.customer.answer(mid, **{two.eva: "accept", two.mia: "decline"})
    assert two.partner.withdraw(mid)["state"] == "withdrawn"
    assert dict(two.partner.states())[two.eva] == "withdrawn"
    two.agree()
    assert two.partner.decisions(mid) == {two.eva: "accept", two.mia: "decline"}
    assert dict(two.partner.states())[two.eva] == "accepted"
    assert [f.counts for f in two.customer.facts("retraction.received")] == [False]


def test_a_withdrawal_that_arrives_first_leaves_nothing_to_answer(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    two.partner.withdraw(mid)
    two.deliver()
    with pytest.raises(WrongState, match="withdrawn"):
        two.customer.answer(mid, **{two.eva: "accept"})
    two.agree()
    assert dict(two.customer.states())[two.eva] == "withdrawn"


def test_an_addition_of_somebody_who_works_there_by_now_is_declined_by_itself(two: Two) -> None:
    first = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    two.partner.withdraw(first)
    second = two.partner.propose(add=(two.eva,))["id"]
    two.customer.answer(first, **{two.eva: "accept"})
    two.agree()
    assert (two.partner.decisions(first), two.partner.decisions(second)) == ({two.eva: "accept"}, {two.eva: "decline"})
    assert sorted(s for c, s in two.partner.states() if c == two.eva) == ["accepted", "declined"]


def test_a_stale_release_does_not_end_a_new_assignment_of_the_same_person(two: Two) -> None:
    stale = two.customer.propose(release=(two.mia,))["id"]
    release = two.partner.propose(release=(two.mia,))["id"]
    for body in two.partner.take():
        two.customer.inbox.handle([decode(body)])
    for body in two.customer.take():
        two.partner.inbox.handle([decode(body)])
    again = two.partner.propose(add=(two.mia,))["id"]
    two.deliver()
    two.customer.answer(again, **{two.mia: "accept"})
    two.agree()
    assert sorted(s for c, s in two.partner.states() if c == two.mia) == ["accepted", "released"]
    assert {two.partner.decisions(m)[two.mia] for m in (stale, release, again)} == {"accept"}


def test_a_released_person_can_be_added_again_and_has_two_assignments(two: Two) -> None:
    mid = two.partner.propose(release=(two.mia,))["id"]
    two.deliver()
    two.customer.answer(mid, **{two.mia: "accept"})
    two.deliver()
    again = two.partner.propose(add=(two.mia,))["id"]
    two.deliver()
    two.customer.answer(again, **{two.mia: "accept"})
    two.agree()
    mine = [a for a in two.customer.people() if a["contact_id"] == two.mia]
    assert [a["state"] for a in mine] == ["accepted", "released"]


def test_an_end_makes_what_is_open_void_and_refuses_commands(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    two.end(two.partner, two.customer)
    assert two.customer.modification(mid)["state"] == "void"
    for attempt in (
        lambda: two.customer.answer(mid, **{two.eva: "accept"}),
        lambda: two.partner.withdraw(mid),
        lambda: two.partner.propose(release=(two.mia,)),
    ):
        with pytest.raises(WrongState, match="ended"):
            attempt()
    two.agree()
    assert dict(two.partner.states())[two.eva] == "withdrawn"
    assert (two.partner.figures().working, two.partner.figures().pending) == (2, 0)


def test_an_answer_given_before_its_side_saw_the_end_counts_after_it(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,), release=(two.mia,))["id"]
    two.deliver()
    two.end(two.partner)
    two.customer.answer(mid, **{two.eva: "accept", two.mia: "accept"})
    two.end(two.customer)
    two.agree()
    assert two.partner.decisions(mid) == {two.eva: "accept", two.mia: "accept"}
    assert dict(two.partner.states()) == {two.mia: "released", two.olof: "accepted", two.eva: "accepted"}


def test_a_withdrawal_that_meets_an_end_is_still_a_withdrawal(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    two.end(two.customer)
    two.partner.withdraw(mid)
    two.end(two.partner)
    two.agree()
    assert two.customer.decisions(mid) == {two.eva: "withdrawn"}


def test_a_proposal_that_arrives_after_the_end_is_void(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,), release=(two.mia,))["id"]
    two.end(two.customer)
    two.deliver()
    two.end(two.partner)
    two.agree()
    assert two.partner.decisions(mid) == {two.eva: "void", two.mia: "void"}
    assert dict(two.partner.states())[two.mia] == "accepted"


def test_what_comes_before_our_own_acceptance_waits_for_it() -> None:
    two = Two()
    two.accept(two.customer)
    mid = two.customer.propose(release=(two.mia,))["id"]
    two.deliver()
    with pytest.raises(NotFound):
        two.partner.modification(mid)
    two.accept(two.partner)
    two.agree()
    assert two.partner.modification(mid)["state"] == "pending"
    assert two.partner.labels()[two.mia] == "Released by Customer"


def test_nobody_answers_but_the_addressee_and_nobody_withdraws_but_the_proposer(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    with pytest.raises(WrongState, match="other side answers"):
        two.partner.answer(mid, **{two.eva: "accept"})
    with pytest.raises(WrongState, match="proposed"):
        two.customer.withdraw(mid)


def test_the_same_answer_again_changes_nothing_and_another_one_is_refused(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    first = two.customer.answer(mid, **{two.eva: "accept"})
    said_before = len(two.customer.database.outbox)
    assert two.customer.answer(mid, **{two.eva: "accept"})["version"] == first["version"]
    assert len(two.customer.database.outbox) == said_before
    with pytest.raises(WrongState, match="decided already"):
        two.customer.answer(mid, **{two.eva: "decline"})


def fields(refused: pytest.ExceptionInfo[ValidationError]) -> list[str]:
    return [e["field"] for e in refused.value.info["errors"]]


def test_an_answer_names_every_open_item_and_nobody_else(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,), release=(two.mia,))["id"]
    two.deliver()
    for decisions, wrong in (
        ({two.eva: "accept"}, ["items"]),
        ({two.eva: "accept", two.mia: "accept", two.lars: "accept"}, ["items.2.contact_id"]),
    ):
        with pytest.raises(ValidationError) as refused:
            two.customer.answer(mid, **decisions)
        assert fields(refused) == wrong
    with pytest.raises(ValidationError) as refused:
        two.customer.answer(mid, roles=[], **{two.eva: "accept", two.mia: "accept"})
    assert fields(refused) == ["items.0.roles"]
    unknown = [{"environment": "Production", "role": "King"}]
    with pytest.raises(ValidationError) as refused:
        two.customer.answer(mid, roles=unknown, **{two.eva: "accept", two.mia: "accept"})
    assert "items.0.roles.0.role" in fields(refused)
    assert two.customer.modification(mid)["state"] == "pending"


def test_roles_go_with_nothing_but_an_accepted_addition(two: Two) -> None:
    mid = two.partner.propose(release=(two.mia,))["id"]
    two.deliver()
    items = [{"contact_id": two.mia, "decision": "accept", "roles": VIEWER}]
    body = AnswerModification.model_validate({"items": items})
    with pytest.raises(ValidationError) as refused:
        two.customer.do(
            modifying.answer_modification, body, mid=mid, person=two.customer.person, environments=ENVIRONMENTS
        )
    assert fields(refused) == ["items.0.roles"]


def test_a_contact_is_in_one_pending_item_of_a_side_at_most(two: Two) -> None:
    two.partner.propose(add=(two.eva,), release=(two.mia,))
    for again in ({"add": (two.eva,)}, {"release": (two.mia,)}, {"add": (two.lars, two.eva)}):
        with pytest.raises(ContactHasPendingChange):
            two.partner.propose(**again)
    side_by_side = two.partner.propose(add=(two.lars,), release=(two.olof,))
    two.deliver()
    two.customer.propose(release=(two.olof,))
    two.agree()
    assert two.partner.decisions(side_by_side["id"])[two.olof] == "accept"


def test_a_proposal_that_makes_no_sense_names_its_field(two: Two) -> None:
    for given, wrong in (
        ({}, ["add_contact_ids"]),
        ({"add": (new_id(),)}, ["add_contact_ids.0"]),
        ({"add": (two.eva, two.mia)}, ["add_contact_ids.1"]),
        ({"release": (two.mia, two.eva)}, ["release_contact_ids.1"]),
        ({"add": (two.eva,), "release": (two.eva,)}, ["add_contact_ids.0", "release_contact_ids.0"]),
    ):
        with pytest.raises(ValidationError) as refused:
            two.partner.propose(**given)  # type: ignore[arg-type]
        assert fields(refused) == wrong, given
    with pytest.raises(ValidationError) as refused:
        two.partner.propose(add=(two.eva,), reply=new_id())
    assert fields(refused) == ["in_reply_to"]
    assert two.partner.modifications() == []


def test_the_customer_offers_nobody(two: Two) -> None:
    with pytest.raises(ValidationError) as refused:
        two.customer.propose(add=(two.customer.contact("Sven"),))
    assert fields(refused) == ["add_contact_ids"]


def test_before_the_acceptance_nothing_can_be_proposed() -> None:
    with pytest.raises(WrongState, match="accepted"):
        Two().partner.propose(release=(new_id(),))


def test_a_proposal_is_queued_then_delivered_then_seen(two: Two) -> None:
    made = two.partner.propose(add=(two.eva,))
    number = two.partner.record().told
    two.deliver()
    for applied, seen, shown in (
        (number - 1, 0, "queued"),
        (number, number - 1, "delivered"),
        (number, number, "seen"),
    ):
        news = Confirmed("kazenor", "northwind", ID, applied, seen)
        two.partner.do(lambda work, call, now, news=news: lending.receipt(work, news, now))
        assert two.partner.modification(made["id"])["delivery"] == two.partner.figures().last_word == shown
    assert two.customer.modification(made["id"])["delivery"] == "delivered"
    two.customer.state(PartnershipLookedAt(at=START))
    assert two.customer.modification(made["id"])["delivery"] == "seen"
    stream = two.customer.database.streams["northwind", ID, "kazenor", "contacts"]
    assert (stream.seen, stream.receipt_due) == (stream.applied, True)


def test_modifications_are_listed_newest_first_and_by_state(two: Two) -> None:
    first = two.partner.propose(add=(two.eva,))["id"]
    second = two.partner.propose(add=(two.lars,))["id"]
    two.partner.withdraw(first)
    assert [m["id"] for m in two.partner.modifications()] == [second, first]
    assert [m["id"] for m in two.partner.modifications(state="withdrawn")] == [first]
    assert [m["id"] for m in two.partner.modifications(limit=1)] == [second]


def test_both_sides_state_each_step_with_the_same_time(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,), release=(two.mia,))["id"]
    two.deliver()
    two.customer.answer(mid, **{two.eva: "accept", two.mia: "decline"})
    other = two.customer.propose(release=(two.olof,))["id"]
    two.customer.withdraw(other)
    two.deliver()

    def told(side: Side) -> list[tuple[str, Any]]:
        types = [f"{what}.{way}" for what in ("proposal", "answer", "retraction") for way in ("given", "received")]
        return sorted((f.type.partition(".")[0], f.at) for f in side.facts(*types))

    assert told(two.partner) == told(two.customer)
    assert len(told(two.partner)) == 4


def test_somebody_elses_word_on_our_partnership_changes_nothing(two: Two) -> None:
    stranger = Streams()
    mid = two.partner.propose(add=(two.eva,))["id"]
    forged = ModificationDecided.model_validate(
        {
            "modification_id": mid,
            "decided_by": None,
            "decided_at": START,
            "items": [{"contact_id": two.eva, "decision": "accept"}],
        }
    )
    body = stranger.body(forged, tenant="kazenor", subject=ID, origin="evil", time=START)
    assert two.partner.inbox.handle([decode(body)]).failed == 1
    assert two.partner.decisions(mid) == {two.eva: None}


def test_the_proposer_cannot_decide_its_own_proposal_by_a_message(two: Two) -> None:
    mid = two.partner.propose(add=(two.eva,))["id"]
    two.deliver()
    streams = Streams()
    key = ("kazenor", "northwind", "contacts", ID)
    stream = two.customer.database.streams["northwind", ID, "kazenor", "contacts"]
    streams._ends[key] = (stream.applied, stream.applied_digest)
    forged = ModificationDecided.model_validate(
        {
            "modification_id": mid,
            "decided_by": None,
            "decided_at": START,
            "items": [{"contact_id": two.eva, "decision": "accept"}],
        }
    )
    body = streams.body(forged, tenant="northwind", subject=ID, origin="kazenor", time=START)
    assert two.customer.inbox.handle([decode(body)]).applied == 1
    assert two.customer.decisions(mid) == {two.eva: None}

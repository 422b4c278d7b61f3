"""Each rule of the protocol is needed: without it the exploration finds two sides that differ, or something that nobody can decide any more.

Each trace is the shortest there is. It is replayed twice: as the rules are, where both sides agree in the end, and without the rule.
K1 is the first proposal of kazenor (the partner), N1 that of northwind (the customer); "(2)" is about the second offer.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.exploration import leaving_out, scenarios
from tests.exploration.world import Scenario, World


class Left:
    """A rule that is left out, where that shows, what is wrong then, and how it comes to that."""

    def __init__(self, without: leaving_out.Without, scenario: Scenario, wrong: str, *steps: str) -> None:
        self.without, self.scenario, self.wrong, self.steps = without, scenario, wrong, steps


ALL = [
    Left(
        leaving_out.answer_beats_void,
        scenarios.ENDING,
        "assignments differ: Ada accepted for kazenor, Ada released for northwind",
        "kazenor proposes to release Ada",
        "the proposal K1 reaches the contacts of northwind",
        "northwind answers K1 (Ada: accept)",
        "kazenor ends the partnership",
        "end.given reaches the contacts of kazenor",
        "partnership.ended reaches the offers of northwind",
        "end.received reaches the contacts of northwind",
        "the answer to K1 (Ada: accept) reaches the contacts of kazenor",
    ),
    Left(
        leaving_out.withdrawn_beats_void,
        scenarios.ENDING,
        "items of K1 differ: Ada withdrawn for kazenor, Ada void for northwind",
        "kazenor proposes to release Ada",
        "the proposal K1 reaches the contacts of northwind",
        "kazenor withdraws K1",
        "kazenor ends the partnership",
        "end.given reaches the contacts of kazenor",
        "partnership.ended reaches the offers of northwind",
        "end.received reaches the contacts of northwind",
        "the withdrawal of K1 reaches the contacts of northwind",
    ),
    Left(
        leaving_out.decided_beats_withdrawn,
        scenarios.ENDING,
        "assignments differ: Ada accepted for kazenor, Ada released for northwind",
        "kazenor proposes to release Ada",
        "the proposal K1 reaches the contacts of northwind",
        "kazenor withdraws K1",
        "northwind answers K1 (Ada: accept)",
        "the withdrawal of K1 reaches the contacts of northwind",
        "the answer to K1 (Ada: accept) reaches the contacts of kazenor",
    ),
    Left(
        leaving_out.decided_offer_beats_withdrawn,
        scenarios.OFFER,
        "the offer is withdrawn for kazenor and accepted for northwind",
        "kazenor sends an offer",
        "offer.submitted reaches the contacts of kazenor",
        "offer.sent reaches the offers of northwind",
        "offer.received reaches the contacts of northwind",
        "kazenor takes back the offer",
        "withdrawal.given reaches the contacts of kazenor",
        "northwind accepts the offer with Ada and Ben",
        "offer.withdrawn reaches the offers of northwind",
        "acceptance.given reaches the contacts of northwind",
        "withdrawal.received reaches the contacts of northwind",
        "offer.accepted reaches the offers of kazenor",
    ),
    Left(
        leaving_out.only_the_senders_clock,
        scenarios.OFFER,
        "the offer is open for kazenor and expired for northwind",
        "kazenor sends an offer",
        "offer.submitted reaches the contacts of kazenor",
        "offer.sent reaches the offers of northwind",
        "offer.received reaches the contacts of northwind",
        "northwind hears its clock for the offer",
        "expiry.given reaches the contacts of northwind",
        "offer.expired reaches the offers of kazenor",
    ),
    Left(
        leaving_out.agreement_is_a_message,
        scenarios.CROSSING,
        "assignments differ: Ada accepted for kazenor, Ada released for northwind",
        "kazenor proposes to release Ada",
        "the proposal K1 reaches the contacts of northwind",
        "northwind proposes to release Ada",
        "kazenor withdraws K1",
        "the withdrawal of K1 reaches the contacts of northwind",
        "the proposal N1 reaches the contacts of kazenor",
    ),
    Left(
        leaving_out.fulfilled_addition_is_declined,
        scenarios.READDING,
        "an item is open for kazenor though it is fulfilled: add Ben",
        "kazenor proposes to add Ben",
        "the proposal K1 reaches the contacts of northwind",
        "kazenor withdraws K1",
        "kazenor proposes to add Ben",
        "northwind answers K1 (Ben: accept)",
        "the withdrawal of K1 reaches the contacts of northwind",
        "the proposal K2 reaches the contacts of northwind",
        "the answer to K1 (Ben: accept) reaches the contacts of kazenor",
    ),
    Left(
        leaving_out.fulfilled_release_is_accepted,
        scenarios.READDING,
        "an item is open for kazenor though it is fulfilled: release Ada",
        "kazenor proposes to release Ada",
        "the proposal K1 reaches the contacts of northwind",
        "kazenor withdraws K1",
        "northwind proposes to release Ada",
        "the withdrawal of K1 reaches the contacts of northwind",
        "the proposal N1 reaches the contacts of kazenor",
        "the answer to K1 (Ada: accept) reaches the contacts of kazenor",
    ),
    Left(
        leaving_out.releases_name_the_assignment,
        scenarios.AGAIN,
        "assignments differ: Ada accepted, Ada released for kazenor, Ada released, Ada released for northwind",
        "northwind proposes to release Ada",
        "the proposal N1 reaches the contacts of kazenor",
        "northwind withdraws N1",
        "northwind proposes to release Ada",
        "kazenor answers N1 (Ada: accept)",
        "the answer to N1 (Ada: accept) reaches the contacts of northwind",
        "the withdrawal of N1 reaches the contacts of kazenor",
        "kazenor proposes to add Ada",
        "the proposal K1 reaches the contacts of northwind",
        "the proposal N2 reaches the contacts of kazenor",
        "northwind answers K1 (Ada: accept)",
        "the answer to N2 (Ada: accept) reaches the contacts of northwind",
        "the answer to K1 (Ada: accept) reaches the contacts of kazenor",
    ),
    Left(
        leaving_out.ending_refuses_nothing,
        scenarios.ENDING,
        "items of K1 differ: Ada void for kazenor, unknown for northwind",
        "kazenor proposes to release Ada",
        "kazenor ends the partnership",
        "end.given reaches the contacts of kazenor",
        "partnership.ended reaches the offers of northwind",
        "end.received reaches the contacts of northwind",
        "the proposal K1 reaches the contacts of northwind",
    ),
    Left(
        leaving_out.who_has_seen_the_end_decides_nothing,
        scenarios.ENDING,
        "kazenor says modification.proposed though it has seen the end",
        "kazenor ends the partnership",
        "end.given reaches the contacts of kazenor",
        "kazenor proposes to release Ada",
    ),
    Left(
        leaving_out.both_ending_is_one_end_with_two_authors,
        scenarios.ENDING,
        "the partnership was ended by kazenor for kazenor, by northwind for northwind",
        "kazenor ends the partnership",
        "end.given reaches the contacts of kazenor",
        "northwind ends the partnership",
        "partnership.ended reaches the offers of northwind",
        "end.given reaches the contacts of northwind",
        "partnership.ended reaches the offers of kazenor",
    ),
    Left(
        leaving_out.a_new_offer_is_held_back,
        scenarios.HELD,
        "two live partnerships of one pair at kazenor",
        "kazenor sends an offer",
        "offer.sent reaches the offers of northwind",
        "kazenor takes back the offer",
        "kazenor sends an offer",
        "offer.sent (2) reaches the offers of northwind",
        "northwind sends the receipt (applied 1, sent 0) (2)",
        "the receipt (applied 1, sent 0) (2) reaches the offers of kazenor",
        "northwind accepts the offer with Ada",
        "offer.withdrawn reaches the offers of northwind",
        "offer.accepted reaches the offers of kazenor",
        "northwind sends the receipt (applied 2, sent 1)",
        "the receipt (applied 2, sent 1) reaches the offers of kazenor",
    ),
    Left(
        leaving_out.parking,
        scenarios.OFFER,
        "items of N1 differ: unknown for kazenor, Ada open for northwind",
        "kazenor sends an offer",
        "offer.submitted reaches the contacts of kazenor",
        "offer.sent reaches the offers of northwind",
        "offer.received reaches the contacts of northwind",
        "northwind accepts the offer with Ada and Ben",
        "acceptance.given reaches the contacts of northwind",
        "offer.accepted reaches the offers of kazenor",
        "northwind proposes to release Ada",
        "the proposal N1 reaches the contacts of kazenor",
        "acceptance.received reaches the contacts of kazenor",
    ),
    Left(
        leaving_out.parking_but_hearing,
        scenarios.OFFER,
        "assignments differ: Ada accepted, Ben declined, Ben offered for kazenor, Ada accepted, Ben declined, Ben declined for northwind",
        "kazenor sends an offer",
        "offer.submitted reaches the contacts of kazenor",
        "offer.sent reaches the offers of northwind",
        "offer.received reaches the contacts of northwind",
        "northwind accepts the offer with Ada",
        "offer.accepted reaches the offers of kazenor",
        "acceptance.received reaches the contacts of kazenor",
        "kazenor proposes to add Ben",
        "the proposal K1 reaches the contacts of northwind",
        "acceptance.given reaches the contacts of northwind",
    ),
    Left(
        leaving_out.receipts_wait_for_what_was_sent_before,
        scenarios.HELD,
        "the offer is withdrawn for kazenor and accepted for northwind",
        "kazenor sends an offer",
        "offer.sent reaches the offers of northwind",
        "kazenor takes back the offer",
        "northwind accepts the offer with Ada",
        "offer.withdrawn reaches the offers of northwind",
        "northwind sends the receipt (applied 2, sent 1)",
        "the receipt (applied 2, sent 1) reaches the offers of kazenor",
        "offer.accepted reaches the offers of kazenor",
    ),
    Left(
        leaving_out.the_bounce_is_remembered,
        scenarios.NOBODY,
        "the offer is undeliverable for kazenor and open for northwind",
        "kazenor sends an offer",
        "offer.submitted reaches the contacts of kazenor",
        "offer.sent reaches the offers of northwind, a copy stays under way",
        "accounts of northwind does not know whom the offer is for",
        "recipient.unknown reaches the offers of northwind",
        "offer.sent reaches the offers of northwind",
        "accounts of northwind knows whom the offer is for",
        "recipient.found reaches the offers of northwind",
        "offer.received reaches the contacts of northwind",
        "offer.bounced reaches the offers of kazenor",
        "offer.undeliverable reaches the contacts of kazenor",
    ),
]


@pytest.mark.parametrize("left", ALL, ids=lambda left: left.without.__name__)
def test_without_the_rule_the_exploration_finds_what_goes_wrong(left: Left) -> None:
    with left.without():
        found = World(left.scenario).explore()
        assert found.wrong is not None, f"not found in {found.states} states"
        assert len(found.trace) == len(left.steps), "\n".join(
            ["there is another trace now:", found.wrong, *found.trace]
        )
        assert World(left.scenario).replay(left.steps) == left.wrong


@pytest.mark.parametrize("left", ALL, ids=lambda left: left.without.__name__)
def test_with_the_rule_the_same_steps_end_well(left: Left) -> None:
    assert World(left.scenario).replay(left.steps, strictly=False) is None


UNORDERED = (
    "kazenor sends an offer",
    "offer.submitted reaches the contacts of kazenor",
    "offer.sent reaches the offers of northwind",
    "kazenor takes back the offer",
    "withdrawal.given reaches the contacts of kazenor",
    "offer.withdrawn reaches the offers of northwind",
    "withdrawal.received reaches the contacts of northwind, out of order",
    "offer.received reaches the contacts of northwind",
)


def test_without_order_a_service_of_ones_own_side_folds_an_offer_after_its_end() -> None:
    """Rule 8. The order of local facts is the inbox's, so that here the streams do without it, not a function."""
    world = World(replace(scenarios.OFFER, orderly=False))
    found = world.explore()
    assert found.wrong == "the offer is withdrawn for the offers of northwind and open for its contacts"
    assert len(found.trace) == len(UNORDERED), "\n".join(found.trace)
    assert world.replay(UNORDERED) == found.wrong
    assert World(scenarios.OFFER).replay(UNORDERED, strictly=False) is None


REFUSED = (
    "kazenor sends an offer",
    "offer.sent reaches the offers of northwind",
    "kazenor takes back the offer",
    "kazenor sends an offer",
    "offer.sent (2) reaches the offers of northwind",
)


def test_a_receiver_that_refuses_a_second_offer_loses_one_that_was_not_held_back() -> None:
    """Rule 5 has two halves. Without either, the second offer is lost where the withdrawal of the first has not arrived."""
    with leaving_out.together(leaving_out.a_new_offer_is_held_back(), leaving_out.the_receiver_refuses_nothing()):
        world = World(scenarios.HELD)
        found = world.explore()
        assert found.wrong == world.replay(REFUSED) == "northwind does not know the offer (2)"
        assert found.trace[: len(REFUSED)] == list(REFUSED)


def test_as_long_as_new_offers_are_held_back_a_receiver_has_nothing_to_refuse() -> None:
    """Said honestly: that the receiver refuses nothing cannot be missed alone. It is what makes the rule the sender's matter."""
    with leaving_out.the_receiver_refuses_nothing():
        assert World(scenarios.HELD).explore().wrong is None

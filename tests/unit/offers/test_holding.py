"""A new offer is held back until the other side knows that the last one is over; then it leaves, or it is taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from services.offers.domain.partnership import Pair
from services.offers.handlers import holding
from shared.bus.storage import Conflict
from shared.contracts import accounts as from_accounts
from shared.contracts import managers as from_managers
from shared.contracts import offers as said
from shared.errors import PartnershipExists, WrongState
from shared.ids import new_id
from tests.unit.offers.town import VIEWER, Town

MAIL = "admin@northwind.example"


def again(town: Town) -> str:
    """kazenor offers anew."""
    return str(town.kazenor.send("northwind", MAIL, town.kazenor.contact("Mia"))["id"])


def withdrawn(town: Town) -> str:
    id, _ = town.offer()
    town.deliver(receipts=True)
    town.kazenor.withdraw(id)
    return id


def expired(town: Town) -> str:
    id, _ = town.offer()
    town.deliver(receipts=True)
    town.wait(timedelta(days=30))
    return id


def ended(town: Town) -> str:
    id = town.accepted()
    town.deliver(receipts=True)
    town.kazenor.end(id)
    return id


WAYS = pytest.mark.parametrize("over", [withdrawn, expired, ended])
Over = Callable[[Town], str]


def test_a_first_offer_and_one_after_an_answer_leave_at_once(town: Town) -> None:
    first, _ = town.offer()
    assert town.kazenor.pair("northwind") == (first, "")
    town.northwind.decline(first)
    town.deliver()
    second = again(town)
    assert town.kazenor.pair("northwind") == (second, "")
    town.deliver()
    assert town.statuses(second) == ("open", "open")


@WAYS
def test_a_new_offer_waits_for_the_receipt_and_then_leaves(town: Town, over: Over) -> None:
    old = over(town)
    new = again(town)
    ours = town.kazenor.get(new)
    assert (ours["status"], ours["turn"], ours["delivery"]) == ("open", "theirs", "queued")
    assert ours["actions"] == ["view", "withdraw"]
    assert town.kazenor.pair("northwind") == (old, new)
    assert town.kazenor.record(new).sent == 0
    assert [type(f) for f in town.kazenor.said(about=new)] == [said.OfferSubmitted]
    town.deliver()
    assert [p["id"] for p in town.northwind.list(status="open")] == []
    assert town.kazenor.said("peer", about=new) == []
    town.deliver(receipts=True)
    assert town.statuses(new) == ("open", "open")
    assert town.kazenor.pair("northwind") == (new, "")
    theirs = town.northwind.get(new)
    assert theirs["counterpart"]["company"] == "Kazenor"
    assert (theirs["sent_at"], theirs["expires_at"]) == (ours["sent_at"], ours["expires_at"])
    assert theirs["offered_count"] == 1 and theirs["message"] == ours["message"]
    town.deliver(receipts=True)
    assert town.kazenor.get(new)["delivery"] == "delivered"
    assert town.kazenor.get(new)["actions"] == ["view", "withdraw", "remind"]


@WAYS
def test_a_new_offer_leaves_at_once_when_the_end_has_been_receipted(town: Town, over: Over) -> None:
    over(town)
    town.deliver(receipts=True)
    new = again(town)
    assert town.kazenor.pair("northwind") == (new, "")
    town.deliver()
    assert town.statuses(new) == ("open", "open")


def test_the_receipt_of_the_offer_alone_lets_nothing_leave(town: Town) -> None:
    first, _ = town.offer()
    town.kazenor.withdraw(first)
    new = again(town)
    # The withdrawal is still under way; what the other side receipts is the offer.
    town.kazenor.get_messages(town.northwind.receipts())
    assert town.kazenor.record(first).confirmed == 1
    assert town.kazenor.get(new)["delivery"] == "queued"
    assert town.kazenor.said("peer", about=new) == []


def test_their_own_end_settles_ours(town: Town) -> None:
    old = town.accepted()
    town.kazenor.end(old)
    new = again(town)
    town.northwind.end(old)
    # Only what northwind said reaches kazenor.
    town.kazenor.get_messages(town.northwind.take())
    assert town.kazenor.pair("northwind") == (new, "")
    town.deliver()
    assert town.statuses(new) == ("open", "open")


@pytest.mark.parametrize("over", [withdrawn, expired])
def test_an_acceptance_of_the_earlier_offer_takes_the_held_one_back(town: Town, over: Over) -> None:
    old = over(town)
    mia = town.northwind.record(old).offered[0].id
    new = again(town)
    town.northwind.accept(old, {mia: VIEWER})
    town.deliver(receipts=True)
    assert town.statuses(old) == ("accepted", "accepted")
    assert town.kazenor.get(new)["status"] == "withdrawn"
    assert town.kazenor.pair("northwind") == (old, "")
    given = town.kazenor.said(about=new)[-1]
    assert isinstance(given, said.WithdrawalGiven)
    assert (given.told, given.by, given.reason) == (
        False,
        said.Person(id="system", name="Accord"),
        "The earlier offer had been accepted.",
    )
    assert town.kazenor.said("peer", about=new) == []
    assert [p["id"] for p in town.northwind.list()] == [old]
    with pytest.raises(PartnershipExists):
        again(town)


@pytest.mark.parametrize("over", [withdrawn, expired])
def test_a_decline_of_the_earlier_offer_lets_the_held_one_leave(town: Town, over: Over) -> None:
    old = over(town)
    new = again(town)
    town.northwind.decline(old)
    town.deliver()
    assert town.statuses(old) == ("declined", "declined")
    assert town.statuses(new) == ("open", "open")
    assert town.kazenor.pair("northwind") == (new, "")


def test_a_bounce_of_the_earlier_offer_lets_the_held_one_leave(town: Town) -> None:
    old = town.kazenor.send("northwind", "nobody@northwind.example", town.kazenor.contact("Mia"))["id"]
    town.deliver()
    town.kazenor.withdraw(old)
    new = again(town)
    town.northwind.hear(from_accounts.RecipientUnknown(origin="kazenor"), subject=old)
    town.deliver()
    assert town.kazenor.get(old)["status"] == "undeliverable"
    assert town.statuses(new) == ("open", "open")


@WAYS
def test_only_one_offer_is_held_and_it_can_be_withdrawn_untold(town: Town, over: Over) -> None:
    old = over(town)
    new = again(town)
    with pytest.raises(PartnershipExists):
        again(town)
    with pytest.raises(WrongState, match="not left yet"):
        town.kazenor.remind(new)
    assert town.kazenor.withdraw(new, "Not now")["status"] == "withdrawn"
    assert town.kazenor.said(about=new)[-1].told is False
    assert town.kazenor.pair("northwind") == (old, "")
    assert town.kazenor.record(new).sent == 0
    third = again(town)
    town.deliver(receipts=True)
    assert town.statuses(third) == ("open", "open")
    assert town.kazenor.said("peer", about=new) == []
    assert sorted(p["id"] for p in town.northwind.list()) == sorted([old, third])


def test_news_of_an_offer_before_the_last_one_lets_nothing_leave(town: Town) -> None:
    first = withdrawn(town)
    town.deliver(receipts=True)
    second = again(town)
    town.deliver(receipts=True)
    town.kazenor.withdraw(second)
    third = again(town)
    town.northwind.look(first)
    town.kazenor.get_messages(town.northwind.receipts())
    assert town.kazenor.get(first)["delivery"] == "seen"
    assert town.kazenor.pair("northwind") == (second, third)
    assert town.kazenor.said("peer", about=third) == []


def test_a_held_offer_expires_untold(town: Town) -> None:
    old = withdrawn(town)
    new = again(town)
    town.wait(timedelta(days=30))
    assert (town.kazenor.get(new)["status"], town.kazenor.record(new).sent) == ("expired", 0)
    assert town.kazenor.said(about=new)[-1] == said.ExpiryGiven(
        customer="northwind", company="northwind", at=town.now, told=False
    )
    assert town.kazenor.pair("northwind") == (old, "")
    town.deliver(receipts=True)
    assert town.kazenor.said("peer", about=new) == []


def test_an_answer_to_a_held_offer_that_nobody_can_have_given_counts_for_nothing(town: Town) -> None:
    withdrawn(town)
    new = again(town)
    who = said.Person(id="x", name="X")
    for forged in (
        said.OfferAccepted(company="N", accepted_by=who, accepted_at=town.now, contact_ids=[]),
        said.OfferDeclined(company="N", declined_by=who, declined_at=town.now),
        said.OfferBounced(),
    ):
        town.northwind.tell(forged, to="kazenor", subject=new)
    town.deliver()
    assert town.kazenor.get(new)["status"] == "open"


def test_a_released_offer_is_followed_by_the_name_of_an_owner_who_is_not_the_sender(town: Town) -> None:
    withdrawn(town)
    new = again(town)
    bo = said.Person(id="bo", name="Bo")
    town.kazenor.hear(from_managers.TeamChanged(version=1, members=[], owner=bo), subject=new)
    assert town.kazenor.said("peer", about=new) == []
    town.deliver(receipts=True)
    assert [type(m) for m in town.kazenor.said("peer", about=new)] == [said.OfferSent, said.OwnerNamed]
    assert town.northwind.get(new)["owners"]["theirs"] == {"name": "Bo"}
    assert town.kazenor.record(new).sent == 2


def test_the_receiver_refuses_no_offer_because_another_of_the_pair_is_live(town: Town) -> None:
    first, _ = town.offer()
    second = replace(town.kazenor.record(first), id=new_id())
    town.kazenor.run(
        lambda work, call, now: holding.tell_offer(work, second, "Kazenor"),
        town.kazenor.call(town.kazenor.admin),
    )
    town.deliver()
    assert sorted(p["id"] for p in town.northwind.list(status="open")) == sorted([first, second.id])


def test_a_pair_that_changed_while_its_partnerships_were_locked_is_read_again(town: Town) -> None:
    withdrawn(town)
    new = again(town)

    class Changing:
        """A transaction in which somebody else changes the pair between the look and the lock."""

        def __init__(self, work):  # type: ignore[no-untyped-def]
            self.peek, self._work = work.peek, work

        def get(self, record, tenant, id):  # type: ignore[no-untyped-def]
            found = self._work.get(record, tenant, id)
            return replace(found, held="") if record is Pair else found

    def look(work, call, now):  # type: ignore[no-untyped-def]
        assert holding.of_pair(work, "kazenor", "northwind").held.id == new
        with pytest.raises(Conflict):
            holding.of_pair(Changing(work), "kazenor", "northwind")

    town.kazenor.run(look, town.kazenor.call(town.kazenor.admin))

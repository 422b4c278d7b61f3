"""The rules of the protocol, each left out: the production function that keeps it is replaced for a run by one that does not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

from services.contacts.domain import modifying
from services.contacts.domain.lending import Partnership
from services.contacts.domain.modifying import Agreement, Answer, Item, Value, Verdict
from services.contacts.handlers import lending
from services.offers.domain import answering as answers
from services.offers.domain import ending as ends
from services.offers.domain import expiry
from services.offers.handlers import sending
from shared.bus import streams

Without = Callable[[], AbstractContextManager[Any]]


def together(*without: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """Without several of them."""
    stack = ExitStack()
    for one in without:
        stack.enter_context(one)
    return stack


def _outranks(change: Callable[[Value, Value], bool | None]) -> AbstractContextManager[Any]:
    outranks = modifying.outranks

    def other(new: Value, known: Value) -> bool:
        found = change(new, known)
        return outranks(new, known) if found is None else found

    return mock.patch.object(modifying, "outranks", other)


def answer_beats_void() -> AbstractContextManager[Any]:
    """Rule 1, 4: what is void stays void, whatever its addressee had decided before it saw the end."""
    return _outranks(lambda new, known: False if known == "void" and new in {"accept", "decline"} else None)


def withdrawn_beats_void() -> AbstractContextManager[Any]:
    """Rule 1: what is void stays void, though its proposer had withdrawn it before."""
    return _outranks(lambda new, known: False if (new, known) == ("withdrawn", "void") else None)


def decided_beats_withdrawn() -> AbstractContextManager[Any]:
    """Rule 1: what is withdrawn stays withdrawn, though its addressee had decided it before."""
    return _outranks(lambda new, known: False if known == "withdrawn" and new in {"accept", "decline"} else None)


def decided_offer_beats_withdrawn() -> AbstractContextManager[Any]:
    """Rule 1: an offer that was withdrawn or has expired stays that, though its addressee had answered it before."""
    return mock.patch.object(answers, "_answerable", lambda p: p.role == "partner" and p.status == "open")


def only_the_senders_clock() -> AbstractContextManager[Any]:
    """Rule 1: the customer's clock expires an offer as well."""
    return mock.patch.object(expiry, "waiting", lambda p: p.status == "open")


def agreement_is_a_message() -> AbstractContextManager[Any]:
    """Rule 2: two sides that both release somebody have agreed, and nothing is said of it."""
    settle = modifying.settle

    def silently(agreement: Agreement, at: Any) -> Any:
        for modification, item in list(agreement.open("them")):
            if (
                agreement.partnership.phase == "accepted"
                and item.action == "release"
                and modifying.crossing(agreement, item)
            ):
                for mine, other in list(agreement.open("us")):
                    if (other.action, other.assignment_id) == ("release", item.assignment_id):
                        agreement = modifying.decide(
                            agreement, mine.mid, {other.contact_id: Answer("accept")}, by="", at=at
                        )
                agreement = modifying.decide(
                    agreement, modification.mid, {item.contact_id: Answer("accept")}, by="", at=at
                )
        return settle(agreement, at)

    return mock.patch.object(modifying, "settle", silently)


def _obvious(change: Callable[[Agreement, Item], bool]) -> AbstractContextManager[Any]:
    obvious = modifying.obvious

    def other(agreement: Agreement, item: Item) -> Verdict | None:
        return None if change(agreement, item) else obvious(agreement, item)

    return mock.patch.object(modifying, "obvious", other)


def fulfilled_addition_is_declined() -> AbstractContextManager[Any]:
    """Rule 2: the addition of somebody who works there already waits for people, who may accept it."""
    return _obvious(lambda agreement, item: item.action == "add")


def fulfilled_release_is_accepted() -> AbstractContextManager[Any]:
    """Rule 2: the release of an assignment that is released already waits for people."""
    return _obvious(lambda agreement, item: item.action == "release" and not modifying.crossing(agreement, item))


def releases_name_the_assignment() -> AbstractContextManager[Any]:
    """Rule 3: a release names a person: it ends whatever assignment that person has when it is accepted."""
    effect, obvious = modifying._effect, modifying.obvious

    def by_person(partnership: Partnership, item: Item, roles: Any) -> Partnership:
        return effect(partnership, _meant(partnership, item), roles)

    def obvious_by_person(agreement: Agreement, item: Item) -> Verdict | None:
        return obvious(agreement, _meant(agreement.partnership, item))

    return together(
        mock.patch.object(modifying, "_effect", by_person), mock.patch.object(modifying, "obvious", obvious_by_person)
    )


def _meant(partnership: Partnership, item: Item) -> Item:
    if item.action == "add":
        return item
    works = [a.id for a in partnership.assignments if a.contact_id == item.contact_id and a.state == "accepted"]
    return replace(item, assignment_id=works[0]) if works else item


def ending_refuses_nothing() -> AbstractContextManager[Any]:
    """Rule 4: contacts refuses messages about a partnership that has ended."""
    receive = lending.receive

    def refusing(work: Any, message: Any, now: Any) -> None:
        known = work.get(Partnership, message.tenant, message.subject)
        if known is None or known.phase != "ended":
            receive(work, message, now)

    return mock.patch.object(lending, "receive", refusing)


def who_has_seen_the_end_decides_nothing() -> AbstractContextManager[Any]:
    """Rule 4: people go on answering and proposing after the end."""
    return mock.patch.object(modifying, "ensure_living", lambda partnership: None)


def both_ending_is_one_end_with_two_authors() -> AbstractContextManager[Any]:
    """Rule 4: who has ended it hears of no other end."""
    ended = ends.ended
    return mock.patch.object(ends, "ended", lambda p, end, now: p if p.status == "terminated" else ended(p, end, now))


def a_new_offer_is_held_back() -> AbstractContextManager[Any]:
    """Rule 5: a new offer leaves as soon as the last one is over for its sender."""
    return mock.patch.object(sending, "settled", lambda p: True)


def the_receiver_refuses_nothing() -> AbstractContextManager[Any]:
    """Rule 5: who has a live partnership with the sender refuses another offer."""
    receive = sending.receive_offer

    def refusing(work: Any, message: Any, now: Any) -> None:
        if not any(
            name == "Partnership" and p.counterpart == message.origin and p.status in {"open", "accepted"}
            for (name, _), p in work.records.items()
        ):
            receive(work, message, now)

    return mock.patch.object(sending, "receive_offer", refusing)


def parking() -> AbstractContextManager[Any]:
    """Rule 8: what comes before our own offers has told us of the acceptance is refused."""
    receive = lending.receive

    def refusing(work: Any, message: Any, now: Any) -> None:
        known = work.get(Partnership, message.tenant, message.subject)
        if known is not None and not lending.must_wait(known):
            receive(work, message, now)

    return mock.patch.object(lending, "receive", refusing)


def parking_but_hearing() -> AbstractContextManager[Any]:
    """Rule 8: what comes before our own offers has told us of the acceptance is heard at once."""
    return mock.patch.object(lending, "must_wait", lambda partnership: False)


def receipts_wait_for_what_was_sent_before() -> AbstractContextManager[Any]:
    """Rule 9: a receipt confirms at once what it names."""
    settle = streams.settle_receipt

    def at_once(stream: streams.Stream) -> bool:
        stream.receipt_sent = min(stream.receipt_sent, stream.applied)
        return settle(stream)

    return mock.patch.object(streams, "settle_receipt", at_once)


def the_bounce_is_remembered() -> AbstractContextManager[Any]:
    """Rule 10: a copy of an offer that was turned away is a new offer."""
    receive = sending.receive_offer

    def forgetful(work: Any, message: Any, now: Any) -> None:
        known = work.records.get(("Partnership", message.subject))
        if known is not None and known.status == "bounced":
            work.delete(type(known), message.tenant, message.subject)
        receive(work, message, now)

    return mock.patch.object(sending, "receive_offer", forgetful)

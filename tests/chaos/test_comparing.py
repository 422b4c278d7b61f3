"""The comparison itself: it is content with two sides that agree, and names each way in which they may not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.comparing import Found, View, judge, judge_home, judge_mails, judge_notices
from tests.chaos.deals import Deal, Done
from tests.chaos.people import Business, Gateway

GATEWAY: Gateway = None  # type: ignore[assignment]
EAST, WEST = Business(GATEWAY, "east"), Business(GATEWAY, "west")


def deal() -> Deal:
    """Two were offered and one accepted; another one was proposed and accepted."""
    return Deal(
        "p1", EAST, WEST, ["c1", "c2"],
        [
            Done(EAST, "offer", "mark 1"),
            Done(WEST, "accept", "mark 2", decisions={"c1": "accept", "c2": "decline"}),
            Done(EAST, "propose", "mark 3", "m1"),
            Done(WEST, "answer", "mark 4", "m1", {"c3": "accept"}),
        ],
    )  # fmt: skip


def entry(type_: str, side: str, **details: str) -> dict[str, Any]:
    return {"type": type_, "at": f"at {type_}", "by": {"side": side, "name": "Ada"}, "shared": True, "details": details}


def views() -> tuple[View, View]:
    def one(side: Business, us: str, them: str) -> View:
        partnership = {
            "status": "accepted", "turn": None, "contacts_count": 2, "pending_modifications": 0, "message": "mark 1", "sent_at": "1",
            "expires_at": "2", "decline_reason": None, "ended": None, "owners": {"ours": {"name": "Ada"}, "theirs": {"name": "Ada"}},
            "counterpart": {"company": f"Company {'west' if side is EAST else 'east'}", "profile": {}},
        }  # fmt: skip
        contacts = [
            {"id": f"a{n}", "contact_id": f"c{n}", "state": "declined" if n == 2 else "accepted"} for n in (1, 2, 3)
        ]
        item = {"contact_id": "c3", "action": "add", "decision": "accept", "assignment_id": "a3"}
        modifications = [{"id": "m1", "state": "answered", "proposed_by": us, "reason": "mark 3", "items": [item]}]
        history = [
            entry("offer.sent", us, message="mark 1"),
            entry("offer.accepted", them, comment="mark 2"),
            entry("modification.proposed", us, reason="mark 3"),
            entry("modification.answered", them, comment="mark 4"),
        ]
        return View(side, partnership, contacts, modifications, [], history)

    return one(EAST, "us", "them"), one(WEST, "them", "us")


def judged(change: Callable[[View, View], Any]) -> Found:
    found, (ours, theirs) = Found(), views()
    change(ours, theirs)
    judge(deal(), ours, theirs, found)
    return found


def test_two_sides_that_agree_are_nothing_to_speak_of() -> None:
    assert not judged(lambda ours, theirs: None)


CASES: dict[str, tuple[str, Callable[[View, View], Any]]] = {
    "an offer that the customer does not know": ("lost", lambda o, t: setattr(t, "partnership", None)),
    "an offer that its sender does not know": ("lost", lambda o, t: setattr(o, "partnership", None)),
    "an answer that one history lacks": ("lost", lambda o, t: o.history.pop()),
    "an acceptance that both histories lack": ("lost", lambda o, t: (o.history.pop(1), t.history.pop(1))),
    "a proposal that both sides lack": ("lost", lambda o, t: (o.modifications.clear(), t.modifications.clear())),
    "an answer that both sides show otherwise": (
        "lost", lambda o, t: [v.modifications[0]["items"][0].update(decision="withdrawn") for v in (o, t)],
    ),
    "an accepted contact who is nowhere": ("lost", lambda o, t: (o.contacts.pop(0), t.contacts.pop(0))),
    "an end that nobody asked for": ("lost", lambda o, t: [v.partnership.update(ended={"by": "us"}) for v in (o, t)]),
    "a status that cannot follow": ("lost", lambda o, t: [v.partnership.update(status="declined") for v in (o, t)]),
    "an entry that one side has twice": ("doubled", lambda o, t: t.history.append(t.history[0])),
    "an entry that both sides have twice": ("doubled", lambda o, t: [v.history.append(v.history[0]) for v in (o, t)]),
    "somebody who works there twice": (
        "doubled", lambda o, t: [v.contacts.append({"id": "a9", "contact_id": "c1", "state": "accepted"}) for v in (o, t)],
    ),
    "a proposal that nobody made": (
        "doubled", lambda o, t: [v.modifications.append({**v.modifications[0], "id": "m2"}) for v in (o, t)],
    ),
    "another status": ("diverged", lambda o, t: t.partnership.update(status="modified")),
    "another turn": ("diverged", lambda o, t: t.partnership.update(turn="ours")),
    "another assignment": ("diverged", lambda o, t: t.contacts[0].update(state="released")),
    "another decision": ("diverged", lambda o, t: t.modifications[0]["items"][0].update(decision="decline")),
    "another time of an entry": ("diverged", lambda o, t: t.history[0].update(at="later")),
    "another owner": ("diverged", lambda o, t: t.partnership["owners"].update(theirs={"name": "Bea"})),
    "an old name": ("diverged", lambda o, t: t.partnership["counterpart"].update(company="Old Ltd")),
    "an entry of a command that was refused": (
        "diverged", lambda o, t: [v.history.append(entry("offer.reminded", "us")) for v in (o, t)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_names(case: str) -> None:
    kind, change = CASES[case]
    found = judged(change)
    assert getattr(found, kind), found


def home(tiles: list[str], shown: list[str]) -> Found:
    found = Found()
    judge_home(EAST, [deal()], [{"id": id} for id in tiles], [{"id": id} for id in shown], found)
    return found


def test_a_home_lists_every_partnership_once_and_shows_what_was_not_taken_off() -> None:
    assert not home(["p1"], ["p1"])
    assert home([], []).lost and home(["p1"], []).lost
    assert home(["p1", "p1"], ["p1"]).doubled and home(["p1", "p2"], ["p1"]).doubled


def told(*types: str) -> Found:
    found = Found()
    notices = [{"id": f"n{n}", "type": t, "at": n, "text": "", "partnership_id": "p1"} for n, t in enumerate(types)]
    judge_notices(EAST, [deal()], notices, found)
    return found


def test_a_notification_is_there_once_and_so_is_its_mail_or_more_than_once_with_one_id() -> None:
    assert not told("acceptance.received", "answer.received")
    assert told("answer.received").lost
    assert told("acceptance.received", "acceptance.received", "answer.received").doubled
    notices = [{"id": "n1", "type": "acceptance.received", "partnership_id": "p1"}]
    for copies, lost in ((0, 1), (1, 0), (2, 0)):
        found = Found()
        judge_mails(EAST, notices, Counter({"n1.east": copies}), found)
        assert (len(found.lost), bool(found.doubled)) == (lost, False)


def test_a_proposal_that_came_after_our_end_may_go_untold_and_one_that_was_answered_may_not() -> None:
    for more, lost in (
        ([Done(EAST, "end", "mark 6")], 0),
        ([], 1),
        ([Done(EAST, "end", "mark 6"), Done(EAST, "answer", "", "m2")], 1),
    ):
        left_open, found = deal(), Found()
        left_open.done += [Done(WEST, "propose", "mark 5", "m2"), *more]
        notices = [
            {"id": type_, "type": type_, "at": 1, "text": "", "partnership_id": "p1"}
            for type_ in ("acceptance.received", "answer.received")
        ]
        judge_notices(EAST, [left_open], notices, found)
        assert len(found.lost) == lost, (more, found)


def test_two_owners_at_one_time_are_two_notifications_and_one_owner_twice_is_not() -> None:
    for texts, doubled in ((("Bea is", "Ada is"), 0), (("Bea is", "Bea is"), 1)):
        found = Found()
        notices = [
            {"id": n, "type": "owner.received", "at": 1, "text": text, "partnership_id": "p1"}
            for n, text in enumerate(texts)
        ]
        judge_notices(EAST, [], notices, found)
        assert len(found.doubled) == doubled

"""What a viewer may do, and how far a message has come: tables over everything that can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.offers import views
from services.offers.domain.expiry import expired
from services.offers.domain.partnership import Ending, Named, Offered, Partnership
from services.offers.domain.sending import arrive, send
from services.offers.domain.withdrawing import withdrawn
from shared.contracts import offers as said
from tests.support.hearing import START
from tests.unit.offers.town import VIEWER, Town

ADA = Named("ada", "Ada")
END = Ending(ADA, START, "Over")
FINAL = ["declined", "withdrawn", "expired", "undeliverable", "terminated"]
THE_ORDER = ["accept", "decline", "edit", "end", "view", "remove", "withdraw", "remind"]


def record(role: str, **more: Any) -> Partnership:
    common: dict[str, Any] = {
        "tenant": "t", "id": "p", "email": "e", "message": "m", "sender": ADA, "contacts": (Offered("m", "Mia"),),
        "expires_at": START + timedelta(days=30), "now": START,
    }  # fmt: skip
    if role == "partner":
        return replace(send(customer="c", managers=("ada",), **common), **more)
    return replace(arrive(partner="c", company="C", sent_at=START, **common), **more)


ACTIONS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("partner", {"status": "open"}, ["view", "withdraw", "remind"]),
    ("partner", {"status": "open", "reminded_at": START}, ["view", "withdraw"]),
    ("partner", {"status": "open", "reminded_at": START - timedelta(hours=24)}, ["view", "withdraw", "remind"]),
    ("partner", {"status": "open", "held": True, "sent": 0}, ["view", "withdraw"]),
    ("customer", {"status": "open"}, ["accept", "decline", "view"]),
    *((role, {"status": status}, ["edit", "end", "view"]) for role in ("partner", "customer") for status in ("accepted", "modified")),
    *((role, {"status": status}, ["view", "remove"]) for role in ("partner", "customer") for status in FINAL),
    *((role, {"status": "terminated", "removed": True}, ["view", "remove"]) for role in ("partner", "customer")),
]  # fmt: skip


@pytest.mark.parametrize(("role", "more", "allowed"), ACTIONS)
def test_actions_are_exactly_what_the_viewer_may_do(role: str, more: dict[str, Any], allowed: list[str]) -> None:
    p = record(role, **more)
    assert views.actions(p, changes=True, now=START) == allowed
    assert allowed == sorted(allowed, key=THE_ORDER.index)
    assert views.actions(p, changes=False, now=START) == ["view"]


@pytest.mark.parametrize("rule", [withdrawn, expired])
def test_a_partners_own_record_yields_to_no_word_of_the_customer_about_its_offer(rule: Any) -> None:
    ours = record("partner", status="open")
    assert rule(ours, START) is ours
    assert rule(record("customer", status="open"), START).final


DELIVERY: list[tuple[str, dict[str, Any], str]] = [
    ("partner", {"held": True, "sent": 0}, "queued"),
    ("partner", {"sent": 1}, "queued"),
    ("partner", {"sent": 1, "confirmed": 1}, "delivered"),
    ("partner", {"sent": 1, "confirmed": 1, "seen": 1}, "seen"),
    ("partner", {"sent": 2, "confirmed": 1, "seen": 1}, "seen"),
    ("customer", {"status": "accepted", "sent": 3, "confirmed": 1, "seen": 1}, "seen"),
    ("partner", {"status": "accepted", "sent": 2, "confirmed": 1}, "answered"),
    ("partner", {"status": "modified", "sent": 1}, "answered"),
    ("partner", {"status": "modified", "sent": 1, "last_word": "delivered"}, "delivered"),
    ("partner", {"status": "accepted", "sent": 1, "last_word": "seen"}, "seen"),
    ("partner", {"status": "suspended", "sent": 1}, "answered"),
    ("partner", {"status": "declined", "sent": 1}, "answered"),
    ("partner", {"status": "withdrawn", "sent": 2, "confirmed": 1}, "queued"),
    ("partner", {"status": "withdrawn", "sent": 2, "confirmed": 2}, "delivered"),
    ("partner", {"status": "expired", "sent": 2, "confirmed": 2, "seen": 2}, "seen"),
    ("partner", {"status": "terminated", "ended_by_us": END, "sent": 2, "confirmed": 1, "seen": 1}, "queued"),
    ("partner", {"status": "terminated", "ended_by_us": END, "sent": 2, "confirmed": 2, "seen": 1}, "delivered"),
    ("partner", {"status": "terminated", "ended_by_them": END, "sent": 1}, "answered"),
    ("partner", {"status": "terminated", "ended_by_us": END, "ended_by_them": END, "sent": 2}, "answered"),
    ("partner", {"status": "terminated", "ended_by_us": END, "sent": 2, "last_word": "seen"}, "queued"),
    ("customer", {"status": "open", "sent": 0}, "delivered"),
    ("customer", {"status": "modified", "sent": 1, "last_word": "answered"}, "answered"),
    ("customer", {"status": "accepted", "sent": 1}, "queued"),
    ("customer", {"status": "accepted", "sent": 1, "confirmed": 1}, "delivered"),
    ("customer", {"status": "terminated", "ended_by_us": END, "sent": 2, "confirmed": 2, "seen": 2}, "seen"),
    ("customer", {"status": "terminated", "ended_by_them": END, "sent": 1, "confirmed": 0}, "queued"),
]


def test_messages_that_come_and_go_leave_the_version_that_people_see(town: Town) -> None:
    """Whoever sent an offer may withdraw it under the version of its answer, though receipts and the team's word have come since."""
    id, _ = town.offer()
    seen = town.kazenor.get(id)
    town.deliver(receipts=True)
    town.northwind.look(id)
    town.deliver(receipts=True)
    after = town.kazenor.get(id)
    assert (seen["delivery"], after["delivery"]) == ("queued", "seen")
    assert (after["version"], town.kazenor.record(id).version > seen["version"]) == (seen["version"], True)
    assert town.kazenor.withdraw(id)["version"] == seen["version"] + 1


@pytest.mark.parametrize(("role", "more", "delivery"), DELIVERY)
def test_delivery_is_how_far_our_last_word_has_come(role: str, more: dict[str, Any], delivery: str) -> None:
    assert record(role, **more).delivery == delivery


def test_delivery_counts_exactly_what_was_said(town: Town) -> None:
    """The numbers of the record are those of the stream, whatever was said."""
    id, (mia, _) = town.offer()
    town.kazenor.remind(id)
    town.deliver(receipts=True)
    assert town.kazenor.get(id)["delivery"] == "delivered"
    town.northwind.look(id)
    town.deliver(receipts=True)
    assert town.kazenor.get(id)["delivery"] == "seen"
    town.northwind.accept(id, {mia: VIEWER})
    assert town.northwind.get(id)["delivery"] == "queued"
    town.deliver(receipts=True)
    assert town.northwind.get(id)["delivery"] == "delivered"
    town.kazenor.look(id)
    town.deliver(receipts=True)
    assert town.northwind.get(id)["delivery"] == "seen"
    town.kazenor.end(id)
    assert town.kazenor.get(id)["delivery"] == "queued"
    town.deliver(receipts=True)
    assert town.kazenor.get(id)["delivery"] == "delivered"
    for side in (town.kazenor, town.northwind):
        assert side.record(id).sent == side.record(id).confirmed == len(side.said("peer", about=id))


def test_a_person_who_looks_is_stated_for_the_other_services(town: Town) -> None:
    id, _ = town.offer()
    town.northwind.look(id)
    assert town.northwind.said(about=id)[-1] == said.PartnershipLookedAt(at=town.now)

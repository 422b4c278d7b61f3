"""How many offers a business may send in 24 hours, and how many of them may find nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.offers.domain.limiting import Limits
from shared.errors import PartnershipExists, RateLimited
from tests.unit.offers.town import Town

HOUR = timedelta(hours=1)


def send(town: Town, customer: str) -> str:
    return str(town.kazenor.send(customer, f"x@{customer}.example", town.kazenor.contact("Mia"))["id"])


def wait_of(town: Town, customer: str) -> int:
    """How many seconds the refusal of an offer says to wait."""
    with pytest.raises(RateLimited) as refused:
        send(town, customer)
    return int(refused.value.info["retry_after"])


@pytest.fixture
def town(town: Town) -> Town:
    town.kazenor.limits = Limits(offers=3, undeliverable=2)
    return town


def bounce(town: Town, name: str) -> str:
    """An offer to a login that northwind has not."""
    id = str(town.kazenor.send("northwind", f"{name}@northwind.example", town.kazenor.contact("Mia"))["id"])
    town.deliver()
    town.northwind.turn_away(id)
    town.deliver()
    assert town.kazenor.get(id)["status"] == "undeliverable"
    return id


def test_one_offer_more_than_the_limit_is_refused_until_the_first_is_a_day_old(town: Town) -> None:
    send(town, "acme")
    first = town.now
    town.wait(HOUR)
    for customer in ("globex", "initech"):
        send(town, customer)
    assert wait_of(town, "hooli") == (first + 24 * HOUR - town.now).total_seconds()
    town.now = first + 24 * HOUR - timedelta(seconds=2)
    assert wait_of(town, "hooli") == 1
    send(town, "hooli")
    # Its place is taken again: the next one waits for the second to be a day old.
    assert 3000 < wait_of(town, "umbrella") <= 3600


def test_nothing_is_said_of_a_refused_offer(town: Town) -> None:
    for customer in ("acme", "globex", "initech"):
        send(town, customer)
    said, listed = town.kazenor.said(), town.kazenor.list()
    wait_of(town, "hooli")
    assert (
        town.kazenor.said() == said and town.kazenor.list() == listed and town.kazenor.said("peer", about="hooli") == []
    )


def test_offers_that_found_nobody_are_limited_by_themselves(town: Town) -> None:
    first = bounce(town, "nobody")
    bounce(town, "no-one")
    with pytest.raises(RateLimited) as refused:
        send(town, "acme")
    assert refused.value.detail.startswith("2 offers of your business found nobody in the last 24 hours")
    assert "in 24 hours." in refused.value.detail
    # Taking its tile away changes nothing of it.
    town.kazenor.remove(first)
    wait_of(town, "acme")
    town.wait(24 * HOUR)
    send(town, "acme")


def test_what_is_refused_for_another_reason_counts_nothing_and_hears_of_no_limit(town: Town) -> None:
    send(town, "acme")
    for _ in range(3):
        with pytest.raises(PartnershipExists):
            send(town, "acme")
    for customer in ("globex", "initech"):
        send(town, customer)
    with pytest.raises(PartnershipExists):
        send(town, "acme")


def test_offers_that_were_sent_to_us_do_not_count(town: Town) -> None:
    for name in ("a", "b", "c"):
        town.northwind.send("kazenor", town.kazenor.admin.email, town.northwind.contact(name))
        town.deliver()
        (tile,) = town.kazenor.list(role="customer", status="open")
        town.kazenor.decline(tile["id"])
        town.deliver()
    send(town, "acme")


def test_an_installation_may_forbid_offers_altogether(town: Town) -> None:
    town.kazenor.limits = Limits(offers=0)
    assert wait_of(town, "acme") == 24 * 3600


def test_a_request_that_is_repeated_counts_once(town: Town) -> None:
    once = town.kazenor.send("acme", "x@acme.example", town.kazenor.contact("Mia"), key="k1")
    again = town.kazenor.send("acme", "x@acme.example", *[c["contact_id"] for c in once["offered"]], key="k1")
    assert again == once
    send(town, "globex")
    send(town, "initech")
    wait_of(town, "hooli")
    # Also when the limit was reached meanwhile, its first answer is given again.
    assert town.kazenor.send("acme", "x@acme.example", *[c["contact_id"] for c in once["offered"]], key="k1") == once

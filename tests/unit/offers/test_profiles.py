"""What other businesses told of themselves, on the partnerships with them."""

from __future__ import annotations

from typing import Any

import pytest

from services.offers.handlers import replicas
from shared.contracts import accounts as from_accounts
from tests.unit.offers.town import VIEWER, Town

ADDRESS = {
    "type": "Billing", "line1": "Quay 1", "line2": "", "city": "Bergen", "state": "", "zip": "5003", "country": "NO", "default": True,
}  # fmt: skip


def told(town: Town, counter: int, company: str, **more: Any) -> None:
    """kazenor's accounts has heard from northwind's."""
    town.kazenor.hear(from_accounts.ProfileReceived(counter=counter, company=company, **more), subject="northwind")
    # Its name goes onto the tiles some at a time.
    for _ in range(5):
        town.kazenor.ring()


def test_a_profile_is_shown_on_the_partnership_and_not_in_lists(town: Town) -> None:
    id = town.accepted()
    assert town.kazenor.get(id)["counterpart"]["profile"] == {}
    told(town, 1, "Northwind Traders", phone="+47 1", website="https://northwind.example", addresses=[ADDRESS])
    assert town.kazenor.get(id)["counterpart"] == {
        "tenant": "northwind",
        "company": "Northwind Traders",
        "logo": None,
        "profile": {
            "phone": "+47 1",
            "email": "",
            "fax": "",
            "website": "https://northwind.example",
            "logo": "",
            "addresses": [ADDRESS],
        },
    }
    (tile,) = town.kazenor.list(q="traders")
    assert tile["counterpart"] == {
        "tenant": "northwind",
        "company": "Northwind Traders",
        "logo": None,
        "profile": {},
    }
    assert town.kazenor.end(id)["counterpart"]["profile"]["phone"] == "+47 1"


def test_the_highest_counter_counts(town: Town) -> None:
    id = town.accepted()
    told(town, 2, "Second")
    told(town, 1, "First")
    told(town, 2, "Other")
    assert town.kazenor.get(id)["counterpart"]["company"] == "Second"


@pytest.mark.parametrize("at_once", [1, 200])
def test_the_name_goes_onto_every_tile_of_that_business_and_no_other(
    town: Town, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "_AT_ONCE", at_once)
    ours = town.accepted()
    back = town.northwind.send("kazenor", "admin@kazenor.example", town.northwind.contact("Noa"))["id"]
    town.deliver()
    town.kazenor.end(ours)
    elsewhere = town.kazenor.send("southwind", "a@southwind.example", town.kazenor.contact("Mia"))["id"]
    told(town, 1, "Northwind Traders")
    assert {town.kazenor.get(id)["counterpart"]["company"] for id in (ours, back)} == {"Northwind Traders"}
    assert town.kazenor.get(elsewhere)["counterpart"]["company"] == "southwind"


def test_a_name_that_is_known_stands_on_new_offers_and_answers(town: Town) -> None:
    told(town, 1, "Northwind Traders")
    town.northwind.hear(from_accounts.ProfileReceived(counter=1, company="Kazenor Ltd"), subject="kazenor")
    id, (mia, _) = town.offer()
    assert town.kazenor.get(id)["counterpart"]["company"] == "Northwind Traders"
    assert town.northwind.get(id)["counterpart"]["company"] == "Kazenor"
    town.northwind.accept(id, {mia: VIEWER})
    town.deliver()
    assert town.northwind.get(id)["counterpart"]["company"] == "Kazenor Ltd"
    assert town.kazenor.get(id)["counterpart"]["company"] == "Northwind Traders"

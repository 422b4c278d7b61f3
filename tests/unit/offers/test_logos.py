"""The logo of another business: a digest on its tiles, the picture itself only with the partnership (OE-01, OE-20)."""

from __future__ import annotations

from typing import Any

from shared.contracts import accounts as from_accounts
from tests.unit.offers.town import VIEWER, Side, Town

PICTURE = "data:image/png;base64,iVBORw0KGgo="
OTHER = "data:image/png;base64,iVBORw0KGgoA"


def told(side: Side, of: str, counter: int, logo: str) -> None:
    """accounts of `side` has heard from another business."""
    side.hear(from_accounts.ProfileReceived(counter=counter, company=of.title(), logo=logo), subject=of)
    for _ in range(5):
        side.ring()


def digests(side: Side) -> list[Any]:
    return [tile["counterpart"]["logo"] for tile in side.list()]


def test_tiles_hold_a_digest_that_changes_with_the_logo(town: Town) -> None:
    id = town.accepted()
    told(town.kazenor, "northwind", 1, PICTURE)
    (first,) = digests(town.kazenor)
    assert len(first) == 12
    assert town.kazenor.get(id)["counterpart"]["logo"] == first
    assert town.kazenor.get(id)["counterpart"]["profile"]["logo"] == PICTURE
    told(town.kazenor, "northwind", 2, OTHER)
    (second,) = digests(town.kazenor)
    assert len(second) == 12 and second != first
    told(town.kazenor, "northwind", 3, "")
    assert digests(town.kazenor) == [None]


def test_a_logo_that_is_an_address_elsewhere_is_none_to_show(town: Town) -> None:
    town.accepted()
    told(town.kazenor, "northwind", 1, "https://northwind.example/logo.png")
    assert digests(town.kazenor) == [None]


def test_a_logo_that_is_known_stands_on_new_offers_of_both_sides(town: Town) -> None:
    told(town.kazenor, "northwind", 1, PICTURE)
    told(town.northwind, "kazenor", 1, OTHER)
    id, (mia, _) = town.offer()
    known = (digests(town.kazenor), digests(town.northwind))
    assert all(len(digest) == 12 for (digest,) in known)
    town.northwind.accept(id, {mia: VIEWER})
    town.deliver()
    assert (digests(town.kazenor), digests(town.northwind)) == known


def test_an_acceptance_takes_the_logo_that_was_told_meanwhile(town: Town) -> None:
    id, (mia, _) = town.offer()
    for side, of in ((town.kazenor, "northwind"), (town.northwind, "kazenor")):
        # Its own timer has not rung yet.
        side.hear(from_accounts.ProfileReceived(counter=1, company=of.title(), logo=PICTURE), subject=of)
    town.northwind.accept(id, {mia: VIEWER})
    town.deliver()
    assert [len(digest) for side in (town.kazenor, town.northwind) for digest in digests(side)] == [12, 12]

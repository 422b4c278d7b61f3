"""Whatever another business says in an offer or an answer, our home list can be read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.bus.deliveries import decode
from shared.contracts.messages import Envelope
from shared.ids import new_id
from tests.unit.offers.town import Town

GOOD: dict[str, Any] = {
    "company": "Kazenor",
    "email": "admin@northwind.example",
    "message": "Shall we?",
    "sent_by": {"id": "u1", "name": "Ada"},
    "sent_at": "2026-05-01T12:00:00Z",
    "expires_at": "2026-06-01T12:00:00Z",
    "contacts": [{"id": new_id(), "name": "Mia", "title": ""}],
}


def say(town: Town, type: str, data: dict[str, Any], *, subject: str | None = None) -> Any:
    envelope = Envelope(
        id=new_id(), type=type, source="offers", subject=subject or new_id(), time=town.now, origin="kazenor",
        destination="northwind", sequence=1, kind="peer", data=data,
    )  # fmt: skip
    body = envelope.model_dump_json()
    return town.northwind.inbox.handle([decode(body)])


@pytest.mark.parametrize(
    "odd",
    [
        {"sent_at": "2026-05-01T12:00:00"},
        {"expires_at": "9999-12-31T23:59:59-12:00"},
        {"contacts": [GOOD["contacts"][0]] * 201},
        {"sent_by": {"id": "u" * 300, "name": "Ada"}},
        {"sent_by": {"id": "u\x00", "name": "Ada"}},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_an_offer_that_could_not_be_shown_is_not_taken_in(town: Town, odd: dict[str, Any]) -> None:
    assert say(town, "offer.sent", GOOD | odd).failed == 1
    assert say(town, "offer.sent", GOOD).applied == 1
    assert len(town.northwind.list()) == 1


def test_what_another_business_wrote_is_cleaned_and_cut(town: Town) -> None:
    said = {
        "company": "Ka\x00ze\nnor" + "x" * 100_000,
        "message": "m\x00" * 100_000,
        "sent_at": "2026-05-01T14:00+02:00",
    }
    assert say(town, "offer.sent", GOOD | said).applied == 1
    (tile,) = town.northwind.list()
    assert tile["counterpart"]["company"].startswith("Kaze norxx") and len(tile["counterpart"]["company"]) == 254
    assert tile["message"] == "m" * 500
    assert tile["sent_at"] == "2026-05-01T12:00:00Z"
    assert "\x00" not in json.dumps(tile)


def test_an_offer_under_what_is_no_id_is_heard_and_shown_to_nobody(town: Town) -> None:
    assert say(town, "offer.sent", GOOD, subject="../../logout").applied == 1
    assert town.northwind.list() == []

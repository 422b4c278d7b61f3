"""What the relay makes of a row: where it goes, and what a receipt says."""

from __future__ import annotations

import pytest

from shared.bus.outbox import ReceiptRow, Row, outgoing, receipt
from shared.bus.publisher import Outgoing
from shared.contracts.messages import Envelope, Receipt

ROW = Row("kazenor", "id-1", "fact", "offers", "p1", "kazenor", "offer.submitted", 1, "{the exact text}")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW, Outgoing("id-1", "offer.submitted", "accord.events", "offers.offer.submitted", "{the exact text}")),
        (
            ROW._replace(kind="peer", type="offer.sent", destination="northwind"),
            Outgoing(
                "id-1", "offer.sent", "accord.peers", "northwind.offers.kazenor", "{the exact text}", mandatory=True
            ),
        ),
        (
            ROW._replace(kind="timer", type="offer.due"),
            Outgoing("id-1", "offer.due", "", "offers.events.v1", "{the exact text}", mandatory=True),
        ),
        (
            ROW._replace(kind="retry", type="offer.sent"),
            Outgoing("id-1", "offer.sent", "", "offers.events.v1", "{the exact text}", mandatory=True),
        ),
    ],
    ids=["fact", "peer", "timer", "retry"],
)
def test_a_row_goes_where_its_kind_belongs(row: Row, message: Outgoing) -> None:
    assert outgoing("offers", row) == message


def test_a_destination_that_is_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot stand in a routing key"):
        outgoing("offers", ROW._replace(kind="peer", destination="north.wind"))


def test_a_receipt_is_an_envelope_outside_of_the_numbering() -> None:
    message = receipt("contacts", ReceiptRow("northwind", "p1", "kazenor", 4, "abc", 3, 2, None))
    assert (message.exchange, message.key, message.mandatory) == ("accord.peers", "kazenor.contacts.northwind", True)
    envelope = Envelope.model_validate_json(message.body)
    assert (envelope.id, envelope.type, envelope.kind, envelope.sequence) == (message.id, "receipt", "peer", 0)
    assert (envelope.source, envelope.origin, envelope.destination, envelope.subject) == (
        "contacts", "northwind", "kazenor", "p1",
    )  # fmt: skip
    said = Receipt.model_validate(envelope.data)
    assert said == Receipt(applied=4, digest="abc", seen=3, sent=2, parked=None)

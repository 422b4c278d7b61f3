"""Entrypoints of the history service; every line of meaning is in handlers.py."""

from __future__ import annotations

from datetime import datetime

from services.history import handlers
from services.history.store import TABLES
from shared.bus.entrypoints import Neighbour, Records, on, query
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    DeclineReceived,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
)


class HistoryService:
    """The timeline of each partnership, on each side its own."""

    name = "history"
    publishers = ("offers", "contacts", "managers")
    records = Records("history", TABLES)
    offers = Neighbour("offers")

    @query("partnership_id")
    def list_entries(self, call: Call) -> Json:
        partnership_id = call.ids["partnership_id"]
        standing = self.offers.get_standing(tenant=call.tenant, actor=call.actor, partnership_id=partnership_id)
        query = call.read(handlers.ListEntries)
        # What was just done should be read here too; a history that lags behind is still worth reading.
        self.records.wait_for(call.tenant, "offers", partnership_id, standing["version"])
        return self.records.read(handlers.list_entries, call, query)

    @on(OfferSubmitted)
    def offer_submitted(self, work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
        handlers.offer_submitted(work, message, now)

    @on(OfferReceived)
    def offer_received(self, work: Work, message: Heard[OfferReceived], now: datetime) -> None:
        handlers.offer_received(work, message, now)

    @on(OfferUndeliverable)
    def offer_undeliverable(self, work: Work, message: Heard[OfferUndeliverable], now: datetime) -> None:
        handlers.offer_undeliverable(work, message, now)

    @on(AcceptanceGiven)
    def acceptance_given(self, work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
        handlers.acceptance_given(work, message, now)

    @on(AcceptanceReceived)
    def acceptance_received(self, work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
        handlers.acceptance_received(work, message, now)

    @on(DeclineGiven)
    def decline_given(self, work: Work, message: Heard[DeclineGiven], now: datetime) -> None:
        handlers.decline_given(work, message, now)

    @on(DeclineReceived)
    def decline_received(self, work: Work, message: Heard[DeclineReceived], now: datetime) -> None:
        handlers.decline_received(work, message, now)

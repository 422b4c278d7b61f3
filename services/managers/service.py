"""Entrypoints of the managers service; every line of meaning is in handlers.py."""

from __future__ import annotations

from datetime import datetime

from services.managers import handlers
from services.managers.store import TABLES
from shared.bus.door import standing
from shared.bus.entrypoints import Neighbour, Records, on, query
from shared.bus.work import Heard, Json, Work
from shared.calls import Call, Paged
from shared.contracts.accounts import UserChanged
from shared.contracts.offers import AcceptanceGiven, OfferSubmitted


class ManagersService:
    """The team that looks after each partnership on our own side."""

    name = "managers"
    publishers = ("accounts", "offers")
    records = Records("managers", TABLES)
    offers = Neighbour("offers")

    @query("partnership_id")
    def list_managers(self, call: Call) -> Json:
        standing(self.offers, self.records, call)
        return self.records.read(handlers.list_managers, call, call.read(Paged))

    @on(OfferSubmitted)
    def offer_submitted(self, work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
        handlers.offer_submitted(work, message, now)

    @on(AcceptanceGiven)
    def acceptance_given(self, work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
        handlers.acceptance_given(work, message, now)

    @on(UserChanged)
    def user_changed(self, work: Work, message: Heard[UserChanged], now: datetime) -> None:
        handlers.user_changed(work, message, now)

"""Entrypoints of the history service; every line of meaning is in handlers.py."""

from __future__ import annotations

import contextlib
from datetime import datetime

from services.history import handlers
from services.history.store import TABLES
from shared.bus.door import standing, stated
from shared.bus.entrypoints import Neighbour, Records, on, query
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts.contacts import (
    AnswerGiven,
    AnswerReceived,
    ProposalGiven,
    ProposalReceived,
    RetractionGiven,
    RetractionReceived,
)
from shared.contracts.managers import TeamChanged
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    DeclineReceived,
    EndGiven,
    EndReceived,
    ExpiryGiven,
    ExpiryReceived,
    OfferLeft,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
    OwnerReceived,
    ReminderGiven,
    ReminderReceived,
    WithdrawalGiven,
    WithdrawalReceived,
)
from shared.errors import Unavailable


class HistoryService:
    """The timeline of each partnership, on each side its own."""

    name = "history"
    publishers = ("offers", "contacts", "managers")
    records = Records("history", TABLES)
    offers = Neighbour("offers")

    @query("partnership_id")
    def list_entries(self, call: Call) -> Json:
        heard = stated(call, standing(self.offers, call))
        query = call.read(handlers.ListEntries)
        # What was just done should be read here too; a history that lags behind is still worth reading.
        with contextlib.suppress(Unavailable):
            self.records.wait_for(call.tenant, heard)
        return self.records.read(handlers.list_entries, call, query)

    @on(OfferSubmitted)
    def offer_submitted(self, work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
        handlers.offer_submitted(work, message, now)

    @on(OfferLeft)
    def offer_left(self, work: Work, message: Heard[OfferLeft], now: datetime) -> None:
        handlers.offer_left(work, message, now)

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

    @on(WithdrawalGiven)
    def withdrawal_given(self, work: Work, message: Heard[WithdrawalGiven], now: datetime) -> None:
        handlers.withdrawal_given(work, message, now)

    @on(WithdrawalReceived)
    def withdrawal_received(self, work: Work, message: Heard[WithdrawalReceived], now: datetime) -> None:
        handlers.withdrawal_received(work, message, now)

    @on(ExpiryGiven)
    def expiry_given(self, work: Work, message: Heard[ExpiryGiven], now: datetime) -> None:
        handlers.expiry_given(work, message, now)

    @on(ExpiryReceived)
    def expiry_received(self, work: Work, message: Heard[ExpiryReceived], now: datetime) -> None:
        handlers.expiry_received(work, message, now)

    @on(ReminderGiven)
    def reminder_given(self, work: Work, message: Heard[ReminderGiven], now: datetime) -> None:
        handlers.reminder_given(work, message, now)

    @on(ReminderReceived)
    def reminder_received(self, work: Work, message: Heard[ReminderReceived], now: datetime) -> None:
        handlers.reminder_received(work, message, now)

    @on(EndGiven)
    def end_given(self, work: Work, message: Heard[EndGiven], now: datetime) -> None:
        handlers.end_given(work, message, now)

    @on(EndReceived)
    def end_received(self, work: Work, message: Heard[EndReceived], now: datetime) -> None:
        handlers.end_received(work, message, now)

    @on(OwnerReceived)
    def owner_received(self, work: Work, message: Heard[OwnerReceived], now: datetime) -> None:
        handlers.owner_received(work, message, now)

    @on(ProposalGiven)
    def proposal_given(self, work: Work, message: Heard[ProposalGiven], now: datetime) -> None:
        handlers.proposal_given(work, message, now)

    @on(ProposalReceived)
    def proposal_received(self, work: Work, message: Heard[ProposalReceived], now: datetime) -> None:
        handlers.proposal_received(work, message, now)

    @on(AnswerGiven)
    def answer_given(self, work: Work, message: Heard[AnswerGiven], now: datetime) -> None:
        handlers.answer_given(work, message, now)

    @on(AnswerReceived)
    def answer_received(self, work: Work, message: Heard[AnswerReceived], now: datetime) -> None:
        handlers.answer_received(work, message, now)

    @on(RetractionGiven)
    def retraction_given(self, work: Work, message: Heard[RetractionGiven], now: datetime) -> None:
        handlers.retraction_given(work, message, now)

    @on(RetractionReceived)
    def retraction_received(self, work: Work, message: Heard[RetractionReceived], now: datetime) -> None:
        handlers.retraction_received(work, message, now)

    @on(TeamChanged)
    def team_changed(self, work: Work, message: Heard[TeamChanged], now: datetime) -> None:
        handlers.team_changed(work, message, now)

"""Entrypoints of the notifications service; every line of meaning is in handlers.py. Mails are sent by mailer.py, another process."""

from __future__ import annotations

from datetime import datetime

from services.notifications import handlers
from services.notifications.store import TABLES
from shared.bus.door import admit
from shared.bus.entrypoints import Neighbour, Records, command, on, query
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts.accounts import (
    EmailChanged,
    EmailChangeRequested,
    PasswordChanged,
    PasswordResetRequested,
    UserChanged,
)
from shared.contracts.contacts import (
    AnswerGiven,
    AnswerReceived,
    ProposalGiven,
    ProposalReceived,
    RetractionGiven,
    RetractionReceived,
)
from shared.contracts.managers import TeamChanged
from shared.contracts.notifications import CatchUp
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    DeclineReceived,
    EndGiven,
    EndReceived,
    ExpiryGiven,
    ExpiryReceived,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
    OwnerReceived,
    ReminderGiven,
    ReminderReceived,
    WithdrawalGiven,
    WithdrawalReceived,
)


class NotificationsService:
    """Who hears of what, in the app and by mail."""

    name = "notifications"
    publishers = ("accounts", "offers", "contacts", "managers")
    records = Records("notifications", TABLES)
    accounts = Neighbour("accounts")

    @query()
    def list_notifications(self, call: Call) -> Json:
        admit(self.accounts, call)
        return self.records.read(handlers.list_notifications, call, call.read(handlers.ListNotifications))

    @command()
    def mark_read(self, call: Call) -> Json:
        admit(self.accounts, call)
        return self.records.run(handlers.mark_read, call, call.read(handlers.MarkRead))

    @query()
    def get_preferences(self, call: Call) -> Json:
        admit(self.accounts, call)
        return self.records.read(handlers.get_preferences, call)

    @command()
    def set_preferences(self, call: Call) -> Json:
        admit(self.accounts, call)
        return self.records.run(handlers.set_preferences, call, call.read(handlers.SetPreferences))

    @on(UserChanged)
    def user_changed(self, work: Work, message: Heard[UserChanged], now: datetime) -> None:
        handlers.user_changed(work, message, now)

    @on(PasswordResetRequested)
    def password_reset_requested(self, work: Work, message: Heard[PasswordResetRequested], now: datetime) -> None:
        handlers.mail_about_login(work, message, now)

    @on(PasswordChanged)
    def password_changed(self, work: Work, message: Heard[PasswordChanged], now: datetime) -> None:
        handlers.mail_about_login(work, message, now)

    @on(EmailChangeRequested)
    def email_change_requested(self, work: Work, message: Heard[EmailChangeRequested], now: datetime) -> None:
        handlers.mail_about_login(work, message, now)

    @on(EmailChanged)
    def email_changed(self, work: Work, message: Heard[EmailChanged], now: datetime) -> None:
        handlers.mail_about_login(work, message, now)

    @on(CatchUp)
    def catch_up(self, work: Work, message: Heard[CatchUp], now: datetime) -> None:
        handlers.catch_up(work, message, now)

    @on(TeamChanged)
    def team_changed(self, work: Work, message: Heard[TeamChanged], now: datetime) -> None:
        handlers.team_changed(work, message, now)

    @on(OfferSubmitted)
    def offer_submitted(self, work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
        handlers.offer_submitted(work, message, now)

    @on(OfferReceived)
    def offer_received(self, work: Work, message: Heard[OfferReceived], now: datetime) -> None:
        handlers.offer_received(work, message, now)

    @on(AcceptanceGiven)
    def acceptance_given(self, work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
        handlers.acceptance_given(work, message, now)

    @on(OfferUndeliverable)
    def offer_undeliverable(self, work: Work, message: Heard[OfferUndeliverable], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(AcceptanceReceived)
    def acceptance_received(self, work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(DeclineGiven)
    def decline_given(self, work: Work, message: Heard[DeclineGiven], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(DeclineReceived)
    def decline_received(self, work: Work, message: Heard[DeclineReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(WithdrawalGiven)
    def withdrawal_given(self, work: Work, message: Heard[WithdrawalGiven], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(WithdrawalReceived)
    def withdrawal_received(self, work: Work, message: Heard[WithdrawalReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(ExpiryGiven)
    def expiry_given(self, work: Work, message: Heard[ExpiryGiven], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(ExpiryReceived)
    def expiry_received(self, work: Work, message: Heard[ExpiryReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(ReminderGiven)
    def reminder_given(self, work: Work, message: Heard[ReminderGiven], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(ReminderReceived)
    def reminder_received(self, work: Work, message: Heard[ReminderReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(EndGiven)
    def end_given(self, work: Work, message: Heard[EndGiven], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(EndReceived)
    def end_received(self, work: Work, message: Heard[EndReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(OwnerReceived)
    def owner_received(self, work: Work, message: Heard[OwnerReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(ProposalGiven)
    def proposal_given(self, work: Work, message: Heard[ProposalGiven], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(ProposalReceived)
    def proposal_received(self, work: Work, message: Heard[ProposalReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(AnswerGiven)
    def answer_given(self, work: Work, message: Heard[AnswerGiven], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(AnswerReceived)
    def answer_received(self, work: Work, message: Heard[AnswerReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(RetractionGiven)
    def retraction_given(self, work: Work, message: Heard[RetractionGiven], now: datetime) -> None:
        handlers.tell(work, message, now)

    @on(RetractionReceived)
    def retraction_received(self, work: Work, message: Heard[RetractionReceived], now: datetime) -> None:
        handlers.tell(work, message, now)

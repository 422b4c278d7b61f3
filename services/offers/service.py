"""Entrypoints of the offers service; every line of meaning is in handlers/."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.offers.commands import (
    AcceptOffer,
    Chosen,
    DeclineOffer,
    EndPartnership,
    Latest,
    SendOffer,
    Standing,
    WithdrawOffer,
)
from services.offers.domain.limiting import Limits
from services.offers.domain.partnership import Partnership
from services.offers.handlers import (
    answering,
    ending,
    expiry,
    finding,
    looking,
    naming,
    reminding,
    replicas,
    sending,
    withdrawing,
)
from services.offers.store import TABLES
from shared.bus.door import (
    CHANGERS,
    SYSTEM_PERSON,
    Person,
    admit,
    admitted,
    release_contacts,
    reserving_contacts,
    reserving_roles,
)
from shared.bus.entrypoints import Neighbour, Records, command, on, query
from shared.bus.work import Confirmed, Heard, Json, Work
from shared.calls import SYSTEM, Call, Empty
from shared.contracts import accounts as from_accounts
from shared.contracts import contacts as from_contacts
from shared.contracts import managers as from_managers
from shared.contracts import offers as said
from shared.errors import Forbidden
from shared.ids import new_id


class OffersService:
    """Owns the partnership record: offer, status, turn, delivery; the home list."""

    name = "offers"
    records = Records("offers", TABLES)
    accounts = Neighbour("accounts")
    contacts = Neighbour("contacts")

    @command()
    def send_offer(self, call: Call) -> Json:
        id, contacts = new_id(), finding.named(call, "contact_ids")
        with reserving_contacts(self.contacts, call, contacts, needed_by=id) as asked:
            person, answers = self._door(call, settings=True)
            body = call.read(SendOffer)
            answers = replace(answers, contacts={c["id"]: c for c in asked.result()["items"]})
            sent: Json = self.records.run(sending.send_offer, call, body, id=id, person=person, answers=answers)
        if sent["id"] != id:
            # The same request at the same instant had won: nothing will be heard of this one.
            release_contacts(self.contacts, call, id)
        return sent

    @command("partnership_id")
    def accept_offer(self, call: Call) -> Json:
        self._see(looking.get_partnership, call)
        person, answers = self._door(call)
        body = call.read(AcceptOffer)
        with reserving_roles(self.accounts, call) as environments:
            answers = replace(answers, environments=environments)
            return self.records.run(answering.accept_offer, call, body, person=person, answers=answers)

    @command("partnership_id")
    def decline_offer(self, call: Call) -> Json:
        self._see(looking.get_partnership, call)
        person, _ = self._door(call)
        return self.records.run(answering.decline_offer, call, call.read(DeclineOffer), person=person)

    @command("partnership_id")
    def withdraw_offer(self, call: Call) -> Json:
        self._see(looking.get_partnership, call)
        person, _ = self._door(call)
        return self.records.run(withdrawing.withdraw_offer, call, call.read(WithdrawOffer), person=person)

    @command("partnership_id")
    def remind_offer(self, call: Call) -> Json:
        self._see(looking.get_partnership, call)
        person, _ = self._door(call)
        call.read(Empty)
        return self.records.run(reminding.remind_offer, call, person=person)

    @command("partnership_id")
    def end_partnership(self, call: Call) -> Json:
        self._see(looking.get_partnership, call)
        person, _ = self._door(call)
        return self.records.run(ending.end_partnership, call, call.read(EndPartnership), person=person)

    @command("partnership_id")
    def remove_partnership(self, call: Call) -> None:
        self._see(looking.get_partnership, call)
        self._door(call)
        call.read(Empty)
        self.records.run(looking.remove_partnership, call)

    @command("partnership_id")
    def mark_seen(self, call: Call) -> None:
        self._see(looking.get_partnership, call)
        call.read(Empty)
        self.records.run(looking.mark_seen, call)

    @query("partnership_id")
    def get_partnership(self, call: Call) -> Json:
        return self._see(looking.get_partnership, call)

    @query("partnership_id")
    def get_standing(self, call: Call) -> Json:
        return self._see(looking.get_standing, call, call.read(Standing).change)

    @query()
    def get_latest(self, call: Call) -> Json:
        return self._see(looking.get_latest, call, call.read(Latest))

    @query()
    def list_partnerships(self, call: Call) -> Json:
        return self._see(looking.list_partnerships, call, call.read(Chosen))

    @query()
    def count_partnerships(self, call: Call) -> Json:
        return self._see(looking.count_partnerships, call)

    def _door(self, call: Call, *, settings: bool = False) -> tuple[Person, finding.Answers]:
        """Who acts, and the other people the body names, in one question; with `settings` also how long our offers stay open, and how many
        we may send.

        Raises Forbidden unless they may change partnerships.
        """
        if call.actor == SYSTEM:
            raise Forbidden("A person must do this.")
        ids = finding.named(call, "manager_ids", call.actor)
        found = self.accounts.get_people(tenant=call.tenant, actor=SYSTEM, ids=ids, settings=settings)
        limits = found.get("limits")
        answers = finding.Answers(
            {p["id"]: p for p in found["items"]},
            offer_days=found.get("offer_expiry_days", finding.OFFER_DAYS),
            limits=Limits(limits["offers_per_day"], limits["undeliverable_offers_per_day"]) if limits else Limits(),
        )
        return admitted(found, call, *CHANGERS), answers

    def _see(self, handler: Callable[..., Json], call: Call, *args: Any) -> Json:
        """Let somebody look: whom accounts has told us of, in one transaction; it is asked only about somebody we have not heard of."""

        def look(work: Work, call: Call, *, now: datetime) -> Json | None:
            if "partnership_id" in call.ids:
                work.ahead(Partnership, call.tenant, call.ids["partnership_id"])
            person = SYSTEM_PERSON if call.actor == SYSTEM else finding.person_of(work, call)
            return None if person is None else handler(work, call, *args, person=person, now=now)

        seen: Json | None = self.records.read(look, call)
        if seen is not None:
            return seen
        return self.records.read(handler, call, *args, person=admit(self.accounts, call))  # type: ignore[no-any-return]

    @on(said.OfferSent, needs=sending.needed_for_offer)
    def receive_offer(self, work: Work, message: Heard[said.OfferSent], now: datetime) -> None:
        sending.receive_offer(work, message, now)

    @on(said.OfferAccepted)
    def receive_acceptance(self, work: Work, message: Heard[said.OfferAccepted], now: datetime) -> None:
        answering.receive_acceptance(work, message, now)

    @on(said.OfferDeclined)
    def receive_decline(self, work: Work, message: Heard[said.OfferDeclined], now: datetime) -> None:
        answering.receive_decline(work, message, now)

    @on(said.OfferBounced)
    def receive_bounce(self, work: Work, message: Heard[said.OfferBounced], now: datetime) -> None:
        sending.receive_bounce(work, message, now)

    @on(said.OfferWithdrawn)
    def receive_withdrawal(self, work: Work, message: Heard[said.OfferWithdrawn], now: datetime) -> None:
        withdrawing.receive_withdrawal(work, message, now)

    @on(said.OfferExpired)
    def receive_expiry(self, work: Work, message: Heard[said.OfferExpired], now: datetime) -> None:
        expiry.receive_expiry(work, message, now)

    @on(said.OfferReminded)
    def receive_reminder(self, work: Work, message: Heard[said.OfferReminded], now: datetime) -> None:
        reminding.receive_reminder(work, message, now)

    @on(said.PartnershipEnded)
    def receive_end(self, work: Work, message: Heard[said.PartnershipEnded], now: datetime) -> None:
        ending.receive_end(work, message, now)

    @on(said.OwnerNamed)
    def receive_owner(self, work: Work, message: Heard[said.OwnerNamed], now: datetime) -> None:
        naming.receive_owner(work, message, now)

    @on(said.ExpiryDue)
    def expiry_due(self, work: Work, message: Heard[said.ExpiryDue], now: datetime) -> None:
        expiry.expiry_due(work, message, now)

    @on(Confirmed)
    def receipt(self, work: Work, news: Confirmed, now: datetime) -> None:
        looking.receipt(work, news, now)

    @on(from_accounts.RecipientFound)
    def recipient_found(self, work: Work, message: Heard[from_accounts.RecipientFound], now: datetime) -> None:
        sending.recipient_found(work, message, now)

    @on(from_accounts.RecipientUnknown)
    def recipient_unknown(self, work: Work, message: Heard[from_accounts.RecipientUnknown], now: datetime) -> None:
        sending.recipient_unknown(work, message, now)

    @on(from_accounts.TenantRegistered)
    def tenant_registered(self, work: Work, message: Heard[from_accounts.TenantRegistered], now: datetime) -> None:
        replicas.tenant_registered(work, message, now)

    @on(from_accounts.ProfileChanged)
    def profile_changed(self, work: Work, message: Heard[from_accounts.ProfileChanged], now: datetime) -> None:
        replicas.profile_changed(work, message, now)

    @on(from_accounts.SettingsChanged)
    def settings_changed(self, work: Work, message: Heard[from_accounts.SettingsChanged], now: datetime) -> None:
        replicas.settings_changed(work, message, now)

    @on(from_accounts.UserChanged)
    def user_changed(self, work: Work, message: Heard[from_accounts.UserChanged], now: datetime) -> None:
        replicas.user_changed(work, message, now)

    @on(said.NamesDue)
    def names_due(self, work: Work, message: Heard[said.NamesDue], now: datetime) -> None:
        replicas.names_due(work, message, now)

    @on(from_accounts.ProfileReceived)
    def profile_received(self, work: Work, message: Heard[from_accounts.ProfileReceived], now: datetime) -> None:
        replicas.profile_received(work, message, now)

    @on(from_contacts.AssignmentsChanged)
    def assignments_changed(self, work: Work, message: Heard[from_contacts.AssignmentsChanged], now: datetime) -> None:
        replicas.assignments_changed(work, message, now)

    @on(from_managers.TeamChanged)
    def team_changed(self, work: Work, message: Heard[from_managers.TeamChanged], now: datetime) -> None:
        replicas.team_changed(work, message, now)

"""Entrypoints of the offers service; every line of meaning is in handlers.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.offers import handlers
from services.offers.commands import AcceptOffer, Chosen, DeclineOffer, SendOffer, Standing
from services.offers.store import TABLES
from shared.bus.door import CHANGERS, SYSTEM_PERSON, Person, admit
from shared.bus.entrypoints import Neighbour, Records, command, on, query
from shared.bus.work import Confirmed, Heard, Json, Work
from shared.calls import SYSTEM, Call, Empty
from shared.contracts import accounts as from_accounts
from shared.contracts import managers as from_managers
from shared.contracts import offers as said
from shared.errors import Forbidden
from shared.ids import is_id


class OffersService:
    """Owns the partnership record: offer, status, turn, delivery; the home list."""

    name = "offers"
    records = Records("offers", TABLES)
    accounts = Neighbour("accounts")
    contacts = Neighbour("contacts")

    @command()
    def send_offer(self, call: Call) -> Json:
        person, people = self._door(call)
        body = call.read(SendOffer)
        found = self.contacts.get_contacts(tenant=call.tenant, actor=call.actor, contact_ids=body.contact_ids)
        answers = handlers.Answers(people, {c["id"]: c for c in found["items"]})
        return self.records.run(handlers.send_offer, call, body, person=person, answers=answers)

    @command("partnership_id")
    def accept_offer(self, call: Call) -> Json:
        asked = self.accounts.start("get_environments", tenant=call.tenant, actor=call.actor)
        person, people = self._door(call, partnership=True)
        body = call.read(AcceptOffer)
        answers = handlers.Answers(people, {}, asked.result()["items"])
        return self.records.run(handlers.accept_offer, call, body, person=person, answers=answers)

    @command("partnership_id")
    def decline_offer(self, call: Call) -> Json:
        person, _ = self._door(call, partnership=True)
        return self.records.run(handlers.decline_offer, call, call.read(DeclineOffer), person=person)

    @command("partnership_id")
    def remove_partnership(self, call: Call) -> None:
        self._door(call, partnership=True)
        call.read(Empty)
        self.records.run(handlers.remove_partnership, call)

    @command("partnership_id")
    def mark_seen(self, call: Call) -> None:
        person = self._viewer(call)
        call.read(Empty)
        self.records.run(handlers.mark_seen, call, person=person)

    @query("partnership_id")
    def get_partnership(self, call: Call) -> Json:
        return self.records.read(handlers.get_partnership, call, person=self._viewer(call))

    @query("partnership_id")
    def get_standing(self, call: Call) -> Json:
        return self.records.read(handlers.get_standing, call, call.read(Standing).change, person=self._viewer(call))

    @query()
    def list_partnerships(self, call: Call) -> Json:
        person = self._viewer(call)
        return self.records.read(handlers.list_partnerships, call, call.read(Chosen), person=person)

    @query()
    def count_partnerships(self, call: Call) -> Json:
        return self.records.read(handlers.count_partnerships, call, person=self._viewer(call))

    def _door(self, call: Call, *, partnership: bool = False) -> tuple[Person, dict[str, Json]]:
        """Who asks, and the other people the body names, in one question. 404 comes before 403, and both before the form."""
        if partnership:
            self.records.read(handlers.get_partnership, call, person=self._viewer(call))
        named = call.body.get("manager_ids")
        ids = [id for id in named if is_id(id)] if isinstance(named, list) else []
        if call.actor == SYSTEM:
            raise Forbidden("A person must do this.")
        found = self.accounts.get_people(tenant=call.tenant, actor=SYSTEM, ids=[call.actor, *ids][:201])
        people = {p["id"]: p for p in found["items"]}
        return admit(_Told(found), call, *CHANGERS), people

    def _viewer(self, call: Call) -> Person:
        """Who looks: as accounts last told us; asked anew only when it has not told of them yet."""
        if call.actor == SYSTEM:
            return SYSTEM_PERSON
        return self.records.read(handlers.person_of, call) or admit(self.accounts, call)

    @on(said.OfferSent, needs=handlers.needed_for_offer)
    def receive_offer(self, work: Work, message: Heard[said.OfferSent], now: datetime) -> None:
        handlers.receive_offer(work, message, now)

    @on(said.OfferAccepted)
    def receive_acceptance(self, work: Work, message: Heard[said.OfferAccepted], now: datetime) -> None:
        handlers.receive_acceptance(work, message, now)

    @on(said.OfferDeclined)
    def receive_decline(self, work: Work, message: Heard[said.OfferDeclined], now: datetime) -> None:
        handlers.receive_decline(work, message, now)

    @on(said.OfferBounced)
    def receive_bounce(self, work: Work, message: Heard[said.OfferBounced], now: datetime) -> None:
        handlers.receive_bounce(work, message, now)

    @on(Confirmed)
    def receipt(self, work: Work, news: Confirmed, now: datetime) -> None:
        handlers.receipt(work, news, now)

    @on(from_accounts.RecipientFound)
    def recipient_found(self, work: Work, message: Heard[from_accounts.RecipientFound], now: datetime) -> None:
        handlers.recipient_found(work, message, now)

    @on(from_accounts.RecipientUnknown)
    def recipient_unknown(self, work: Work, message: Heard[from_accounts.RecipientUnknown], now: datetime) -> None:
        handlers.recipient_unknown(work, message, now)

    @on(from_accounts.TenantRegistered)
    def tenant_registered(self, work: Work, message: Heard[from_accounts.TenantRegistered], now: datetime) -> None:
        handlers.tenant_registered(work, message, now)

    @on(from_accounts.ProfileChanged)
    def profile_changed(self, work: Work, message: Heard[from_accounts.ProfileChanged], now: datetime) -> None:
        handlers.profile_changed(work, message, now)

    @on(from_accounts.SettingsChanged)
    def settings_changed(self, work: Work, message: Heard[from_accounts.SettingsChanged], now: datetime) -> None:
        handlers.settings_changed(work, message, now)

    @on(from_accounts.UserChanged)
    def user_changed(self, work: Work, message: Heard[from_accounts.UserChanged], now: datetime) -> None:
        handlers.user_changed(work, message, now)

    @on(from_managers.TeamChanged)
    def team_changed(self, work: Work, message: Heard[from_managers.TeamChanged], now: datetime) -> None:
        handlers.team_changed(work, message, now)


class _Told:
    """Accounts' answer that is here already, for `admit`."""

    def __init__(self, found: Json) -> None:
        self._found = found

    def get_people(self, **_: Any) -> Json:
        return self._found

"""Entrypoints of the contacts service; every line of meaning is in handlers.py."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from services.contacts import handlers
from services.contacts.commands import CreateContact, GetContacts, ListContacts, RolesInUse, UpdateContact
from services.contacts.store import TABLES
from shared.bus.door import admit, standing
from shared.bus.entrypoints import Neighbour, Records, command, on, query
from shared.bus.work import Heard, Json, Work
from shared.calls import SYSTEM, Call, Empty, Paged
from shared.contracts.accounts import UserChanged
from shared.contracts.contacts import DetailsDue, DetailsShared
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    DeclineReceived,
    OfferReceived,
    OfferSubmitted,
    OfferUndeliverable,
)
from shared.errors import Forbidden, NotFound, Unavailable, ValidationError

READERS = ("admin", "partnerships", "member")
WRITERS = ("admin", "partnerships")


class ContactsService:
    """The directory of a business, and who is lent to whom in each partnership."""

    name = "contacts"
    publishers = ("accounts", "offers")
    records = Records("contacts", TABLES)
    accounts = Neighbour("accounts")
    offers = Neighbour("offers")

    # At the door

    def _await_users(self, call: Call, ids: Sequence[str]) -> bool:
        """Whether any of these, unknown here a moment ago, is a user after all, and by now a contact."""
        people = self.accounts.get_people(tenant=call.tenant, actor=SYSTEM, ids=list(ids))["items"]
        for person in people:
            if not self.records.wait_for(call.tenant, "accounts", person["id"], 1):
                raise Unavailable()
        return bool(people)

    def _when_known(self, ask: Callable[[], Json], call: Call) -> Json:
        """The answer of `ask`, asked again when the contact of this call was a user nobody had told contacts of yet."""
        try:
            return ask()
        except NotFound:
            if not self._await_users(call, [call.ids["contact_id"]]):
                raise
            return ask()

    def _get(self, call: Call) -> Json:
        return self._when_known(lambda: self.records.read(handlers.get_contact, call), call)

    @contextlib.contextmanager
    def _only_of_a_contact(self, call: Call) -> Iterator[None]:
        """What is refused within is refused only for a contact that is there: NotFound comes before all else."""
        try:
            yield
        except (Forbidden, ValidationError):
            self._get(call)
            raise

    # The directory

    @command()
    def create_contact(self, call: Call) -> Json:
        admit(self.accounts, call, *WRITERS)
        return self.records.run(handlers.create_contact, call, call.read(CreateContact))

    @query()
    def list_contacts(self, call: Call) -> Json:
        admit(self.accounts, call, *READERS)
        return self.records.read(handlers.list_contacts, call, call.read(ListContacts))

    @query("contact_id")
    def get_contact(self, call: Call) -> Json:
        admit(self.accounts, call, *READERS)
        found = self._get(call)
        call.read(Empty)
        return found

    @query()
    def get_contacts(self, call: Call) -> Json:
        wanted = call.read(GetContacts)
        found = self.records.read(handlers.get_contacts, call, wanted)
        missing = set(wanted.contact_ids) - {contact["id"] for contact in found["items"]}
        if missing and self._await_users(call, sorted(missing)):
            found = self.records.read(handlers.get_contacts, call, wanted)
        return found

    @command("contact_id")
    def update_contact(self, call: Call) -> Json:
        with self._only_of_a_contact(call):
            admit(self.accounts, call, *WRITERS)
            command = call.read(UpdateContact)
        return self._when_known(lambda: self.records.run(handlers.update_contact, call, command), call)

    @command("contact_id")
    def delete_contact(self, call: Call) -> Json:
        with self._only_of_a_contact(call):
            admit(self.accounts, call, *WRITERS)
            call.read(Empty)
        return self._when_known(lambda: self.records.run(handlers.delete_contact, call), call)

    @on(UserChanged)
    def user_changed(self, work: Work, message: Heard[UserChanged], now: datetime) -> None:
        handlers.user_changed(work, message, now)

    # Who is lent to whom

    @query("partnership_id")
    def list_assignments(self, call: Call) -> Json:
        standing(self.offers, self.records, call)
        return self.records.read(handlers.list_assignments, call, call.read(Paged))

    @query()
    def roles_in_use(self, call: Call) -> Json:
        return self.records.read(handlers.roles_in_use, call, call.read(RolesInUse))

    @on(OfferSubmitted)
    def offer_submitted(self, work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
        handlers.offer_submitted(work, message, now)

    @on(OfferReceived)
    def offer_received(self, work: Work, message: Heard[OfferReceived], now: datetime) -> None:
        handlers.offer_received(work, message, now)

    @on(AcceptanceGiven)
    def acceptance_given(self, work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
        handlers.acceptance_given(work, message, now)

    @on(AcceptanceReceived)
    def acceptance_received(self, work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
        handlers.acceptance_received(work, message, now)

    @on(DeclineGiven)
    def decline_given(self, work: Work, message: Heard[DeclineGiven], now: datetime) -> None:
        handlers.offer_declined(work, message, now)

    @on(DeclineReceived)
    def decline_received(self, work: Work, message: Heard[DeclineReceived], now: datetime) -> None:
        handlers.offer_declined(work, message, now)

    @on(OfferUndeliverable)
    def offer_undeliverable(self, work: Work, message: Heard[OfferUndeliverable], now: datetime) -> None:
        handlers.offer_undeliverable(work, message, now)

    @on(DetailsShared)
    def details_shared(self, work: Work, message: Heard[DetailsShared], now: datetime) -> None:
        handlers.details_shared(work, message, now)

    @on(DetailsDue)
    def details_due(self, work: Work, message: Heard[DetailsDue], now: datetime) -> None:
        handlers.details_due(work, message, now)

"""Entrypoints of the contacts service; every line of meaning is in handlers/."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from services.contacts.commands import (
    AnswerModification,
    CreateContact,
    GetContacts,
    ImportContacts,
    ListContacts,
    ListModifications,
    ProposeModification,
    ReleaseContacts,
    ReserveContacts,
    RolesInUse,
    UpdateContact,
)
from services.contacts.handlers import directory, importing, lending, modifying, reserving
from services.contacts.store import TABLES
from shared.bus.door import CHANGERS, Person, admit, check_version, reserving_roles, standing, stated
from shared.bus.entrypoints import Neighbour, Records, command, on, query
from shared.bus.session import Stated
from shared.bus.work import Confirmed, Heard, Json, Work
from shared.calls import SYSTEM, Body, Call, Empty, Paged
from shared.contracts import contacts as said
from shared.contracts import offers as from_offers
from shared.contracts.accounts import ProfileReceived, UserChanged
from shared.errors import Forbidden, NotFound, ValidationError, WrongState

READERS = ("admin", "partnerships", "member")
WRITERS = ("admin", "partnerships")

B = TypeVar("B", bound=Body)


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
            self.records.wait_for(call.tenant, Stated("accounts", person["id"], 1))
        return bool(people)

    def _await_offers(self, call: Call, role: str) -> None:
        """Wait until what offers has done last, where we are the `role`, is known here."""
        latest = self.offers.get_latest(tenant=call.tenant, actor=SYSTEM, role=role)["items"]
        self.records.wait_for(call.tenant, *[Stated("offers", one["id"], one["version"]) for one in latest])

    def _all_of(self, call: Call, wanted: GetContacts | ReserveContacts, ask: Callable[[], Json]) -> Json:
        """What `ask` finds of these contacts, also when some are users nobody had told contacts of yet."""
        found = ask()
        missing = set(wanted.contact_ids) - {contact["id"] for contact in found["items"]}
        return ask() if missing and self._await_users(call, sorted(missing)) else found

    def _get(self, call: Call) -> Json:
        """The contact of this call, also when it is a user nobody had told contacts of yet. Raises NotFound."""
        try:
            return self.records.read(directory.get_contact, call)
        except NotFound:
            if not self._await_users(call, [call.ids["contact_id"]]):
                raise
            return self.records.read(directory.get_contact, call)

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
        return self.records.run(directory.create_contact, call, call.read(CreateContact))

    @query()
    def list_contacts(self, call: Call) -> Json:
        admit(self.accounts, call, *READERS)
        return self.records.read(directory.list_contacts, call, call.read(ListContacts))

    @query("contact_id")
    def get_contact(self, call: Call) -> Json:
        admit(self.accounts, call, *READERS)
        found = self._get(call)
        call.read(Empty)
        return found

    @query()
    def get_contacts(self, call: Call) -> Json:
        wanted = call.read(GetContacts)
        return self._all_of(call, wanted, lambda: self.records.read(directory.get_contacts, call, wanted))

    @command()
    def reserve_contacts(self, call: Call) -> Json:
        wanted = call.read(ReserveContacts)
        return self._all_of(call, wanted, lambda: self.records.run(reserving.reserve_contacts, call, wanted))

    @command()
    def release_contacts(self, call: Call) -> Json:
        return self.records.run(reserving.release_contacts, call, call.read(ReleaseContacts))  # type: ignore[no-any-return]

    @command("contact_id")
    def update_contact(self, call: Call) -> Json:
        with self._only_of_a_contact(call):
            admit(self.accounts, call, *WRITERS)
            command = call.read(UpdateContact)
        # Whoever got a login a moment ago is no longer ours to rename.
        self._await_users(call, [call.ids["contact_id"]])
        return self.records.run(directory.update_contact, call, command)

    @command("contact_id")
    def delete_contact(self, call: Call) -> Json:
        with self._only_of_a_contact(call):
            admit(self.accounts, call, *WRITERS)
            call.read(Empty)
        self._await_users(call, [call.ids["contact_id"]])
        self._await_offers(call, "partner")
        return self.records.run(directory.delete_contact, call)

    @command()
    def import_contacts(self, call: Call) -> Json:
        admit(self.accounts, call, *WRITERS)
        command = call.read(ImportContacts)
        if command.preview:
            return self.records.read(importing.preview_import, call, command)
        return self.records.run(importing.import_contacts, call, command)

    @on(UserChanged)
    def user_changed(self, work: Work, message: Heard[UserChanged], now: datetime) -> None:
        directory.user_changed(work, message, now)

    # Who is lent to whom

    @on(ProfileReceived)
    def profile_received(self, work: Work, message: Heard[ProfileReceived], now: datetime) -> None:
        lending.profile_received(work, message, now)

    @query("partnership_id")
    def list_assignments(self, call: Call) -> Json:
        heard = stated(call, standing(self.offers, call))
        return self.records.read(lending.list_assignments, call, call.read(Paged), after=heard)

    @query()
    def roles_in_use(self, call: Call) -> Json:
        wanted = call.read(RolesInUse)
        self._await_offers(call, "customer")
        return self.records.read(lending.roles_in_use, call, wanted)

    @on(from_offers.OfferSubmitted)
    def offer_submitted(self, work: Work, message: Heard[from_offers.OfferSubmitted], now: datetime) -> None:
        lending.offer_submitted(work, message, now)

    @on(from_offers.OfferReceived)
    def offer_received(self, work: Work, message: Heard[from_offers.OfferReceived], now: datetime) -> None:
        lending.offer_received(work, message, now)

    @on(from_offers.AcceptanceGiven)
    def acceptance_given(self, work: Work, message: Heard[from_offers.AcceptanceGiven], now: datetime) -> None:
        lending.acceptance_given(work, message, now)

    @on(from_offers.AcceptanceReceived)
    def acceptance_received(self, work: Work, message: Heard[from_offers.AcceptanceReceived], now: datetime) -> None:
        lending.acceptance_received(work, message, now)

    @on(from_offers.DeclineGiven)
    def decline_given(self, work: Work, message: Heard[from_offers.DeclineGiven], now: datetime) -> None:
        lending.offer_declined(work, message, now)

    @on(from_offers.DeclineReceived)
    def decline_received(self, work: Work, message: Heard[from_offers.DeclineReceived], now: datetime) -> None:
        lending.offer_declined(work, message, now)

    @on(from_offers.OfferUndeliverable)
    def offer_undeliverable(self, work: Work, message: Heard[from_offers.OfferUndeliverable], now: datetime) -> None:
        lending.offer_undeliverable(work, message, now)

    @on(from_offers.WithdrawalGiven)
    def withdrawal_given(self, work: Work, message: Heard[from_offers.WithdrawalGiven], now: datetime) -> None:
        lending.offer_withdrawn(work, message, now)

    @on(from_offers.WithdrawalReceived)
    def withdrawal_received(self, work: Work, message: Heard[from_offers.WithdrawalReceived], now: datetime) -> None:
        lending.offer_withdrawn(work, message, now)

    @on(from_offers.ExpiryGiven)
    def expiry_given(self, work: Work, message: Heard[from_offers.ExpiryGiven], now: datetime) -> None:
        lending.offer_expired(work, message, now)

    @on(from_offers.ExpiryReceived)
    def expiry_received(self, work: Work, message: Heard[from_offers.ExpiryReceived], now: datetime) -> None:
        lending.offer_expired(work, message, now)

    @on(from_offers.EndGiven)
    def end_given(self, work: Work, message: Heard[from_offers.EndGiven], now: datetime) -> None:
        lending.partnership_ended(work, message, now)

    @on(from_offers.EndReceived)
    def end_received(self, work: Work, message: Heard[from_offers.EndReceived], now: datetime) -> None:
        lending.partnership_ended(work, message, now)

    @on(from_offers.PartnershipLookedAt)
    def looked_at(self, work: Work, message: Heard[from_offers.PartnershipLookedAt], now: datetime) -> None:
        lending.looked_at(work, message, now)

    @on(said.DetailsShared)
    def details_shared(self, work: Work, message: Heard[said.DetailsShared], now: datetime) -> None:
        lending.receive(work, message, now)

    @on(said.DetailsDue)
    def details_due(self, work: Work, message: Heard[said.DetailsDue], now: datetime) -> None:
        lending.details_due(work, message, now)

    @on(Confirmed)
    def receipt(self, work: Work, news: Confirmed, now: datetime) -> None:
        lending.receipt(work, news, now)

    # Proposals to change that

    @command("partnership_id")
    def propose_modification(self, call: Call) -> Json:
        person, body = self._door(call, ProposeModification)
        self._await_added(call, body.add_contact_ids)
        return self.records.run(modifying.propose_modification, call, body, person=person)

    @command("partnership_id", "modification_id")
    def answer_modification(self, call: Call) -> Json:
        person, body = self._door(call, AnswerModification)
        with reserving_roles(self.accounts, call, needed=any(one.roles for one in body.items)) as environments:
            return self.records.run(modifying.answer_modification, call, body, person=person, environments=environments)

    @command("partnership_id", "modification_id")
    def withdraw_modification(self, call: Call) -> Json:
        person, _ = self._door(call, Empty)
        return self.records.run(modifying.withdraw_modification, call, person=person)

    @query("partnership_id")
    def list_modifications(self, call: Call) -> Json:
        found = standing(self.offers, call)
        query = call.read(ListModifications)
        return self.records.read(
            modifying.list_modifications, call, query, changes=found["changes"], after=stated(call, found)
        )

    @query("partnership_id")
    def get_overview(self, call: Call) -> Json:
        found = standing(self.offers, call)
        call.read(Empty)
        return self.records.read(lending.get_overview, call, changes=found["changes"], after=stated(call, found))

    @query("partnership_id", "modification_id")
    def get_modification(self, call: Call) -> Json:
        found = standing(self.offers, call)
        shown = self.records.read(modifying.get_modification, call, changes=found["changes"], after=stated(call, found))
        call.read(Empty)
        return shown

    def _door(self, call: Call, form: type[B]) -> tuple[Person, B]:
        """Who acts, and the body; the refusals in their order: NotFound, Forbidden, ValidationError for the form, WrongState after the end."""
        refused: Forbidden | WrongState | None = None
        found: Json = {}
        try:
            found = standing(self.offers, call, change=True)
            self.records.wait_for(call.tenant, stated(call, found))
        except (Forbidden, WrongState) as refusal:
            refused = refusal
        if "modification_id" in call.ids:
            self.records.read(modifying.get_modification, call)
        if isinstance(refused, Forbidden):
            raise refused
        if call.actor == SYSTEM:
            raise Forbidden("A person must do this.")
        person = admit(self.accounts, call, *CHANGERS)
        body = call.read(form)
        if refused is not None:
            raise refused
        if "modification_id" not in call.ids:
            # What is proposed is a change of the partnership itself.
            check_version(call, found["revision"])
        return person, body

    def _await_added(self, call: Call, ids: Sequence[str]) -> None:
        """A user made a moment ago is a contact: wait until accounts' word of it is here."""
        known = self.records.read(directory.known_contacts, call, ids)
        missing = [id for id in ids if id not in known]
        if missing:
            self._await_users(call, missing)

    @on(said.ModificationProposed)
    def modification_proposed(self, work: Work, message: Heard[said.ModificationProposed], now: datetime) -> None:
        lending.receive(work, message, now)

    @on(said.ModificationDecided)
    def modification_decided(self, work: Work, message: Heard[said.ModificationDecided], now: datetime) -> None:
        lending.receive(work, message, now)

    @on(said.ModificationWithdrawn)
    def modification_withdrawn(self, work: Work, message: Heard[said.ModificationWithdrawn], now: datetime) -> None:
        lending.receive(work, message, now)

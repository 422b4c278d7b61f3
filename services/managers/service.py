"""Entrypoints of the managers service; every line of meaning is in handlers.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from services.managers import handlers
from services.managers.commands import AddManagers, SetOwner
from services.managers.store import TABLES
from shared.bus.door import CHANGERS, Person, admitted, standing, stated
from shared.bus.entrypoints import Neighbour, Records, command, on, query
from shared.bus.session import Stated
from shared.bus.work import Heard, Json, Work
from shared.calls import SYSTEM, Body, Call, Empty, Paged
from shared.contracts import offers as from_offers
from shared.contracts.accounts import UserChanged
from shared.contracts.managers import TeamsDue
from shared.errors import Forbidden, ValidationError, WrongState
from shared.ids import is_id

B = TypeVar("B", bound=Body)
People = Mapping[str, Json]


class ManagersService:
    """The team that looks after each partnership on our own side."""

    name = "managers"
    publishers = ("accounts", "offers")
    records = Records("managers", TABLES)
    accounts = Neighbour("accounts")
    offers = Neighbour("offers")

    @query("partnership_id")
    def list_managers(self, call: Call) -> Json:
        heard = stated(call, standing(self.offers, call))
        return self.records.read(handlers.list_managers, call, call.read(Paged), after=heard)

    @command("partnership_id")
    def add_managers(self, call: Call) -> Json:
        person, body, people = self._door(call, AddManagers, call.body.get("contact_ids"))
        return self.records.run(handlers.add_managers, call, body, person=person, people=people)

    @command("partnership_id", "contact_id")
    def remove_manager(self, call: Call) -> Json:
        with self._only_of_a_member(call):
            person, _, _ = self._door(call, Empty)
            return self.records.run(handlers.remove_manager, call, person=person)

    @command("partnership_id")
    def set_owner(self, call: Call) -> Json:
        person, body, people = self._door(call, SetOwner, [call.body.get("contact_id")])
        return self.records.run(handlers.set_owner, call, body, person=person, people=people)

    # At the door

    def _door(self, call: Call, form: type[B], named: Any = ()) -> tuple[Person, B, People]:
        """Who acts, what they want, and what accounts says of the people they name, of whom we have heard by then.

        Refuses in the order of the contract: NotFound, Forbidden, ValidationError for the form, WrongState.
        """
        refused = None
        try:
            found = standing(self.offers, call, change=True)
            self.records.wait_for(call.tenant, stated(call, found))
            if (found["role"], found["status"]) == ("customer", "open"):
                refused = WrongState(handlers.ANSWER_FIRST)
        except WrongState as error:
            refused = error
        if call.actor == SYSTEM:
            raise Forbidden("A person must do this.")
        # Before their form is checked: one question for all of them, and what is no id is refused below.
        ids = list(dict.fromkeys(id for id in named if is_id(id)))[:200] if isinstance(named, list) else []
        told = self.accounts.get_people(tenant=call.tenant, actor=SYSTEM, ids=[call.actor, *ids])
        person = admitted(told, call, *CHANGERS)
        body = call.read(form)
        if refused is not None:
            raise refused
        people = {one["id"]: one for one in told["items"]}
        self._await_users(call, [id for id in ids if id in people])
        return person, body, people

    def _await_users(self, call: Call, ids: list[str]) -> None:
        """Wait until we have heard of these users: only what is there can be locked, and what was done a moment ago holds."""
        for id in self.records.read(handlers.unheard_of, call, ids) if ids else []:
            self.records.wait_for(call.tenant, Stated("accounts", id, 1))

    @contextlib.contextmanager
    def _only_of_a_member(self, call: Call) -> Iterator[None]:
        """What is refused within is refused only for somebody who is in the team: NotFound comes before all else."""
        try:
            yield
        except (Forbidden, ValidationError, WrongState):
            self.records.read(handlers.ensure_member, call)
            raise

    # What offers tells

    @on(from_offers.OfferSubmitted)
    def offer_submitted(self, work: Work, message: Heard[from_offers.OfferSubmitted], now: datetime) -> None:
        handlers.offer_submitted(work, message, now)

    @on(from_offers.AcceptanceGiven)
    def acceptance_given(self, work: Work, message: Heard[from_offers.AcceptanceGiven], now: datetime) -> None:
        handlers.acceptance_given(work, message, now)

    @on(from_offers.AcceptanceReceived)
    def acceptance_received(self, work: Work, message: Heard[from_offers.AcceptanceReceived], now: datetime) -> None:
        handlers.acceptance_received(work, message, now)

    @on(from_offers.DeclineReceived)
    def decline_received(self, work: Work, message: Heard[from_offers.DeclineReceived], now: datetime) -> None:
        handlers.came_to_its_end(work, message, now)

    @on(from_offers.OfferUndeliverable)
    def offer_undeliverable(self, work: Work, message: Heard[from_offers.OfferUndeliverable], now: datetime) -> None:
        handlers.came_to_its_end(work, message, now)

    @on(from_offers.WithdrawalGiven)
    def withdrawal_given(self, work: Work, message: Heard[from_offers.WithdrawalGiven], now: datetime) -> None:
        handlers.came_to_its_end(work, message, now)

    @on(from_offers.WithdrawalReceived)
    def withdrawal_received(self, work: Work, message: Heard[from_offers.WithdrawalReceived], now: datetime) -> None:
        handlers.taken_back(work, message, now)

    @on(from_offers.ExpiryGiven)
    def expiry_given(self, work: Work, message: Heard[from_offers.ExpiryGiven], now: datetime) -> None:
        handlers.came_to_its_end(work, message, now)

    @on(from_offers.ExpiryReceived)
    def expiry_received(self, work: Work, message: Heard[from_offers.ExpiryReceived], now: datetime) -> None:
        handlers.taken_back(work, message, now)

    @on(from_offers.EndGiven)
    def end_given(self, work: Work, message: Heard[from_offers.EndGiven], now: datetime) -> None:
        handlers.came_to_its_end(work, message, now)

    @on(from_offers.EndReceived)
    def end_received(self, work: Work, message: Heard[from_offers.EndReceived], now: datetime) -> None:
        handlers.came_to_its_end(work, message, now)

    # What accounts tells

    @on(UserChanged)
    def user_changed(self, work: Work, message: Heard[UserChanged], now: datetime) -> None:
        handlers.user_changed(work, message, now)

    @on(TeamsDue)
    def teams_due(self, work: Work, message: Heard[TeamsDue], now: datetime) -> None:
        handlers.teams_due(work, message, now)

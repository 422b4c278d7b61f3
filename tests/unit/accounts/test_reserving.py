"""While somebody is about to give a role, none is dropped; and what was given meanwhile is asked about again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.accounts import commands, handlers
from services.accounts.handlers.environments import Dropped
from shared.deadlines import RESERVED
from shared.errors import NotFound, Unavailable
from shared.ids import new_id
from tests.unit.accounts.desk import Accounts

ONE, OTHER = new_id(), new_id()


def reserve(accounts: Accounts, by: str = ONE, tenant: str = "kazenor") -> Any:
    call = accounts.call("system", tenant)
    return accounts.ask(handlers.reserving.reserve_roles, call, commands.Reserve(needed_by=by))


def release(accounts: Accounts, by: str = ONE) -> None:
    call = accounts.call("system")
    assert accounts.ask(handlers.reserving.release_roles, call, commands.Reserve(needed_by=by)) == {}


def without_production(accounts: Accounts, ada: str) -> Any:
    kept = accounts.look(handlers.environments.get_environments, accounts.call(ada))["items"][1:]
    return accounts.call(ada, items=kept)


def dropped(accounts: Accounts, call: Any) -> Dropped | None:
    found: Dropped | None = accounts.look(handlers.environments.dropped_roles, call)
    return found


def test_a_reservation_answers_the_environments(accounts: Accounts, ada: str) -> None:
    assert reserve(accounts) == accounts.look(handlers.environments.get_environments, accounts.call(ada))
    with pytest.raises(NotFound):
        reserve(accounts, tenant="nowhere")


def test_nothing_is_dropped_until_all_are_released(accounts: Accounts, ada: str) -> None:
    call = without_production(accounts, ada)
    reserve(accounts)
    reserve(accounts, OTHER)
    assert dropped(accounts, call) is None
    release(accounts)
    release(accounts)
    assert dropped(accounts, call) is None
    release(accounts, OTHER)
    found = dropped(accounts, call)
    assert found is not None and sorted(found.roles.values())[0] == "Administrator in Production"
    assert len(accounts.ask(handlers.environments.set_environments, call, found)["items"]) == 2


@pytest.mark.parametrize("over", [False, True])
def test_what_was_begun_after_it_was_asked_who_holds_what_stops_the_drop(
    accounts: Accounts, ada: str, over: bool
) -> None:
    call = without_production(accounts, ada)
    found = dropped(accounts, call)
    reserve(accounts)
    if over:
        release(accounts)
    with pytest.raises(Unavailable, match="just being given a role"):
        accounts.ask(handlers.environments.set_environments, call, found)
    if not over:
        release(accounts)
    again = dropped(accounts, call)
    assert len(accounts.ask(handlers.environments.set_environments, call, again)["items"]) == 2


def test_a_change_that_drops_nothing_waits_for_nobody(accounts: Accounts, ada: str) -> None:
    items = accounts.look(handlers.environments.get_environments, accounts.call(ada))["items"]
    items[0]["name"] = "Live"
    call = accounts.call(ada, items=items)
    found = dropped(accounts, call)
    reserve(accounts)
    assert dropped(accounts, call) is not None
    assert accounts.ask(handlers.environments.set_environments, call, found)["items"][0]["name"] == "Live"


def test_whoever_was_never_heard_of_again_stops_nothing_for_ever(accounts: Accounts, ada: str) -> None:
    call = without_production(accounts, ada)
    reserve(accounts)
    accounts.now += RESERVED - timedelta(seconds=30)
    assert dropped(accounts, call) is None
    accounts.now += timedelta(seconds=60)
    assert dropped(accounts, call) is not None
    reserve(accounts, OTHER)
    kept = accounts.database.records["reservations"][("kazenor", "kazenor")]
    assert ONE not in kept.document and OTHER in kept.document

"""What readers are told of a transaction: what has changed, short enough, once each; and never silently nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from services.accounts import store as accounts
from services.contacts import store as contacts
from services.history import store as history
from services.managers import store as managers
from services.notifications import store as notifications
from services.offers import store as offers
from shared.bus import live, topology
from shared.bus.publisher import Outgoing
from shared.bus.records import Table
from shared.bus.relay import Relay
from shared.ids import new_id


def read(payloads: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(one) for payload in payloads for one in json.loads(payload)]


def test_nothing_that_anybody_sees_is_no_notification() -> None:
    assert live.payloads([]) == []


def test_each_change_is_told_once_in_one_notification() -> None:
    told = [("kazenor", "partnership", "p1"), ("kazenor", "history", "p1"), ("kazenor", "partnership", "p1")]
    assert live.payloads(told) == ['[["kazenor","history","p1"],["kazenor","partnership","p1"]]']


def test_a_notification_is_never_longer_than_the_database_takes() -> None:
    told = [("ö" * 63, "notifications", new_id()) for _ in range(live.MOST)]
    payloads = live.payloads(told)
    assert len(payloads) > 1
    assert all(len(payload.encode()) < 8000 for payload in payloads)
    assert sorted(read(payloads)) == sorted(told)


def test_a_change_that_does_not_fit_is_told_without_its_name() -> None:
    assert read(live.payloads([("kazenor", "history", "x" * 9000)])) == [("kazenor", "history", "")]


def test_very_much_at_once_is_told_as_one_of_each_part_and_tenant() -> None:
    told = [(tenant, "contacts", new_id()) for tenant in ("kazenor", "northwind") for _ in range(live.MOST)]
    told.append(("kazenor", "history", "p1"))
    assert read(live.payloads(told)) == [
        ("kazenor", "contacts", ""),
        ("kazenor", "history", ""),
        ("northwind", "contacts", ""),
    ]


def test_what_was_heard_within_a_moment_is_said_once_to_each_tenant() -> None:
    heard = [
        '[["kazenor","partnership","p1"],["northwind","partnership","p1"]]',
        '[["kazenor","history","p1"],["kazenor","partnership","p1"]]',
    ]
    assert live.merged(heard) == {
        "kazenor": '[["history","p1"],["partnership","p1"]]',
        "northwind": '[["partnership","p1"]]',
    }


def test_more_than_a_reader_can_follow_within_a_moment_is_one_of_each_part() -> None:
    heard = [json.dumps([["kazenor", "contacts", str(n)] for n in range(live.MOST + 1)])]
    assert live.merged(heard) == {"kazenor": '[["contacts",""]]'}


def test_no_tenant_is_called_like_everybody() -> None:
    with pytest.raises(ValueError, match="cannot stand in a routing key"):
        topology.peer_key(live.EVERYBODY, "offers", "kazenor")


@pytest.mark.parametrize("service", topology.services())
def test_every_relay_finds_the_exchange_and_no_queue_keeps_what_is_said_there(service: str) -> None:
    layout = topology.cell_layout(service)
    assert topology.Exchange("accord.live", "topic") in layout.exchanges
    assert "accord.live" not in {binding.exchange for binding in layout.bindings}


class Thing:
    """Looks like any record that is asked whom or what it concerns."""

    id, partnership_id, user_id = "the id", "the partnership", "the person"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (offers.PARTNERSHIPS, ("partnership", "the id")),
        (offers.COUNTERPARTS, ("partnership", "")),
        (contacts.PARTNERSHIPS, ("contacts", "the id")),
        (contacts.MODIFICATIONS, ("contacts", "the partnership")),
        (contacts.CONTACTS, ("directory", "")),
        (managers.TEAMS, ("managers", "the id")),
        (history.ENTRIES, ("history", "the partnership")),
        (notifications.NOTIFICATIONS, ("notifications", "the person")),
        (accounts.BUSINESSES, ("business", "")),
        (accounts.USERS, ("business", "")),
        (accounts.ENVIRONMENTS, ("business", "")),
        (accounts.SETTINGS, ("business", "")),
    ],
    ids=lambda value: value.name if isinstance(value, Table) else "",
)
def test_what_people_look_at_is_told_with_what_it_concerns(table: Table[Any], told: tuple[str, str]) -> None:
    assert (table.part, table.about(Thing())) == told


def test_what_nobody_looks_at_is_not_told() -> None:
    silent = (accounts.SESSIONS, accounts.ATTEMPTS, accounts.LOGINS, contacts.PARKED, notifications.MAILS)
    assert [table.name for table in silent if table.part] == []


class Wire:
    """In place of the publisher: takes what readers are told, or does not."""

    def __init__(self) -> None:
        self.takes = True
        self.told: list[tuple[str, str]] = []

    async def tell(self, messages: Sequence[Outgoing]) -> bool:
        assert {(message.exchange, message.type) for message in messages} <= {(topology.LIVE, "changed")}
        if self.takes:
            self.told += [(message.key, message.body) for message in messages]
        return self.takes


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def telling(scenario: Callable[[Relay, Wire], Any]) -> None:
    async def run() -> None:
        wire: Any = Wire()
        relay = Relay("offers", "", wire, None)
        work = asyncio.create_task(relay._tell_readers())
        await scenario(relay, wire)
        work.cancel()

    asyncio.run(run())


def hear(relay: Relay, *payloads: str) -> None:
    relay._changes += payloads
    relay._changed.set()


def test_what_could_not_be_said_becomes_one_word_to_all() -> None:
    async def scenario(relay: Relay, wire: Wire) -> None:
        wire.takes = False
        hear(relay, '[["kazenor","partnership","p1"]]')
        await until(lambda: relay._missed)
        wire.takes = True
        hear(relay, '[["northwind","partnership","p1"]]')
        await until(lambda: wire.told)
        assert wire.told == [("", '[["all",""]]')]
        hear(relay, '[["northwind","partnership","p2"]]')
        await until(lambda: len(wire.told) > 1)
        assert wire.told[1:] == [("northwind", '[["partnership","p2"]]')]

    telling(scenario)


def test_all_are_told_that_something_was_missed_when_the_broker_is_reached_again() -> None:
    async def scenario(relay: Relay, wire: Wire) -> None:
        relay._reached()
        await until(lambda: wire.told)
        assert wire.told == [("", '[["all",""]]')]

    telling(scenario)

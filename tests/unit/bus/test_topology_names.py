"""The description of the broker is complete, and its names cannot be bent into other names."""

from __future__ import annotations

import re

import pytest

from shared.bus import topology


def test_a_fact_is_addressed_by_publisher_and_type() -> None:
    assert topology.fact_key("offers", "offer.received") == "offers.offer.received"


def test_a_peer_key_is_read_as_it_was_written() -> None:
    key = topology.peer_key("northwind", "offers", "kazenor-2")
    assert key == "northwind.offers.kazenor-2"
    assert topology.parse_peer_key(key) == ("northwind", "offers", "kazenor-2")


@pytest.mark.parametrize("name", ["", "a.b", "*", "#", "a b", "Northwind", "nörd", "a\n"])
def test_no_name_can_smuggle_another_key(name: str) -> None:
    for parts in ((name, "offers", "kazenor"), ("northwind", name, "kazenor"), ("northwind", "offers", name)):
        with pytest.raises(ValueError, match="cannot stand in a routing key"):
            topology.peer_key(*parts)


@pytest.mark.parametrize("key", ["", "a", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "a.b.*", "A.b.c", "a.b.c\n"])
def test_what_is_not_three_names_is_no_peer_key(key: str) -> None:
    with pytest.raises(ValueError, match="is not the routing key of a peer message"):
        topology.parse_peer_key(key)


def test_the_queues_are_called_as_operators_know_them() -> None:
    assert topology.events_queue("offers") == "offers.events.v1"
    assert topology.dead_queue("offers") == topology.peers_dead_queue("offers", "shared") == "offers.dead.v1"
    assert topology.peers_queue("offers", "shared") == "offers.peers.v1"
    assert topology.peers_queue("offers", "globex") == "globex.offers.peers.v1"
    assert topology.peers_dead_queue("offers", "globex") == "globex.offers.dead.v1"


def layouts(service: str) -> list[topology.Layout]:
    return [
        topology.cell_layout(service),
        topology.peers_layout(service),
        topology.peers_layout(service, "globex", ["globex", "initech"]),
    ]


@pytest.mark.parametrize("service", topology.services())
def test_everything_that_is_bound_or_dies_somewhere_is_declared_beside_it(service: str) -> None:
    for layout in layouts(service):
        exchanges, queues = {e.name for e in layout.exchanges}, {q.name for q in layout.queues}
        assert {b.exchange for b in layout.bindings} <= exchanges
        assert {b.queue for b in layout.bindings} <= queues
        assert {e.alternate for e in layout.exchanges if e.alternate} <= exchanges
        for queue in layout.queues:
            assert queue.arguments["x-queue-type"] == "quorum"
            through = queue.arguments.get("x-dead-letter-exchange")
            if through is not None:
                into = queue.arguments["x-dead-letter-routing-key"]
                assert into in queues
                assert through == "" or topology.Binding(through, into, into) in layout.bindings


@pytest.mark.parametrize("service", topology.services())
def test_a_service_hears_whole_publishers_and_never_itself(service: str) -> None:
    keys = {b.key for b in topology.cell_layout(service).bindings if b.exchange == "accord.events"}
    assert keys == {f"{publisher}.#" for publisher in topology.LISTENS[service]}
    assert service not in topology.LISTENS[service]
    assert set(topology.LISTENS[service]) <= set(topology.services())


def test_history_notifications_and_managers_never_meet_a_foreign_message() -> None:
    for service in ("history", "notifications", "managers"):
        assert topology.peers_layout(service) == topology.Layout()


def test_a_dedicated_cell_binds_its_tenants_and_declares_no_exchange_of_others() -> None:
    layout = topology.peers_layout("offers", "globex", ["globex", "initech"])
    assert [b.key for b in layout.bindings if b.exchange == "accord.peers"] == ["globex.offers.*", "initech.offers.*"]
    assert [e.name for e in layout.exchanges if not e.theirs] == ["accord.dead.globex"]


def test_an_unknown_service_has_no_place() -> None:
    for layout in (topology.cell_layout, topology.peers_layout):
        with pytest.raises(ValueError, match="There is no service 'offerz'"):
            layout("offerz")


# --- permissions: what the regular expressions say; what the broker makes of them is tested with a broker ---------------


def topic(cell: str, exchange: str = "accord.peers", **more: list[str]) -> topology.TopicPermission:
    [found] = [t for t in topology.topic_permissions(cell, **more) if t.exchange == exchange]
    return found


def test_a_dedicated_cell_writes_as_its_tenants_only() -> None:
    write = topic("globex", tenants=["globex", "initech"]).write
    for key in ("northwind.offers.globex", "globex.accounts.initech", "a-b.contacts.globex"):
        assert re.search(write, key)
    for key in (
        "globex.offers.northwind", "northwind.offers.xglobex", "northwind.offers.globexx", "northwind.history.globex",
        "a.northwind.offers.globex", "northwind.offers.globex.", "northwind.offers.", "globex", "",
    ):  # fmt: skip
        assert not re.search(write, key), key


def test_the_shared_cell_writes_as_everybody_else() -> None:
    write = topic("shared", dedicated=["globex", "initech"]).write
    for key in ("globex.offers.northwind", "northwind.offers.globex2", "northwind.offers.my-globex"):
        assert re.search(write, key)
    for key in ("northwind.offers.globex", "northwind.accounts.initech", "northwind.offers.", "a.b.offers.northwind"):
        assert not re.search(write, key), key


def test_a_cell_that_hosts_nobody_says_and_hears_nothing() -> None:
    nobody = topic("globex")
    for key in ("northwind.offers.globex", "northwind.offers.", "a.offers.b", "globex.offers.*"):
        assert not re.search(nobody.write, key)
        assert not re.search(nobody.read, key)


def test_nobody_writes_to_the_shared_exchange_directly() -> None:
    assert not re.search(topic("shared", "accord.peers.shared").write, "northwind.offers.kazenor")


def test_in_the_common_vhost_a_cell_may_touch_its_own_and_nothing_by_the_default_exchange() -> None:
    for cell, foreign in (("shared", "globex.offers.peers.v1"), ("globex", "offers.peers.v1")):
        [own] = [p for p in topology.permissions(cell) if p.vhost == "accord"]
        for pattern in (own.configure, own.write, own.read):
            assert re.search(pattern, topology.peers_queue("offers", cell))
            for name in (
                foreign,
                "amq.default",
                "amq.topic",
                "",
                "offersXpeersXv1",
                f"x{topology.peers_queue('offers', cell)}",
            ):
                assert not re.search(pattern, name), name
    [dedicated] = [p for p in topology.permissions("globex") if p.vhost == "accord"]
    assert not re.search(dedicated.configure, "accord.peers")
    assert not re.search(dedicated.write, "accord.peers.shared")
    assert not re.search(dedicated.read, "accord.peers.shared")

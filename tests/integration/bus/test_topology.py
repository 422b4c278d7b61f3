"""What stands on the broker: messages find their queue, die in the right place, and nobody can speak in another's name."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import amqp
import kombu
import pytest

from shared.bus import topology
from shared.bus.prepare import prepare_broker
from tests.integration.bus.relaying import text
from tests.support.servers import RabbitServer, until

GLOBEX = "globex"


class Cells:
    """Connections of the shared cell and of a dedicated cell that hosts one tenant, `globex`."""

    def __init__(self, broker: RabbitServer, stack: contextlib.ExitStack) -> None:
        self._broker, self._stack = broker, stack

    def channel(self, cell: str, vhost: str = "accord") -> Any:
        connection = kombu.Connection(self._broker.uri(cell, vhost), connect_timeout=5)
        self._stack.callback(connection.release)
        channel = connection.channel()
        channel.confirm_select()
        return channel

    def publish(self, cell: str, exchange: str, key: str, body: str = "{}", vhost: str = "accord") -> None:
        """Publish with a confirm. Raises what the broker says, amqp.AccessRefused for instance."""
        channel = self.channel(cell, vhost)
        channel.basic_publish_confirm(amqp.Message(body, delivery_mode=2), exchange, key)

    def next(self, cell: str, queue: str, vhost: str = "accord") -> amqp.Message:
        channel = self.channel(cell, vhost)
        return until(lambda: channel.basic_get(queue, no_ack=True), 5, f"a message in {queue}")

    def waiting(self, cell: str, queue: str, vhost: str = "accord") -> int:
        return int(self.channel(cell, vhost).queue_declare(queue, passive=True).message_count)


@pytest.fixture(scope="module")
def prepared(broker: RabbitServer) -> None:
    broker.add_cell(GLOBEX, tenants=(GLOBEX,))
    for service in topology.services():
        prepare_broker(broker.uri(), topology.cell_layout(service))
        if service in topology.SPEAKS_TO_PEERS:
            prepare_broker(broker.peers_uri(), topology.peers_layout(service))
    prepare_broker(broker.uri(GLOBEX), topology.cell_layout("offers"))
    prepare_broker(broker.peers_uri(GLOBEX), topology.peers_layout("offers", GLOBEX, [GLOBEX]))


@pytest.fixture
def cells(prepared: None, broker: RabbitServer) -> Iterator[Cells]:
    with contextlib.ExitStack() as stack:
        found = Cells(broker, stack)
        for cell, vhost, queues in (
            ("shared", "cell-shared", ["events.unheard.v1", *map(topology.events_queue, topology.services())]),
            ("shared", "cell-shared", [*map(topology.dead_queue, topology.services())]),
            ("shared", "accord", ["offers.peers.v1", "offers.dead.v1", "contacts.peers.v1"]),
            (GLOBEX, "accord", ["globex.offers.peers.v1", "globex.offers.dead.v1"]),
        ):
            channel = found.channel(cell, vhost)
            for queue in queues:
                channel.queue_purge(queue)
        yield found


# --- facts -----------------------------------------------------------------------------------------------------------


def test_a_fact_reaches_exactly_those_who_listen_to_its_publisher(cells: Cells) -> None:
    cells.publish("shared", "accord.events", "managers.team.changed", vhost="cell-shared")
    for service, publishers in topology.LISTENS.items():
        if "managers" in publishers:
            cells.next("shared", f"{service}.events.v1", "cell-shared")
    heard = [s for s in topology.services() if cells.waiting("shared", f"{s}.events.v1", "cell-shared")]
    assert heard == []


def test_a_fact_nobody_listens_to_is_kept_for_the_operator(cells: Cells) -> None:
    cells.publish("shared", "accord.events", "history.entry.written", "lonely", "cell-shared")
    assert text(cells.next("shared", "events.unheard.v1", "cell-shared")) == "lonely"


def test_of_the_unheard_only_the_last_thousand_are_kept(cells: Cells) -> None:
    channel = cells.channel("shared", "cell-shared")
    for number in range(topology.UNHEARD_LENGTH + 5):
        channel.basic_publish(amqp.Message(str(number)), "accord.events", "history.entry.written")
    channel.basic_publish_confirm(amqp.Message("last"), "accord.events", "history.entry.written")
    until(lambda: cells.waiting("shared", "events.unheard.v1", "cell-shared") == topology.UNHEARD_LENGTH)
    assert text(cells.next("shared", "events.unheard.v1", "cell-shared")) == "6"


# --- queues ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "tenant", "vhost", "queue", "through", "dead"),
    [
        ("shared", "kazenor", "cell-shared", "offers.events.v1", "", "offers.dead.v1"),
        ("shared", "kazenor", "accord", "offers.peers.v1", "accord.dead.shared", "offers.dead.v1"),
        (GLOBEX, GLOBEX, "accord", "globex.offers.peers.v1", "accord.dead.globex", "globex.offers.dead.v1"),
    ],
)
def test_what_is_rejected_dies_into_the_dead_queue_at_least_once(
    cells: Cells, broker: RabbitServer, cell: str, tenant: str, vhost: str, queue: str, through: str, dead: str
) -> None:
    listed = json.loads(broker.control("-q", "list_queues", "-p", vhost, "name", "arguments", "--formatter", "json"))
    [stands] = [{name: value for name, _, value in q["arguments"]} for q in listed if q["name"] == queue]
    assert stands == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1000,
        "x-dead-letter-exchange": through,
        "x-dead-letter-routing-key": dead,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    exchange, key = ("", queue) if vhost != "accord" else ("accord.peers", f"{tenant}.offers.{tenant}")
    cells.publish(cell, exchange, key, "poison", vhost)
    channel = cells.channel(cell, vhost)
    poison = until(lambda: channel.basic_get(queue))
    channel.basic_reject(poison.delivery_tag, requeue=False)
    assert text(cells.next(cell, dead, vhost)) == "poison"


def test_other_arguments_than_those_that_stand_are_refused(cells: Cells, broker: RabbitServer) -> None:
    layout = topology.Layout(queues=(topology.Queue("offers.events.v1", {"x-queue-type": "classic"}),))
    with pytest.raises(Exception, match="A new version in its name is missing"):
        prepare_broker(broker.uri(), layout)


# --- between cells ---------------------------------------------------------------------------------------------------


def test_a_tenant_no_dedicated_cell_hosts_is_reached_in_the_shared_cell(cells: Cells) -> None:
    cells.publish("shared", "accord.peers", "northwind.offers.kazenor", "shared to shared")
    assert text(cells.next("shared", "offers.peers.v1")) == "shared to shared"
    cells.publish(GLOBEX, "accord.peers", "northwind.offers.globex", "dedicated to shared")
    message = cells.next("shared", "offers.peers.v1")
    assert text(message) == "dedicated to shared"
    # Also behind the alternate exchange the key is what the sender was allowed to write.
    assert message.delivery_info["routing_key"] == "northwind.offers.globex"
    assert message.delivery_info["exchange"] == "accord.peers"


def test_a_tenant_of_a_dedicated_cell_is_reached_there_and_nowhere_else(cells: Cells) -> None:
    cells.publish("shared", "accord.peers", "globex.offers.kazenor", "over to you")
    assert text(cells.next(GLOBEX, "globex.offers.peers.v1")) == "over to you"
    assert cells.waiting("shared", "offers.peers.v1") == 0


def test_each_service_hears_its_own_kind_only(cells: Cells) -> None:
    cells.publish("shared", "accord.peers", "northwind.contacts.kazenor", "details")
    assert text(cells.next("shared", "contacts.peers.v1")) == "details"
    assert cells.waiting("shared", "offers.peers.v1") == 0


@pytest.mark.parametrize(
    ("cell", "exchange", "key"),
    [
        pytest.param(GLOBEX, "accord.peers", "northwind.offers.kazenor", id="a dedicated cell as a tenant of the shared one"),
        pytest.param("shared", "accord.peers", "northwind.offers.globex", id="the shared cell as a tenant of a dedicated one"),
        pytest.param(GLOBEX, "accord.peers", "northwind.offers.globex.x", id="a key with a tail"),
        pytest.param(GLOBEX, "accord.peers", "northwind.offers.kazenor.globex", id="a key with a foreign middle"),
        pytest.param(GLOBEX, "accord.peers", "northwind.offers.notglobex", id="a name that ends alike"),
        pytest.param(GLOBEX, "accord.peers", "northwind.history.globex", id="a service that has no peers"),
        pytest.param(GLOBEX, "accord.peers.shared", "northwind.offers.kazenor", id="around the first exchange"),
        pytest.param("shared", "accord.peers.shared", "northwind.offers.globex", id="around it, the shared cell"),
        pytest.param(GLOBEX, "", "offers.peers.v1", id="straight into the queue of another cell"),
        pytest.param("shared", "", "globex.offers.peers.v1", id="straight into the queue of a dedicated cell"),
        pytest.param(GLOBEX, "accord.dead.shared", "offers.dead.v1", id="into the dead queue of another cell"),
    ],
)  # fmt: skip
def test_the_broker_refuses_a_forged_origin(cells: Cells, cell: str, exchange: str, key: str) -> None:
    with pytest.raises(amqp.AccessRefused):
        cells.publish(cell, exchange, key, "believe me")
    assert cells.waiting("shared", "offers.peers.v1") == 0
    assert cells.waiting(GLOBEX, "globex.offers.peers.v1") == 0


@pytest.mark.parametrize(
    ("exchange", "key"),
    [
        ("accord.peers", "northwind.offers.*"),
        ("accord.peers", "#"),
        ("accord.peers", "*.offers.*"),
        ("accord.peers", "globex.#"),
        ("accord.peers.shared", "*.offers.*"),
    ],
)
def test_a_cell_cannot_listen_to_what_is_meant_for_others(cells: Cells, exchange: str, key: str) -> None:
    with pytest.raises(amqp.AccessRefused):
        cells.channel(GLOBEX).queue_bind("globex.offers.peers.v1", exchange, key)


def test_a_cell_can_neither_read_nor_empty_nor_delete_what_is_anothers(cells: Cells) -> None:
    for deed in (
        lambda channel: channel.basic_get("offers.peers.v1"),
        lambda channel: channel.queue_purge("offers.peers.v1"),
        lambda channel: channel.queue_delete("offers.peers.v1"),
        lambda channel: channel.exchange_delete("accord.peers"),
        lambda channel: channel.queue_declare("another", durable=True, auto_delete=False),
    ):
        with pytest.raises(amqp.AccessRefused):
            deed(cells.channel(GLOBEX))


def test_no_cell_enters_the_vhost_of_another(cells: Cells) -> None:
    with pytest.raises((amqp.NotAllowed, amqp.AccessRefused)):
        cells.channel(GLOBEX, "cell-shared")


def test_a_dedicated_cell_says_that_the_shared_one_comes_first(
    broker: RabbitServer, prepared: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "PEERS", "accord.peers.of.tomorrow")
    with pytest.raises(Exception, match="Prepare the shared cell first"):
        prepare_broker(broker.peers_uri(GLOBEX), topology.peers_layout("offers", GLOBEX, [GLOBEX]))


def test_preparing_twice_changes_nothing(cells: Cells, broker: RabbitServer) -> None:
    before = broker.control("-q", "list_bindings", "-p", "accord")
    prepare_broker(broker.peers_uri(), topology.peers_layout("offers"))
    assert broker.control("-q", "list_bindings", "-p", "accord") == before

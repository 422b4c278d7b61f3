"""The relay publishes what was committed, in every weather, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import amqp
import kombu
import psycopg
import pytest

from deploy.local.paths import ROOT
from shared.bus import publisher as publishing
from shared.bus import relay as relaying
from shared.bus import topology
from shared.bus.publisher import Outgoing, Publisher, Verdict
from shared.ids import new_id
from tests.integration.bus.relaying import Ear, Outbox, RelayProcess, document, due_in, text
from tests.support.servers import PostgresServer, RabbitServer, prepare, until


@pytest.fixture(scope="module")
def prepared(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> dict[str, str]:
    """Databases and queues once for all tests here: what a test leaves behind is removed before the next one."""
    # Contacts listens to offers: its queue is where facts can be heard.
    urls = {"ACCORD_AMQP_URI": broker.uri(), "ACCORD_PEERS_AMQP_URI": broker.peers_uri()}
    environment = service_databases("offers", "contacts") | urls
    for service in ("offers", "contacts"):
        prepare(service, environment)
    return environment


@pytest.fixture
def environment(prepared: dict[str, str], broker: RabbitServer) -> dict[str, str]:
    outbox = Outbox("offers", prepared)
    with psycopg.connect(outbox.url("owner")) as connection:
        connection.execute("truncate outbox, streams, answers")
    for uri, names in (
        (broker.uri(), ("contacts.events.v1", "offers.events.v1")),
        (broker.peers_uri(), ("offers.peers.v1",)),
    ):
        with kombu.Connection(uri) as broker_connection, broker_connection.channel() as channel:
            for name in names:
                channel.queue_purge(name)
    return prepared


@pytest.fixture
def outbox(environment: dict[str, str]) -> Outbox:
    return Outbox("offers", environment)


@pytest.fixture
def relay(environment: dict[str, str], tmp_path: Path) -> Iterator[RelayProcess]:
    process = RelayProcess("offers", environment, tmp_path / "relay.log")
    yield process
    process.end()
    print(process.log.read_text())  # shown when the test failed


@pytest.fixture
def ear(environment: dict[str, str]) -> Iterator[Callable[[str], Ear]]:
    ears: list[Ear] = []

    def listen(queue: str) -> Ear:
        peers = ".peers." in queue
        ears.append(Ear(environment["ACCORD_PEERS_AMQP_URI" if peers else "ACCORD_AMQP_URI"], queue))
        return ears[-1]

    yield listen
    for one in ears:
        one.close()


def test_a_committed_fact_is_published_word_for_word_and_done(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    body = '{"exactly":  "this", "__type__": 1, "é": "\\u0000"}'
    [id] = outbox.commit(body)
    message = ear("contacts.events.v1").next()
    assert text(message) == body
    assert message.delivery_info["exchange"] == "accord.events"
    assert message.delivery_info["routing_key"] == "offers.offer.submitted"
    assert message.properties.pop("application_headers").keys() <= {"x-delivery-count"}  # the queue's own
    assert message.properties == {
        "content_type": "application/vnd.accord.message+json",
        "delivery_mode": 2,
        "message_id": id,
        "type": "offer.submitted",
    }
    [row] = outbox.sent(id)
    assert row["due_at"] is None
    assert row["attempts"] == 1


def test_a_peer_message_names_both_sides_in_its_routing_key(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    outbox.commit("hello", kind="peer", type="offer.sent", destination="northwind")
    message = ear("offers.peers.v1").next()
    assert topology.parse_peer_key(message.delivery_info["routing_key"]) == ("northwind", "offers", "kazenor")
    assert message.delivery_info["exchange"] == "accord.peers"


def test_a_peer_message_is_sent_again_and_again_until_it_is_receipted(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    heard = ear("offers.peers.v1")
    [id] = outbox.commit("again", kind="peer", destination="northwind")
    for attempt, pause in enumerate([5, 30, 300, 3600, 3600], start=1):
        [row] = outbox.sent(id, attempts=attempt)
        assert due_in(row) == pytest.approx(pause, abs=1)
        assert text(heard.next()) == "again"
        outbox.change("due_at = now()", id)
    outbox.sent(id, attempts=6)
    heard.next()
    outbox.change("due_at = null", id)  # what the service does when a receipt confirms it
    outbox.commit("later", kind="peer", destination="northwind")
    assert heard.bodies(1) == ["later"]
    assert outbox.row(id)["attempts"] == 6


def test_a_receipt_that_comes_while_the_message_is_on_its_way_is_not_overwritten(
    outbox: Outbox, relay: RelayProcess, broker: RabbitServer, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    heard = ear("offers.peers.v1")
    others = ThreadPoolExecutor()
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        [id] = outbox.commit("on its way", kind="peer", destination="northwind")
        until(lambda: taken(outbox, id), 5, "the relay has taken the row")
        receipted = others.submit(outbox.change, "due_at = null", id)
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    assert heard.bodies(1) == ["on its way"]
    receipted.result(10)
    [row] = outbox.sent(id)
    assert row["due_at"] is None


def taken(outbox: Outbox, id: str) -> bool:
    """Whether somebody holds the row."""
    with psycopg.connect(outbox.url("relay")) as connection:
        query = "select 1 from outbox where id = %s for update skip locked"
        return connection.execute(query, [id]).fetchone() is None


def test_what_was_committed_before_a_crash_is_published_after_it(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    relay.signal(signal.SIGSTOP)  # it sees nothing of the commit any more
    ids = outbox.commit("one", "two")
    relay.kill()
    heard = ear("contacts.events.v1")
    assert heard.nothing_more()
    relay.start()
    assert heard.bodies(2) == ["one", "two"]
    outbox.sent(*ids)


def test_a_crash_between_publishing_and_marking_sends_a_copy_and_loses_nothing(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    ids = outbox.commit("one", "two")
    heard = ear("contacts.events.v1")
    with psycopg.connect(outbox.url("owner")) as gate:
        gate.execute("lock table outbox in share mode")  # rows can be taken, but not marked
        relay.start()
        assert heard.bodies(2) == ["one", "two"]
        relay.kill()
        # What it had asked of the database would still be done once the gate opens.
        until(lambda: not end_connections_of_relay(outbox))
    relay.start()
    assert heard.bodies(2) == ["one", "two"]
    outbox.sent(*ids)


def end_connections_of_relay(outbox: Outbox) -> int:
    """End what the relay has open in the database; how many there were."""
    query = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'offers-relay'"
    with psycopg.connect(outbox.url("relay")) as connection:
        return connection.execute(query).rowcount


def test_a_stream_keeps_its_order_whatever_order_it_becomes_due_in(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    bodies = [str(number) for number in range(200)]
    ids = outbox.commit(*bodies, kind="peer", destination="northwind", due_in=[-number / 1000 for number in range(200)])
    relay.start()
    assert ear("offers.peers.v1").bodies(200) == bodies
    outbox.sent(ids[0], ids[-1])


def test_nothing_is_published_before_it_is_due(outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]) -> None:
    relay.start()
    [timer] = outbox.commit("in an hour", kind="timer", due_in=[3600])
    [soon] = outbox.commit("now", kind="timer")
    outbox.sent(soon)
    heard = ear("offers.events.v1")
    message = heard.next()
    assert text(message) == "now"
    assert message.delivery_info["exchange"] == ""  # it came from ourselves
    assert outbox.row(timer)["sent_at"] is None
    outbox.change("due_at = now()", timer)
    assert heard.bodies(1) == ["in an hour"]


def test_what_nobody_was_told_of_is_found_by_looking(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    outbox.sent(*outbox.commit("told"))
    outbox.commit("untold", notify=False)
    assert ear("contacts.events.v1").bodies(2) == ["told", "untold"]


def test_a_peer_message_no_queue_takes_stays_due(
    environment: dict[str, str], outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    delete_queue(environment, "offers.peers.v1")
    [id] = outbox.commit("anybody?", kind="peer", destination="northwind")
    row = until(lambda: (r := outbox.row(id))["attempts"] and r, 5)
    assert row["sent_at"] is None
    assert 3 < due_in(row) <= 5
    prepare("offers", environment)
    outbox.change("due_at = now()", id)
    assert ear("offers.peers.v1").bodies(1) == ["anybody?"]
    outbox.sent(id)


def delete_queue(environment: dict[str, str], name: str) -> None:
    with kombu.Connection(environment["ACCORD_PEERS_AMQP_URI"]) as connection, connection.channel() as channel:
        channel.queue_delete(name)


def test_a_message_the_broker_forbids_holds_up_no_other(
    outbox: Outbox, relay: RelayProcess, broker: RabbitServer, ear: Callable[[str], Ear]
) -> None:
    broker.add_cell("globex", tenants=("globex",))  # from now on the shared cell may not speak for globex
    relay.start()
    [forged] = outbox.commit("I am globex", kind="peer", tenant="globex", destination="northwind", notify=False)
    good = outbox.commit("one", "two", kind="peer", destination="northwind")
    assert sorted(ear("offers.peers.v1").bodies(2)) == ["one", "two"]
    outbox.sent(*good)
    row = until(lambda: (r := outbox.row(forged))["attempts"] and r, 5)
    assert row["sent_at"] is None
    assert row["due_at"] is not None


def test_a_receipt_says_what_was_applied_and_is_due_no_more(
    outbox: Outbox, relay: RelayProcess, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    subject = outbox.stream("kazenor", applied=7, applied_digest="abc", seen=5, sent=3, parked_type="offer.sung")
    message = ear("offers.peers.v1").next()
    assert message.delivery_info["routing_key"] == "kazenor.offers.northwind"
    said = document(message)
    assert said["data"] == {
        "applied": 7, "digest": "abc", "seen": 5, "sent": 3, "protocol": 1, "parked": "offer.sung", "wanted": False,
    }  # fmt: skip
    assert said.items() >= {
        "type": "receipt", "kind": "peer", "source": "offers", "origin": "northwind", "destination": "kazenor",
        "subject": subject, "sequence": 0,
    }.items()  # fmt: skip
    until(lambda: not outbox.receipt_due(subject))


def test_a_receipt_nobody_takes_is_due_again(
    environment: dict[str, str], outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "REFUSED_RECEIPT_S", 0.2)
    delete_queue(environment, "offers.peers.v1")
    subject = outbox.stream("kazenor", applied=1)

    async def story() -> None:
        async with running(environment):
            await condition(lambda: not outbox.receipt_due(subject))
            prepare("offers", environment)
            outbox.commit("wake up")
            ear = Ear(environment["ACCORD_PEERS_AMQP_URI"], "offers.peers.v1")
            await condition(lambda: not ear.nothing_more())
            ear.close()
            await condition(lambda: not outbox.receipt_due(subject))

    asyncio.run(story())


class running:
    """A relay inside this test, to look at it from within."""

    def __init__(self, environment: dict[str, str], confirm_s: float = 10) -> None:
        self.cell = Publisher(environment["ACCORD_AMQP_URI"], confirm_s=confirm_s)
        self.peers = Publisher(environment["ACCORD_PEERS_AMQP_URI"], "accord.dead.shared", confirm_s=confirm_s)
        self.relay = relaying.Relay("offers", environment["ACCORD_OFFERS_RELAY_DATABASE_URL"], self.cell, self.peers)

    async def __aenter__(self) -> relaying.Relay:
        self._task = asyncio.create_task(self.relay.run())
        await asyncio.gather(self.cell.up.wait(), self.peers.up.wait())
        return self.relay

    async def __aexit__(self, *_: object) -> None:
        self.relay.stop()
        await self._task


async def condition(holds: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition, as `until` does, while the relay in this loop goes on."""
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < end, f"not so within {seconds:g} s"
        await asyncio.sleep(0.02)


def test_a_broker_that_does_not_confirm_is_left_and_the_rows_stay_due(
    environment: dict[str, str], outbox: Outbox, broker: RabbitServer
) -> None:
    async def story() -> None:
        async with running(environment, confirm_s=0.3) as relay:
            await asyncio.to_thread(lambda: outbox.sent(*outbox.commit("before")))
            await asyncio.to_thread(broker.control, "set_vm_memory_high_watermark", "0.0000001")
            try:
                [id] = outbox.commit("during")
                await condition(lambda: not self_up(relay))
                assert outbox.row(id)["attempts"] == 0
                assert outbox.row(id)["due_at"] is not None
            finally:
                await asyncio.to_thread(broker.control, "set_vm_memory_high_watermark", "0.6")
            await condition(lambda: outbox.row(id)["sent_at"])

    def self_up(relay: relaying.Relay) -> bool:
        return relay.checks["broker"]() is None

    asyncio.run(story())


def test_a_broker_with_an_alarm_is_not_taken_for_one_that_is_back(
    environment: dict[str, str], broker: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    ups: list[int] = []
    connect = publishing.aio_pika.connect

    async def counted(*arguments: Any, **named: Any) -> Any:
        tries.append(1)
        return await connect(*arguments, **named)

    monkeypatch.setattr(publishing.aio_pika, "connect", counted)

    async def story() -> None:
        publisher = Publisher(environment["ACCORD_AMQP_URI"], confirm_s=0.2)
        await asyncio.to_thread(broker.control, "set_vm_memory_high_watermark", "0.0000001")
        keeping = asyncio.create_task(publisher.keep(lambda: ups.append(1)))
        try:
            await condition(lambda: len(tries) == 3)
            assert not ups
        finally:
            await asyncio.to_thread(broker.control, "set_vm_memory_high_watermark", "0.6")
        await asyncio.wait_for(publisher.up.wait(), 20)
        assert ups
        keeping.cancel()
        await asyncio.wait([keeping])

    asyncio.run(story())


def test_more_than_a_batch_is_published_without_a_pause(
    environment: dict[str, str], outbox: Outbox, ear: Callable[[str], Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "POLL_S", 3600)  # it never looks by itself, and is told once
    bodies = [str(number) for number in range(1200)]
    ids = outbox.commit(*bodies)

    async def story() -> None:
        async with running(environment):
            await condition(lambda: outbox.row(ids[-1])["sent_at"])

    asyncio.run(story())
    assert ear("contacts.events.v1").bodies(1200) == bodies


def test_while_the_broker_is_away_the_relay_waits_and_then_publishes(
    outbox: Outbox, relay: RelayProcess, broker: RabbitServer, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    broker.kill()
    [id] = outbox.commit("meanwhile")
    until(lambda: relay.get("/readyz")[0] == 503, 10)
    assert "Not connected" in relay.get("/readyz")[1]
    broker.start()
    outbox.sent(id)
    assert ear("contacts.events.v1").bodies(1) == ["meanwhile"]
    assert relay.process is not None
    assert relay.process.poll() is None


def test_while_the_database_is_away_the_relay_waits_and_then_publishes(
    outbox: Outbox, relay: RelayProcess, postgres_server: PostgresServer, ear: Callable[[str], Ear]
) -> None:
    relay.start()
    postgres_server.kill()
    until(lambda: relay.get("/readyz")[0] == 503, 15)
    postgres_server.start()
    [id] = outbox.commit("after", notify=False)
    outbox.sent(id)
    until(lambda: relay.get("/readyz")[0] == 200, 15)
    assert ear("contacts.events.v1").bodies(1) == ["after"]


@pytest.mark.parametrize("broker_hangs", [False, True], ids=["at rest", "while the broker hangs"])
def test_told_to_stop_it_stops_within_two_seconds(
    outbox: Outbox, relay: RelayProcess, broker: RabbitServer, broker_hangs: bool
) -> None:
    relay.start()
    if broker_hangs:
        os.kill(broker.pid, signal.SIGSTOP)
    try:
        if broker_hangs:
            [id] = outbox.commit("stuck")
            until(lambda: taken(outbox, id), 5)
        relay.signal(signal.SIGTERM)
        assert relay.process is not None
        assert relay.process.wait(2) == 0
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def test_it_measures_how_long_the_oldest_message_waits(outbox: Outbox, relay: RelayProcess) -> None:
    relay.start()

    def lag() -> float:
        for line in relay.get("/metrics")[1].splitlines():
            if line.startswith('accord_outbox_lag_seconds{service="offers"}'):
                return float(line.split()[-1])
        return -1

    until(lambda: lag() == 0)
    [id] = outbox.commit("held", due_in=[1.5])
    with outbox.transaction("kazenor") as connection:
        # Somebody holds it when it becomes due, so the relay has to leave it where it is.
        connection.execute("select 1 from outbox where id = %s for update", [id])
        until(lambda: lag() > 0.3)
    until(lambda: lag() == 0)


def test_it_counts_the_dead_letters_of_both_vhosts(
    environment: dict[str, str], relay: RelayProcess, broker: RabbitServer
) -> None:
    broker.empty()
    for uri in (broker.uri(), broker.peers_uri()):
        exchange = topology.peers_dead_exchange("shared") if uri == broker.peers_uri() else ""
        with kombu.Connection(uri) as connection, connection.channel() as channel:
            channel.basic_publish(amqp.Message(b"junk"), exchange=exchange, routing_key=topology.dead_queue("offers"))
    relay.start()
    until(lambda: 'accord_dead_letters{service="offers"} 2.0' in relay.get("/metrics")[1], 10)
    broker.empty()


def test_old_local_rows_and_old_answers_go_and_what_was_said_to_peers_stays(
    environment: dict[str, str], outbox: Outbox
) -> None:
    [old, new] = outbox.commit("old", "new", due_in=[3600, 3600])
    [peer] = outbox.commit("said", kind="peer", destination="northwind", due_in=[3600])
    for id, days in ((old, 8), (new, 6), (peer, 8)):
        outbox.change(f"due_at = null, sent_at = now() - interval '{days} days'", id)
    with outbox.transaction("kazenor") as connection:
        for key, hours in (("old", 49), ("new", 47)):
            connection.execute(
                "insert into answers (tenant, actor, method, key, fingerprint, created_at)"
                " values ('kazenor', 'a', 'm', %s, '', now() - %s * interval '1 hour')",
                [key, hours],
            )
    asyncio.run(
        relaying.Relay(
            "offers", outbox.url("relay"), Publisher(environment["ACCORD_AMQP_URI"]), None
        ).prune()
    )  # fmt: skip
    with outbox.transaction("kazenor") as connection:
        assert {r["id"] for r in connection.execute("select id from outbox").fetchall()} == {new, peer}
        assert [r["key"] for r in connection.execute("select key from answers").fetchall()] == ["new"]


def test_a_publisher_knows_what_was_sent_and_what_was_refused(environment: dict[str, str]) -> None:
    def message(key: str, exchange: str = "accord.events", mandatory: bool = True) -> Outgoing:
        return Outgoing(new_id(), "offer.submitted", exchange, key, "{}", mandatory)

    async def story() -> list[Verdict]:
        publisher = Publisher(environment["ACCORD_AMQP_URI"])
        keeping = asyncio.create_task(publisher.keep(lambda: None))
        await asyncio.wait_for(publisher.up.wait(), 5)
        verdicts = await publisher.start(
            [
                message("offers.offer.submitted"),
                message("nobody.v1", exchange=""),
                message("x" * 300),
                message("any", exchange="no.such.exchange"),
                message("offers.offer.submitted"),
            ]
        )
        keeping.cancel()
        await asyncio.wait([keeping])
        return verdicts

    sent, refused = Verdict.SENT, Verdict.REFUSED
    assert asyncio.run(story()) == [sent, refused, refused, refused, sent]


def test_the_relay_knows_neither_eventlet_nor_nameko() -> None:
    code = "import sys, shared.bus.relay; print({'eventlet', 'nameko', 'kombu', 'amqp'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

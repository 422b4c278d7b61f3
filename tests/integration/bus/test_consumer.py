"""A service on a real broker and database: whatever comes through its queues, and whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import kombu
import psycopg
import pytest

from deploy.local.paths import ROOT
from shared.bus import topology
from shared.bus.consumer import Feed
from shared.bus.deliveries import Tally
from shared.bus.postgres import PostgresDatabase
from tests.integration.bus.test_inbox import stream, words
from tests.support.desk import Desk
from tests.support.processes import running
from tests.support.servers import PostgresServer, RabbitServer, until


class World:
    """The sample service's surroundings."""

    def __init__(self, environment: dict[str, str], database: PostgresDatabase) -> None:
        self.environment = environment
        self.database = database
        self.desk = Desk("offers", environment, seconds=20, tries=5)

    def send(
        self, bodies: Sequence[str], *, key: str = "northwind.offers.kazenor", content_type: str = topology.CONTENT_TYPE
    ) -> None:
        """Publish peer messages as a relay of the other side would."""
        with kombu.Connection(
            self.environment["ACCORD_PEERS_AMQP_URI"], transport_options={"confirm_publish": True}
        ) as connection:
            producer = connection.Producer()
            for body in bodies:
                producer.publish(
                    body,
                    exchange=topology.PEERS,
                    routing_key=key,
                    content_type=content_type,
                    content_encoding="utf-8",
                    mandatory=True,
                )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.environment["ACCORD_OFFERS_RELAY_DATABASE_URL"]) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[arg-type]

    def states(self) -> dict[str, tuple[str, int]]:
        rows = self.rows("select id, state, attempts from inbox where state <> 'applied'")
        return {id.split("-", 1)[1]: (state, attempts) for id, state, attempts in rows}

    def depth(self, queue: str, uri: str = "ACCORD_PEERS_AMQP_URI") -> int:
        with kombu.Connection(self.environment[uri]) as connection:
            return int(connection.default_channel.queue_declare(queue, passive=True).message_count)


@pytest.fixture
def world(sample_environment: dict[str, str], sample_database: PostgresDatabase, broker: RabbitServer) -> World:
    broker.empty()
    return World(sample_environment | {"ACCORD_BACK_OFF": "0.01"}, sample_database)


@pytest.fixture
def service(world: World) -> Iterator[subprocess.Popen[bytes]]:
    with running(world.environment, "shared.bus.run", "tests.integration.bus.sample_service") as process:
        yield process


def bodies(*said: str, subject: str = "n1") -> list[str]:
    return [d.body for d in stream(*said, subject=subject)]


def test_duplicates_and_disorder_end_as_one_stream(world: World, service: Any) -> None:
    a, b, c = bodies("a", "b", "c")
    world.send([c, a, a, c])
    until(lambda: world.states() == {"c-3": ("parked", 0)}, 10, "the gap is parked")
    world.send([b, b, a])
    until(lambda: words(world.database) == ("a", "b", "c"), 10, "the gap is filled")
    assert world.states() == {}


@pytest.mark.usefixtures("service")
def test_poison_ends_as_a_dead_row_and_good_messages_behind_it_are_handled(world: World) -> None:
    with running(world.environment, "shared.bus.relay", "offers"):
        world.send(
            [*bodies("poison", "held-up"), *(body for i in range(100) for body in bodies("a", "b", subject=f"good{i}"))]
        )
        until(
            lambda: all(words(world.database, f"good{i}") == ("a", "b") for i in range(100)),
            20,
            "the good ones are handled",
        )
        until(lambda: world.states().get("poison-1", ("", 0))[0] == "dead", 20, f"poison is dead: {world.states()}")
    assert world.states() == {"poison-1": ("dead", 5), "held-up-2": ("parked", 0)}


def test_a_message_that_kills_the_process_is_dead_after_five_attempts(world: World) -> None:
    world.send([*bodies("killer"), *bodies("a", subject="good")])
    lives = 0
    while world.states().get("killer-1", ("", 0))[0] != "dead" or words(world.database, "good") != ("a",):
        lives += 1
        assert lives < 12, world.states()
        process = subprocess.Popen(
            [sys.executable, "-m", "shared.bus.run", "tests.integration.bus.sample_service"],
            env={**os.environ, **world.environment},
            cwd=ROOT,
        )
        try:
            until(
                lambda p=process: (
                    p.poll() is not None  # type: ignore[misc]
                    or (
                        world.states().get("killer-1", ("", 0))[0] == "dead" and words(world.database, "good") == ("a",)
                    )
                ),
                20,
                "the process ends or the killer is dead",
            )
        finally:
            process.kill()
            process.wait()
    assert words(world.database, "good") == ("a",)


@pytest.mark.usefixtures("service")
def test_what_cannot_be_decoded_ends_in_the_dead_queue(world: World) -> None:
    (a,) = bodies("a")
    rubbish: list[tuple[list[str], dict[str, str]]] = [
        (["{broken"], {}),
        ([a], {"content_type": "application/json"}),
        ([a.replace('"word": "a"', '"word": "' + "x" * 20_000_000 + '"')], {}),
        ([a.replace('"origin": "kazenor"', '"origin": "mallory"')], {}),
        ([a], {"key": "northwind.offers.mallory"}),
        (['{"__type__": "datetime", "__value__": "x"}'], {}),
    ]
    for said, how in rubbish:
        world.send(said, **how)  # type: ignore[arg-type]
    world.send(bodies("a", subject="good"))
    until(lambda: words(world.database, "good") == ("a",), 20, "a good message behind them is handled")
    until(lambda: world.depth("offers.dead.v1") == len(rubbish), 20, "each lies in the dead queue")
    assert words(world.database) == ()


def test_messages_are_handled_while_the_database_restarts(
    world: World, service: Any, postgres_server: PostgresServer
) -> None:
    world.send([body for i in range(50) for body in bodies("a", subject=f"before{i}")])
    postgres_server.kill()
    world.send([body for i in range(50) for body in bodies("a", "b", subject=f"during{i}")])
    assert service.poll() is None
    postgres_server.start()
    until(
        lambda: all(
            words(world.database, f"before{i}") == ("a",) and words(world.database, f"during{i}") == ("a", "b")
            for i in range(50)
        ),
        30,
        "all are handled after the database is back",
    )
    assert world.states() == {}
    assert service.poll() is None


def test_messages_are_handled_after_the_broker_died(world: World, service: Any, broker: RabbitServer) -> None:
    world.send(bodies("a"))
    until(lambda: words(world.database) == ("a",), 10)
    broker.kill()
    broker.start()
    world.send(bodies("a", "b"))
    until(lambda: words(world.database) == ("a", "b"), 30, "the service is back at its queue")
    until(lambda: world.desk.ask("echo", tenant="t", actor="u", x=1) == {"x": 1}, 30, "RPC is back, too")
    assert service.poll() is None


def test_a_service_killed_in_the_middle_loses_and_doubles_nothing(world: World) -> None:
    every = [f"s{i}" for i in range(400)]
    world.send([body for subject in every for body in bodies("a", "b", "c", subject=subject)])
    for _ in range(3):
        with running(world.environment, "shared.bus.run", "tests.integration.bus.sample_service") as process:
            until(lambda: len(world.rows("select 1 from inbox limit 40")) > 0, 20)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    with running(world.environment, "shared.bus.run", "tests.integration.bus.sample_service"):
        until(
            lambda: world.rows("select count(*) from streams where applied = 3")[0][0] == len(every),
            60,
            "all are applied",
        )
    assert all(words(world.database, subject) == ("a", "b", "c") for subject in every)


@pytest.mark.usefixtures("service")
def test_slow_queries_do_not_stop_the_process(world: World) -> None:
    """Fact 1: with psycopg's own wait ten half-second queries take five seconds."""
    from concurrent.futures import ThreadPoolExecutor

    world.desk.ask("slow", tenant="t", actor="u")
    began = time.monotonic()
    world.desk.ask("slow", tenant="t", actor="u")
    one = time.monotonic() - began
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: world.desk.ask("slow", tenant="t", actor="u"), range(8)))
    assert time.monotonic() - began < 5 * one


@pytest.mark.usefixtures("service")
def test_objects_that_kombu_would_take_for_its_own_are_plain_values(world: World) -> None:
    odd = {"__type__": "datetime", "__value__": "not a date"}
    assert json.loads(world.desk.ask("spell", tenant="t", actor="u", text=odd)) == {"text": odd}


def test_a_service_without_the_patch_or_with_psycopgs_own_wait_does_not_start(world: World) -> None:
    without = {k: v for k, v in {**os.environ, **world.environment}.items() if k != "PSYCOPG_WAIT_FUNC"}
    ended = subprocess.run(
        [sys.executable, "-m", "shared.bus.run", "tests.integration.bus.sample_service"],
        env=without,
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert b"PSYCOPG_WAIT_FUNC=wait_selector" in ended.stderr + ended.stdout
    unpatched = "from shared.bus.consumer import assert_patched; assert_patched()"
    ended = subprocess.run(
        [sys.executable, "-c", unpatched],
        env={**os.environ, **world.environment},
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert b"python -m shared.bus.run" in ended.stderr


def test_told_to_stop_it_stops_at_once(world: World, service: subprocess.Popen[bytes]) -> None:
    service.terminate()
    assert service.wait(8) == 0


def test_told_to_stop_while_the_broker_is_away_it_stops(
    world: World, service: subprocess.Popen[bytes], broker: RabbitServer
) -> None:
    broker.kill()
    try:
        service.terminate()
        assert service.wait(9) == 0
    finally:
        broker.start()


def test_a_receipt_is_due_for_what_came_and_says_how_far(world: World, service: Any) -> None:
    world.send(bodies("a", "b"))
    until(lambda: words(world.database) == ("a", "b"), 10)
    assert world.rows("select applied, receipt_due from streams") == [(2, True)]
    assert json.loads(bodies("a")[0])["sequence"] == 1


def test_a_batch_that_ends_in_rubbish_is_acknowledged_up_to_its_last_good_message() -> None:
    """A tag that was rejected is unknown to the broker from then on: naming it again costs the connection."""
    done: list[tuple[Any, ...]] = []

    class Channel:
        def basic_reject(self, tag: int, *, requeue: bool) -> None:
            done.append(("reject", tag, requeue))

        def basic_ack(self, tag: int, *, multiple: bool) -> None:
            done.append(("ack", tag, multiple))

    class Inbox:
        def handle(self, deliveries: Any) -> Tally:
            return Tally(applied=len(deliveries))

    def message(tag: int, body: str) -> Any:
        info = {"delivery_tag": tag, "routing_key": "northwind.offers.kazenor", "redelivered": False, "exchange": "x"}
        return SimpleNamespace(body=body, delivery_info=info, properties={"content_type": topology.CONTENT_TYPE})

    feed = Feed("", "offers.peers.v1", Inbox, "offers", peers=True)  # type: ignore[arg-type]
    (good,) = bodies("a")
    feed._handle(None, Channel(), [message(1, "{broken"), message(2, good), message(3, "{broken")])
    feed._handle(None, Channel(), [message(4, "{broken")])
    assert done == [("reject", 1, False), ("reject", 3, False), ("ack", 2, True), ("reject", 4, False)]

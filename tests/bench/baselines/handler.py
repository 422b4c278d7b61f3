"""Baseline: a stock nameko `event_handler`; each message is one transaction of a dedupe row and an update.

Everything as nameko has it by default: ten workers, its JSON, a classic durable queue, an acknowledgement a message.

    python -m tests.bench.baselines.handler          handle until stopped
"""

from __future__ import annotations

import os

if __name__ == "__main__":
    import eventlet

    eventlet.monkey_patch()  # before anything else is imported, as `nameko run` does
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"

from typing import Any

import kombu
import psycopg
from nameko.events import event_handler
from nameko.extensions import DependencyProvider
from nameko.runners import ServiceRunner
from nameko.standalone.events import get_event_exchange
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from tests.bench.baselines.sample import offer

QUEUE = "evt-offers-offer.sent--bench_receiver.receive"  # the name nameko builds

TABLES = """
drop table if exists seen, things, outgoing;
create table seen (id text primary key, at timestamptz not null default now());
create table things (id text primary key, version bigint not null, state jsonb not null);
"""


class Database(DependencyProvider):
    """The pool, one connection a worker."""

    def setup(self) -> None:
        # Not in start(): nameko may hand out the first message before that is done.
        size = self.container.max_workers
        self.pool = ConnectionPool(os.environ["BENCH_DATABASE_URL"], min_size=size, max_size=size, open=True)

    def stop(self) -> None:
        self.pool.close()

    def get_dependency(self, worker_ctx: Any) -> ConnectionPool:
        return self.pool


class Receiver:
    name = "bench_receiver"
    database = Database()

    @event_handler("offers", "offer.sent")
    def receive(self, message: dict[str, Any]) -> None:
        with self.database.connection() as connection:
            if connection.execute(
                "insert into seen (id) values (%s) on conflict do nothing", (message["id"],)
            ).rowcount:
                connection.execute(
                    "update things set version = version + 1, state = %s where id = %s",
                    (Jsonb(message["data"]), message["subject"]),
                )


def prepare(database_url: str, amqp_uri: str, count: int) -> tuple[str, str]:
    """Make the tables and put `count` messages into the handler's queue.

    Answers two queries that count: how many were handled, and whether the last one was.
    """
    with psycopg.connect(database_url) as db:
        db.execute(TABLES)
        db.execute(
            "insert into things select 'thing-' || lpad(n::text, 7, '0'), 0, '{}' from generate_series(0, %s) n",
            (count,),
        )
    exchange = get_event_exchange("offers", {})
    with kombu.Connection(amqp_uri) as connection, connection.channel() as channel:
        queue = kombu.Queue(QUEUE, exchange=exchange, routing_key="offer.sent", durable=True, channel=channel)
        queue.delete()
        queue.declare()
        producer = kombu.Producer(channel, exchange, serializer="json")
        for number in range(count):
            producer.publish(message := offer(number), routing_key="offer.sent")
    return "select count(*) from seen", f"select count(*) from seen where id = '{message['id']}'"


if __name__ == "__main__":
    runner = ServiceRunner(config={"AMQP_URI": os.environ["BENCH_AMQP_URI"]})
    runner.add_service(Receiver)
    runner.start()
    runner.wait()

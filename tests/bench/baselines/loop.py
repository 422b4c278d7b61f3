"""Baseline: a bare kombu and psycopg loop on a quorum queue: 100 messages a transaction, one acknowledgement a batch.

The SQL of the product's full path (a dedupe row, the update, a row to send on), with no rules, streams, tenants or failures.
Two ways to say it: a statement a message in psycopg's pipeline mode (`pipeline`), or one statement a table over arrays (`unnest`).

    python -m tests.bench.baselines.loop [pipeline|unnest]          handle until stopped
"""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import suppress
from typing import Any

import kombu
import psycopg

from tests.bench.baselines.sample import offer

QUEUE, BATCH = "bench.batch", 100

TABLES = """
drop table if exists seen, things, outgoing;
create table seen (id text primary key, body text not null, at timestamptz not null default now());
create table things (id text primary key, version bigint not null, state jsonb not null);
create table outgoing (id text primary key, body text not null, due_at timestamptz);
create index on outgoing (due_at, id) where due_at is not null;
"""


def queue() -> kombu.Queue:
    return kombu.Queue(QUEUE, durable=True, queue_arguments={"x-queue-type": "quorum"})


def one_by_one(db: psycopg.Connection[Any], batch: list[dict[str, Any]]) -> None:
    """A statement a message, sent without waiting for each other's answer."""
    with db.transaction(), db.pipeline(), db.cursor() as cursor:
        cursor.executemany(
            "insert into seen (id, body) values (%s, %s) on conflict do nothing", [(m["id"], m["body"]) for m in batch]
        )
        cursor.executemany(
            "update things set version = version + 1, state = %s where id = %s",
            [(m["state"], m["subject"]) for m in batch],
        )
        cursor.executemany(
            "insert into outgoing (id, body, due_at) values (%s, %s, now())", [(m["id"], m["body"]) for m in batch]
        )


def at_once(db: psycopg.Connection[Any], batch: list[dict[str, Any]]) -> None:
    """A statement a table; binary arrays, since psycopg escapes text arrays character by character."""
    ids, bodies, subjects, states = ([m[k] for m in batch] for k in ("id", "body", "subject", "state"))
    with db.transaction(), db.pipeline():
        db.execute(
            "insert into seen (id, body) select * from unnest(%b::text[], %b::text[]) on conflict do nothing",
            (ids, bodies),
        )
        db.execute(
            # Not `update … from unnest`: for a hundred rows of many the planner reads the whole table.
            "insert into things select i, 1, s::jsonb from unnest(%b::text[], %b::text[]) n (i, s)"
            " on conflict (id) do update set version = things.version + 1, state = excluded.state",
            (subjects, states),
        )
        db.execute(
            "insert into outgoing (id, body, due_at) select i, b, now() from unnest(%b::text[], %b::text[]) n (i, b)",
            (ids, bodies),
        )


def run(way: str) -> None:
    """Handle batches until the process is stopped."""
    write = {"pipeline": one_by_one, "unnest": at_once}[way]
    batch: list[kombu.Message] = []
    with (
        psycopg.connect(os.environ["BENCH_DATABASE_URL"], autocommit=True) as db,
        kombu.Connection(os.environ["BENCH_AMQP_URI"]) as broker,
    ):
        consumer = kombu.Consumer(broker.channel(), [queue()], on_message=batch.append, prefetch_count=4 * BATCH)
        with consumer:
            while True:
                with suppress(socket.timeout, TimeoutError):
                    while len(batch) < BATCH:
                        broker.drain_events(timeout=0.02)
                if not batch:
                    continue
                messages = []
                for message in batch:
                    document = json.loads(message.body)
                    document["state"], document["body"] = json.dumps(document["data"]), str(message.body)
                    messages.append(document)
                write(db, messages)
                batch[-1].ack(multiple=True)
                batch.clear()


def prepare(database_url: str, amqp_uri: str, count: int) -> tuple[str, str]:
    """Make the tables and put `count` messages into the queue; answers the two queries that count, as the other baseline does."""
    with psycopg.connect(database_url) as db:
        db.execute(TABLES)
        db.execute(
            "insert into things select 'thing-' || lpad(n::text, 7, '0'), 0, '{}' from generate_series(0, %s) n",
            (count,),
        )
    with kombu.Connection(amqp_uri) as connection, connection.channel() as channel:
        bound = queue()(channel)
        bound.delete()
        bound.declare()
        producer = kombu.Producer(channel)
        for number in range(count):
            message = offer(number)
            producer.publish(
                json.dumps(message).encode(),
                routing_key=QUEUE,
                delivery_mode=2,
                content_type="application/json",
                content_encoding="utf-8",
            )
    return "select count(*) from seen", f"select count(*) from seen where id = '{message['id']}'"


if __name__ == "__main__":
    run(sys.argv[1] if len(sys.argv) > 1 else "pipeline")

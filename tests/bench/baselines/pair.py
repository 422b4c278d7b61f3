"""Baseline: the least that carries something safely from one process's database to another's.

One commit, one confirmed publish to a quorum queue, one consume, one commit; one at a time.

    python -m tests.bench.baselines.pair COUNT      prints the microseconds of each, one a line
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import kombu
import psycopg

from tests.bench.baselines.sample import offer

QUEUE = "bench.pair"


def queue() -> kombu.Queue:
    return kombu.Queue(QUEUE, durable=True, queue_arguments={"x-queue-type": "quorum"})


def receive() -> None:
    """The other process: consume, commit, acknowledge; prints when each was committed, by the machine's monotonic clock."""
    with (
        psycopg.connect(os.environ["BENCH_DATABASE_URL"]) as db,
        kombu.Connection(os.environ["BENCH_AMQP_URI"]) as broker,
    ):

        def handle(message: kombu.Message) -> None:
            document = json.loads(message.body)
            db.execute("insert into arrived (id, body) values (%s, %s)", (document["id"], str(message.body)))
            db.commit()
            print(time.monotonic_ns(), flush=True)
            message.ack()

        with kombu.Consumer(broker.channel(), [queue()], on_message=handle, prefetch_count=10):
            print("ready", flush=True)
            while True:
                broker.drain_events()


def send(count: int) -> list[float]:
    """Send `count` one after another, each when the one before has arrived; the microseconds from the first commit to the second."""
    times = []
    options = {"confirm_publish": True}
    with (
        psycopg.connect(os.environ["BENCH_DATABASE_URL"]) as db,
        kombu.Connection(os.environ["BENCH_AMQP_URI"], transport_options=options) as broker,
    ):
        db.execute("drop table if exists sent, arrived")
        db.execute("create table sent (id text primary key, body text not null)")
        db.execute("create table arrived (id text primary key, body text not null)")
        db.commit()
        channel = broker.channel()
        queue()(channel).delete()
        queue()(channel).declare()
        producer = kombu.Producer(channel)
        other = subprocess.Popen([sys.executable, "-m", __spec__.name, "receive"], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        try:
            other.stdout.readline()
            for number in range(count):
                message = offer(number)
                body = json.dumps(message)
                start = time.monotonic_ns()
                db.execute("insert into sent (id, body) values (%s, %s)", (message["id"], body))
                db.commit()
                producer.publish(
                    body.encode(),
                    routing_key=QUEUE,
                    delivery_mode=2,
                    content_type="application/json",
                    content_encoding="utf-8",
                )
                times.append((int(other.stdout.readline()) - start) / 1000)
        finally:
            other.terminate()
            other.wait()
    return times


if __name__ == "__main__":
    if sys.argv[1] == "receive":
        receive()
    else:
        print("\n".join(f"{t:.1f}" for t in send(int(sys.argv[1]))))

"""Runs Accord for the bench: its real processes on the bench's servers. Each method is one turn of one figure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import kombu
import psycopg

from deploy.local.paths import SERVICES
from shared.bus import topology
from tests.bench import measure, messages, processes
from tests.bench.machine import Machine
from tests.bench.profile import Profiler
from tests.support.servers import prepare, until

NORTHWIND, EMAIL = "northwind", "nils@northwind.example"


class Product:
    """The product's databases and queues on one machine; what runs is started by each figure."""

    def __init__(self, machine: Machine, profiler: Profiler) -> None:
        self.machine, self.profiler = machine, profiler
        self.environment = {
            **machine.postgres.databases(*SERVICES),
            "CELL": "shared",
            "ACCORD_AMQP_URI": machine.broker.uri(),
            "ACCORD_PEERS_AMQP_URI": machine.broker.peers_uri(),
            "PSYCOPG_WAIT_FUNC": "wait_selector",
        }
        for service in SERVICES:
            prepare(service, self.environment)
        self.offers_url = machine.database_url("accord_offers")

    def empty(self) -> None:
        """Forget what `throughput` left behind."""
        with psycopg.connect(self.offers_url, autocommit=True) as db:
            db.execute("truncate partnerships, pairs, businesses, logins, mailboxes, inbox, outbox, streams")
            db.execute("vacuum analyze")

    @contextmanager
    def offers_alone(self) -> Iterator[processes.Process]:
        """The offers service without anything else, not even its relay."""
        with processes.running(
            self.machine.folder, "offers-alone", "-m", "shared.bus.run", "services.offers.service", **self.environment
        ) as process:
            yield process

    def introduce(self) -> None:
        """Let offers hear of the business and the login that the offers of `throughput` are for."""
        messages.publish(
            self.machine.broker.uri(), messages.registration(NORTHWIND, EMAIL), topology.events_queue("offers")
        )
        with self.offers_alone(), psycopg.connect(self.offers_url, autocommit=True) as db:
            until(
                lambda: db.execute("select count(*) from mailboxes").fetchone() == (1,),
                30,
                "offers has heard of the login",
            )

    def throughput(self, count: int = 8000, origins: int = 1, tag: str = "") -> float:
        """Offers a second handled by the offers service alone: deduplication, rules, partnership, inbox, fact to be relayed."""
        with psycopg.connect(self.offers_url, autocommit=True) as db:
            db.execute("truncate partnerships, inbox, outbox, streams")
        names = [f"kazenor-{n}" for n in range(origins)]
        with kombu.Connection(self.machine.broker.peers_uri()) as broker:
            broker.default_channel.queue_purge(
                topology.peers_queue("offers", "shared")
            )  # of a round that was cut short
        letters = list(messages.offers(count, origins=names, destination=NORTHWIND, email=EMAIL))
        messages.publish(self.machine.broker.peers_uri(), letters, topology.peers_queue("offers", "shared"))
        last = letters[-1][2].split('"subject": "')[1][:36]
        measure.quiet()
        with self.offers_alone() as process, self.profiler.watch(f"throughput{tag}", process.pid):
            rate = measure.rate(
                self.offers_url,
                "select count(*) from partnerships",
                f"select count(*) from partnerships where tenant = '{NORTHWIND}' and id = '{last}'",
                count,
                lambda: process.poll() is None,
            )
        with psycopg.connect(self.offers_url) as db:
            found = db.execute(
                "select count(*), count(*) filter (where status = 'open'), (select count(*) from outbox) from partnerships"
            ).fetchone()
        if found is None or len(set(found)) != 1:
            raise RuntimeError(f"Offers handled, open and stated should be one number, not {found}.")
        return rate

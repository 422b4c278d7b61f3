"""The whole of Accord for the bench, all its processes as `make up` runs them, with businesses that send each other offers."""

from __future__ import annotations

import itertools
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psycopg

from deploy.local import programs
from deploy.local.paths import SERVICES
from tests.bench import client, measure, processes
from tests.bench.product import Product
from tests.support.servers import free_port, until

PASSWORD = "accord-bench"
MESSAGE = "We would like to work with you. " * 3


@dataclass(frozen=True)
class Business:
    """A registered business: its admin's token, and two contacts it can offer."""

    tenant: str
    email: str
    headers: dict[str, str]
    contacts: list[str]


class Stack:
    """All processes of Accord, running."""

    def __init__(self, product: Product) -> None:
        self.product, self.machine = product, product.machine
        ports = {**{name: free_port() for name in programs.health_names()}, "smtp": free_port()}
        self.port = ports["gateway"]
        common = {
            **{name: value for name, value in product.environment.items() if not name.endswith("DATABASE_URL")},
            "ACCORD_URL": f"http://localhost:{self.port}",
            "ACCORD_SMTP_URL": f"smtp://127.0.0.1:{ports['smtp']}",
            "ACCORD_MAIL_FROM": "Accord <accord@localhost>",
            # Fifty businesses register at once here.
            "ACCORD_REGISTRATIONS_PER_MINUTE": "100000",
            "ACCORD_LOG_LEVEL": "WARNING",
        }
        common.pop("PSYCOPG_WAIT_FUNC")  # set where it belongs by the process table
        (self.machine.folder / "mail").mkdir(exist_ok=True)
        self.programs = programs.applications(common, product.environment, ports, "k" * 32)
        self.processes: dict[str, processes.Process] = {}
        self.businesses: list[Business] = []
        self._pairs: Iterator[tuple[Business, Business]] = iter(())
        self.sent, self.unavailable = 0, 0

    def start(self) -> None:
        """Start everything and wait until it answers."""
        for program in self.programs:
            environment = {**program.environment, "ACCORD_MAIL_FOLDER": str(self.machine.folder / "mail")}
            self.processes[program.name] = processes.start(
                self.machine.folder, program.name, *program.command[1:], **environment
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until every process says that it is ready."""
        for program in self.programs:
            until(lambda url=f"{program.health_url}/readyz": _ready(url), 90, f"{program.name} is ready")  # type: ignore[misc]

    def stop(self) -> None:
        """Stop everything."""
        processes.stop(self.machine.folder, self.processes.values())

    @property
    def api(self) -> client.Client:
        """A new connection to the API."""
        return client.Client(self.port)

    def pids(self, *names: str) -> list[int]:
        """The process ids of these processes."""
        return [self.processes[name].pid for name in names]

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """For as long as something else is measured."""
        with processes.held_still(self.processes.values()):
            yield
        # The broker may have given somebody up meanwhile.
        self.wait_until_ready()

    # --- businesses and offers ---------------------------------------------------------------------------------------

    def populate(self, count: int) -> None:
        """Register businesses with an admin and two contacts each, and wait until every service has heard of them."""

        def register(number: int) -> Business:
            api, tenant = self.api, f"business-{number}"
            email = f"admin@{tenant}.example"
            who = {"tenant": tenant, "email": email, "password": PASSWORD}
            api.ask("POST", "/api/v1/tenants", {**who, "company": f"Business {number}", "name": f"Admin {number}"})
            token = api.ask("POST", "/api/v1/sessions", who)["token"]
            headers = {"Authorization": f"Bearer {token}"}
            contacts = [
                api.ask("POST", "/api/v1/contacts", {"name": name, "email": f"{name}@{tenant}.example"}, headers)["id"]
                for name in ("bea", "carl")
            ]
            api.close()
            return Business(tenant, email, headers, contacts)

        with ThreadPoolExecutor(3) as pool:
            self.businesses = list(pool.map(register, range(count)))
        self._pairs = (
            # One sends to all others, then the next does: a person at work, whose session the gateway has seen a moment ago.
            (self.businesses[n], self.businesses[(n + distance) % count])
            for n in range(count)
            for distance in range(1, count)
        )
        self.settle()

    def pairs(self, count: int) -> list[tuple[Business, Business]]:
        """Pairs (sender, receiver) that have not dealt with each other yet."""
        found = list(itertools.islice(self._pairs, count))
        if len(found) < count:
            raise RuntimeError("There are too few businesses for so many offers.")
        return found

    def send(self, api: client.Client, sender: Business, receiver: Business) -> str:
        """POST one offer; the id of the partnership."""
        body = {
            "customer_tenant": receiver.tenant,
            "customer_email": receiver.email,
            "message": MESSAGE,
            "contact_ids": sender.contacts,
        }
        self.sent += 1
        key = {"Idempotency-Key": f"bench-{sender.tenant}-{receiver.tenant}"}
        while True:
            status, content = api.request("POST", "/api/v1/partnerships", body, {**sender.headers, **key})
            if status == 201:
                return str(json.loads(content)["id"])
            # "Repeat with the same key", as any client would; how often is told.
            self.unavailable += 1
            if status != 503 or self.unavailable > 1000:
                raise RuntimeError(f"POST of an offer: {status} {content[:500].decode(errors='replace')}")
            time.sleep(0.05)

    def one_at_a_time(self, count: int) -> tuple[list[float], list[float]]:
        """Seconds of each POST, and seconds from the commit at the sender's to the commit of the tile at the receiver's.

        The next offer is sent when all that the last one brought about is done everywhere, so that each has the machine to itself.
        When something was committed is what PostgreSQL noted (`track_commit_timestamp`).
        """
        api, times, ids = self.api, [], []
        with psycopg.connect(self.product.offers_url, autocommit=True) as db, self.watch() as quiet:
            for sender, receiver in self.pairs(count):
                start = time.perf_counter()
                ids.append(self.send(api, sender, receiver))
                times.append(time.perf_counter() - start)
                until(
                    lambda: db.execute("select 1 from inbox where tenant = %s and subject = %s", (receiver.tenant, ids[-1])).fetchone(),  # noqa: B023
                    10, "the offer is there",
                )  # fmt: skip
                until(quiet, 10, "all that the offer brought about is done")
            rows = db.execute(
                """
                select extract(epoch from pg_xact_commit_timestamp(i.xmin) - pg_xact_commit_timestamp(a.xmin))::float8, p.status
                from answers a
                join inbox i on i.subject = a.answer::jsonb ->> 'id' and i.kind = 'peer' and i.sequence = 1
                join partnerships p on p.tenant = i.tenant and p.id = i.subject
                where a.method = 'send_offer' and a.answer::jsonb ->> 'id' = any (%s)
                """,
                (ids,),
            ).fetchall()
        api.close()
        if len(rows) != count or any(status != "open" for _, status in rows):
            raise RuntimeError(f"Of {count} offers {len(rows)} arrived, open {sum(s == 'open' for _, s in rows)}.")
        return times, [seconds for seconds, _ in rows]

    def in_flight(self, count: int, workers: int = 16) -> tuple[float, float, float]:
        """Offers a second with so many in flight, until: all are answered; all tiles stand at the receivers' and the senders know; all is settled."""
        pairs = self.pairs(count)

        def worker(number: int, take: client.Take) -> None:
            api = self.api
            while (n := take()) is not None:
                self.send(api, *pairs[n])
            api.close()

        with psycopg.connect(self.product.offers_url, autocommit=True) as db:

            def number(sql: str) -> int:
                row = db.execute(sql).fetchone()
                return int(row[0]) if row else 0

            before = number("select count(*) from inbox where type = 'offer.sent'")
            start = time.perf_counter()
            answered = client.in_flight(workers, count, worker)
            until(
                lambda: number("select count(*) from inbox where type = 'offer.sent'") >= before + count,
                60,
                "all tiles are there",
            )
            until(
                lambda: number("select count(*) from streams where sent > confirmed and peer <> tenant") == 0,
                60,
                "all senders have the receipts",
            )
            delivered = time.perf_counter() - start
        self.settle()
        return count / answered, count / delivered, count / (time.perf_counter() - start)

    def settle(self, seconds: float = 60) -> None:
        """Wait until no service has anything to send or to handle."""
        with self.watch() as quiet:
            until(quiet, seconds, "nothing is left to be sent")

    @contextmanager
    def watch(self) -> Iterator[Callable[[], bool]]:
        """Whether nothing is due anywhere, looked at three times a few milliseconds apart: what is on its way is seen by the next look."""
        due = "select (select count(*) from outbox where due_at <= now()) + (select count(*) from streams where receipt_due)"
        with ExitStack() as block:
            connections = [
                block.enter_context(psycopg.connect(self.machine.database_url(f"accord_{service}"), autocommit=True))
                for service in SERVICES
            ]

            def quiet() -> bool:
                for _ in range(3):
                    if any(connection.execute(due).fetchone() != (0,) for connection in connections):
                        return False
                    time.sleep(0.03)
                return True

            yield quiet

    def resident(self) -> dict[str, float]:
        """Resident memory of each process in MiB."""
        return {name: processes.resident(process.pid) for name, process in self.processes.items()}


def _ready(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=3) as answer:
        return bool(answer.status == 200)
    return False


@contextmanager
def running(product: Product) -> Iterator[Stack]:
    """The stack, until the block ends."""
    stack = Stack(product)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def p50_ms(seconds: list[float]) -> float:
    """The median in milliseconds."""
    return measure.percentile(seconds) * 1000

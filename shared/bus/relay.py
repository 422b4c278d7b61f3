"""`python -m shared.bus.relay offers`: publishes what a service has committed, as a process of its own beside it.

It may be killed at any time: a row is done only once the broker has confirmed it and that is committed, so a crash
sends copies and loses nothing. It is plain asyncio (no eventlet, no kombu), because a confirm that never comes must
be something one can walk away from (N5). Broker or database away: it waits, says so in one line, and never exits.

Rows are taken in the order in which they are due and put on the wire in the order of their streams; while one lane
waits for confirms, the next one already publishes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString

import psycopg

from shared import health, logs, settings, watchdog
from shared.bus import crash, live, outbox, topology
from shared.bus.publisher import Outgoing, Publisher, Verdict
from shared.db import roles
from shared.ids import new_id
from shared.tasks import told_to_stop

log = logging.getLogger(__name__)

CHANNEL = "outbox"
LANES = 2
POLL_S = 1.0
# Receipts of one stream that become due close together travel as one: each field counts by its maximum anyway.
LINGER_S = 0.02
# What readers are to be told while it cannot be; more of it is told as one.
UNTOLD_AT_MOST = 1000
# A receipt nobody takes is tried again after this; meanwhile the other side sends again and makes a new one due.
REFUSED_RECEIPT_S = 30.0
COUNT_S = 15.0
PRUNE_S = 3600.0
PRUNE_PAGES = 500
STATEMENT_S = 30
# How old the last word of the database may be for /readyz.
FRESH_S = 5.0
STOP_S = 1.0
# What means that the database is away, and not that we are wrong.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, OSError, TimeoutError)

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
# Rows that are on the wire; awaited, the verdicts on them.
Sending = tuple[list[outbox.Row], Awaitable[list[Verdict]]]


class Relay:
    """The relay of one service. `run` works until `stop` is called."""

    def __init__(
        self, service: str, database_url: str, cell: Publisher, peers: Publisher | None, *, pace: float = 1.0
    ) -> None:
        """`pace`: by how much longer than in production it waits before it sends again."""
        self._service = service
        self._pace = pace
        self._url = database_url
        self._cell, self._peers = cell, peers
        self._stopping = asyncio.Event()
        self._outbox_woken, self._receipts_woken = asyncio.Event(), asyncio.Event()
        self._changes: list[str] = []
        self._changed, self._missed = asyncio.Event(), False
        self._choosing = asyncio.Lock()
        self._more = False
        self._in_flight = 0
        self._database_said = float("-inf")
        self._away: set[str] = set()
        # Why this process must not run at all.
        self.refused: roles.WrongRole | None = None
        self._refused_receipts: deque[tuple[float, list[outbox.ReceiptRow]]] = deque(maxlen=1000)

    # --- life --------------------------------------------------------------------------------------------------------

    @property
    def checks(self) -> dict[str, health.Check]:
        """What /readyz asks."""
        return {"broker": self._check_broker, "database": self._check_database}

    def _check_broker(self) -> str | None:
        away = [p.where for p in (self._cell, self._peers) if p is not None and not p.up.is_set()]
        return f"Not connected to {' and '.join(away)}." if away else None

    def _check_database(self) -> str | None:
        silent = time.monotonic() - self._database_said
        return None if silent < FRESH_S else "The database has not answered for some time."

    def stop(self) -> None:
        """Ask `run` to end: what is in flight gets a moment to be confirmed and marked."""
        self._stopping.set()
        self._wake()

    async def run(self) -> None:
        """Publish until `stop`."""
        publishers = [p for p in (self._cell, self._peers) if p is not None]
        works = [
            self._listen,
            self._tell_readers,
            *[self._lane] * LANES,
            self._measure,
            self._count_letters,
            self._prune_hourly,
        ]
        if self._peers is not None:
            works.append(self._send_receipts)
        tasks = [asyncio.create_task(publisher.keep(self._reached)) for publisher in publishers]
        tasks += [asyncio.create_task(self._persist(work)) for work in works]
        await self._stopping.wait()
        end = time.monotonic() + STOP_S
        while self._in_flight and time.monotonic() < end:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOP_S / 2)

    async def _persist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`, again whenever it fails, with a growing, jittered pause, until told to stop."""
        name, pause = getattr(work, "__name__", "work"), 0.1
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                await work()
            except roles.WrongRole as error:
                self.refused = error
                self.stop()
                return
            except AWAY as error:
                if not self._away:
                    log.warning("The database is away (%s); trying until it is back.", _line(error))
                self._away.add(name)
            except (Exception, asyncio.CancelledError):
                if told_to_stop():
                    raise
                log.exception("%s failed; it is tried again.", name)
            if time.monotonic() - started > 10:
                pause = 0.1
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, 5)

    @asynccontextmanager
    async def _database(self, work: str) -> AsyncIterator[Connection]:
        """A connection for one work. A statement that hangs, or a network that swallows it, ends in bounded time."""
        connection: Connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            application_name=f"{self._service}-relay",
            options=f"-c statement_timeout={STATEMENT_S}s -c idle_in_transaction_session_timeout={STATEMENT_S}s",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=STATEMENT_S * 1000,
        )
        async with connection:
            await roles.check_async(connection)
            self._database_said = time.monotonic()
            if work in self._away:
                self._away.discard(work)
                if not self._away:
                    log.info("The database is back.")
            yield connection

    def _wake(self) -> None:
        self._outbox_woken.set()
        self._receipts_woken.set()

    def _reached(self) -> None:
        """A broker can be reached, perhaps again."""
        self._wake()
        self._miss()

    async def _listen(self) -> None:
        """Wake the others as soon as something is committed."""
        async with self._database("_listen") as database:
            await database.execute(f"listen {CHANNEL}")
            await database.execute(f"listen {live.CHANNEL}")
            # What was committed before we listened has told nobody.
            self._wake()
            self._miss()
            async for notice in database.notifies():
                if notice.channel != live.CHANNEL:
                    self._wake()
                elif len(self._changes) < UNTOLD_AT_MOST:
                    self._changes.append(notice.payload)
                    self._changed.set()
                else:
                    self._miss()

    def _miss(self) -> None:
        """Something may have changed of which no reader was told."""
        self._missed = True
        self._changed.set()

    async def _tell_readers(self) -> None:
        """Say what readers see changed. Nobody waits for it; what cannot be said becomes one word to all, as soon as somebody hears."""
        while not self._stopping.is_set():
            await self._changed.wait()
            await asyncio.sleep(LINGER_S)
            self._changed.clear()
            heard, self._changes = self._changes, []
            missed, self._missed = self._missed, False
            bodies = {live.EVERYBODY: live.EVERYTHING} if missed else live.merged(heard)
            said = [Outgoing(new_id(), "changed", topology.LIVE, tenant, body) for tenant, body in bodies.items()]
            if not await self._cell.tell(said):
                self._missed = True

    # --- the outbox --------------------------------------------------------------------------------------------------

    async def _lane(self) -> None:
        async with self._database("_lane") as database:
            while not self._stopping.is_set():
                # One lane at a time takes rows and puts them on the wire: so streams keep their order.
                async with self._choosing:
                    if not self._more:
                        await _wait(self._outbox_woken, POLL_S)
                    self._outbox_woken.clear()
                    rows = await self._take(database)
                    sendings = self._start(rows)
                if rows:
                    self._in_flight += 1
                    try:
                        await self._finish(database, sendings)
                    finally:
                        self._in_flight -= 1

    async def _take(self, database: Connection) -> list[outbox.Row]:
        """Lock what is due, in a transaction that stays open unless nothing is."""
        self._more = False
        reachable = (self._cell.up.is_set(), self._peers is not None and self._peers.up.is_set())
        if not any(reachable) or self._stopping.is_set():
            return []
        cursor = await database.execute(outbox.TAKE[reachable])
        cursor.nextset()
        rows = [outbox.Row._make(row) for row in await cursor.fetchall()]
        if not rows:
            await database.execute("rollback")
        self._more = len(rows) == outbox.BATCH
        crash.doing("relay", (f"{row.kind}:{row.type}" for row in rows))
        # Two commands on one stream may become due in the other order than they are numbered.
        return sorted(rows, key=lambda row: row.sequence)

    def _start(self, rows: Sequence[outbox.Row]) -> list[Sending]:
        """Put rows on the wire, each group by its publisher; awaited, their verdicts."""
        peers: list[tuple[outbox.Row, Outgoing]] = []
        local: list[tuple[outbox.Row, Outgoing]] = []
        hopeless: list[outbox.Row] = []
        for row in rows:
            try:
                (peers if row.kind == "peer" else local).append((row, outbox.outgoing(self._service, row)))
            except ValueError as error:
                log.error("%s %s cannot be sent: %s", row.type, row.id, error)
                hopeless.append(row)
        started: list[Sending] = []
        if rows:
            crash.point("publish.before")
        for publisher, group in ((self._peers, peers), (self._cell, local)):
            if publisher is not None and group:
                started.append(([row for row, _ in group], publisher.start([message for _, message in group])))
        if hopeless:
            started.append((hopeless, _refused(len(hopeless))))
        return started

    async def _finish(self, database: Connection, started: list[Sending]) -> None:
        """Wait for the verdicts, mark what has one, and let go of the rest: it stays due."""
        verdicts = await asyncio.gather(*(waiting for _, waiting in started))
        pairs = [
            (row, verdict)
            for (rows, _), found in zip(started, verdicts, strict=True)
            for row, verdict in zip(rows, found, strict=True)
            if verdict is not Verdict.UNKNOWN
        ]
        health.MESSAGES_UNCONFIRMED.labels(self._service).inc(sum(len(rows) for rows, _ in started) - len(pairs))
        if not pairs:
            await database.execute("rollback")
            return
        again = sum(row.kind == "peer" and row.attempts > 0 for row, _ in pairs)
        health.MESSAGES_SENT_AGAIN.labels(self._service).inc(again)
        refused = [row for row, verdict in pairs if verdict is Verdict.REFUSED]
        health.MESSAGES_REFUSED.labels(self._service).inc(len(refused))
        for row, verdict in pairs:
            outbox.note(row, verdict)
        if refused:
            log.warning(
                "%d messages were refused and wait, among them %s %s to %s: nobody takes them.",
                len(refused), refused[0].type, refused[0].id, refused[0].destination,
            )  # fmt: skip
        crash.point("mark.before")
        async with database.pipeline():
            await database.execute(
                outbox.MARK,
                [
                    self._pace,
                    [row.tenant for row, _ in pairs],
                    [row.id for row, _ in pairs],
                    [verdict is Verdict.SENT for _, verdict in pairs],
                ],
                prepare=True,
            )
            await database.execute("commit")
        crash.point("mark.after")

    # --- receipts ----------------------------------------------------------------------------------------------------

    async def _send_receipts(self) -> None:
        """Tell the other side what has been applied.

        Not in one transaction with the publishing, since the service itself needs these rows for each message. A
        receipt that a crash swallows is asked for again, by sending again what it would have confirmed.
        """
        async with self._database("_send_receipts") as database:
            more = False
            while not self._stopping.is_set():
                if not more:
                    await _wait(self._receipts_woken, POLL_S)
                    await asyncio.sleep(LINGER_S)
                self._receipts_woken.clear()
                more = await self._some_receipts(database)

    async def _some_receipts(self, database: Connection) -> bool:
        """Send what is due, up to a batch. Answers whether more may be."""
        while self._refused_receipts and self._refused_receipts[0][0] <= time.monotonic():
            await self._receipts_due(database, self._refused_receipts.popleft()[1])
        if self._peers is None or not self._peers.up.is_set() or self._stopping.is_set():
            return False
        cursor = await database.execute(outbox.TAKE_RECEIPTS, [self._service, outbox.BATCH], prepare=True)
        taken = [outbox.ReceiptRow(*row) for row in await cursor.fetchall()]
        if not taken:
            return False
        crash.doing("receipt", ("peer:receipt",))
        self._in_flight += 1
        try:
            rows, messages = [], []
            for row in taken:
                try:
                    messages.append(outbox.receipt(self._service, row))
                    rows.append(row)
                except ValueError as error:
                    log.error("The receipt for %s cannot be sent: %s", row.subject, error)
            crash.point("publish.before")
            verdicts = await self._peers.start(messages)
            unknown = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict is Verdict.UNKNOWN]
            if unknown:
                await self._receipts_due(database, unknown)
            refused = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict is Verdict.REFUSED]
            if refused:
                self._refused_receipts.append((time.monotonic() + REFUSED_RECEIPT_S * self._pace, refused))
                log.warning("%d receipts were refused, among them one to %s.", len(refused), refused[0].peer)
        finally:
            self._in_flight -= 1
        return len(taken) == outbox.BATCH

    async def _receipts_due(self, database: Connection, rows: Sequence[outbox.ReceiptRow]) -> None:
        keys = [[row.tenant for row in rows], [row.subject for row in rows], [row.peer for row in rows]]
        await database.execute(outbox.RECEIPTS_DUE, [*keys, self._service])

    # --- keeping house -----------------------------------------------------------------------------------------------

    async def _measure(self) -> None:
        """Keep the figures of the outbox and the inbox, and notice when the database stops answering."""
        async with self._database("_measure") as database:
            counted = float("-inf")
            while True:
                health.OUTBOX_LAG.labels(self._service).set(await _value(database, outbox.LAG))
                if time.monotonic() - counted > COUNT_S:
                    counted = time.monotonic()
                    row = await (await database.execute(outbox.WAITING)).fetchone()
                    parked, dead = row if row is not None else (0, 0)
                    health.PARKED.labels(self._service).set(parked)
                    health.DEAD.labels(self._service).set(dead)
                self._database_said = time.monotonic()
                await asyncio.sleep(POLL_S)

    async def _count_letters(self) -> None:
        """Keep the figure of what could not be decoded and waits for an operator."""
        dead = [(self._cell, topology.dead_queue(self._service))]
        if self._peers is not None:
            dead.append((self._peers, topology.peers_dead_queue(self._service, settings.cell())))
        while True:
            for publisher, _ in dead:
                await publisher.up.wait()
            found = [await publisher.depth(queue) for publisher, queue in dead]
            if None not in found:
                health.DEAD_LETTERS.labels(self._service).set(sum(depth or 0 for depth in found))
            await asyncio.sleep(COUNT_S)

    async def _prune_hourly(self) -> None:
        while True:
            await asyncio.sleep(PRUNE_S * random.uniform(0.9, 1.1))
            await self.prune()

    async def prune(self) -> None:
        """Delete local rows that were sent a week ago, and answers older than 48 hours.

        What was said to peers stays.
        """
        async with self._database("_prune_hourly") as database:
            pages = await _value(database, outbox.PAGES)
            for page in range(0, pages + 1, PRUNE_PAGES):
                await database.execute(outbox.PRUNE_OUTBOX, {"page": page, "pages": PRUNE_PAGES})
                await asyncio.sleep(0.05)
            while (await database.execute(outbox.PRUNE_ANSWERS)).rowcount:
                await asyncio.sleep(0.05)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _refused(count: int) -> list[Verdict]:
    return [Verdict.REFUSED] * count


async def _value(database: Connection, query: LiteralString) -> Any:
    row = await (await database.execute(query)).fetchone()
    return row[0] if row is not None else None


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


async def relay(service: str) -> None:
    """Run the relay of `service`, as the settings say, until TERM or INT.

    Raises MissingSetting; WrongRole; OSError for a taken port.
    """
    cell = Publisher(settings.amqp_uri())
    peers = None
    if service in topology.SPEAKS_TO_PEERS:
        peers = Publisher(settings.peers_amqp_uri(), topology.peers_dead_exchange(settings.cell()))
    pace = settings.number("ACCORD_BACK_OFF", 1.0)
    running = Relay(service, settings.database_url(service, "relay"), cell, peers, pace=pace)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.stop)
    port = settings.health_port()
    if port is not None:
        await health.serve_async(port, running.checks)
    watchdog.watch_loop(f"{service}-relay")
    log.info("The relay of %s starts.", service)
    await running.run()
    if running.refused is not None:
        raise running.refused
    log.info("The relay of %s has stopped.", service)


def main(arguments: Sequence[str]) -> int:
    """The command line. Returns the exit status."""
    if len(arguments) != 1 or arguments[0] not in topology.services():
        print(f"Usage: python -m shared.bus.relay {'|'.join(topology.services())}", file=sys.stderr)
        return 1
    try:
        logs.set_up(f"{arguments[0]}-relay")
        crash.watch(f"{arguments[0]}-relay")
        asyncio.new_event_loop().run_until_complete(relay(arguments[0]))
    except (settings.MissingSetting, roles.WrongRole) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The health endpoint cannot be served: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    logging.shutdown()
    # What still hangs on a server that does not answer needs no farewell: a kill at this point is what the relay is
    # made for.
    os._exit(status)

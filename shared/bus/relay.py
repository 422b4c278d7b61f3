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
import re
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, LiteralString, NamedTuple

import psycopg

from shared import health, logs, settings, traces, watchdog
from shared.bus import crash, live, topology
from shared.bus.publisher import Outgoing, Publisher, Verdict
from shared.clock import now
from shared.contracts.messages import Envelope, Receipt
from shared.db import roles
from shared.ids import new_id
from shared.tasks import told_to_stop

log = logging.getLogger(__name__)
messages = logging.getLogger("accord.messages")
_TRACEPARENT = re.compile(r'"traceparent": ?"([0-9a-f-]{55})"')

CHANNEL = "outbox"
LANES = 2
BATCH = 500
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

LOCAL_KINDS = ("fact", "timer", "retry")
PEER_KINDS = ("peer",)


def _take(kinds: Sequence[str]) -> str:
    """Begin a transaction and take what is due, in one round trip without parameters: half the time of two with some.

    Not by position: a row that commits late is due all the same (N18). Locked until it is known what became of it, so
    that a second relay takes others, and a receipt that confirms it meanwhile is not overwritten.
    """
    return f"""
        begin;
        select tenant, id, kind, service, subject, destination, type, sequence, body, attempts
        from outbox
        where due_at <= now() and kind in ({", ".join(f"'{kind}'" for kind in kinds)})
        order by due_at, id
        limit {BATCH}
        for update skip locked
    """


# By whether the vhosts of the cell and of the peers can be reached: one that is away must not fill the batch of the other.
_TAKE = {
    (True, True): _take([*LOCAL_KINDS, *PEER_KINDS]),
    (True, False): _take(LOCAL_KINDS),
    (False, True): _take(PEER_KINDS),
}

# A peer message is sent again until it is receipted (rule 9). What the broker refuses is tried again, too; a local
# fact soon, since only an operator's hand on the topology can be the reason.
_MARK = """
update outbox o
set attempts = o.attempts + 1,
    sent_at = case when d.sent then clock_timestamp() else o.sent_at end,
    due_at = case
        when o.due_at is null or (d.sent and o.kind <> 'peer') then null
        else clock_timestamp() + %s::float8 * case
            when o.attempts = 0 then interval '5 seconds'
            when o.attempts = 1 or o.kind <> 'peer' then interval '30 seconds'
            when o.attempts = 2 then interval '5 minutes'
            else interval '1 hour'
        end
    end
from unnest(%s::text[], %s::text[], %s::boolean[]) as d (tenant, id, sent)
where o.tenant = d.tenant and o.id = d.id
"""

_TAKE_RECEIPTS = """
update streams s
set receipt_due = false
from (
    select tenant, subject, peer, service from streams
    where receipt_due and service = %s
    limit %s
    for update skip locked
) d
where s.tenant = d.tenant and s.subject = d.subject and s.peer = d.peer and s.service = d.service
returning s.tenant, s.subject, s.peer, s.applied, s.applied_digest, s.seen, s.sent, s.parked_type
"""

_RECEIPTS_DUE = """
update streams s
set receipt_due = true
from unnest(%s::text[], %s::text[], %s::text[]) as d (tenant, subject, peer)
where s.tenant = d.tenant and s.subject = d.subject and s.peer = d.peer and s.service = %s
"""

_LAG = "select coalesce(extract(epoch from now() - min(due_at)), 0)::float8 from outbox where due_at <= now()"
_WAITING = """
select count(*) filter (where state = 'parked'), count(*) filter (where state = 'dead')
from inbox where state <> 'applied'
"""

# Page by page: no index is worth keeping for this, and no statement holds much or takes long.
_PAGES = "select pg_relation_size('outbox') / current_setting('block_size')::int"
_PRUNE_OUTBOX = """
delete from outbox where ctid >= format('(%%s,0)', %(page)s::bigint)::tid and ctid < format('(%%s,0)',
%(page)s::bigint + %(pages)s::bigint)::tid
    and kind <> 'peer' and due_at is null and sent_at < now() - interval '7 days'
"""
_PRUNE_ANSWERS = """
delete from answers
where ctid = any (array(select ctid from answers where created_at < now() - interval '48 hours' limit 1000))
"""


class Row(NamedTuple):
    """A row of the outbox that is due. `body` is the exact text that travels; `attempts` tells how often the broker has answered for it."""

    tenant: str
    id: str
    kind: str
    service: str
    subject: str
    destination: str
    type: str
    sequence: int
    body: str
    attempts: int = 0


class ReceiptRow(NamedTuple):
    """What a stream's receipt says: see Receipt."""

    tenant: str
    subject: str
    peer: str
    applied: int
    digest: str
    seen: int
    sent: int
    parked_type: str | None
    wanted: bool = False


def outgoing(service: str, row: Row) -> Outgoing:
    """The message of a row. Raises ValueError for a tenant name that cannot stand in a routing key."""
    if row.kind == "peer":
        key = topology.peer_key(row.destination, service, row.tenant)
        return Outgoing(row.id, row.type, topology.PEERS, key, row.body, mandatory=True)
    if row.kind == "fact":
        return Outgoing(row.id, row.type, topology.EVENTS, topology.fact_key(service, row.type), row.body)
    return Outgoing(
        row.id, row.type, topology.DEFAULT_EXCHANGE, topology.events_queue(service), row.body, mandatory=True
    )


def receipt(service: str, row: ReceiptRow) -> Outgoing:
    """The receipt a stream owes the other side, outside of any numbering. Raises ValueError as `outgoing` does."""
    said = Receipt(
        applied=row.applied, digest=row.digest, seen=row.seen, sent=row.sent, parked=row.parked_type, wanted=row.wanted
    )  # fmt: skip
    envelope = Envelope(
        id=new_id(),
        type=Receipt.type,
        source=service,
        subject=row.subject,
        time=now(),
        origin=row.tenant,
        destination=row.peer,
        sequence=0,
        kind="peer",
        data=said.model_dump(mode="json"),
    )
    key = topology.peer_key(row.peer, service, row.tenant)
    return Outgoing(envelope.id, envelope.type, topology.PEERS, key, envelope.model_dump_json(), mandatory=True)


Connection = psycopg.AsyncConnection[tuple[Any, ...]]


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
        self._refused_receipts: deque[tuple[float, list[ReceiptRow]]] = deque(maxlen=1000)

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

    async def _take(self, database: Connection) -> list[Row]:
        """Lock what is due, in a transaction that stays open unless nothing is."""
        self._more = False
        reachable = (self._cell.up.is_set(), self._peers is not None and self._peers.up.is_set())
        if not any(reachable) or self._stopping.is_set():
            return []
        cursor = await database.execute(_TAKE[reachable])
        cursor.nextset()
        rows = [Row._make(row) for row in await cursor.fetchall()]
        if not rows:
            await database.execute("rollback")
        self._more = len(rows) == BATCH
        crash.doing("relay", (f"{row.kind}:{row.type}" for row in rows))
        # Two commands on one stream may become due in the other order than they are numbered.
        return sorted(rows, key=lambda row: row.sequence)

    def _start(self, rows: Sequence[Row]) -> list[tuple[list[Row], Awaitable[list[Verdict]]]]:
        """Put rows on the wire, each group by its publisher; awaited, their verdicts."""
        peers: list[tuple[Row, Outgoing]] = []
        local: list[tuple[Row, Outgoing]] = []
        hopeless: list[Row] = []
        for row in rows:
            try:
                (peers if row.kind == "peer" else local).append((row, outgoing(self._service, row)))
            except ValueError as error:
                log.error("%s %s cannot be sent: %s", row.type, row.id, error)
                hopeless.append(row)
        started: list[tuple[list[Row], Awaitable[list[Verdict]]]] = []
        if rows:
            crash.point("publish.before")
        for publisher, group in ((self._peers, peers), (self._cell, local)):
            if publisher is not None and group:
                started.append(([row for row, _ in group], publisher.start([message for _, message in group])))
        if hopeless:
            started.append((hopeless, _refused(len(hopeless))))
        return started

    async def _finish(self, database: Connection, started: list[tuple[list[Row], Awaitable[list[Verdict]]]]) -> None:
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
            _note(row, verdict)
        if refused:
            log.warning(
                "%d messages were refused and wait, among them %s %s to %s: nobody takes them.",
                len(refused), refused[0].type, refused[0].id, refused[0].destination,
            )  # fmt: skip
        crash.point("mark.before")
        async with database.pipeline():
            await database.execute(
                _MARK,
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
        cursor = await database.execute(_TAKE_RECEIPTS, [self._service, BATCH], prepare=True)
        taken = [ReceiptRow(*row) for row in await cursor.fetchall()]
        if not taken:
            return False
        crash.doing("receipt", ("peer:receipt",))
        self._in_flight += 1
        try:
            rows, messages = [], []
            for row in taken:
                try:
                    messages.append(receipt(self._service, row))
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
        return len(taken) == BATCH

    async def _receipts_due(self, database: Connection, rows: Sequence[ReceiptRow]) -> None:
        keys = [[row.tenant for row in rows], [row.subject for row in rows], [row.peer for row in rows]]
        await database.execute(_RECEIPTS_DUE, [*keys, self._service])

    # --- keeping house -----------------------------------------------------------------------------------------------

    async def _measure(self) -> None:
        """Keep the figures of the outbox and the inbox, and notice when the database stops answering."""
        async with self._database("_measure") as database:
            counted = float("-inf")
            while True:
                health.OUTBOX_LAG.labels(self._service).set(await _value(database, _LAG))
                if time.monotonic() - counted > COUNT_S:
                    counted = time.monotonic()
                    row = await (await database.execute(_WAITING)).fetchone()
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
            pages = await _value(database, _PAGES)
            for page in range(0, pages + 1, PRUNE_PAGES):
                await database.execute(_PRUNE_OUTBOX, {"page": page, "pages": PRUNE_PAGES})
                await asyncio.sleep(0.05)
            while (await database.execute(_PRUNE_ANSWERS)).rowcount:
                await asyncio.sleep(0.05)


def _note(row: Row, verdict: Verdict) -> None:
    """One line for each message: what crosses to another business is worth one always, the rest for whoever looks closely."""
    level = logging.INFO if row.kind == "peer" else logging.DEBUG
    if messages.isEnabledFor(level):
        with traces.within(trace_of(row.body)):
            messages.log(
                level,
                verdict.value,
                extra={"type": row.type, "tenant": row.tenant, "destination": row.destination, "subject": row.subject},
            )


def trace_of(body: str) -> traces.Trace | None:
    """The trace that the envelope of a message names, found without reading all of it: `data` comes last."""
    found = _TRACEPARENT.search(body, 0, body.find('"data"'))
    return None if found is None else traces.read(found[1])


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

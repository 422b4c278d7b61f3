"""Transactions on PostgreSQL: set-based statements, one pipeline to read and one to write and commit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from shared.bus import crash, live
from shared.bus.records import Table
from shared.bus.storage import AGAIN, Answer, Away, Changes, Conflict, Fetched, Kept, Selection, Subject, Wanted
from shared.bus.streams import Key, Stream, Waiting
from shared.db import roles

R = TypeVar("R")

_STREAM_COLUMNS = (
    "tenant", "subject", "peer", "service", "sent", "sent_digest", "confirmed", "confirmed_seen", "receipt_applied", "receipt_seen",
    "receipt_sent", "applied", "applied_digest", "seen", "parked", "parked_type", "forked", "receipt_due",
    "claimed",
)  # fmt: skip
_INBOX_COLUMNS = (
    "tenant", "subject", "peer", "service", "sequence", "id", "kind", "type", "state", "attempts", "not_before", "error", "digest", "body",
)  # fmt: skip
_TYPES = {
    "sent": "bigint", "confirmed": "bigint", "confirmed_seen": "bigint", "receipt_applied": "bigint", "receipt_seen": "bigint",
    "receipt_sent": "bigint", "applied": "bigint", "seen": "bigint", "parked": "int", "forked": "boolean", "receipt_due": "boolean",
    "claimed": "bigint",
    "sequence": "bigint", "attempts": "int", "not_before": "timestamptz", "due_at": "timestamptz",
}  # fmt: skip


def _unnest(columns: Sequence[str], types: Mapping[str, str] = _TYPES) -> str:
    return "unnest(" + ", ".join(f"%b::{types.get(c, 'text')}[]" for c in columns) + ")"


def _sets(columns: Sequence[str]) -> str:
    return ", ".join(f"{c} = excluded.{c}" for c in columns)


# Each statement says how many rows it must write; expect_rows ends the transaction with 40001 when somebody else was first.
_STREAMS_READ = f"""
    select {", ".join("s." + c for c in _STREAM_COLUMNS)} from unnest(%b::text[], %b::text[]) as k (tenant, subject)
    cross join lateral (
        select * from streams s where s.tenant = k.tenant and s.subject = k.subject order by s.peer, s.service for update) s"""
_STREAMS_LOOK = f"""
    select {", ".join("s." + c for c in _STREAM_COLUMNS)} from unnest(%b::text[], %b::text[]) as k (tenant, subject)
    join streams s on s.tenant = k.tenant and s.subject = k.subject"""
_STREAMS_NEW = f"""
    with new as (insert into streams ({", ".join(_STREAM_COLUMNS)}) select * from {_unnest(_STREAM_COLUMNS)}
                 on conflict do nothing returning 1)
    select expect_rows(count(*), %s) from new"""
_STREAMS_CHANGED = f"""
    insert into streams ({", ".join(_STREAM_COLUMNS)}) select * from {_unnest(_STREAM_COLUMNS)}
    on conflict (tenant, subject, peer, service) do update set {_sets(_STREAM_COLUMNS[4:])}"""
_WAITING = f"""
    select {", ".join("i." + c for c in _INBOX_COLUMNS)} from inbox i
    join unnest(%b::text[], %b::text[]) as k (tenant, subject) on i.tenant = k.tenant and i.subject = k.subject
    where i.state <> 'applied' order by i.tenant, i.subject, i.peer, i.service, i.sequence, i.id for update of i"""
_INBOX = f"""
    insert into inbox ({", ".join(_INBOX_COLUMNS)}) select * from {_unnest(_INBOX_COLUMNS)}
    on conflict (tenant, subject, peer, service, sequence, id) do update set {_sets(_INBOX_COLUMNS[6:])}"""
_SETTLED_COLUMNS = ("tenant", "subject", "peer", "service", "sequence", "id")
_SETTLED = f"""
    delete from inbox i using {_unnest(_SETTLED_COLUMNS)} as k ({", ".join(_SETTLED_COLUMNS)})
    where {" and ".join(f"i.{c} = k.{c}" for c in _SETTLED_COLUMNS)}"""
_OUTBOX_COLUMNS = ("tenant", "id", "kind", "service", "subject", "destination", "type", "sequence", "body", "due_at")
_OUTBOX = f"insert into outbox ({', '.join(_OUTBOX_COLUMNS)}) select * from {_unnest(_OUTBOX_COLUMNS)}"
_CONFIRMED = """
    update outbox o set due_at = null
    from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[]) as k (tenant, subject, destination, service, upto)
    where o.tenant = k.tenant and o.subject = k.subject and o.destination = k.destination and o.service = k.service
      and o.kind = 'peer' and o.sequence <= k.upto and o.due_at is not null"""
# Not more often than every five seconds, however often they ask.
_AGAIN = f"""
    update outbox o set due_at = now()
    from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bigint[]) as k (tenant, subject, destination, service, after)
    where o.tenant = k.tenant and o.subject = k.subject and o.destination = k.destination and o.service = k.service
      and o.kind = 'peer' and o.sequence > k.after and o.sequence <= k.after + {AGAIN}
      and (o.sent_at is null or o.sent_at < now() - interval '5 seconds')"""
_ANSWER = """
    with new as (insert into answers (tenant, actor, method, key, fingerprint, answer) values (%s, %s, %s, %s, %s, %s)
                 on conflict do nothing returning 1)
    select expect_rows(count(*), 1) from new"""
_TELL = "select pg_notify(%s, payload) from unnest(%b::text[]) as payload"
# Reading and keeping by key has one good plan, whatever the keys; planning it anew each time would take longer than carrying it out.
_TENANTS = "select set_config('app.tenants', %s, true), set_config('plan_cache_mode', 'force_generic_plan', true)"
# Lists are another matter: which index serves best depends on what is asked for.
_PLAN = "select set_config('plan_cache_mode', %s, true)"
# psycopg 3.3 stops sending in a pipeline once the server is slow to take it, and waits for an answer that cannot come: what is larger than the
# buffers of a connection goes without one, and in statements of a few megabytes. In characters, of which one is four bytes at most.
_PIPELINED = 1024 * 1024
_STATEMENT = 1024 * 1024
# How long a transaction waits for a connection: a database that was restarted is back within a moment. When one has waited in vain,
# the others need not, until somebody gets one: 503 within two seconds, whoever asks whom (promise R7).
_WAIT_S = 1.0
_KNOWN_AWAY_S = 0.1
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)


def _too_much(error: Exception) -> bool:
    """Whether a statement was ended for what it asked: a value larger than an index takes (class 54), or too long a run (57014).

    psycopg counts these as operational, too; but they come again with every attempt, and the database is there.
    """
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith("54") or state == "57014"


_RACES = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UniqueViolation,
    psycopg.errors.LockNotAvailable,
)


def in_parts(rows: Sequence[R], size: Callable[[R], int]) -> Iterator[Sequence[R]]:
    """All rows in their order, in parts of at most `_STATEMENT` characters; a larger row is a part by itself. Nothing for no rows."""
    begin = total = 0
    for at, row in enumerate(rows):
        total += size(row)
        if at > begin and total > _STATEMENT:
            yield rows[begin:at]
            begin, total = at, size(row)
    if rows:
        yield rows[begin:]


def _columns(rows: Sequence[Any], names: Sequence[str]) -> list[list[Any]]:
    return [[getattr(row, name) for row in rows] for name in names]


class _RecordSql(NamedTuple):
    """The statements of a table of records."""

    look: str
    lock: str
    keep: str


def _record_sql(table: Table[Any]) -> _RecordSql:
    names = ["tenant", "id", "version", "state", *table.columns]
    types = {"version": "bigint", "state": "text", **{n: c.sql_type for n, c in table.columns.items()}}
    picked = ", ".join(f"k.{n}::jsonb" if n == "state" else f"k.{n}" for n in names)

    def read(lock: str) -> str:
        # By key, one after the other, in the order of the keys: that is also the order in which they are locked.
        return f"""
            select r.tenant, r.id, r.state from unnest(%b::text[], %b::text[]) as k (tenant, id)
            cross join lateral (
                select r.tenant, r.id, r.state::text from {table.name} r where r.tenant = k.tenant and r.id = k.id limit 1{lock}) r"""

    keep = f"""
        with kept as (
            insert into {table.name} as r ({", ".join(names)}) select {picked} from {_unnest(names, types)} as k ({", ".join(names)})
            on conflict (tenant, id) do update set {_sets(names[2:])} where r.version = excluded.version - 1 returning 1)
        select expect_rows(count(*), %s) from kept"""
    return _RecordSql(read(""), read(" for update"), keep)


class PostgresStorage:
    """One transaction on one connection, for some tenants."""

    def __init__(
        self, connection: psycopg.Connection[Any], tenants: Sequence[str], statements: dict[str, _RecordSql]
    ) -> None:
        self._connection = connection
        self._tenants = ",".join(sorted(set(tenants)))
        self._begun = False
        self._statements = statements

    def _sql(self, table: Table[Any]) -> _RecordSql:
        if table.name not in self._statements:
            self._statements[table.name] = _record_sql(table)
        return self._statements[table.name]

    def _execute(self, statement: str, parameters: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
        # All statements are built from names in the code, never from what a tenant typed.
        return self._connection.execute(statement, parameters)

    def _begin(self) -> None:
        if not self._begun:
            self._execute(_TENANTS, [self._tenants])
            self._begun = True

    def fetch(
        self,
        subjects: Sequence[Subject],
        wanted: Sequence[Wanted],
        *,
        waiting: Sequence[Subject] = (),
        lock: bool = True,
    ) -> Fetched:
        groups: dict[tuple[str, bool], list[Wanted]] = {}
        for w in wanted:
            groups.setdefault((w.table.name, w.lock), []).append(w)
        fetched, read = Fetched(), []
        with self._connection.pipeline():
            self._begin()
            if subjects:
                statement = _STREAMS_READ if lock else _STREAMS_LOOK
                streams = self._execute(statement, [[t for t, _ in subjects], [s for _, s in subjects]])
            for (_, locked), group in sorted(groups.items(), key=lambda item: item[0]):
                statement = self._sql(group[0].table).lock if locked else self._sql(group[0].table).look
                read.append(
                    (group[0].table.name, self._execute(statement, [[w.tenant for w in group], [w.id for w in group]]))
                )
            if waiting:
                rows = self._execute(_WAITING, [[t for t, _ in waiting], [s for _, s in waiting]])
        if subjects:
            fetched.streams = [_stream(row) for row in streams.fetchall()]
        for name, cursor in read:
            for tenant, id, document in cursor.fetchall():
                fetched.documents[(name, tenant, id)] = document
        if waiting:
            fetched.waiting = [Waiting(*row) for row in rows.fetchall()]
        return fetched

    def _conditions(self, which: Selection) -> tuple[list[str], list[Any]]:
        table, conditions, parameters = which.table, ["tenant = %s"], [which.tenant]
        for column, value in which.where.items():
            kind = _kind(table, column)
            if isinstance(value, list | tuple | set | frozenset) and len(value) == 1:
                (value,) = value
            if isinstance(value, list | tuple | set | frozenset):
                conditions.append(f"{column} = any (%s::{kind}[])")
                parameters.append(list(value))  # type: ignore[arg-type]
            else:
                conditions.append(f"{column} = %s::{kind}")
                parameters.append(value)
        for column, text in which.search:
            _kind(table, column)
            conditions.append(f"position(%s in {column}) > 0")
            parameters.append(text)
        if which.since is not None:
            column, moment = which.since
            conditions.append(f"{column} > %s::{_kind(table, column)}")
            parameters.append(moment)  # type: ignore[arg-type]
        return conditions, parameters

    def find(self, which: Selection, order: str, after: tuple[Any, str] | None, limit: int) -> list[str]:
        conditions, parameters = self._conditions(which)
        column, falling = order.removeprefix("-"), order.startswith("-")
        kind, way = _kind(which.table, column), "desc" if falling else "asc"
        if after is not None:
            conditions.append(f"({column}, id) {'<' if falling else '>'} (%s::{kind}, %s)")
            parameters += [after[0], after[1]]
        statement = f"select state::text from {which.table.name} where {' and '.join(conditions)} order by {column} {way}, id {way} limit %s"
        with self._connection.pipeline():
            self._begin()
            self._execute(_PLAN, ["force_custom_plan"])
            cursor = self._execute(statement, [*parameters, limit])
            self._execute(_PLAN, ["force_generic_plan"])
        return [row[0] for row in cursor.fetchall()]

    def count(self, which: Selection, by: str | tuple[str, ...]) -> dict[Any, int]:
        conditions, parameters = self._conditions(which)
        columns = (by,) if isinstance(by, str) else by
        for column in columns:
            _kind(which.table, column)
        names = ", ".join(columns)
        with self._connection.pipeline():
            self._begin()
            self._execute(_PLAN, ["force_custom_plan"])
            cursor = self._execute(
                f"select {names}, count(*) from {which.table.name} where {' and '.join(conditions)} group by {names}",
                parameters,
            )
        return {row[0] if isinstance(by, str) else row[:-1]: row[-1] for row in cursor.fetchall()}

    def answer(self, tenant: str, actor: str, method: str, key: str) -> Answer | None:
        with self._connection.pipeline():
            self._begin()
            cursor = self._execute(
                "select fingerprint, answer from answers where tenant = %s and actor = %s and method = %s and key = %s",
                [tenant, actor, method, key],
            )
        row = cursor.fetchone()
        return None if row is None else Answer(tenant, actor, method, key, row[0], row[1])

    def applied(self, key: Key) -> int:
        with self._connection.pipeline():
            self._begin()
            cursor = self._execute(
                "select applied from streams where tenant = %s and subject = %s and peer = %s and service = %s", key
            )
        row = cursor.fetchone()
        return 0 if row is None else int(row[0])

    def heard(self, key: Key, sequence: int) -> set[str]:
        with self._connection.pipeline():
            self._begin()
            cursor = self._execute(
                "select digest from inbox where tenant = %s and subject = %s and peer = %s and service = %s and sequence = %s"
                " and state = 'applied'",
                [*key, sequence],
            )
        return {digest for (digest,) in cursor.fetchall()}

    def commit(self, changes: Changes) -> None:
        with self._connection.pipeline() if changes.size <= _PIPELINED else contextlib.nullcontext():
            self._begin()
            if changes.answer is not None:
                a = changes.answer
                self._execute(_ANSWER, [a.tenant, a.actor, a.method, a.key, a.fingerprint, a.text])
            self._commit_streams(changes.streams)
            for table, tenant, id in changes.deleted:
                self._execute(f"delete from {table.name} where tenant = %s and id = %s", [tenant, id])
            for table, kept in changes.records.values():
                for some in in_parts(kept, lambda one: len(one.document)):
                    self._keep(table, some)
            if changes.settled:
                self._execute(_SETTLED, _spread([(*key, sequence, id) for key, sequence, id in changes.settled], 6))
            for rows in in_parts(changes.inbox, lambda row: len(row.body)):
                self._execute(_INBOX, _columns(rows, _INBOX_COLUMNS))
            crash.point("outbox.before")
            for said in in_parts(changes.outbox, lambda row: len(row.body)):
                self._execute(_OUTBOX, _columns(said, _OUTBOX_COLUMNS))
            crash.point("outbox.after")
            if changes.confirmed:
                self._execute(_CONFIRMED, _spread([(*key, upto) for key, upto in changes.confirmed], 5))
            if changes.again:
                self._execute(_AGAIN, _spread([(*key, after) for key, after in changes.again], 5))
            if changes.outbox or changes.again or any(s.receipt_due for s in changes.streams):
                self._execute("select pg_notify('outbox', '')")
            if changes.told:
                self._execute(_TELL, [live.CHANNEL, live.payloads(changes.told)])
            crash.point("commit.before")
            self._connection.commit()
        crash.point("commit.after")

    def _commit_streams(self, changed: Sequence[Stream]) -> None:
        new = [s for s in changed if s.fresh]
        if new:
            self._execute(_STREAMS_NEW, [*_columns(new, _STREAM_COLUMNS), len(new)])
        old = [s for s in changed if not s.fresh]
        if old:
            self._execute(_STREAMS_CHANGED, _columns(old, _STREAM_COLUMNS))

    def _keep(self, table: Table[Any], kept: Sequence[Kept]) -> None:
        columns: list[list[Any]] = [
            [k.tenant for k in kept],
            [k.id for k in kept],
            [k.version for k in kept],
            [k.document for k in kept],
            *([k.columns[i] for k in kept] for i in range(len(table.columns))),
        ]
        self._execute(self._sql(table).keep, [*columns, len(kept)])


def _stream(row: tuple[Any, ...]) -> Stream:
    stream = Stream(*row)
    stream.fresh = False
    return stream


def _kind(table: Table[Any], column: str) -> str:
    return "text" if column == "id" else table.columns[column].sql_type


def _spread(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [[row[i] for row in rows] for i in range(width)]


class PostgresDatabase:
    """The database of one service, behind a pool. Every transaction names the tenants it may see.

    The role of each connection is looked at before it is used; `refuse` is told why it may not be, and need not return.
    """

    def __init__(self, url: str, *, size: int = 20, refuse: Callable[[roles.WrongRole], None] | None = None) -> None:
        self._statements: dict[str, _RecordSql] = {}
        self._refuse = refuse
        self._away = False
        self._pool: ConnectionPool[Any] = ConnectionPool(
            url,
            min_size=1,
            max_size=size,
            open=False,
            configure=self._admit,
            # The pool doubles its pauses between attempts until it gives up; whoever asks next starts anew. Left at its five minutes,
            # it would notice a database that is back after as long again as it was away.
            reconnect_timeout=1.0,
            # A transaction that waits for a lock or a slow statement gives up before its caller does. Plans by key are made once, while the
            # tables are small, and must serve when they are large: never a scan, never a join of whole tables.
            kwargs={
                "prepare_threshold": 0,
                "connect_timeout": 3,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
                "options": "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c statement_timeout=10s -c lock_timeout=3s -c idle_in_transaction_session_timeout=30s",
            },
        )
        self._opened = False

    @contextlib.contextmanager
    def transaction(self, tenants: Sequence[str]) -> Iterator[PostgresStorage]:
        if not self._opened:
            self._pool.open()
            self._opened = True
        try:
            with self._pool.connection(timeout=_KNOWN_AWAY_S if self._away else _WAIT_S) as connection:
                self._away = False
                try:
                    yield PostgresStorage(connection, tenants, self._statements)
                    if connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
                        connection.commit()
                finally:
                    # What was committed stays; anything else ends here, before the connection goes back to the pool.
                    if (
                        not connection.closed
                        and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
                    ):
                        connection.rollback()
        except _RACES as error:
            raise Conflict(str(error)) from error
        except _AWAY as error:
            if _too_much(error):
                raise
            self._away = isinstance(error, PoolTimeout)
            # The other connections of the pool are likely dead too (fact N10).
            with contextlib.suppress(*_AWAY):
                self._pool.check()
            raise Away(str(error)) from error

    def _admit(self, connection: psycopg.Connection[Any]) -> None:
        """The pool asks this of each new connection."""
        try:
            roles.check(connection)
        except roles.WrongRole as error:
            if self._refuse is not None:
                self._refuse(error)
            raise
        connection.rollback()

    def ping(self) -> None:
        with self.transaction(()) as storage:
            storage.fetch((), ())
            storage._execute("select 1")

    def close(self) -> None:
        """Close the pool; running transactions end first."""
        self._pool.close()

"""A stack of its own behind fault proxies: its PostgreSQL and its RabbitMQ are ours to kill, and so is the network before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg

from deploy.local.paths import SERVICES
from shared.bus import topology
from tests.chaos.proxy import Link, Proxy, owned
from tests.support.crashing import Crashes
from tests.support.servers import PostgresServer, RabbitServer, temporary_folder
from tests.support.stack import Stack


class Place:
    """Everything of a run that can be hurt."""

    def __init__(self, stack: Stack, postgres: PostgresServer, rabbit: RabbitServer, proxies: dict[str, Proxy]) -> None:
        self.stack, self.postgres, self.rabbit, self.proxies = stack, postgres, rabbit, proxies
        self.mails: Path = stack.folder / "run" / "mail"
        self.crashes = Crashes(stack.folder / "crashes")

    def links(self, server: str, process: str) -> list[Link]:
        """The connections of a process of the stack to `database` or `broker`."""
        try:
            connections = psutil.Process(self.stack.pids[process]).net_connections("tcp")
        except (psutil.Error, KeyError):
            return []
        return owned(self.proxies[server].links, {c.laddr.port for c in connections})

    def restless(self) -> str | None:
        """What is still under way, in a sentence; None when all is quiet. Asked without a proxy. Raises psycopg.Error."""
        for service in SERVICES:
            url = _at(self.postgres.admin_url, self.postgres.port, f"/accord_{service}")
            with psycopg.connect(url, autocommit=True, connect_timeout=5) as database:
                row = database.execute(_UNDER_WAY).fetchone()
                assert row is not None
                due, waiting, receipts = row
                if due or waiting or receipts:
                    return f"{service}: {due} messages are due or not receipted, {waiting} wait in the inbox, {receipts} receipts are due"
                if service == "notifications":
                    mails = database.execute("select count(*) from mails where due_at is not null").fetchone()
                    if mails and mails[0]:
                        return f"{mails[0]} mails are due"
        return None

    def given_up(self) -> list[str]:
        """What was given up: dead messages, and forks."""
        found = []
        for service in SERVICES:
            url = _at(self.postgres.admin_url, self.postgres.port, f"/accord_{service}")
            with psycopg.connect(url, autocommit=True, connect_timeout=5) as database:
                rows = database.execute(
                    "select tenant, type, subject, error from inbox where state = 'dead'"
                ).fetchall()
                found += [f"dead in {service}: {row}" for row in rows]
                forks = database.execute("select tenant, subject, peer from streams where forked").fetchall()
                found += [f"forked in {service}: {row}" for row in forks]
        return found


# A timer that is far ahead (the expiry of an offer) is no unrest; a message to a peer is one until it is receipted.
_UNDER_WAY = """
select
    (select count(*) from outbox where due_at is not null and (kind <> 'timer' or due_at < now() + interval '1 minute')),
    (select count(*) from inbox where state in ('started', 'parked', 'failed')),
    (select count(*) from streams where receipt_due)
"""


def _at(url: str, port: int, path: str | None = None) -> str:
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{credentials}@127.0.0.1:{port}", path=path or parts.path))


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """A running stack whose servers are ours, for the time of a block."""
    with temporary_folder() as folder:
        async with _servers(folder) as (postgres, rabbit):
            proxies = {
                "database": await Proxy.listen(postgres.port),
                "broker": await Proxy.listen(rabbit.node.port),
            }
            port = proxies["broker"].port
            stack = Stack(
                folder,
                ACCORD_DATABASE_URL=_at(postgres.admin_url, proxies["database"].port),
                ACCORD_AMQP_URI=_at(rabbit.uri(), port),
                ACCORD_PEERS_AMQP_URI=_at(rabbit.uri(vhost=topology.PEERS_VHOST), port),
                **Crashes(folder / "crashes").environment,
            )
            try:
                async with _up(stack):
                    yield Place(stack, postgres, rabbit, proxies)
            finally:
                for proxy in proxies.values():
                    await proxy.close()


@asynccontextmanager
async def another_cell(here: Place, name: str, *tenants: str) -> AsyncIterator[Stack]:
    """A dedicated cell for these tenants: a stack with a database server of its own, on the same broker, for the time of a block."""
    with temporary_folder() as folder:
        postgres = await asyncio.to_thread(PostgresServer, folder)
        await asyncio.to_thread(postgres.start)
        try:
            await asyncio.to_thread(here.rabbit.add_cell, name, tenants)
            stack = Stack(
                folder,
                CELL=name,
                ACCORD_TENANTS=",".join(tenants),
                ACCORD_DATABASE_URL=postgres.admin_url,
                ACCORD_AMQP_URI=here.rabbit.uri(name),
                ACCORD_PEERS_AMQP_URI=here.rabbit.peers_uri(name),
            )
            async with _up(stack):
                yield stack
        finally:
            await asyncio.to_thread(postgres.stop)


@asynccontextmanager
async def _up(stack: Stack) -> AsyncIterator[None]:
    try:
        await asyncio.to_thread(stack.up)
        yield
    finally:
        await asyncio.to_thread(stack.down)


@asynccontextmanager
async def _servers(folder: Path) -> AsyncIterator[tuple[PostgresServer, RabbitServer]]:
    postgres, rabbit = await asyncio.gather(
        asyncio.to_thread(PostgresServer, folder), asyncio.to_thread(RabbitServer, folder)
    )
    try:
        await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(rabbit.start))
        yield postgres, rabbit
    finally:
        await asyncio.to_thread(postgres.stop)
        await asyncio.to_thread(rabbit.close)

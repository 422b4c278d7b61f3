"""A service is reached again after its connection has gone, noticed or not: kombu would make a new one without the service's queues."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from deploy.local.paths import ROOT
from services.gateway.rpc import Rpc
from shared.errors import Unavailable
from tests.chaos.proxy import Proxy
from tests.support.processes import is_ready
from tests.support.servers import RabbitServer, free_port, until


@contextlib.contextmanager
def served(environment: dict[str, str], log: Path) -> Iterator[int]:
    """The sample service; its health port. At the end it is still the same process."""
    port = free_port()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "shared.bus.run", "tests.integration.bus.sample_service"],
            env={**os.environ, **environment, "ACCORD_HEALTH_PORT": str(port)},
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        until(lambda: process.poll() is not None or is_ready(port), 60, "the sample is ready")
        yield port
        assert process.poll() is None, "it has ended"
    finally:
        process.kill()
        process.wait()


async def until_answered(rpc: Rpc, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(Unavailable):
                await rpc.call("offers", "echo", 5, tenant="kazenor", actor="system")
                return
            await asyncio.sleep(0.1)


def test_a_connection_that_goes_while_nobody_reads_is_noticed(
    sample_environment: dict[str, str], broker: RabbitServer, tmp_path: Path
) -> None:
    broker.empty()

    async def scenario() -> None:
        rpc = Rpc(sample_environment["ACCORD_AMQP_URI"])
        await rpc.start(patience=20)
        try:
            await until_answered(rpc, 20)
            with contextlib.suppress(Unavailable):
                # Meanwhile nobody may be there to answer.
                await rpc.call("offers", "lose", 30, tenant="kazenor", actor="system")
            await until_answered(rpc, 40)
        finally:
            await rpc.stop()

    with served(sample_environment, tmp_path / "offers.log"):
        asyncio.run(scenario())


def test_connections_that_swallow_everything_are_given_up_without_a_goodbye(
    sample_environment: dict[str, str], broker: RabbitServer, tmp_path: Path
) -> None:
    broker.empty()
    log = tmp_path / "offers.log"

    def through(uri: str, port: int) -> str:
        parts = urlsplit(uri)
        return urlunsplit(parts._replace(netloc=parts.netloc.rsplit(":", 1)[0] + f":{port}"))

    async def scenario() -> None:
        proxy = await Proxy.listen(target=broker.node.port)
        uris = {name: through(uri, proxy.port) for name, uri in sample_environment.items() if name.endswith("AMQP_URI")}
        rpc = Rpc(sample_environment["ACCORD_AMQP_URI"])
        await rpc.start(patience=20)
        try:
            with contextlib.ExitStack() as running:
                port = await asyncio.to_thread(running.enter_context, served({**sample_environment, **uris}, log))
                await until_answered(rpc, 20)
                for link in list(proxy.links):
                    proxy.swallow(link, "questions")
                    proxy.swallow(link, "answers")
                # Two heartbeats of ten seconds, and what this machine needs.
                await until_answered(rpc, 90)
                for queue in ("offers.events.v1", "offers.peers.v1"):
                    told = f"{queue}: lost the broker"
                    await asyncio.to_thread(until, lambda told=told: told in log.read_text(), 60, told)
                await asyncio.to_thread(until, lambda: is_ready(port), 30, "all queues are consumed again")
        finally:
            await rpc.stop()
            await proxy.close()

    asyncio.run(scenario())

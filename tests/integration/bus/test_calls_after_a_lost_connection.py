"""Calls reach a service again after its connection went unnoticed: kombu would make a new one without the service's queues."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

from deploy.local.paths import ROOT
from services.gateway.rpc import Rpc
from shared.errors import Unavailable
from tests.support.processes import is_ready
from tests.support.servers import RabbitServer, free_port, until


def test_a_service_whose_connection_went_under_it_listens_again(
    sample_environment: dict[str, str], broker: RabbitServer, tmp_path: Path
) -> None:
    broker.empty()
    port = free_port()
    environment = {**os.environ, **sample_environment, "ACCORD_HEALTH_PORT": str(port)}
    with (tmp_path / "offers.log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "shared.bus.run", "tests.integration.bus.sample_service"],
            env=environment,
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        until(lambda: process.poll() is not None or is_ready(port), 60, "the sample is ready")

        async def scenario() -> None:
            rpc = Rpc(sample_environment["ACCORD_AMQP_URI"])
            await rpc.start(patience=20)
            try:
                await rpc.call("offers", "echo", 30, tenant="kazenor", actor="system")
                with contextlib.suppress(Unavailable):
                    # Meanwhile nobody may be there to answer.
                    await rpc.call("offers", "lose", 30, tenant="kazenor", actor="system")
                async with asyncio.timeout(40):
                    while True:
                        with contextlib.suppress(Unavailable):
                            await rpc.call("offers", "echo", 5, tenant="kazenor", actor="system")
                            break
                        await asyncio.sleep(0.1)
            finally:
                await rpc.stop()

        asyncio.run(scenario())
        assert process.poll() is None, "it is the same process"
    finally:
        process.kill()
        process.wait()

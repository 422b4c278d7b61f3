"""Whatever aiormq says of a connection that is lost while it is being made, it is made again: found by `make chaos`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import aio_pika
import pytest

from services.gateway.identity import Identities
from services.gateway.live import Ear, Live
from services.gateway.rpc import Rpc
from shared.bus.publisher import Publisher
from tests.unit.gateway.fake_rpc import FakeRpc

URI = "amqp://guest:guest@127.0.0.1:1/"


async def gateway() -> Callable[[], Coroutine[Any, Any, None]]:
    rpc = Rpc(URI)
    await rpc.start(patience=0)
    return rpc.stop


async def pages() -> Callable[[], Coroutine[Any, Any, None]]:
    ear = Ear(URI, Live(FakeRpc(), Identities(FakeRpc())))
    ear.start()
    return ear.stop


async def relay() -> Callable[[], Coroutine[Any, Any, None]]:
    keeping = asyncio.create_task(Publisher(URI).keep(lambda: None))

    async def stop() -> None:
        keeping.cancel()
        await asyncio.wait([keeping])

    return stop


@pytest.mark.parametrize("start", [gateway, pages, relay])
def test_it_is_reached_again(
    start: Callable[[], Coroutine[Any, Any, Callable[[], Coroutine[Any, Any, None]]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [OSError(), Exception(), asyncio.CancelledError(), aio_pika.exceptions.AMQPConnectionError(), EOFError()]
    tried = 0

    async def connect(*_: Any, **__: Any) -> None:
        nonlocal tried
        tried += 1
        raise said[tried % len(said)]

    monkeypatch.setattr(aio_pika, "connect", connect)

    async def scenario() -> None:
        async with asyncio.timeout(30):
            stop = await start()
            while tried < len(said) + 1:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            await stop()

    asyncio.run(scenario())

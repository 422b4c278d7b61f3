"""What is said on `accord.live` is heard by each gateway, also after the broker was away; and that something was missed meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import kombu

from services.gateway.live import Ear
from tests.support.servers import RabbitServer


class Heard:
    """In place of the streams of a process."""

    def __init__(self) -> None:
        self.all: list[tuple[str, bytes]] = []
        self.times_back = 0

    def hear(self, tenant: str, body: bytes) -> None:
        self.all.append((tenant, body))

    def back(self) -> None:
        self.times_back += 1


@asynccontextmanager
async def listening(uri: str) -> AsyncIterator[Heard]:
    heard: Any = Heard()
    ear = Ear(uri, heard)
    ear.start()
    try:
        yield heard
    finally:
        await ear.stop()


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def say(uri: str, tenant: str, body: str) -> None:
    with kombu.Connection(uri) as connection:
        producer = connection.Producer()
        producer.publish(body, exchange="accord.live", routing_key=tenant, content_type="application/json")


def test_every_gateway_hears_what_is_said_and_to_whom(broker: RabbitServer) -> None:
    async def scenario() -> None:
        async with listening(broker.uri()) as one, listening(broker.uri()) as other:
            await until(lambda: one.times_back == other.times_back == 1)
            for tenant in ("kazenor", ""):
                await asyncio.to_thread(say, broker.uri(), tenant, '[["history","p1"]]')
            for heard in (one, other):
                await until(lambda h=heard: len(h.all) == 2)  # type: ignore[misc]
                assert heard.all == [("kazenor", b'[["history","p1"]]'), ("", b'[["history","p1"]]')]

    asyncio.run(scenario())


def test_it_hears_again_once_the_broker_is_back_and_says_so(broker: RabbitServer) -> None:
    async def scenario() -> None:
        async with listening(broker.uri()) as heard:
            await until(lambda: heard.times_back == 1)
            await asyncio.to_thread(broker.restart)
            await until(lambda: heard.times_back == 2)
            await asyncio.to_thread(say, broker.uri(), "kazenor", "[]")
            await until(lambda: heard.all)

    asyncio.run(scenario())


def test_it_leaves_nothing_on_the_broker(broker: RabbitServer) -> None:
    async def scenario() -> None:
        async with listening(broker.uri()) as heard:
            await until(lambda: heard.times_back == 1)
            assert "live-gateway" in broker.control("list_queues", "-p", "cell-shared", "name")
        await until(lambda: "live-gateway" not in broker.control("list_queues", "-p", "cell-shared", "name"))

    asyncio.run(scenario())


def test_it_starts_and_stops_while_the_broker_is_away() -> None:
    async def scenario() -> None:
        async with listening("amqp://guest:guest@127.0.0.1:1/") as heard:
            await asyncio.sleep(0)
        assert heard.times_back == 0

    asyncio.run(scenario())

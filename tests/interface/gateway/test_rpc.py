"""The RPC client against a real broker and a service of stock nameko."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.gateway.rpc import SPENT, Rpc, ServiceFailure, Spent
from shared.errors import TooSoon, Unavailable
from tests.support.servers import RabbitServer

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def running(uri: str, name: str = "stock") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.interface.gateway.stock", uri, name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def stock(broker: RabbitServer) -> Iterator[None]:
    with running(broker.uri()):
        yield


@asynccontextmanager
async def connected(uri: str) -> AsyncIterator[Rpc]:
    rpc = Rpc(uri)
    await rpc.start(patience=10)
    try:
        yield rpc
    finally:
        await rpc.stop()


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


def test_a_call_reaches_a_stock_service_and_comes_back(broker: RabbitServer, stock: None) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            body = {"text": "Zoë 😀 \ud800", "n": 1, "service": "x", "method": "y", "deadline": 3, "list": [None, True]}
            assert await rpc.call("stock", "echo", 5, **body) == body
            assert await rpc.call_raw("stock", "echo", 5, a=1) in {b'{"a": 1}', b'{"a":1}'}
            found = await asyncio.gather(*(rpc.call("stock", "echo", 5, n=n) for n in range(200)))
            assert [one["n"] for one in found] == list(range(200))
            assert await rpc.answers("stock")

    asyncio.run(scenario())


def test_a_request_knows_how_long_it_waited(broker: RabbitServer, stock: None) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            SPENT.set(spent := Spent())
            await asyncio.gather(*(rpc.call("stock", "sleep", 30, seconds=0.2) for _ in range(4)))
            with pytest.raises(ServiceFailure):
                await rpc.call("stock", "break_", 30)
            assert 0.2 <= spent.wall < spent.sum
            assert spent.sum >= 4 * 0.2

    asyncio.run(scenario())


def test_refusals_cross_and_defects_do_not_pretend_to_be_refusals(broker: RabbitServer, stock: None) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            with pytest.raises(TooSoon, match="Wait") as refused:
                await rpc.call("stock", "refuse", 5)
            assert refused.value.info["retry_at"] == "2030-01-01T00:00:00Z"
            assert refused.value.info["errors"] == [{"field": "a", "message": "b"}]
            for method in ("break_", "no_such_method", "sleep"):
                with pytest.raises(ServiceFailure):
                    await rpc.call("stock", method, 5)

    asyncio.run(scenario())


def test_a_service_nobody_has_heard_of_is_unavailable_at_once(broker: RabbitServer) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            began = time.monotonic()
            with pytest.raises(Unavailable):
                await rpc.call("nobody", "anything", 60)
            assert time.monotonic() - began < 30, "it waited for the deadline"
            assert not await rpc.answers("nobody")

    asyncio.run(scenario())


def test_a_silent_service_is_unavailable_at_the_deadline(broker: RabbitServer, stock: None) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            began = time.monotonic()
            with pytest.raises(Unavailable):
                await rpc.call("stock", "sleep", 0.3, seconds=30)
            assert 0.3 <= time.monotonic() - began < 15, "it waited for the answer"
            assert await rpc.call("stock", "echo", 5, a=1) == {"a": 1}

    asyncio.run(scenario())


def test_calls_fail_at_once_when_the_broker_goes_and_work_again_when_it_is_back(broker: RabbitServer) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            with running(broker.uri()):
                waiting = asyncio.create_task(rpc.call("stock", "sleep", 90, seconds=80))
                assert await rpc.call("stock", "echo", 5, a=1) == {"a": 1}
                began = time.monotonic()
                await asyncio.to_thread(broker.kill)
                with pytest.raises(Unavailable):
                    await waiting
                with pytest.raises(Unavailable):
                    await rpc.call("stock", "echo", 5)
                assert time.monotonic() - began < 40, "it waited for the answer"
            await asyncio.to_thread(broker.start)
            await until(lambda: rpc.connected)
            # Another one: stock nameko does not always survive its broker.
            with running(broker.uri()):
                await until_answered(rpc, "stock")

    asyncio.run(scenario())


def test_it_starts_while_the_broker_is_away() -> None:
    async def scenario() -> None:
        rpc = Rpc("amqp://guest:guest@127.0.0.1:1/")
        began = time.monotonic()
        await rpc.start(patience=0.3)
        with pytest.raises(Unavailable):
            await rpc.call("stock", "echo", 5)
        await rpc.stop()
        assert time.monotonic() - began < 20, "it waited for the broker"

    asyncio.run(scenario())


async def refused_at_once(rpc: Rpc) -> bool:
    """Whether a call with a long deadline fails without a wait."""
    began = time.monotonic()
    with contextlib.suppress(Unavailable):
        await rpc.call("mortal", "echo", 30, a=1)
        return False
    return time.monotonic() - began < 0.2


def test_callers_of_a_service_that_died_are_told_at_once_and_go_through_as_soon_as_it_is_back(
    broker: RabbitServer,
) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            with running(broker.uri(), "mortal"):
                assert await rpc.call("mortal", "echo", 30, a=1) == {"a": 1}
                waiting = asyncio.create_task(rpc.call("mortal", "sleep", 90, seconds=80))
                await rpc.call("mortal", "echo", 30, a=1)
            # It was killed in the middle of a call; the message waits in its queue, for which nobody is there.
            with pytest.raises(Unavailable):
                await asyncio.wait_for(waiting, 30)
            assert await refused_at_once(rpc)
            assert not await rpc.answers("mortal")
            with running(broker.uri(), "mortal"):
                await until_answered(rpc)

    asyncio.run(scenario())


def test_a_service_that_hangs_is_found_by_a_probe_and_never_by_a_users_call_again(broker: RabbitServer) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            with running(broker.uri(), "mortal") as process:
                assert await rpc.call("mortal", "echo", 30, a=1) == {"a": 1}
                process.send_signal(signal.SIGSTOP)
                with pytest.raises(Unavailable):
                    await rpc.call("mortal", "echo", 60, a=1)
                assert await refused_at_once(rpc)
                process.send_signal(signal.SIGCONT)
                await until_answered(rpc)

    asyncio.run(scenario())


def test_a_broker_that_stands_still_fails_what_waits_before_the_connection_is_given_up(broker: RabbitServer) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            with running(broker.uri(), "mortal"):
                assert await rpc.call("mortal", "echo", 30, a=1) == {"a": 1}
                with broker.frozen():
                    # Far within its deadline (R6), by the second look in vain; only the fifth gives the connection up.
                    with pytest.raises(Unavailable):
                        await rpc.call("mortal", "echo", 60, a=1)
                    assert rpc.connected
                    assert await refused_at_once(rpc)
                await until_answered(rpc)

    asyncio.run(scenario())


def test_a_broker_that_takes_nothing_fails_calls_at_once_until_it_takes_again(broker: RabbitServer) -> None:
    async def scenario() -> None:
        async with connected(broker.uri()) as rpc:
            with running(broker.uri(), "mortal"):
                assert await rpc.call("mortal", "echo", 30, a=1) == {"a": 1}
                await asyncio.to_thread(broker.control, "set_vm_memory_high_watermark", "0")
                try:
                    with pytest.raises(Unavailable):
                        await rpc.call("mortal", "echo", 60, a=1)
                    assert await refused_at_once(rpc)
                finally:
                    await asyncio.to_thread(broker.control, "set_vm_memory_high_watermark", "0.4")
                await until_answered(rpc)

    asyncio.run(scenario())


async def until_answered(rpc: Rpc, service: str = "mortal") -> None:
    async def answered() -> bool:
        with contextlib.suppress(Unavailable):
            return bool(await rpc.call(service, "echo", 5, a=1) == {"a": 1})
        return False

    end = time.monotonic() + 20
    while not await answered():
        assert time.monotonic() < end, "calls do not go through again"
        await asyncio.sleep(0.05)

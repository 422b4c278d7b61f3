"""The fault proxy itself: each thing it can do to a connection is seen from both ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.chaos.proxy import ACKNOWLEDGE, COMMIT, Proxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that keeps what it hears and says it back."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1000):
                self.heard += piece
                writer.write(piece)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.ended.set()
            writer.close()


def through_a_proxy(test: Callable[[Proxy, Echo, Streams], Awaitable[None]]) -> None:
    async def run() -> None:
        echo = Echo()
        server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
        proxy = await Proxy.listen(server.sockets[0].getsockname()[1])
        client = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            async with asyncio.timeout(10):
                client[1].write(b"hello")
                assert await client[0].readexactly(5) == b"hello"
                await test(proxy, echo, client)
        finally:
            client[1].transport.abort()
            await proxy.close()
            server.close()

    asyncio.run(run())


async def ended(client: Streams) -> None:
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client[0].readexactly(1)


def test_a_delayed_piece_comes_later_and_whole() -> None:
    async def test(proxy: Proxy, echo: Echo, client: Streams) -> None:
        proxy.delay = 0.2
        began = asyncio.get_running_loop().time()
        client[1].write(b"slow")
        assert await client[0].readexactly(4) == b"slow"
        assert asyncio.get_running_loop().time() - began >= 0.4

    through_a_proxy(test)


def test_a_cut_ends_both_halves_and_a_new_connection_works_unless_it_refuses() -> None:
    async def test(proxy: Proxy, echo: Echo, client: Streams) -> None:
        proxy.cut(*proxy.links)
        await ended(client)
        await echo.ended.wait()
        again = await asyncio.open_connection("127.0.0.1", proxy.port)
        again[1].write(b"x")
        assert await again[0].readexactly(1) == b"x"
        proxy.refusing = True
        refused = await asyncio.open_connection("127.0.0.1", proxy.port)
        await ended(refused)
        again[1].transport.abort()

    through_a_proxy(test)


def test_a_half_open_connection_hears_and_is_not_answered_and_nobody_is_told() -> None:
    async def test(proxy: Proxy, echo: Echo, client: Streams) -> None:
        [link] = proxy.links
        proxy.swallow(link, "answers")
        client[1].write(b"anybody?")
        while b"anybody?" not in echo.heard:
            await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await client[0].read(1)
        assert not echo.ended.is_set()

    through_a_proxy(test)


def test_a_commit_arrives_and_its_answer_is_lost() -> None:
    async def test(proxy: Proxy, echo: Echo, client: Streams) -> None:
        [link] = proxy.links
        lost = asyncio.create_task(proxy.lose(link, "answers", after=COMMIT, within=5))
        await asyncio.sleep(0)
        client[1].write(b"select 1")
        assert await client[0].readexactly(8) == b"select 1"
        client[1].write(b"Q commit")
        assert await lost
        await ended(client)
        assert echo.heard.endswith(b"Q commit")

    through_a_proxy(test)


def test_an_acknowledgement_is_lost_and_never_arrives() -> None:
    async def test(proxy: Proxy, echo: Echo, client: Streams) -> None:
        [link] = proxy.links
        lost = asyncio.create_task(proxy.lose(link, "questions", after=ACKNOWLEDGE, within=5))
        await asyncio.sleep(0)
        client[1].write(b"\x01" + ACKNOWLEDGE + b"\x00")
        assert await lost
        await ended(client)
        assert echo.heard == b"hello"

    through_a_proxy(test)


def test_a_step_that_never_comes_is_not_waited_for_and_nothing_is_cut() -> None:
    async def test(proxy: Proxy, echo: Echo, client: Streams) -> None:
        [link] = proxy.links
        assert not await proxy.lose(link, "answers", after=COMMIT, within=0.1)
        client[1].write(b"commit")
        assert await client[0].readexactly(6) == b"commit"

    through_a_proxy(test)

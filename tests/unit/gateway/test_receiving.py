"""A request arrives within a bounded time and size, or its connection ends; whoever is being answered is left alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from services.gateway import receiving
from services.gateway.receiving import Receiving
from tests.support.servers import free_port

Steps = Callable[[int], Awaitable[None]]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body; `/early` before it has come, `/slow` half a second later."""
    if scope["type"] != "http":
        return
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    text = str(size).encode()
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "HEADERS_SECONDS", 0.2)
    monkeypatch.setattr(receiving, "REQUEST_SECONDS", 0.4)
    monkeypatch.setattr(receiving, "MOST_WAITING", 5)
    monkeypatch.setattr(receiving, "MOST_BODY", 2_000_000)


def run(steps: Steps) -> None:
    async def whole() -> None:
        port = free_port()
        config = uvicorn.Config(app, port=port, http=Receiving, lifespan="off", log_level="critical", ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            async with asyncio.timeout(20):
                await steps(port)
        finally:
            server.should_exit = True
            await task
        assert not Receiving.waiting

    asyncio.run(whole())


class Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, *parts: bytes) -> None:
        self.writer.write(b"".join(parts))

    async def rest(self) -> bytes:
        """All that comes until the connection ends."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""


@contextlib.asynccontextmanager
async def connection(port: int) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /again HTTP", b"HTTP/1.1 200 "),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", b""),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", b""),
        (b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 200 "),
    ],
)
def test_what_never_comes_whole_ends(said: bytes, answered: bytes) -> None:
    async def steps(port: int) -> None:
        async with connection(port) as wire:
            wire.say(said)
            answer = await wire.rest()
            assert answer.startswith(answered) and bool(answer) == bool(answered)

    run(steps)


HEAD = b" HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
LONG = b"POST /early" + HEAD + b"Content-Length: 1000000000\r\n\r\n"
EXTENSIONS = b"1;" + b"x" * 100_000 + b"\r\nx\r\n"


@pytest.mark.parametrize(
    ("head", "part", "answered"),
    [
        (LONG, b"x" * 100_000, True),
        (b"POST /early" + HEAD + CHUNKED, b"186a0\r\n" + b"x" * 100_000 + b"\r\n", True),
        (b"POST /early" + HEAD + CHUNKED, EXTENSIONS, True),
        (b"POST /early" + HEAD + b"Connection: close\r\n" + CHUNKED, EXTENSIONS, True),
        (b"POST /early HTTP/1.0\r\nContent-Length: 1000000000\r\n\r\n", b"x" * 100_000, True),
        (b"POST /" + HEAD + CHUNKED, EXTENSIONS, False),
    ],
    ids=["announced", "chunked", "extensions of chunks", "closing", "HTTP 1.0", "not answered"],
)
def test_a_body_ends_after_so_many_bytes_whether_it_is_answered_or_not(
    monkeypatch: pytest.MonkeyPatch, head: bytes, part: bytes, answered: bool
) -> None:
    monkeypatch.setattr(receiving, "REQUEST_SECONDS", 60)

    async def steps(port: int) -> None:
        async with connection(port) as wire:
            wire.say(head)
            if answered:
                assert (await wire.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 100_000_000:
                    wire.say(part)
                    await wire.writer.drain()
                    sent += len(part)
            # What the network holds is sent, too.
            assert 2_000_000 < sent < 20_000_000

    run(steps)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /early" + HEAD + b"Connection: close\r\nContent-Length: 3000000\r\n\r\n",
        b"POST /early HTTP/1.0\r\nContent-Length: 3000000\r\n\r\n",
    ],
    ids=["Connection: close", "HTTP 1.0"],
)
def test_whoever_asks_to_close_and_sends_all_before_they_read_sees_the_whole_answer(
    monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr(receiving, "MOST_BODY", 4_000_000)

    async def steps(port: int) -> None:
        def ask() -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
                wire.sendall(head)
                wire.sendall(b"x" * 3_000_000)
                return b"".join(iter(lambda: wire.recv(65536), b""))

        for _ in range(5):
            answer = await asyncio.to_thread(ask)
            assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n0")

    run(steps)


@pytest.mark.parametrize(
    "rest",
    [
        b"no chunk",
        b"0\r\nX: " + b"x" * 70_000 + b"\r\n",
        b"0\r\n\r\nGET / HTTP/1.1\r\nConnection: close\r\n\r\nnonsense",
    ],
    ids=["broken", "trailers", "one more request"],
)
def test_nothing_is_answered_behind_the_last_answer(rest: bytes) -> None:
    async def steps(port: int) -> None:
        async with connection(port) as wire:
            wire.say(b"POST /early", HEAD, b"Connection: close\r\n", CHUNKED)
            assert (await wire.reader.readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")
            wire.say(rest)
            assert await wire.rest() == b""

    run(steps)


def test_a_body_of_very_small_chunks_ends_earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "REQUEST_SECONDS", 60)

    async def steps(port: int) -> None:
        async with connection(port) as wire:
            wire.say(b"POST /early", HEAD, CHUNKED)
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 2_000_000:
                    wire.say(b"1\r\nx\r\n" * 1000)
                    await wire.writer.drain()
                    await asyncio.sleep(0.001)
                    sent += 6000
            assert sent < 500_000

    run(steps)


def test_a_body_that_trickles_on_after_its_answer_ends_after_a_while() -> None:
    async def steps(port: int) -> None:
        async with connection(port) as wire:
            wire.say(LONG)
            parts = 0
            with contextlib.suppress(ConnectionError):
                while parts < 200 and not wire.writer.is_closing():
                    wire.say(b"x")
                    await wire.writer.drain()
                    await asyncio.sleep(0.02)
                    parts += 1
            assert 5 < parts < 200

    run(steps)


def test_whoever_reads_the_answer_only_after_sending_all_goes_on_with_the_connection() -> None:
    async def steps(port: int) -> None:
        async with connection(port) as wire:
            for _ in range(3):
                wire.say(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1500000\r\n\r\n")
                for _ in range(15):
                    wire.say(b"x" * 100_000)
                    await wire.writer.drain()
                assert b"200" in await wire.reader.readuntil(b"\r\n\r\n")
                assert await wire.reader.readexactly(1) == b"0"

    run(steps)


def test_a_header_that_trickles_in_ends_too() -> None:
    async def steps(port: int) -> None:
        async with connection(port) as wire:
            wire.say(b"GET / HTTP/1.1\r\nHost: a\r\n")
            lines = 0
            with contextlib.suppress(ConnectionError):
                while lines < 200 and not wire.reader.at_eof():
                    wire.say(b"X: 1\r\n")
                    await wire.writer.drain()
                    await asyncio.sleep(0.05)
                    lines += 1
            assert lines < 200

    run(steps)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_more_headers_than_anybody_needs_are_refused(head: bytes) -> None:
    async def steps(port: int) -> None:
        async with connection(port) as wire:
            with contextlib.suppress(ConnectionError):
                for at in range(0, len(head), 20_000):
                    wire.say(head[at : at + 20_000])
                    await wire.writer.drain()
                    await asyncio.sleep(0.005)
            assert b"200 OK" not in await wire.rest()

    run(steps)


def test_of_too_many_connections_that_ask_nothing_the_oldest_go_and_who_asks_is_served() -> None:
    async def steps(port: int) -> None:
        async with contextlib.AsyncExitStack() as stack:
            asking = await stack.enter_async_context(connection(port))
            asking.say(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            await asyncio.sleep(0.05)
            idle = []
            for _ in range(8):
                idle.append(await stack.enter_async_context(connection(port)))
                idle[-1].say(b"GET / HTTP/1.1\r\nHost:")
                await asyncio.sleep(0.01)
            assert await idle[0].rest() == await idle[2].rest() == b""
            assert len(Receiving.waiting) == 5
            assert (await asking.rest()).startswith(b"HTTP/1.1 200 ")

    run(steps)


def test_a_body_of_many_parts_and_one_request_after_the_other_are_answered() -> None:
    async def steps(port: int) -> None:
        async with connection(port) as wire:
            for _ in range(3):
                wire.say(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
                for _ in range(3):
                    wire.say(b"x" * 100_000)
                    await wire.writer.drain()
                assert b"200" in await wire.reader.readuntil(b"\r\n\r\n")
                assert await wire.reader.readexactly(6) == b"300000"
                await asyncio.sleep(0.1)

    run(steps)

"""A proxy that does to a connection what networks do: delays it, cuts it, swallows one direction, loses the one answer that mattered.

    proxy = await Proxy.listen(target=5432)         # clients go to proxy.port
    proxy.delay = 0.2                               # from now on every piece of every connection comes so many seconds later
    proxy.cut(link); proxy.swallow(link, "answers")
    await proxy.lose(link, "answers", after=COMMIT)

It knows nothing of what passes but the few bytes by which one step of a protocol is recognised.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Literal

Direction = Literal["questions", "answers"]
"""From client to server, and back."""

PIECE = 64 * 1024

# How a step of a protocol looks on the wire: class and method of AMQP 0-9-1, and what ends a transaction in SQL.
PUBLISH = b"\x00\x3c\x00\x28"
ACKNOWLEDGE = b"\x00\x3c\x00\x50"
COMMIT = b"COMMIT"


class Link:
    """One connection: a client's, and ours to the server for it. `client_port` tells whose it is."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.client_port: int = client.get_extra_info("peername")[1]
        self.swallowed: set[Direction] = set()
        self.trap: tuple[Direction, bytes] | None = None
        self.sprung = asyncio.Event()
        """The step that was waited for has passed, and what belongs to it is lost."""

    def abort(self) -> None:
        """End both halves at once, with a reset: nothing that is on its way arrives."""
        for writer in (self.client, self.server):
            writer.transport.abort()


class Proxy:
    """Listens on a loopback port of its own and passes everything to the port `target`."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.delay = 0.0
        self.refusing = False
        self.links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def listen(cls, target: int) -> Proxy:
        """A proxy that listens."""
        proxy = cls(target)
        proxy._server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy.port = proxy._server.sockets[0].getsockname()[1]
        return proxy

    async def close(self) -> None:
        """Cut everything and listen no more."""
        assert self._server is not None
        self._server.close()
        self.cut(*self.links)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What goes wrong

    def cut(self, *links: Link) -> None:
        """End connections with a reset."""
        for link in links:
            link.abort()

    def swallow(self, link: Link, direction: Direction) -> None:
        """From now on what goes in one direction is lost, and neither side is told: the connection is half open until it is cut."""
        link.swallowed.add(direction)

    async def lose(self, link: Link, direction: Direction, *, after: bytes, within: float) -> bool:
        """Lose one step and cut the connection; whether that step came within so many seconds.

        `answers`: the client's next piece with the bytes `after` arrives, what the server says to it does not. `questions`: that piece
        does not arrive either.
        """
        link.trap = (direction, after.lower())
        try:
            async with asyncio.timeout(within):
                await link.sprung.wait()
            # What was asked is done meanwhile.
            await asyncio.sleep(0.2)
        except TimeoutError:
            return False
        finally:
            link.trap = None
            if link.sprung.is_set():
                # Also when nobody waits any more: a connection that stays half open is another fault.
                link.abort()
        return True

    # What passes

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self.refusing:
                return
            with contextlib.suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", self.target)
                link = Link(writer, back)
                self.links.add(link)
                try:
                    await self._pass(link, reader, there)
                finally:
                    self.links.discard(link)
                    link.abort()
        except asyncio.CancelledError:
            # Only `close` does this, and it waits for us.
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _pass(self, link: Link, client: asyncio.StreamReader, server: asyncio.StreamReader) -> None:
        halves = [
            asyncio.create_task(self._carry(link, "questions", client, link.server)),
            asyncio.create_task(self._carry(link, "answers", server, link.client)),
        ]
        try:
            # Whoever ends the connection on one side ends it on the other.
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)

    async def _carry(
        self, link: Link, direction: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if direction == "questions" and link.trap is not None and link.trap[1] in piece.lower():
                    link.swallowed.add(link.trap[0])
                    link.trap = None
                    link.sprung.set()
                if direction not in link.swallowed:
                    sink.write(piece)
                    await sink.drain()
            if direction in link.swallowed:
                # Half open: that one side has gone is what the other does not learn.
                await asyncio.Event().wait()


def owned(links: Iterable[Link], ports: set[int]) -> list[Link]:
    """Those of the links whose client uses one of these ports, the oldest first."""
    return sorted((link for link in links if link.client_port in ports), key=lambda link: link.client_port)

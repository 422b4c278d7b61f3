"""How requests arrive: within a bounded time, with bounded headers, on a bounded number of connections that ask for nothing yet.

uvicorn bounds none of these by itself: it waits for ever for headers that were begun, keeps as many of them as come, and lets any number
of half-sent requests lie; and what still comes of a body that was answered (refused, mostly) it takes without end, or, of who asked for
`Connection: close`, not at all, so that they see a broken connection in place of the answer. An answer that nobody takes is given up as well.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEADERS_SECONDS = 10.0
"""From the connection, or the first byte of a further request, to the end of its headers."""
REQUEST_SECONDS = 40.0
"""To the end of the body, also of one that was answered meanwhile. Longer than an endpoint waits for its body, so that it has the word."""
MOST_BODY = 256 * 1024 * 1024
"""Bytes of a body as they arrive, with what frames its chunks. Far more than any endpoint takes: the rest of a body whose request was refused is taken, too, and
forgotten, since most clients read the answer only when they have sent all."""
CHUNK = 1024
"""Bytes that a chunk counts for besides its own: to read one of a single byte takes nearly as long, and holds up everybody."""
ANSWER_SECONDS = 60.0
"""How long the reader of an answer may take nothing of it."""
MOST_HEADERS = 100
MOST_HEAD = 64 * 1024
"""Bytes of the address and all headers together."""
TOO_LARGE = b"431 Request Header Fields Too Large"
MOST_WAITING = 1000
"""Connections that are not being answered: idle, or with a request that has not arrived yet. Of more the oldest go."""


class Receiving(HttpToolsProtocol):  # type: ignore[misc, unused-ignore]
    """uvicorn's protocol with these bounds. All connections of the process share one list of the waiting ones."""

    waiting: OrderedDict[Receiving, None] = OrderedDict()

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._limit: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None
        self._in_head = self._in_body = False
        self._head = self._unparsed = self._body = 0
        self._lingers = self._over = False

    # — connections —

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._within(HEADERS_SECONDS)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self.waiting.pop(self, None)
        self._within(None)
        if self._stuck is not None:
            self._stuck.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self.waiting[self] = None
        self.waiting.move_to_end(self)
        while len(self.waiting) > MOST_WAITING:
            oldest, _ = self.waiting.popitem(last=False)
            oldest.transport.close()

    # — the time it takes —

    def _within(self, seconds: float | None) -> None:
        """From now on so long; None: as long as it takes."""
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self.loop.call_later(seconds, self._too_slow) if seconds is not None else None

    def _too_slow(self) -> None:
        if self.transport.is_closing():
            return
        if self._in_head:
            self._refuse(b"408 Request Timeout")
        else:
            # Nothing was asked; or whoever reads the body hears that its sender has gone.
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stuck is None:
            self._stuck = self.loop.call_later(ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        super().resume_writing()

    # — one request —

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head, self._unparsed, self._body = True, 0, 0, 0
        self._within(HEADERS_SECONDS)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def _count(self, more: int) -> None:
        self._head += more
        if self._head > MOST_HEAD or len(self.headers) > MOST_HEADERS:
            self._refuse(TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._over:
            return
        super().on_headers_complete()
        self.cycle.transport = _UntilTheBodyIsThere(self, self.cycle)  # type: ignore[assignment]
        self._in_body = True
        self._within(REQUEST_SECONDS)

    def on_chunk_header(self) -> None:
        self._body += CHUNK

    def on_body(self, body: bytes) -> None:
        if not self._over:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._over:
            return
        super().on_message_complete()
        self._in_body = False
        self._within(None)
        if self._lingers:
            self._end()
        if self.cycle is not None and not self.cycle.response_complete:
            self.waiting.pop(self, None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._wait()

    # — the end —

    def linger(self) -> None:
        """Say that the answer is complete, but go on taking the body: a connection that is closed with bytes unread takes the answer with it."""
        self._lingers = True
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _end(self) -> None:
        """Close, and heed nothing that has come already."""
        self._over = True
        self.transport.close()

    def _is_answered(self) -> bool:
        """Whether the answer to what is coming has begun, so that no other can be given."""
        return self._over or (self._in_body and self.cycle.response_started)

    def _refuse(self, status: bytes) -> None:
        if not self._is_answered():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\ncache-control: no-store\r\n\r\n"
            )
        self._end()

    def send_400_response(self, msg: str) -> None:
        if not self._is_answered():
            super().send_400_response(msg)
        self._end()

    def data_received(self, data: bytes) -> None:
        # The parser keeps a header to itself until it ends, and tells nothing of what frames a chunk: what has come is counted here.
        in_head, in_body = self._in_head, self._in_body
        super().data_received(data)
        if in_head and self._in_head:
            self._unparsed += len(data)
            if self._unparsed > MOST_HEAD:
                self._refuse(TOO_LARGE)
        if in_body and self._in_body:
            self._body += len(data)
            if self._body > MOST_BODY:
                self._end()


class _UntilTheBodyIsThere:
    """The transport as the answer to one request has it: who closes it when the answer is complete waits for the rest of the body."""

    def __init__(self, connection: Receiving, cycle: RequestResponseCycle) -> None:
        self._connection, self._cycle = connection, cycle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection.transport, name)

    def close(self) -> None:
        if self._cycle.response_complete and self._cycle.more_body and not self._connection.transport.is_closing():
            self._connection.linger()
        else:
            self._connection.transport.close()

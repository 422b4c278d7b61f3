"""`GET /api/v1/events`: server-sent events for the logged-in user, so that pages change by themselves (BX-10).

An event says what has changed and never the content; whoever hears it reads again with their own rights.

    event: changed
    data: {"part":"partnership","partnership_id":"…"}

`part` is partnership, contacts, managers, history, notifications, directory or business, and `all` when it is not known what was missed.

`Ear` listens on the broker, `Live` knows the open streams of this process, a `Listener` is one of them, `EventStream` its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from uuid import uuid4

import aio_pika
import aiormq
from prometheus_client import Gauge
from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.identity import Identities, Identity
from services.gateway.rpc import READ, Caller, ServiceFailure, close
from shared.bus.live import EVERYBODY
from shared.bus.topology import LIVE
from shared.errors import NotAuthenticated, NotFound, Refusal
from shared.tasks import told_to_stop

CONNECTIONS = Gauge("accord_live_connections", "Browsers that listen for changes.")

HEARTBEAT = 15.0
# How often it is asked whether the login of a stream still counts.
CHECK = 10.0
WAITING_AT_MOST = 100
PER_USER = 20
# How long an answer counts to whether a member may see a partnership.
SEEN_FOR = 5.0
ANSWERS_AT_MOST = 10_000
# More than this waits for nobody: the queue goes away with its process, and a full one drops its oldest.
QUEUED_AT_MOST = 10_000

# Parts that are about one partnership.
_PARTNERSHIPS = frozenset({"partnership", "contacts", "managers", "history"})
_SEE_ALL = frozenset({"admin", "partnerships"})

# How long it is remembered what was said: a page opens its stream a moment after it was made, and what came between counts.
REMEMBERED = 30.0
REMEMBERED_AT_MOST = 5_000
# By how much the clocks of two gateways may differ.
SKEW = 1.0

Change = tuple[str, str]
"""(part, about): about a partnership, a person, or nothing in particular."""
EVERYTHING: Change = ("all", "")

_clock = time.time
_log = logging.getLogger(__name__)


class Listener:
    """One open stream: whose it is, what it has yet to be told, and whether it shall go on. An API key needs `scope` for it."""

    def __init__(self, who: Identity, scope: str) -> None:
        self.who, self.scope = who, scope
        self._waiting: OrderedDict[Change, None] = OrderedDict()
        self._woken = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def closed(self) -> bool:
        return self._ended.is_set()

    def tell(self, change: Change) -> None:
        """Note a change; too many become one `all`."""
        if change == EVERYTHING or EVERYTHING in self._waiting or len(self._waiting) >= WAITING_AT_MOST:
            self._waiting.clear()
            change = EVERYTHING
        self._waiting[change] = None
        self._woken.set()

    def close(self) -> None:
        self._ended.set()

    async def ended(self) -> None:
        """Return once the stream shall end."""
        await self._ended.wait()

    async def next(self, seconds: float) -> list[Change]:
        """What has changed since the last time; empty after `seconds` without anything."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
        found = list(self._waiting)
        self._waiting.clear()
        return found


class Standings:
    """Whether a member may see a partnership, as offers says: kept for some seconds, and forgotten when the partnership changes."""

    def __init__(self, rpc: Caller) -> None:
        self._rpc = rpc
        self._kept: OrderedDict[tuple[str, str], dict[str, tuple[float, asyncio.Task[bool]]]] = OrderedDict()

    def forget(self, tenant: str, partnership: str) -> None:
        """The partnership has changed, and its managers perhaps with it. None named: any of the tenant; no tenant: any at all."""
        if tenant == EVERYBODY:
            self._kept.clear()
        elif partnership:
            self._kept.pop((tenant, partnership), None)
        else:
            for key in [key for key in self._kept if key[0] == tenant]:
                del self._kept[key]

    async def may_see(self, who: Identity, partnership: str) -> bool:
        """Whether `who` may see it now. Raises Unavailable or ServiceFailure when nobody can say."""
        answers = self._kept.setdefault((who.tenant, partnership), {})
        asked, answer = answers.get(who.actor, (0.0, None))
        if answer is None or time.monotonic() - asked > SEEN_FOR or _failed(answer):
            answer = asyncio.create_task(self._ask(who, partnership))
            answers[who.actor] = (time.monotonic(), answer)
            self._kept.move_to_end((who.tenant, partnership))
            while len(self._kept) > ANSWERS_AT_MOST:
                self._kept.popitem(last=False)
        # Others of the same person may wait for the same answer.
        return await asyncio.shield(answer)

    async def _ask(self, who: Identity, partnership: str) -> bool:
        try:
            await self._rpc.call(
                "offers", "get_standing", READ, tenant=who.tenant, actor=who.actor, partnership_id=partnership
            )
        except NotFound:
            return False
        return True


def _failed(answer: asyncio.Task[bool]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)


class Memory:
    """What was said in the last half minute, for a stream that opens after its page was made."""

    def __init__(self) -> None:
        self._said: deque[tuple[float, str, Change]] = deque()
        self._whole_since = _clock()

    def note(self, tenant: str, change: Change) -> None:
        self._said.append((_clock(), tenant, change))
        self._forget()

    def begin_anew(self) -> None:
        """Something may have been missed before now."""
        self._said.clear()
        self._whole_since = _clock()

    def after(self, moment: float, tenant: str) -> list[Change]:
        """What was said to `tenant` after `moment` (seconds since 1970), each once; EVERYTHING when that is not known any more."""
        self._forget()
        if moment < self._whole_since:
            return [EVERYTHING]
        said = (change for at, whose, change in self._said if at >= moment - SKEW and whose in {tenant, EVERYBODY})
        return list(dict.fromkeys(said))

    def _forget(self) -> None:
        while self._said and (len(self._said) > REMEMBERED_AT_MOST or self._said[0][0] < _clock() - REMEMBERED):
            self._whole_since = self._said.popleft()[0]


class Live:
    """All open streams of this process, by tenant, and what they may hear."""

    def __init__(self, rpc: Caller, identities: Identities) -> None:
        self._standings = Standings(rpc)
        self._identities = identities
        # In the order in which they were opened.
        self._listeners: dict[str, dict[Listener, None]] = {}
        self._memory = Memory()
        self._closing = False

    # --- hearing -----------------------------------------------------------------------------------------------------

    def hear(self, tenant: str, body: bytes) -> None:
        """What the relay of a service says: of one tenant, or of all."""
        try:
            changes = [(str(part), str(about)) for part, about in from_json(body)]
        except (TypeError, ValueError):
            _log.warning("What is said of changes cannot be read; it counts as much.")
            changes = [EVERYTHING]
        for part, about in changes:
            if part in {"all", "partnership"}:
                self._standings.forget(tenant, about)
        for change in changes:
            self._memory.note(tenant, change)
        for listener in self._all() if tenant == EVERYBODY else list(self._listeners.get(tenant, ())):
            for change in changes:
                self._tell(listener, change)

    def _tell(self, listener: Listener, change: Change) -> None:
        part, about = change
        # Another person's notifications are no news to anybody else; whose they are is left out when they are many.
        if part != "notifications" or about in {"", listener.who.actor}:
            listener.tell(change)

    def back(self) -> None:
        """The broker can be heard again: what was said meanwhile was missed."""
        self._standings.forget(EVERYBODY, "")
        self._memory.begin_anew()
        for listener in self._all():
            listener.tell(EVERYTHING)

    def _all(self) -> list[Listener]:
        return [listener for listeners in self._listeners.values() for listener in listeners]

    # --- listening ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def listening(self, who: Identity, scope: str, since: float | None = None) -> Iterator[Listener]:
        """A stream for the time of a block, told first what changed after `since`. Of too many of one person the oldest ends."""
        listener = Listener(who, scope)
        listeners = self._listeners.setdefault(who.tenant, {})
        listeners[listener] = None
        mine = [one for one in listeners if one.who.actor == who.actor and not one.closed]
        for one in mine[:-PER_USER]:
            one.close()
        if self._closing:
            listener.close()
        for change in [] if since is None else self._memory.after(since, who.tenant):
            self._tell(listener, change)
        CONNECTIONS.inc()
        try:
            yield listener
        finally:
            CONNECTIONS.dec()
            del listeners[listener]
            if not listeners and self._listeners.get(who.tenant) is listeners:
                del self._listeners[who.tenant]

    async def may_hear(self, who: Identity, change: Change) -> Change | None:
        """What `who` is told of a change: members hear of partnerships that they see; `all` when nobody can say whether they do."""
        part, about = change
        if part not in _PARTNERSHIPS or not about or who.user.get("role") in _SEE_ALL:
            return change
        try:
            return change if await self._standings.may_see(who, about) else None
        except (Refusal, ServiceFailure):
            return EVERYTHING

    async def still(self, listener: Listener) -> bool:
        """Whether the login or the key of a stream still counts, and under which role. While accounts is away nobody is thrown out."""
        try:
            who = await self._identities.of(listener.who.token, by_cookie=listener.who.by_cookie)
        except NotAuthenticated:
            return False
        except (Refusal, ServiceFailure):
            return True
        listener.who = who
        return who.scopes is None or listener.scope in who.scopes

    def close(self) -> None:
        """End all streams, now and from now on: the server stops and must not wait for them."""
        self._closing = True
        for listener in self._all():
            listener.close()


def event(change: Change) -> bytes:
    """A change as it is written on the stream."""
    part, about = change
    data = {"part": part, "partnership_id": about if part in _PARTNERSHIPS and about else None}
    return f"event: changed\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


class EventStream(Response):
    """The answer that goes on until its reader leaves, the login counts no more, a newer stream takes its place, or the server stops.

    It ends at once, also while it waits for a reader who takes nothing.
    """

    media_type = "text/event-stream"

    def __init__(self, live: Live, who: Identity, scope: str, since: float | None = None) -> None:
        # A proxy must neither keep it nor hold it back.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._live, self._who, self._scope, self._since = live, who, scope, since

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            with self._live.listening(self._who, self._scope, self._since) as listener:
                await self._go_on(listener, receive, send)
        with contextlib.suppress(OSError, TimeoutError, ClientDisconnect):
            async with asyncio.timeout(0.5):
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _go_on(self, listener: Listener, receive: Receive, send: Send) -> None:
        works = [
            asyncio.create_task(work)
            for work in (self._say(listener, send), self._check(listener), _left(receive), listener.ended())
        ]
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for work in works:
                work.cancel()
            ends = await asyncio.gather(*works, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, OSError | ClientDisconnect):
                raise end

    async def _say(self, listener: Listener, send: Send) -> None:
        async def write(text: bytes) -> None:
            await send({"type": "http.response.body", "body": text, "more_body": True})

        await write(b"retry: 2000\nevent: hello\ndata: {}\n\n")
        while True:
            said = b""
            for change in await listener.next(HEARTBEAT):
                told = await self._live.may_hear(listener.who, change)
                if told == EVERYTHING:
                    said = event(EVERYTHING)
                    break
                said += event(told) if told is not None else b""
            await write(said or b": still here\n\n")

    async def _check(self, listener: Listener) -> None:
        # Not all at the same instant, after a restart that all came back from.
        while await self._live.still(listener):
            await asyncio.sleep(CHECK * random.uniform(0.9, 1.1))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Ear:
    """Listens on `accord.live`, on a connection of its own: whatever becomes of it, the calls of this process go on."""

    def __init__(self, uri: str, live: Live, *, name: str = "gateway-live") -> None:
        self._uri, self._live, self._name = uri, live, name
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen, and again whenever the connection is lost, until `stop`."""
        self._keeper = asyncio.create_task(self._keep(), name="ear")

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

    async def _keep(self) -> None:
        delay, told = 0.1, False
        while not told_to_stop():
            connection: aio_pika.abc.AbstractConnection | None = None
            lost = asyncio.Event()
            try:
                async with asyncio.timeout(5):
                    connection = await aio_pika.connect(
                        self._uri, client_properties={"connection_name": self._name}, heartbeat=20
                    )
                    await self._listen(connection, lost)
                delay, told = 0.1, False
                self._live.back()
                await lost.wait()
                _log.warning("changes are not heard: the connection to the broker is lost")
            except (Exception, asyncio.CancelledError) as error:
                # As in rpc.py: aiormq says many things of a connection that is lost.
                if told_to_stop():
                    raise
                if not told:
                    _log.warning("changes are not heard: %s", type(error).__name__)
                told = True
            finally:
                if connection is not None:
                    await close(connection)
            await asyncio.sleep(delay * random.uniform(0.5, 1))
            delay = min(delay * 2, 1.0)

    async def _listen(self, connection: aio_pika.abc.AbstractConnection, lost: asyncio.Event) -> None:
        channel = await connection.channel(publisher_confirms=False)
        connection.close_callbacks.add(lambda *_: lost.set())
        channel.close_callbacks.add(lambda *_: lost.set())
        exchange = await channel.declare_exchange(LIVE, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(
            f"live-{self._name}-{uuid4()}", exclusive=True, auto_delete=True, arguments={"x-max-length": QUEUED_AT_MOST}
        )
        await queue.bind(exchange, routing_key="#")
        below = await channel.get_underlay_channel()
        await below.basic_consume(queue.name, self._heard, no_ack=True)

    async def _heard(self, message: aiormq.abc.DeliveredMessage) -> None:
        self._live.hear(message.routing_key or "", message.body)

"""`GET /api/v1/events`: server-sent events for the logged-in user, so that pages change by themselves (BX-10).

An event says what has changed and never the content; whoever hears it reads again with their own rights.

    event: changed
    data: {"part": "partnership", "partnership_id": "…"}

`part` is partnership, contacts, managers, history, notifications, directory or business, and `all` when it is not known what was missed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator

from prometheus_client import Gauge
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.gateway import identity
from services.gateway.identity import Identities, Identity
from services.gateway.problems import problem
from services.gateway.rpc import READ, Caller, ServiceFailure
from shared.errors import NotAuthenticated, Refusal

CONNECTIONS = Gauge("accord_live_connections", "Browsers that listen for changes.")

HEARTBEAT = 15.0
WAITING_AT_MOST = 100
PER_USER = 20
# How long an answer counts to whether a member may see a partnership.
SEEN_FOR = 5.0

# Parts that are about one partnership.
_PARTNERSHIPS = frozenset({"partnership", "contacts", "managers", "history"})

Change = tuple[str, str]
EVERYTHING: Change = ("all", "")

_log = logging.getLogger(__name__)


class Listener:
    """One open connection: what it has yet to be told, and whether it shall go on."""

    def __init__(self, who: Identity) -> None:
        self.who = who
        self.opened = time.monotonic()
        self._waiting: OrderedDict[Change, None] = OrderedDict()
        self._woken = asyncio.Event()
        self.closed = False
        self._may: dict[str, tuple[float, bool]] = {}

    def tell(self, change: Change) -> None:
        """Note a change; too many become one `all`."""
        if len(self._waiting) >= WAITING_AT_MOST or EVERYTHING in self._waiting:
            self._waiting.clear()
            change = EVERYTHING
        self._waiting[change] = None
        self._woken.set()

    def close(self) -> None:
        self.closed = True
        self._woken.set()

    async def next(self, seconds: float) -> list[Change]:
        """What has changed since the last time; empty after `seconds` without anything."""
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except TimeoutError:
            return []
        self._woken.clear()
        found = list(self._waiting)
        self._waiting.clear()
        return found

    async def may_hear(self, change: Change, rpc: Caller) -> bool:
        """Members hear only of partnerships that they see; notifications are each person's own."""
        part, about = change
        if part == "notifications":
            return about == self.who.actor
        if part not in _PARTNERSHIPS or not about or self.who.user.get("role") != "member":
            return True
        now = time.monotonic()
        at, may = self._may.get(about, (0.0, False))
        if now - at > SEEN_FOR:
            try:
                who = self.who
                await rpc.call(
                    "offers", "get_partnership", READ, tenant=who.tenant, actor=who.actor, partnership_id=about
                )
                may = True
            except (Refusal, ServiceFailure):
                may = False
            if len(self._may) > 1000:
                self._may.clear()
            self._may[about] = (now, may)
        return may


class Live:
    """All open connections of this process, by tenant. Fed by the RPC client's connection (`rpc.Hearer`)."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._closing = False

    def hear(self, tenant: str, body: bytes) -> None:
        listeners = self._listeners.get(tenant)
        if not listeners:
            return
        try:
            changes = [(str(part), str(about)) for part, about in from_json(body)]
        except ValueError:
            _log.warning("what is said of changes cannot be read")
            return
        for listener in listeners:
            for change in changes:
                # Another person's notifications are no news to anybody else.
                if change[0] != "notifications" or change[1] == listener.who.actor:
                    listener.tell(change)

    def back(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.tell(EVERYTHING)

    def open(self, who: Identity) -> Listener:
        """A new connection; of too many of one person the oldest ends."""
        mine = self._listeners.setdefault(who.tenant, set())
        listener = Listener(who)
        listener.closed = self._closing
        mine.add(listener)
        CONNECTIONS.inc()
        theirs = deque(sorted((one for one in mine if one.who.actor == who.actor), key=lambda one: one.opened))
        while len(theirs) > PER_USER:
            theirs.popleft().close()
        return listener

    def leave(self, listener: Listener) -> None:
        mine = self._listeners.get(listener.who.tenant, set())
        if listener in mine:
            mine.discard(listener)
            CONNECTIONS.dec()
        if not mine:
            self._listeners.pop(listener.who.tenant, None)

    def close(self) -> None:
        """End all connections: the server stops and must not wait for them."""
        self._closing = True
        for listeners in list(self._listeners.values()):
            for listener in listeners:
                listener.close()


def event(change: Change) -> str:
    """A change as it is written on the stream."""
    part, about = change
    data = {"part": part, "partnership_id": about if part in _PARTNERSHIPS and about else None}
    return f"event: changed\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


async def events(request: Request) -> Response:
    """The stream. 401 without a login, 403 at another business's host, as everywhere."""
    try:
        who = await identity.from_request(request)
        identity.check_host(request, who)
    except Refusal as refusal:
        return problem(refusal)
    live: Live = request.app.state.live
    request.scope["accord.who"] = (who.tenant, who.actor)
    return StreamingResponse(
        _stream(live, who, request.app.state.rpc, request.app.state.identities),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(live: Live, who: Identity, rpc: Caller, identities: Identities) -> AsyncIterator[str]:
    listener = live.open(who)
    try:
        yield "retry: 2000\nevent: hello\ndata: {}\n\n"
        checked = time.monotonic()
        while not listener.closed:
            changes = await listener.next(HEARTBEAT)
            if time.monotonic() - checked >= HEARTBEAT:
                checked = time.monotonic()
                if not await _still(identities, who):
                    return
            if not changes and not listener.closed:
                yield ": still here\n\n"
            for change in changes:
                if await listener.may_hear(change, rpc):
                    yield event(change)
    finally:
        live.leave(listener)


async def _still(identities: Identities, who: Identity) -> bool:
    """Whether the credential still counts. While accounts is away nobody is thrown out."""
    try:
        await identities.of(who.token)
    except NotAuthenticated:
        return False
    except (Refusal, ServiceFailure):
        return True
    return True

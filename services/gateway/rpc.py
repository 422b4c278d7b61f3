"""The gateway's way to the services: nameko RPC over one aio-pika connection.

A call is published to the topic exchange `nameko-rpc` with the key `<service>.<method>`; the answer comes to one exclusive queue of
this process. Every call has a deadline, which is the expiration of its message too, so that a service that was away does not execute
an hour later what nobody waits for any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import random
import time
from contextvars import ContextVar
from typing import Any, Protocol
from uuid import uuid4

import aio_pika
import aiormq
from pydantic_core import from_json

from services.gateway.circuits import LOOK_EVERY, Circuit, Lookout
from shared import traces
from shared.errors import Refusal, Unavailable, refusal
from shared.health import RPC_SECONDS
from shared.tasks import told_to_stop

READ = 2.0
COMMAND = 5.0
PROBE = 1.0
EXCHANGE = "nameko-rpc"
# How the correlation id of a probe begins.
_PROBES = "probe-"

_log = logging.getLogger(__name__)


class Spent:
    """How long a request has waited for services, in seconds: `wall` counts what was asked at the same time once, `sum` each call."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.wall = self.sum = 0.0
        self._open, self._since = 0, 0.0

    def begin(self, now: float) -> None:
        if not self._open:
            self._since = now
        self._open += 1

    def end(self, began: float, now: float) -> None:
        self._open -= 1
        self.sum += now - began
        if not self._open:
            self.wall += now - self._since


# What the request that is being served has spent so far; None where nobody wants to know.
SPENT: ContextVar[Spent | None] = ContextVar("spent", default=None)


class ServiceFailure(Exception):
    """A service answered with an error that is no refusal: a defect there, 500 here. Its text is for the log only."""


class Caller(Protocol):
    """What pages and endpoints need of the RPC client; tests put a fake in its place."""

    async def call(self, service: str, method: str, deadline: float, /, **kwargs: Any) -> Any:
        """The result of `service.method(**kwargs)`, decoded.

        Raises the service's refusal (`shared.errors`), Unavailable when there is no answer within `deadline` seconds,
        ServiceFailure for anything else.
        """

    async def call_raw(self, service: str, method: str, deadline: float, /, **kwargs: Any) -> bytes:
        """The same, as JSON that can be handed on unread."""

    async def answers(self, service: str) -> bool:
        """Whether `service` answers now."""


class Pending:
    """A call that was sent and waits for its answer, `deadline` seconds at most."""

    def __init__(self, service: str, deadline: float) -> None:
        self.service = service
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.until = asyncio.timeout(deadline)

    def give_up(self) -> None:
        """Its deadline is now, whatever it waits for: the broker's confirmation or the answer."""
        if not self.until.expired() and not self.answer.done():
            self.until.reschedule(0)


class Rpc:
    """One connection, one reply queue, any number of calls at once. Survives the broker: connects again in the background."""

    def __init__(self, uri: str, *, name: str = "gateway") -> None:
        self._uri, self._name = uri, name
        self._channel: aiormq.abc.AbstractChannel | None = None
        self._reply_to = ""
        self._pending: dict[str, Pending] = {}  # by correlation id
        self._numbers = itertools.count(1)
        self._circuits: dict[str, Circuit] = {}
        self._blocked = False
        self._silent = False
        self._keeper: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._first = asyncio.Event()

    # -- the connection -------------------------------------------------------------------------------------------------------

    async def start(self, patience: float = 2.0) -> None:
        """Start connecting; returns when connected, or after `patience` seconds without being so."""
        self._keeper = asyncio.create_task(self._keep(), name="rpc connection")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._first.wait(), patience)

    async def stop(self) -> None:
        """Close the connection; what is pending fails with Unavailable."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

    @property
    def connected(self) -> bool:
        return self._channel is not None

    async def _keep(self) -> None:
        delay, told = 0.1, False
        while not told_to_stop():
            connection: aio_pika.abc.AbstractConnection | None = None
            try:
                async with asyncio.timeout(5):
                    connection = await aio_pika.connect(
                        self._uri, client_properties={"connection_name": self._name}, heartbeat=20
                    )
                    await self._open(connection)
                _log.info("connected to the broker")
                delay, told = 0.1, False
                self._first.set()
                await self._look_out(connection)
                _log.warning("the connection to the broker is lost")
            except (Exception, asyncio.CancelledError) as error:
                # A connection that is lost while it is being made ends in aiormq with a bare Exception, or as if somebody had cancelled us.
                if told_to_stop():
                    raise
                if not told:
                    _log.warning("the broker cannot be reached: %s", type(error).__name__)
                told = True
            finally:
                self._give_up()
                if connection is not None:
                    await close(connection)
            await asyncio.sleep(delay * random.uniform(0.5, 1))
            delay = min(delay * 2, 1.0)

    async def _open(self, connection: aio_pika.abc.AbstractConnection) -> None:
        self._lost = lost = asyncio.Event()
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        connection.close_callbacks.add(lambda *_: lost.set())
        channel.close_callbacks.add(lambda *_: lost.set())
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        self._reply_to = str(uuid4())
        queue = await channel.declare_queue(
            f"rpc.reply-{self._name}-{self._reply_to}", exclusive=True, auto_delete=True
        )
        await queue.bind(exchange, routing_key=self._reply_to)
        # Below aio-pika's Message objects: they cost as much as the rest of a call.
        below = await channel.get_underlay_channel()
        await below.basic_consume(queue.name, self._receive, no_ack=True)
        self._channel = below

    async def _receive(self, message: aiormq.abc.DeliveredMessage) -> None:
        pending = self._pending.get(message.header.properties.correlation_id or "")
        if pending is not None and not pending.answer.done():
            pending.answer.set_result(message.body)

    def _give_up(self) -> None:
        self._channel, self._blocked, self._silent = None, False, False
        self._fail_pending()

    def _fail_pending(self, service: str | None = None) -> None:
        """Whoever waits for an answer of `service`, or of anybody, waits in vain. The probes go on: they find out when it is back."""
        for number, pending in self._pending.items():
            if service is None or (pending.service == service and not number.startswith(_PROBES)):
                pending.give_up()

    async def _look_out(self, connection: aio_pika.abc.AbstractConnection) -> None:
        """Keep an eye on broker and services until the connection is lost. Raises what a lost connection raises."""
        counting: aiormq.abc.AbstractChannel | None = None
        misses = 0

        async def count(service: str) -> int:
            nonlocal counting
            try:
                if counting is None or counting.is_closed:
                    counting = await (await connection.channel(publisher_confirms=False)).get_underlay_channel()
                return (await counting.queue_declare(f"rpc-{service}", passive=True)).consumer_count or 0
            except aiormq.exceptions.ChannelNotFoundEntity:
                return 0

        lookout = Lookout(self._circuits, count=count, probe=self._probe, gone=self._fail_pending)
        try:
            while not self._lost.is_set():
                await self._note_blocked(connection)
                if not self._blocked:
                    try:
                        async with asyncio.timeout(0.7 if misses else 1):
                            await lookout.look()
                        misses = 0
                        self._note_silence(False)
                    except TimeoutError:
                        # Blocked in this moment, or slow; or half of the connection is gone and nobody has told us.
                        counting, misses = None, misses + 1
                        if misses == 1:
                            # Looked at once more at once: so that whoever waits is told within two seconds (R6).
                            continue
                        self._note_silence(True)
                        if misses == 5:
                            raise
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._lost.wait(), LOOK_EVERY * random.uniform(0.8, 1))
        finally:
            lookout.stop()

    async def _note_blocked(self, connection: aio_pika.abc.AbstractConnection) -> None:
        """Notice when the broker takes nothing from us, as with a memory or disk alarm: it says so to whoever publishes."""
        blocked, transport = False, connection.transport
        try:
            async with asyncio.timeout(0.05):
                if transport is not None:
                    await transport.connection.ready()
        except TimeoutError:
            blocked = True
        if blocked != self._blocked:
            self._blocked = blocked
            _log.warning("the broker %s", "takes nothing now" if blocked else "takes messages again")
        if blocked:
            self._fail_pending()

    def _note_silence(self, silent: bool) -> None:
        """The broker answers nothing at all, or answers again. Nobody waits for it; the connection is given up only when that lasts."""
        if silent != self._silent:
            self._silent = silent
            _log.warning("the broker %s", "does not answer" if silent else "answers again")
        if silent:
            self._fail_pending()

    # -- calls ----------------------------------------------------------------------------------------------------------------

    async def call(self, service: str, method: str, deadline: float, /, **kwargs: Any) -> Any:
        return from_json_or_surrogates(await self._ask(service, method, deadline, kwargs))

    async def call_raw(self, service: str, method: str, deadline: float, /, **kwargs: Any) -> bytes:
        return await self._ask(service, method, deadline, kwargs)

    async def answers(self, service: str) -> bool:
        if await self._probe(service):
            self._circuit(service).answered()
            return True
        return False

    async def _probe(self, service: str) -> bool:
        """Whether the service answers within `PROBE` seconds, whatever its circuit says."""
        # nameko answers a method nobody has with MethodNotFound: the shortest way there and back, and nothing is done.
        number = f"{_PROBES}{next(self._numbers)}"
        with contextlib.suppress(Unavailable):
            await self._exchange(number, service, "is_anybody_there", PROBE, {})
            return True
        return False

    def _circuit(self, service: str) -> Circuit:
        found = self._circuits.get(service)
        if found is None:
            found = self._circuits[service] = Circuit(service)
        return found

    async def _ask(self, service: str, method: str, deadline: float, kwargs: dict[str, Any]) -> bytes:
        started, outcome, spent = time.perf_counter(), "error", SPENT.get()
        if spent is not None:
            spent.begin(started)
        circuit = self._circuit(service)
        try:
            if circuit.open:
                raise Unavailable()
            circuit.asked(time.monotonic())
            with traces.span(f"{service}.{method}", "client"):
                reply = await self._exchange(f"{next(self._numbers)}", service, method, deadline, kwargs)
            circuit.answered()
            result = raw_result(reply)
            if result is None:
                result = checked_result(reply, f"{service}.{method}")
            outcome = "done"
            return result
        except Refusal as refused:
            outcome = refused.code
            raise
        finally:
            ended = time.perf_counter()
            if spent is not None:
                spent.end(started, ended)
            RPC_SECONDS.labels(service, method, outcome).observe(ended - started)

    async def _exchange(self, number: str, service: str, method: str, deadline: float, kwargs: dict[str, Any]) -> bytes:
        """The reply to one call. Raises Unavailable when none comes."""
        channel = self._channel
        if channel is None or self._blocked or self._silent:
            raise Unavailable()
        pending = self._pending[number] = Pending(service, deadline)
        traceparent = traces.header()
        try:
            async with pending.until:
                # The broker's confirmation costs little and tells at once when nobody has ever listened under this name.
                await channel.basic_publish(
                    json.dumps({"args": [], "kwargs": kwargs}, separators=(",", ":")).encode(),
                    exchange=EXCHANGE,
                    routing_key=f"{service}.{method}",
                    mandatory=True,
                    properties=aiormq.spec.Basic.Properties(
                        content_type="application/json",
                        content_encoding="utf-8",
                        delivery_mode=1,
                        reply_to=self._reply_to,
                        correlation_id=number,
                        expiration=str(int(deadline * 1000)),
                        headers={"traceparent": traceparent} if traceparent else None,
                    ),
                )
                return await pending.answer
        except Unavailable:
            raise
        except Exception:
            # Whatever aiormq says of a connection that is lost (see `_keep`), or the deadline.
            raise Unavailable() from None
        except asyncio.CancelledError:
            if told_to_stop():
                raise
            raise Unavailable() from None
        finally:
            self._pending.pop(number, None)


async def close(connection: aio_pika.abc.AbstractConnection) -> None:
    """Say goodbye, for a second at most. A broker that does not answer does not answer to that either."""
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await asyncio.wait_for(connection.close(), 1)


# How a result begins and ends in compact JSON and in nameko's own.
_ENDS = ((b'{"result":', b',"error":null}'), (b'{"result": ', b', "error": null}'))


def raw_result(reply: bytes) -> bytes | None:
    """The JSON of the result, cut out of a reply that carries no error; None when the reply has to be read to tell."""
    for head, tail in _ENDS:
        if reply.startswith(head) and reply.endswith(tail):
            return reply[len(head) : -len(tail)]
    return None


def from_json_or_surrogates(text: bytes) -> Any:
    """The value of a JSON text, also of one with lone surrogates, which the fast reader refuses. Raises ServiceFailure."""
    try:
        return from_json(text)
    except ValueError:
        try:
            return json.loads(text)
        except ValueError as error:
            raise ServiceFailure("an answer that is no JSON") from error


def checked_result(reply: bytes, what: str) -> bytes:
    """The JSON of the result in `{"result": …, "error": null | {…}}`, read. Raises the refusal that is its error, else ServiceFailure."""
    answer = from_json_or_surrogates(reply)
    if not isinstance(answer, dict) or "result" not in answer:
        raise ServiceFailure(f"{what}: an answer of an unknown shape")
    error = answer.get("error")
    if error is None:
        return json.dumps(answer["result"]).encode()
    args = error.get("exc_args") or []
    detail = args[0] if args and isinstance(args[0], str) else None
    info = args[1] if len(args) > 1 and isinstance(args[1], dict) else None
    no = refusal(str(error.get("exc_type")), detail, info)
    if no is not None:
        raise no
    raise ServiceFailure(f"{what}: {error.get('exc_type')}: {error.get('value')}")

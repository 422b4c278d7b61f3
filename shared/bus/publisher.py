"""Publishing with confirms, many in flight: the relay's half of the broker. One connection and one channel a vhost.

What the broker confirmed is sent. What it returned, refused or nacked is refused. Of everything else nobody knows: it
may have arrived, so whoever sends it again sends a copy, and the inbox on the other side removes it.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import aio_pika
import aiormq
from aiormq.abc import AbstractChannel
from aiormq.exceptions import AMQPChannelError, AMQPError, ChannelInvalidStateError, DeliveryError

from shared.bus.topology import CONTENT_TYPE, DEFAULT_EXCHANGE
from shared.ids import new_id
from shared.logs import mask

log = logging.getLogger(__name__)

CONNECT_S = 5.0
CONFIRM_S = 10.0
HEARTBEAT_S = 10
LONGEST_PAUSE_S = 5.0


class Verdict(enum.Enum):
    """What became of one message."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish.

    `body` is the exact text that travels. With `mandatory` it is refused when no queue takes it.
    """

    id: str
    type: str
    exchange: str
    key: str
    body: str
    mandatory: bool = False


class Publisher:
    """A connection to one vhost that is kept up for as long as `keep` runs."""

    def __init__(self, uri: str, probe: str = DEFAULT_EXCHANGE, *, confirm_s: float = CONFIRM_S) -> None:
        """`probe` is an exchange we may publish to, with nothing behind the key `probe`."""
        self._uri = uri
        self.where = mask(uri)
        self._probe = Outgoing(new_id(), "probe", probe, "probe", "")
        self._confirm_s = confirm_s
        self._connection: aio_pika.abc.AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._lost = asyncio.Event()
        self._reopening = asyncio.Lock()
        self._pause = 0.0
        self._said = False
        self.up = asyncio.Event()

    async def keep(self, on_up: Callable[[], None]) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled. Says each outage in one line.

        `on_up` is called whenever one can publish again.
        """
        while True:
            try:
                await self._connect()
            except Exception as error:
                self._complain(f"{type(error).__name__} {error}".strip())
            else:
                log.info("Connected to the broker at %s.", self.where)
                self._said = False
                on_up()
                await self._lost.wait()
                self._complain("the connection is lost")
            finally:
                self.up.clear()
                self._channel = None
                await self._close()
            await asyncio.sleep(self._next_pause())

    def _next_pause(self) -> float:
        """Doubled each time, with jitter, so that all relays do not come back in the same instant."""
        self._pause = min(LONGEST_PAUSE_S, max(0.1, self._pause * 2))
        return self._pause * random.uniform(0.5, 1)

    def _complain(self, why: str) -> None:
        if not self._said:
            log.warning("The broker at %s is away (%s); trying until it is back.", self.where, mask(why))
        self._said = True

    async def _connect(self) -> None:
        self._lost.clear()
        async with asyncio.timeout(CONNECT_S):
            connection = await aio_pika.connect(self._uri, heartbeat=HEARTBEAT_S)
            self._connection = connection
            connection.close_callbacks.add(lambda *_: self._lost.set())
            channel = await self._open()
        # A broker with a memory or disk alarm accepts a connection, and then confirms nothing until the alarm ends.
        # All that is written to it meanwhile arrives afterwards, as copies (N5): so nothing is, before it has
        # confirmed this.
        async with asyncio.timeout(self._confirm_s):
            await _publish(channel, self._probe)
        self._channel, self._pause = channel, 0.0
        self.up.set()

    async def _open(self) -> AbstractChannel:
        if self._connection is None:
            raise ConnectionError("not connected")
        # What is returned becomes an error of its own publishing, not of a callback somewhere.
        channel = self._connection.channel(on_return_raises=True)
        await channel.initialize()
        return await channel.get_underlay_channel()

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # A broker that does not answer does not answer to a goodbye either.
            with suppress(Exception, asyncio.CancelledError):
                await asyncio.wait_for(connection.close(), 0.5)

    def start(self, messages: Sequence[Outgoing]) -> Awaitable[list[Verdict]]:
        """Put `messages` on the wire in order, behind all that was started before. Awaited, one verdict a message.

        That takes at most `confirm_s`: a broker that does not confirm is left, and tried anew. A message for which
        the broker closes the channel (a key we may not use, an exchange that is not there) takes what is in flight
        beside it down; all of it is published again one by one, so that only the culprit is refused.
        """
        channel = self._channel
        tasks = [asyncio.create_task(_publish(channel, m)) for m in messages] if channel is not None else []
        return self._settle(messages, tasks)

    async def _settle(self, messages: Sequence[Outgoing], tasks: list[asyncio.Task[object]]) -> list[Verdict]:
        if not tasks:
            return [Verdict.UNKNOWN] * len(messages)
        _, late = await asyncio.wait(tasks, timeout=self._confirm_s)
        verdicts = [_verdict(task) for task in tasks]
        if late:
            for task in late:
                task.cancel()
            self._complain(f"nothing was confirmed for {self._confirm_s:g} s")
            self._lost.set()
        elif any(map(_took_channel, tasks)) and not self._lost.is_set():
            for place, verdict in enumerate(verdicts):
                if verdict is Verdict.UNKNOWN:
                    verdicts[place] = await self._alone(messages[place])
                    if verdicts[place] is Verdict.UNKNOWN:
                        break
        return verdicts

    async def _alone(self, message: Outgoing) -> Verdict:
        channel = self._channel
        try:
            async with asyncio.timeout(self._confirm_s):
                if channel is None or channel.is_closed:
                    channel = await self._reopen()
                await _publish(channel, message)
                return Verdict.SENT
        except (DeliveryError, AMQPChannelError) as error:
            log.error("The broker refuses %s %s (%s): %s", message.type, message.id, message.key, error)
            return Verdict.REFUSED
        except Exception:
            return Verdict.UNKNOWN

    async def _reopen(self) -> AbstractChannel:
        async with self._reopening:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._open()
            return self._channel


async def _publish(channel: AbstractChannel, message: Outgoing) -> object:
    return await channel.basic_publish(
        message.body.encode(),
        exchange=message.exchange,
        routing_key=message.key,
        mandatory=message.mandatory,
        # No headers: what is not in the envelope does not travel (N4).
        properties=aiormq.spec.Basic.Properties(
            content_type=CONTENT_TYPE, delivery_mode=2, headers={}, message_id=message.id, message_type=message.type
        ),
    )


def _verdict(task: asyncio.Task[object]) -> Verdict:
    if not task.done() or task.cancelled():
        return Verdict.UNKNOWN
    error = task.exception()
    if error is None:
        return Verdict.SENT
    if isinstance(error, DeliveryError):
        return Verdict.REFUSED
    if isinstance(error, AMQPError | ChannelInvalidStateError | OSError | TimeoutError):
        return Verdict.UNKNOWN
    # It cannot even be put on the wire (a key that is too long): no broker will ever take it.
    log.error("A message cannot be published: %s: %s", type(error).__name__, error)
    return Verdict.REFUSED


def _took_channel(task: asyncio.Task[object]) -> bool:
    if not task.done() or task.cancelled():
        return False
    return isinstance(task.exception(), AMQPChannelError | ChannelInvalidStateError)

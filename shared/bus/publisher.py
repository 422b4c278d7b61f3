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
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from aiormq.exceptions import AMQPChannelError, AMQPError, ChannelInvalidStateError, DeliveryError
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from shared.bus import crash
from shared.bus.topology import CONTENT_TYPE, DEFAULT_EXCHANGE
from shared.ids import new_id
from shared.logs import mask
from shared.tasks import told_to_stop

log = logging.getLogger(__name__)

CONNECT_S = 5.0
CONFIRM_S = 10.0
TELL_S = 1.0
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
        self._channel: Channel | None = None
        self._aside: Channel | None = None
        self._lost = asyncio.Event()
        self._reopening = asyncio.Lock()
        self._pause = 0.0
        self._said = False
        self.up = asyncio.Event()

    async def keep(self, on_up: Callable[[], None]) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled. Says each outage in one line.

        `on_up` is called whenever one can publish again.
        """
        while not told_to_stop():
            try:
                await self._connect()
            except (Exception, asyncio.CancelledError) as error:
                if told_to_stop():
                    raise
                self._complain(str(error) or type(error).__name__)
            else:
                log.info("Connected to the broker at %s.", self.where)
                self._said = False
                on_up()
                await self._lost.wait()
                self._complain("the connection is lost")
            finally:
                self.up.clear()
                self._channel = self._aside = None
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
        # A broker with a memory or disk alarm accepts a connection and the first message on it, and then confirms nothing
        # until the alarm ends. All that is written to it meanwhile arrives afterwards, as copies (N5): so nothing is,
        # before it has confirmed a second message.
        try:
            async with asyncio.timeout(self._confirm_s):
                await _publish(channel, self._probe)
                await _publish(channel, self._probe)
        except TimeoutError as error:
            raise ConnectionError("it confirms nothing, as with a memory or disk alarm") from error
        self._channel, self._pause = channel, 0.0
        self.up.set()

    async def _open(self, *, confirms: bool = True) -> Channel:
        if self._connection is None:
            raise ConnectionError("not connected")
        # What is returned becomes an error of its own publishing, not of a callback somewhere.
        channel = self._connection.channel(publisher_confirms=confirms, on_return_raises=confirms)
        await channel.initialize()
        underlying = await channel.get_underlay_channel()
        if not isinstance(underlying, Channel):
            raise TypeError(f"aiormq works with another kind of channel: {type(underlying).__name__}")
        return underlying

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # A broker that does not answer does not answer to a goodbye either.
            with suppress(Exception, asyncio.CancelledError):
                await asyncio.wait_for(connection.close(), 0.5)

    async def tell(self, messages: Sequence[Outgoing]) -> bool:
        """Publish `messages` for whoever listens now. Whether they were put on the wire: what becomes of them nobody asks.

        It takes at most `TELL_S` and never fails. On a channel of its own: what the broker has against it ends that channel alone.
        """
        try:
            async with asyncio.timeout(TELL_S):
                channel = await self._beside()
                if channel is None:
                    return False
                for message in messages:
                    await channel.basic_publish(
                        message.body.encode(),
                        exchange=message.exchange,
                        routing_key=message.key,
                        properties=Basic.Properties(
                            content_type="application/json", delivery_mode=1, message_type=message.type
                        ),
                        wait=message is messages[-1],
                    )
            return True
        except Exception as error:
            log.info("What has changed could not be told (%s).", mask(str(error) or type(error).__name__))
            return False

    async def depth(self, queue: str) -> int | None:
        """How many messages a queue holds; None when that cannot be said within `TELL_S`."""
        try:
            async with asyncio.timeout(TELL_S):
                channel = await self._beside()
                return None if channel is None else (await channel.queue_declare(queue, passive=True)).message_count
        except Exception as error:
            log.info("How much is in %s cannot be said (%s).", queue, mask(str(error) or type(error).__name__))
            return None

    async def _beside(self) -> Channel | None:
        """The channel for what is of no weight; None while the broker is away."""
        if not self.up.is_set():
            return None
        if self._aside is None or self._aside.is_closed:
            self._aside = await self._open(confirms=False)
        return self._aside

    def start(self, messages: Sequence[Outgoing]) -> Awaitable[list[Verdict]]:
        """Put `messages` on the wire in order, behind all that was started before. Awaited, one verdict a message.

        That takes at most `confirm_s`: a broker that does not confirm is left, and tried anew. A message for which
        the broker closes the channel (a key we may not use, an exchange that is not there) takes what is in flight
        beside it down; all of it is published again one by one, each within `confirm_s`, so that only the culprit
        is refused.
        """
        channel = self._channel
        writing = asyncio.create_task(_write(channel, messages)) if channel is not None and messages else None
        return self._settle(messages, channel, writing)

    async def _settle(
        self,
        messages: Sequence[Outgoing],
        channel: Channel | None,
        writing: asyncio.Task[list[Confirmation | None]] | None,
    ) -> list[Verdict]:
        unknown = [Verdict.UNKNOWN] * len(messages)
        if channel is None or writing is None:
            return unknown
        try:
            async with asyncio.timeout(self._confirm_s):
                confirmations = await writing
                crash.point("publish.after")
                await _settled(channel, [c for c in confirmations if c is not None])
        except TimeoutError:
            self._complain(f"not all was confirmed within {self._confirm_s:g} s")
            self._lost.set()
        except (AMQPError, ChannelInvalidStateError, OSError):
            return unknown
        if not writing.done() or writing.cancelled():
            return unknown
        crash.point("confirm.after")
        verdicts = [_verdict(confirmation) for confirmation in writing.result()]
        if channel.is_closed and not self._lost.is_set():
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

    async def _reopen(self) -> Channel:
        async with self._reopening:
            if self._channel is None or self._channel.is_closed:
                self._channel = await self._open()
            return self._channel


# What aiormq keeps for a message until the broker has answered for it.
Confirmation = asyncio.Future[object]


def _properties(message: Outgoing) -> Basic.Properties:
    # No headers: what is not in the envelope does not travel (N4).
    return Basic.Properties(
        content_type=CONTENT_TYPE, delivery_mode=2, headers={}, message_id=message.id, message_type=message.type
    )


async def _publish(channel: Channel, message: Outgoing) -> None:
    """Publish one message and wait for its confirm. Raises DeliveryError when it is refused."""
    await channel.basic_publish(
        message.body.encode(),
        exchange=message.exchange,
        routing_key=message.key,
        mandatory=message.mandatory,
        properties=_properties(message),
    )


def _frames(channel: Channel, message: Outgoing) -> bytes | None:
    """The frames of one message; None when it cannot be put on the wire, which is so for ever."""
    try:
        body = message.body.encode()
        frames = [
            marshal(
                Basic.Publish(exchange=message.exchange, routing_key=message.key, mandatory=message.mandatory),
                channel.number,
            ),
            marshal(ContentHeader(properties=_properties(message), body_size=len(body)), channel.number),
        ]
        size = channel.max_content_size
        frames += [marshal(ContentBody(body[at : at + size]), channel.number) for at in range(0, len(body), size)]
    except (TypeError, ValueError) as error:  # pamqp says either when a text is too long for its field
        log.error("%s %s cannot be published: %s", message.type, message.id, error)
        return None
    return b"".join(frames)


async def _write(channel: Channel, messages: Sequence[Outgoing]) -> list[Confirmation | None]:
    """Put a batch on the wire in one piece; one future a message, None for what cannot be put there.

    aiormq's own `basic_publish` does the same for one message at a time, with a task, a drain and a system call each:
    three times the work for a batch. Cancelled halfway, its numbers and the broker's differ; then the connection is
    left.
    """
    pieces = [_frames(channel, message) for message in messages]
    confirmations: list[Confirmation | None] = []
    async with channel.lock:
        for message, piece in zip(messages, pieces, strict=True):
            if piece is None:
                confirmations.append(None)
                continue
            channel.delivery_tag += 1
            confirmation: Confirmation = channel.loop.create_future()
            channel.confirmations[channel.delivery_tag] = confirmation
            # By this a returned message finds the way to its future.
            channel.message_id_delivery_tag[message.id] = channel.delivery_tag
            confirmation.add_done_callback(_forget(channel, message.id, channel.delivery_tag))
            confirmations.append(confirmation)
        await channel.write_queue.put(ChannelFrame(b"".join(filter(None, pieces)), should_close=False))
    return confirmations


def _forget(channel: Channel, id: str, tag: int) -> Callable[[Confirmation], None]:
    def forget(_: Confirmation) -> None:
        if channel.message_id_delivery_tag.get(id) == tag:
            del channel.message_id_delivery_tag[id]

    return forget


async def _settled(channel: Channel, confirmations: Sequence[Confirmation]) -> None:
    """Wait until the broker has answered for all of them, or has closed the channel."""
    left = len(confirmations)
    done = asyncio.Event()

    def one(_: Confirmation) -> None:
        nonlocal left
        crash.point("confirm.before")
        left -= 1
        if not left:
            done.set()

    def closed(closing: asyncio.Future[object]) -> None:
        # Asked for, so that asyncio does not complain that nobody did.
        if not closing.cancelled():
            closing.exception()
        done.set()

    for confirmation in confirmations:
        confirmation.add_done_callback(one)
    closing = channel.closing
    closing.add_done_callback(closed)
    try:
        if left:
            await done.wait()
    finally:
        closing.cancel()


def _verdict(confirmation: Confirmation | None) -> Verdict:
    if confirmation is None:
        return Verdict.REFUSED
    if not confirmation.done() or confirmation.cancelled():
        return Verdict.UNKNOWN
    error = confirmation.exception()
    if error is None:
        return Verdict.SENT
    return Verdict.REFUSED if isinstance(error, DeliveryError) else Verdict.UNKNOWN

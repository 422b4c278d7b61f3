"""The batch consumer: takes what the queues of a service hold, as much as is there at once, and hands it to the inbox.

One nameko extension a service. Each queue has its own connection and its own green thread; a batch is acknowledged with one frame after
its transaction is committed. Nothing here raises out of its thread: that would end the service (fact N7).
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import eventlet
from kombu import Connection
from nameko.extensions import SharedExtension

from shared import settings, traces
from shared.bus import crash, topology
from shared.bus.attempts import BACK_OFF
from shared.bus.deliveries import Tally, Undecodable, decode, label
from shared.bus.inbox import Handler, Inbox
from shared.bus.storage import Away
from shared.bus.streams import Delivery
from shared.health import (
    MESSAGE_AGE,
    MESSAGES_ABSORBED,
    MESSAGES_EARLY,
    MESSAGES_FAILED,
    MESSAGES_FORKED,
    MESSAGES_HANDLED,
    MESSAGES_REDELIVERED,
)

log = logging.getLogger(__name__)
messages = logging.getLogger("accord.messages")

BATCH = 200
BATCH_BYTES = 4 * 1024 * 1024
"""A batch holds no more bodies than fit into this, unless its first is larger."""
PREFETCH = 400
HEARTBEAT = 10
STEADY_S = 10.0
"""A connection that was lost after so long is looked for anew at once."""
STUCK_S = 60.0
LARGEST = 4 * 1024 * 1024
"""A body over this many bytes is not one of ours: contracts allow at most 1 MiB of request."""


class Feed:
    """One queue of a service on one connection."""

    def __init__(self, uri: str, queue: str, inbox: Callable[[], Inbox], service: str, *, peers: bool) -> None:
        self.uri = uri
        self.queue = queue
        self.inbox = inbox
        self.service = service
        self.peers = peers
        self.connected = False
        self.stopping = False
        self._messages: list[Any] = []
        self._busy_since: float | None = None

    def run(self) -> None:
        """Consume until told to stop; reconnect with back-off and jitter for ever."""
        pause = 0.1
        while not self.stopping:
            began = time.monotonic()
            try:
                self._consume()
                pause = 0.1
            except Exception as error:
                # What happens again at once is no accident of the connection: it must not turn into a hot loop.
                if time.monotonic() - began > STEADY_S:
                    pause = 0.1
                self.connected = False
                if self.stopping:
                    return
                log.warning(
                    "%s: lost the broker (%s: %s), next try within %.1f s",
                    self.queue,
                    type(error).__name__,
                    error,
                    pause,
                )
                self._sleep(pause)
                pause = min(pause * 2, 5.0)

    def _sleep(self, pause: float) -> None:
        """A pause with a random part, so that not all come back in the same instant; whoever is told to stop does not finish it."""
        left = pause * random.uniform(0.5, 1)
        while left > 0 and not self.stopping:
            eventlet.sleep(min(left, 0.2))
            left -= 0.2

    def _consume(self) -> None:
        with Connection(self.uri, heartbeat=HEARTBEAT, connect_timeout=5) as connection:
            connection.connect()
            # What our queue is consumed on, and nothing else: kombu makes a new one, without the queue, when this has gone.
            link = connection.connection
            channel = connection.channel()
            channel.basic_qos(0, PREFETCH, False)
            self._messages = []
            channel.basic_consume(self.queue, callback=self._messages.append)
            self.connected = True
            beat = eventlet.spawn(self._heartbeats, link)
            try:
                while not self.stopping:
                    if beat.dead:
                        raise ConnectionError("the broker is silent")
                    self._take(link)
                    if self._messages:
                        self._busy_since = time.monotonic()
                        try:
                            self._handle(link, channel, self._batch())
                        finally:
                            self._busy_since = None
            except BaseException:
                # No goodbye: who does not answer does not answer to that either.
                link.collect()
                raise
            finally:
                self.connected = False
                beat.kill()

    @property
    def stuck(self) -> bool:
        """Whether it has been at one batch for longer than any takes: something hangs, and nothing behind it is handled."""
        since = self._busy_since
        return since is not None and time.monotonic() - since > STUCK_S

    def _batch(self) -> list[Any]:
        """The next messages, at least one, no more than may be handled together."""
        number = size = 0
        for message in self._messages[:BATCH]:
            size += len(message.body)
            if number and size > BATCH_BYTES:
                break
            number += 1
        batch, self._messages[:] = self._messages[:number], self._messages[number:]
        return batch

    def _heartbeats(self, link: Any) -> None:
        """Tell the broker that we live, until it has not told us so for two heartbeats."""
        while True:
            eventlet.sleep(HEARTBEAT / 3)
            try:
                link.heartbeat_tick()
            except Exception as error:
                log.warning("%s: heartbeat: %s", self.queue, error)
                return

    def _take(self, link: Any) -> None:
        """Wait for a first message, at most half a second; then take what is there already."""
        timeout = 0.0 if self._messages else 0.5
        try:
            while len(self._messages) < BATCH and not self.stopping:
                link.drain_events(timeout=timeout)
                timeout = 0.0
        except TimeoutError:
            pass

    def _handle(self, link: Any, channel: Any, batch: list[Any]) -> None:
        deliveries: list[Delivery] = []
        refused, last = [], None
        for message in batch:
            info = message.delivery_info
            try:
                deliveries.append(self._decode(message))
                last = info["delivery_tag"]
            except Exception as error:
                # Whatever is wrong with it: a message that is not one of ours must not be looked at again and again.
                log.error(
                    "%s: undecodable message %s goes to the dead queue: %s",
                    self.queue,
                    info["routing_key"][:200],
                    error,
                )
                refused.append(info["delivery_tag"])
        if deliveries:
            MESSAGES_REDELIVERED.labels(self.service).inc(sum(d.again for d in deliveries))
            self._note(self._settle(link, deliveries))
            crash.doing("message", map(label, deliveries))
        try:
            for tag in refused:
                channel.basic_reject(tag, requeue=False)
            MESSAGES_FAILED.labels(self.service, "undecodable").inc(len(refused))
            # Never a tag that was rejected just now: the broker would close the channel.
            if last is not None:
                crash.point("acknowledge.before")
                channel.basic_ack(last, multiple=True)
                crash.point("acknowledge.after")
        except OSError as error:
            # The connection is gone: the messages come again and the inbox knows them (fact N8).
            raise ConnectionError(str(error)) from error

    def _decode(self, message: Any) -> Delivery:
        info = message.delivery_info
        if message.properties.get("content_type") != topology.CONTENT_TYPE:
            raise Undecodable(f"content type {str(message.properties.get('content_type'))[:100]!r}")
        if len(message.body) > LARGEST:
            raise Undecodable(f"{len(message.body)} bytes")
        route = None
        if self.peers:
            try:
                route = topology.parse_peer_key(info["routing_key"])
            except ValueError as error:
                raise Undecodable(str(error)) from error
        retry = info["exchange"] == ""
        delivery = decode(message.body, again=info["redelivered"], retry=retry, route=route)
        if not self.peers and not retry and delivery.envelope.kind == "peer":
            raise Undecodable("what another business says does not come among the facts")
        return delivery

    def _settle(self, link: Any, deliveries: list[Delivery]) -> Tally:
        """Handle a batch; while the database is away keep it and try again, for as long as the connection to the broker lives."""
        pause = 0.1
        while True:
            try:
                return self.inbox().handle(deliveries)
            except Away as error:
                log.warning("%s: the database is away (%s), next try within %.1f s", self.queue, error, pause)
                if self.stopping:
                    raise
                self._sleep(pause)
                pause = min(pause * 2, 2.0)
                link.heartbeat_tick()

    def _note(self, tally: Tally) -> None:
        MESSAGES_ABSORBED.labels(self.service).inc(tally.duplicate)
        MESSAGES_EARLY.labels(self.service).inc(tally.parked)
        MESSAGES_FORKED.labels(self.service).inc(tally.forked)
        for kind, count in tally.types.items():
            MESSAGES_HANDLED.labels(self.service, kind).inc(count)
        for kind, count in tally.failures.items():
            MESSAGES_FAILED.labels(self.service, kind).inc(count)
        for age in tally.ages[-1:]:
            MESSAGE_AGE.labels(self.service).observe(age)
        if not messages.isEnabledFor(logging.INFO):
            return
        for delivery in tally.handled:
            e = delivery.envelope
            with traces.within(delivery.trace):
                messages.info(
                    "handled", extra={"type": e.type, "tenant": e.destination, "origin": e.origin, "subject": e.subject}
                )


class BatchConsumer(SharedExtension):  # type: ignore[misc]
    """Feeds the inbox of a service from its queues."""

    def __init__(self) -> None:
        super().__init__()
        self.handlers: dict[tuple[str, str, str], Handler] = {}
        self.confirmed: Callable[..., None] | None = None
        self.feeds: list[Feed] = []
        self._inbox: Inbox | None = None
        self._threads: list[Any] = []

    def register(self, handler: Handler) -> None:
        """Have messages of a model handled."""
        self.handlers[(handler.model.kind, handler.model.publisher, handler.model.type)] = handler

    def inbox(self) -> Inbox:
        """The inbox of this service, made at the first message: nothing here may raise while the service starts."""
        if self._inbox is None:
            session = next(d.session for d in self.container.dependencies if hasattr(d, "session"))
            pace = settings.number("ACCORD_BACK_OFF", 1.0)
            self._inbox = Inbox(
                session.database,
                session.service,
                session.tables,
                self.handlers,
                confirmed=self.confirmed,
                back_off=[seconds * pace for seconds in BACK_OFF],
            )
        return self._inbox

    def start(self) -> None:
        if self.feeds:
            return
        service = self.container.service_name
        self.feeds = [Feed(settings.amqp_uri(), topology.events_queue(service), self.inbox, service, peers=False)]
        if service in topology.SPEAKS_TO_PEERS:
            queue = topology.peers_queue(service, settings.cell())
            self.feeds.append(Feed(settings.peers_amqp_uri(), queue, self.inbox, service, peers=True))
        self._threads = [self.container.spawn_managed_thread(feed.run, identifier=feed.queue) for feed in self.feeds]

    def leave(self) -> None:
        """Take nothing more from the queues; what is in hand is finished."""
        for feed in self.feeds:
            feed.stopping = True

    def stop(self) -> None:
        self.leave()
        for thread in self._threads:
            thread.wait()

    def kill(self) -> None:
        self.leave()


def assert_patched() -> None:
    """Fact N9, N11: without the monkey patch, or with psycopg's C wait, one slow query stops the whole process. Raises RuntimeError."""
    import psycopg.waiting

    if not eventlet.patcher.is_monkey_patched("socket") or "eventlet" not in threading.current_thread.__module__:
        raise RuntimeError(
            "Start a service with `python -m shared.bus.run`: eventlet has to patch the standard library first."
        )
    if psycopg.waiting.wait not in {psycopg.waiting.wait_selector, psycopg.waiting.wait_select}:
        raise RuntimeError(
            f"Set PSYCOPG_WAIT_FUNC=wait_selector before Python starts: psycopg waits with {psycopg.waiting.wait!r} "
            f"(PSYCOPG_WAIT_FUNC is {os.environ.get('PSYCOPG_WAIT_FUNC')!r})."
        )

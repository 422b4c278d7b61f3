"""RPC between services: nameko's protocol with a deadline on every call, plain JSON, and nothing but the trace taken from headers.

A call carries its deadline as the message's expiration too, so that a service which was away does not execute it an hour later (N12).
"""

from __future__ import annotations

import contextlib
import functools
import logging
import random
import uuid
from collections.abc import Iterator
from typing import Any

import eventlet
from kombu import Connection
from kombu.pools import ProducerPool
from nameko.exceptions import serialize
from nameko.extensions import DependencyProvider
from nameko.messaging import QueueConsumer
from nameko.rpc import ReplyListener, RpcConsumer, get_rpc_exchange
from nameko.rpc import Rpc as NamekoRpc

from shared import settings, traces
from shared.bus import crash, serialization
from shared.errors import Refusal, Unavailable, refusal

log = logging.getLogger(__name__)
TRACEPARENT = "traceparent"
DEADLINE = 1.0
"""Seconds a service waits for its neighbour: at the door ask, behind it listen."""
SENDERS = 10
"""How many connections calls and answers leave by at most, at the same time."""
_TRANSPORT = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0, "confirm_publish": False}


class CarefulQueueConsumer(QueueConsumer):  # type: ignore[misc]
    """nameko's consumer, but a dead connection at the acknowledgement does not end the service (N8), nor is rubbish acknowledged (N1).

    `consuming` says whether it takes from its queues now.
    """

    consuming = False

    @contextlib.contextmanager
    def establish_connection(self) -> Iterator[Any]:
        """Look for the broker often: left at kombu's pauses, a long outage would end up to half a minute late."""
        with self.connection.clone(connect_timeout=5) as connection:
            connection.ensure_connection(
                self.on_connection_error,
                self.connect_max_retries,
                interval_start=random.uniform(0.1, 0.3),
                interval_step=random.uniform(0.2, 0.4),
                interval_max=random.uniform(1.0, 2.0),
                callback=self._leave_unconnected,
            )
            link = connection.connection
            try:
                yield connection
            except BaseException:
                # No goodbye: who does not answer does not answer to that either.
                link.collect()
                # Where one is dead its sisters are.
                _producers.cache_clear()
                raise
            finally:
                self.consuming = False

    def on_iteration(self) -> None:
        """Notice that the connection has gone under us.

        When it goes at an acknowledgement, which another thread sends, kombu's connection makes a new one at the next use, without a word
        and without our queues: we would listen to nobody for ever, and be well.
        """
        for consumer in self._consumers.values():
            connection = consumer.channel.connection
            if connection is None or not connection.connected:
                raise ConnectionError("the connection to the broker has gone")
        super().on_iteration()

    def on_consume_ready(self, connection: Any, channel: Any, consumers: Any, **kwargs: Any) -> None:
        self.consuming = True
        super().on_consume_ready(connection, channel, consumers, **kwargs)

    def _leave_unconnected(self) -> None:
        """Without a broker nobody can be taken from their queue, and need not be: else a stop would wait for the broker.

        Raises ConnectionError when that was the last one, which ends the search.
        """
        leaving: dict[Any, Any] = dict(self._pending_remove_providers)
        self._pending_remove_providers.clear()
        for provider, removed in leaving.items():
            self._consumers.pop(provider, None)
            removed.send()
        if leaving and not self._consumers:
            self.should_stop = True
            raise ConnectionError("stopped")

    def _cancel_consumers_if_requested(self) -> None:
        """nameko's, but when the connection goes in the middle of it, those who leave are still among those who leave."""
        for provider, removed in list(self._pending_remove_providers.items()):
            consumer = self._consumers.get(provider)
            if consumer is not None:
                consumer.cancel()
            self._consumers.pop(provider, None)
            self._pending_remove_providers.pop(provider, None)
            removed.send()

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        consumers = super().get_consumers(consumer_cls, channel)
        for consumer in self._consumers.values():
            consumer.on_decode_error = self._undecodable
        return consumers

    def _undecodable(self, message: Any, error: Exception) -> None:
        log.error("undecodable RPC message %s: %s", str(message.delivery_info.get("routing_key"))[:200], error)
        try:
            message.reject(requeue=False)
        except OSError:
            log.debug("the connection went before the rejection")

    def ack_message(self, message: Any) -> None:
        try:
            super().ack_message(message)
        except OSError:
            log.debug("the connection went before the acknowledgement")

    def requeue_message(self, message: Any) -> None:
        try:
            super().requeue_message(message)
        except OSError:
            log.debug("the connection went before the requeueing")


@functools.cache
def _producers(uri: str) -> Any:
    """The connections by which calls and answers leave. `_producers.cache_clear()` forgets them: nobody reads from them, so that when they have
    died in silence nobody hears of it.
    """
    connection = Connection(uri, transport_options=_TRANSPORT, connect_timeout=2)
    return ProducerPool(connection.Pool(limit=SENDERS), limit=SENDERS)


def _publish(payload: Any, *, routing_key: str, **properties: Any) -> None:
    """Publish to the RPC exchange, transient and unconfirmed: who waits for it has a deadline. Raises OSError and kombu's errors."""
    with _producers(settings.amqp_uri()).acquire(block=True, timeout=1) as producer:
        producer.publish(
            payload,
            exchange=get_rpc_exchange({}),
            routing_key=routing_key,
            serializer=serialization.NAME,
            delivery_mode=1,
            retry=True,
            retry_policy={"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0},
            **properties,
        )


class AnsweringConsumer(RpcConsumer):  # type: ignore[misc]
    """Answers in plain JSON; an answer that cannot be sent is dropped: its caller's deadline has the last word."""

    queue_consumer = CarefulQueueConsumer()

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        error: dict[str, Any] | None = None if exc_info is None else serialize(exc_info[1])
        if error is not None and isinstance(exc_info[1], Refusal):
            # nameko makes text of all numbers in the arguments; ours are plain JSON as they are.
            error["exc_args"] = [exc_info[1].detail, exc_info[1].info]
        properties = message.properties
        crash.point("answer.before")
        if properties.get("reply_to"):
            try:
                payload = {"result": result, "error": error}
                _publish(payload, routing_key=properties["reply_to"], correlation_id=properties.get("correlation_id"))
            except Exception:
                log.warning("an answer could not be sent", exc_info=True)
        crash.point("answer.after")
        crash.point("acknowledge.before")
        self.queue_consumer.ack_message(message)
        crash.point("acknowledge.after")
        return result, exc_info


class Rpc(NamekoRpc):  # type: ignore[misc]
    """An RPC entrypoint. Takes nothing from headers but the trace: whoever may publish here is inside the cell, and names tenant and actor.

    `once`: it changes something. Such a call without an idempotency key is not carried out when the broker gives it again: whoever had it
    before may have done it. Its caller is told that the outcome is unknown.
    """

    rpc_consumer = AnsweringConsumer()

    def __init__(self, once: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.once = once

    def handle_message(self, body: Any, message: Any) -> None:
        if self.once and message.delivery_info.get("redelivered") and not _key(body):
            raise Unavailable()
        super().handle_message(body, message)

    def unpack_message_headers(self, message: Any) -> dict[str, Any]:
        return {TRACEPARENT: (message.headers or {}).get(TRACEPARENT)}


def _key(body: Any) -> Any:
    request = body.get("kwargs") if isinstance(body, dict) else None
    return request.get("idempotency_key") if isinstance(request, dict) else None


class Replies(ReplyListener):  # type: ignore[misc]
    """The replies to our calls; a call whose deadline has passed is forgotten."""

    queue_consumer = CarefulQueueConsumer()

    def forget(self, correlation_id: str) -> None:
        """Wait no longer for this reply."""
        self._reply_events.pop(correlation_id, None)


class Pending:
    """A call that was sent. `result()` waits for its answer until the deadline."""

    def __init__(
        self, service: str, method: str, replies: Replies, correlation_id: str, event: Any, deadline: float
    ) -> None:
        self._what = f"{service}.{method}"
        self._replies = replies
        self._id = correlation_id
        self._event = event
        self.span = traces.started(self._what, "client")
        self._until = eventlet.hubs.get_hub().clock() + deadline

    def result(self) -> Any:
        """The answer. Raises the neighbour's refusal, or Unavailable when none comes in time."""
        failed = True
        try:
            found = self._result()
            failed = False
            return found
        finally:
            traces.ended(self.span, failed=failed)

    def forget(self) -> None:
        """Nobody wants the answer any more."""
        self._replies.forget(self._id)

    def _result(self) -> Any:
        left = max(0.0, self._until - eventlet.hubs.get_hub().clock())
        with eventlet.Timeout(left, False):
            body = self._event.wait()
            error = body.get("error")
            if not error:
                return body["result"]
            args = [*error.get("exc_args", []), None, None]
            known = refusal(error.get("exc_type", ""), args[0], args[1] if isinstance(args[1], dict) else None)
            if known is not None:
                raise known
            log.error("%s failed: %s %s", self._what, error.get("exc_type"), error.get("value"))
            raise Unavailable()
        self.forget()
        log.warning("%s did not answer in time", self._what)
        raise Unavailable()


class Asking:
    """Calls methods of one neighbour: `offers.get_standing(tenant=…, …)`; `offers.start("get_standing", …).result()` for several at once."""

    def __init__(self, service: str, replies: Replies, deadline: float) -> None:
        self._service = service
        self._replies = replies
        self._deadline = deadline

    def start(self, method: str, **request: Any) -> Pending:
        """Send a call. Raises Unavailable when the broker is away."""
        correlation_id = str(uuid.uuid4())
        event = self._replies.get_reply_event(correlation_id)
        pending = Pending(self._service, method, self._replies, correlation_id, event, self._deadline)
        try:
            self._send(
                method,
                request,
                pending.span.trace.traceparent,
                reply_to=self._replies.routing_key,
                correlation_id=correlation_id,
            )
        except Unavailable:
            self._replies.forget(correlation_id)
            raise
        return pending

    def tell(self, method: str, **request: Any) -> None:
        """Send a call whose answer nobody waits for. Raises Unavailable when the broker is away."""
        self._send(method, request, traces.header())

    def _send(self, method: str, request: dict[str, Any], traceparent: str | None, **properties: str) -> None:
        try:
            with eventlet.Timeout(self._deadline):
                _publish(
                    {"args": [], "kwargs": request},
                    routing_key=f"{self._service}.{method}",
                    expiration=self._deadline,
                    headers={TRACEPARENT: traceparent},
                    **properties,
                )
        except (Exception, eventlet.Timeout) as error:
            log.warning("%s.%s could not be asked: %s", self._service, method, error)
            raise Unavailable() from error

    def __getattr__(self, method: str) -> Any:
        if method.startswith("_"):
            raise AttributeError(method)
        return lambda **request: self.start(method, **request).result()


class Neighbour(DependencyProvider):  # type: ignore[misc]
    """Another service of the cell, asked by RPC with a deadline."""

    replies = Replies()

    def __init__(self, service: str, deadline: float = DEADLINE) -> None:
        self.service = service
        self.deadline = deadline

    def get_dependency(self, worker_ctx: Any) -> Asking:
        return Asking(self.service, self.replies, self.deadline)

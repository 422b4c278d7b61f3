"""How a process says that it is alive, ready, and what it has done: /healthz, /readyz, /metrics.

The answers are pure (`respond`); the two starters only differ in what they wait with. This module imports no
eventlet: an asyncio process may import it, and a nameko process gets its server from `serve_wsgi`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from shared import settings

log = logging.getLogger(__name__)

# A check is asked at each /readyz, so it must answer at once: None when all is well, else a sentence.
Check = Callable[[], str | None]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600)

MESSAGES_HANDLED = Counter("accord_messages_handled_total", "Messages handled, once each.", ["service", "type"])
MESSAGES_FAILED = Counter(
    "accord_messages_failed_total", "Attempts to handle a message that failed.", ["service", "type"]
)
MESSAGES_ABSORBED = Counter(
    "accord_messages_absorbed_total",
    "Messages that came again after they had been handled, and changed nothing.",
    ["service"],
)
MESSAGES_EARLY = Counter(
    "accord_messages_early_total", "Messages that came before the one they follow, or of an unknown type.", ["service"]
)
MESSAGES_FORKED = Counter(
    "accord_messages_forked_total",
    "Messages under a number under which another one had been said, and receipts for what was not said.",
    ["service"],
)
MESSAGES_REDELIVERED = Counter(
    "accord_messages_redelivered_total",
    "Messages that the broker had delivered before, as far as it knows.",
    ["service"],
)
MESSAGES_SENT_AGAIN = Counter(
    "accord_messages_sent_again_total", "Further attempts at messages to another business.", ["service"]
)
MESSAGES_UNCONFIRMED = Counter(
    "accord_messages_unconfirmed_total", "Messages of which nobody knows whether the broker took them.", ["service"]
)
MESSAGES_REFUSED = Counter("accord_messages_refused_total", "Messages that the broker or no queue took.", ["service"])
MESSAGE_AGE = Histogram(
    "accord_message_age_seconds",
    "From the time of a message to the beginning of the transaction that handles it.",
    ["service"],
    buckets=_SECONDS,
)
OUTBOX_LAG = Gauge(
    "accord_outbox_lag_seconds", "How long the oldest message that is due has been waiting.", ["service"]
)
PARKED = Gauge("accord_parked", "Messages that wait for the one before them.", ["service"])
DEAD = Gauge("accord_dead", "Messages that were given up; an operator must look.", ["service"])
DEAD_LETTERS = Gauge("accord_dead_letters", "Messages that could not be decoded; an operator must look.", ["service"])
RPC_SECONDS = Histogram(
    "accord_rpc_seconds", "How long an RPC took, by how it ended.", ["service", "method", "outcome"], buckets=_SECONDS
)


class Response(NamedTuple):
    """An HTTP answer: status code, headers, body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def _json(status: int, document: Mapping[str, Any]) -> Response:
    return _answer(status, "application/json", json.dumps(document, ensure_ascii=False).encode() + b"\n")


def _answer(status: int, content_type: str, body: bytes) -> Response:
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    return Response(status, headers, body)


def respond(path: str, checks: Mapping[str, Check], registry: CollectorRegistry = REGISTRY) -> Response:
    """The answer to a GET of `path`.

    /healthz: 200 while the process answers at all. /readyz: 200 when every check is well, else 503 with a sentence
    each. /metrics: the registry in the Prometheus text format. Anything else: 404.
    """
    path = path.partition("?")[0]
    if path == "/healthz":
        return _json(200, {"status": "alive"})
    if path == "/readyz":
        said = {name: _ask(check) for name, check in checks.items()}
        ready = all(sentence is None for sentence in said.values())
        found = {name: sentence or "ok" for name, sentence in said.items()}
        return _json(200 if ready else 503, {"status": "ready" if ready else "not ready", "checks": found})
    if path == "/metrics":
        return _answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
    return _json(404, {"status": "There is /healthz, /readyz and /metrics."})


def _ask(check: Check) -> str | None:
    try:
        return check()
    except Exception as error:
        # Whatever a check stumbles over, the process is not ready, and must say so instead of not answering.
        return f"{type(error).__name__}: {error}"


def serve_wsgi(port: int, checks: Mapping[str, Check]) -> Any:
    """Serve on `port` in a green thread of its own; returns the green thread, whose `kill()` ends it.

    For nameko processes, after eventlet has patched. Raises OSError when the port is taken.
    """
    import eventlet
    import eventlet.wsgi

    def application(
        environ: Mapping[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
    ) -> Iterable[bytes]:
        answer = respond(environ["PATH_INFO"], checks)
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    def serve(socket: Any) -> None:
        try:
            eventlet.wsgi.server(socket, application, log_output=False, keepalive=False, socket_timeout=_PATIENCE_S)
        except Exception:
            # A dead health endpoint is noticed by whoever asks it; it must not end the service (N7).
            log.exception("The health endpoint ended.")

    return eventlet.spawn(serve, eventlet.listen((settings.health_host(), port)))


_PATIENCE_S = 5


async def serve_async(port: int, checks: Mapping[str, Check]) -> asyncio.Server:
    """Serve on `port` until the returned server is closed.

    For asyncio processes. Raises OSError when the port is taken.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                # The stream's own limit (64 KiB) bounds what a caller can make us keep.
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_reply(head, checks))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, settings.health_host(), port)


def _reply(head: bytes, checks: Mapping[str, Check]) -> bytes:
    """The bytes that answer an HTTP/1 request whose head is `head`; the connection ends after it."""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1"):
        found = _json(400, {"status": "This is not an HTTP request."})
    elif words[0] not in {"GET", "HEAD"}:
        found = _json(405, {"status": "Only GET and HEAD are answered here."})
    else:
        found = respond(words[1], checks)
    lines = [f"HTTP/1.1 {found.status} {HTTPStatus(found.status).phrase}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in found.headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (b"" if words[0] == "HEAD" else found.body)

"""What surrounds every answer: request id, security headers, one line in the access log, and 500 for what nobody caught."""

from __future__ import annotations

import logging
import re
import time
from uuid import uuid4

from prometheus_client import Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.pages.headers import HEADERS
from services.gateway.problems import BadRequest, InternalError, problem
from services.gateway.reception import ADDRESS, AGENT
from shared import traces

SECONDS = Histogram(
    "accord_http_seconds",
    "Seconds from a request to the start of its answer.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

CSP_DATA = "default-src 'none'; frame-ancestors 'none'"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_access = logging.getLogger("accord.access")
_log = logging.getLogger(__name__)


class Envelope:
    """ASGI middleware around the whole application. `https` adds Strict-Transport-Security."""

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self.app = app
        self._always = {**HEADERS, **({"Strict-Transport-Security": "max-age=31536000"} if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        given = Headers(scope=scope)
        asked = given.get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else str(uuid4())
        scope["accord.request_id"] = request_id
        asked_within = traces.read(given.get("traceparent"))
        span = traces.started(scope["method"], "server", traces.below(asked_within) if asked_within else traces.begin())
        traces.enter(span.trace)
        client = scope.get("client")
        ADDRESS.set(client[0] if client else "")
        AGENT.set(given.get("user-agent", "")[:500])
        status, seconds = 0, 0.0

        async def answer(message: Message) -> None:
            nonlocal status, seconds
            if message["type"] == "http.response.start":
                status, seconds = message["status"], time.perf_counter() - started
                self._dress(MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            if scope.get("http_version") == "1.1" and len(given.getlist("host")) != 1:
                # Which business is meant would be for each to read in another way (RFC 9112, 3.2).
                scope["accord.code"] = BadRequest.code
                await problem(BadRequest("A request names exactly one host."))(scope, receive, answer)
            else:
                await self.app(scope, receive, answer)
        except ClientDisconnect:
            scope["accord.code"] = "client_disconnected"
        except Exception:
            scope["accord.code"] = InternalError.code
            _log.exception("%s %s failed", scope["method"], route_of(scope), extra={"request_id": request_id})
            if status:
                raise
            await problem(InternalError())(scope, receive, answer)
        finally:
            self._note(scope, request_id, status, seconds or time.perf_counter() - started)
            if traces.export is not None:
                span.name = f"{scope['method']} {route_of(scope)}"
                span.attributes = {"http.request.method": scope["method"], "http.response.status_code": status}
                traces.ended(span, failed=status >= 500)

    def _dress(self, headers: MutableHeaders, request_id: str) -> None:
        headers["X-Request-Id"] = request_id
        if not headers.get("content-type", "").startswith("text/html"):
            headers.setdefault("Content-Security-Policy", CSP_DATA)
        for name, value in self._always.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = route_of(scope)
        SECONDS.labels(method, route, str(status)).observe(seconds)
        if not _access.isEnabledFor(logging.INFO):
            return
        # No query (what people look for), no header, no body.
        tenant, actor = scope.get("accord.who", (None, None))
        _access.info(
            "request",
            extra={
                "request_id": request_id,
                "method": method,
                "route": route,
                "ids": [str(value)[:64] for value in scope.get("path_params", {}).values()],
                "status": status,
                "code": scope.get("accord.code"),
                "ms": round(seconds * 1000, 1),
                "tenant": tenant,
                "actor": actor,
            },
        )


def route_of(scope: Scope) -> str:
    """The pattern of the route that served a request, `other` for none: few values, as metrics need them."""
    pattern = scope.get("accord.route")
    if pattern is None:
        pattern = getattr(scope.get("route"), "path", None)
    return pattern or "other"

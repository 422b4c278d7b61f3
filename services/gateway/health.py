"""`/healthz`: alive. `/readyz`: every service answers. `/metrics`: figures for Prometheus."""

from __future__ import annotations

import asyncio
import os
import time
from urllib.parse import urlsplit

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway.problems import to_json
from services.gateway.rpc import Caller

SERVICES = ("accounts", "offers", "contacts", "managers", "history", "notifications")
KEPT_SECONDS = 1.0


class Readiness:
    """Whether each service answers, found out at most once a second however many ask."""

    def __init__(self, rpc: Caller) -> None:
        self._rpc = rpc
        self._lock = asyncio.Lock()
        self._at = float("-inf")
        self._found: dict[str, bool] = {}

    async def services(self) -> dict[str, bool]:
        """Each service and whether it answers over RPC and, where its health address is known, finds itself ready."""
        async with self._lock:
            if time.monotonic() - self._at >= KEPT_SECONDS:
                found = await asyncio.gather(*(self._ready(service) for service in SERVICES))
                self._found, self._at = dict(zip(SERVICES, found, strict=True)), time.monotonic()
            return self._found

    async def _ready(self, service: str) -> bool:
        url = os.environ.get(f"ACCORD_{service.upper()}_HEALTH_URL", "")
        if not await self._rpc.answers(service):
            return False
        return not url or await _says_ready(url)


async def _says_ready(url: str) -> bool:
    """Whether `url`/readyz answers 200 within a second."""
    parts = urlsplit(url)
    writer = None
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            writer.write(f"GET /readyz HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
            return b" 200 " in await reader.readline()
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()


async def healthz(request: Request) -> Response:
    return Response(b'{"status":"alive"}', media_type="application/json")


async def readyz(request: Request) -> Response:
    readiness: Readiness = request.app.state.readiness
    services = await readiness.services()
    ready = all(services.values())
    answer = {"status": "ready" if ready else "not ready", "services": services}
    return Response(
        to_json(answer), 200 if ready else 503, None if ready else {"Retry-After": "1"}, media_type="application/json"
    )


async def metrics(request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


ROUTES = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]

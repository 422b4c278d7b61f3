"""The gateway's application: the JSON API, the pages, health, and what they share.

What endpoints and pages find in `request.app.state`:

- `rpc` (`services.gateway.rpc.Caller`): `await rpc.call(service, method, deadline, **kwargs)` is the decoded result; it raises the
  refusals of `shared.errors` (Unavailable when nobody answers in time). `rpc.READ` and `rpc.COMMAND` are the deadlines.
  A call names `tenant` and `actor` (`Identity.tenant`, `Identity.actor`), then the ids of the path, then the body's fields.
- `live` (`services.gateway.live.Live`): the open event streams of this process.
- `identities`: pages use `identity.from_cookie(request)`, which gives an `Identity` or None and keeps answers for a second. A command
  to `accounts` through `rpc` makes it forget what it kept of that tenant; nobody has to remember that.

Pages plug in as `services.gateway.pages.mount(app)`, called last, and answer their own refusals in HTML.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from services.gateway import health, pages
from services.gateway.api import ROUTES
from services.gateway.api.routing import PREFIX, starlette_routes
from services.gateway.envelope import Envelope
from services.gateway.identity import Identities
from services.gateway.live import Ear, Live
from services.gateway.openapi import describe
from services.gateway.problems import BY_STATUS, BadRequest, problem, to_json
from services.gateway.reception import Reception
from services.gateway.rpc import Caller, Rpc
from shared import settings, watchdog
from shared.errors import NotFound, Refusal

VERSION = "0.1.0"


def create_app(rpc: Caller | None = None) -> FastAPI:
    """The application. Without `rpc` it connects to `ACCORD_AMQP_URI` when it starts and closes the connection when it stops."""
    client = None if rpc is not None else Rpc(settings.amqp_uri())
    caller: Caller = rpc if rpc is not None else client  # type: ignore[assignment]
    identities = Identities(caller)
    live = Live(caller, identities)
    ear = None if rpc is not None else Ear(settings.amqp_uri(), live)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if client is not None:
            watchdog.watch_loop("gateway")
            await client.start()
        if ear is not None:
            ear.start()
        try:
            yield
        finally:
            if ear is not None:
                await ear.stop()
            if client is not None:
                await client.stop()

    app = FastAPI(
        title="Accord",
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.live = live
    app.state.identities = identities
    app.state.rpc = Reception(caller, identities)
    app.state.readiness = health.Readiness(caller)
    description = _description()

    async def openapi(request: Request) -> Response:
        return Response(description, media_type="application/json", headers={"Cache-Control": "max-age=300"})

    app.router.routes.extend(health.ROUTES)
    # Mounted, so that what nobody serves below /api is a problem document and never a page.
    endpoints = [Route("/openapi.json", openapi), *starlette_routes(ROUTES)]
    app.router.routes.append(Mount(PREFIX, app=Router(endpoints, redirect_slashes=False)))
    app.router.routes.append(Mount("/api", app=_nothing_here))
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    # Inside the envelope, which sees the headers as they go out. Event streams are left as they are.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Envelope, https=settings.optional("ACCORD_URL", "").startswith("https://"))
    pages.mount(app)
    return app


@functools.cache
def _description() -> bytes:
    """The description of the API: the same for each application of a process, and most of the work of making one."""
    return to_json(describe(ROUTES, VERSION))


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound()


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    request.scope["accord.code"] = error.code
    return problem(error)


async def _refused_by_framework(request: Request, error: Exception) -> Response:
    """404, 405 and the like, as problem documents."""
    assert isinstance(error, HTTPException)
    refusal = BY_STATUS.get(error.status_code, BadRequest)()
    request.scope["accord.code"] = refusal.code
    return problem(refusal, error.headers)

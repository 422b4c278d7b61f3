"""The gateway's application: the JSON API, the pages, health, and what they share.

What endpoints and pages find in `request.app.state`:

- `rpc` (`services.gateway.rpc.Caller`): `await rpc.call(service, method, deadline, **kwargs)` is the decoded result; it raises the
  refusals of `shared.errors` (Unavailable when nobody answers in time). `rpc.READ` and `rpc.COMMAND` are the deadlines.
  A call names `tenant` and `actor` (`Identity.tenant`, `Identity.actor`), then the ids of the path, then the body's fields.
- `identities`: pages use `identity.from_cookie(request)`, which gives an `Identity` or None and keeps answers for a second. A command
  to `accounts` through `rpc` makes it forget what it kept of that tenant; nobody has to remember that.

Pages plug in as `services.gateway.pages.install(app)`, called last; they answer their own errors: `page_errors` below hands on
what is not below `/api/`.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.gateway import health
from services.gateway.api import ROUTES
from services.gateway.api.routing import PREFIX, starlette_routes
from services.gateway.envelope import Envelope
from services.gateway.identity import Identities, Noticing
from services.gateway.openapi import describe
from services.gateway.problems import BY_STATUS, BadRequest, problem, to_json
from services.gateway.rpc import Caller, Rpc
from shared.errors import Refusal

VERSION = "0.1.0"
_log = logging.getLogger(__name__)


def create_app(rpc: Caller | None = None) -> FastAPI:
    """The application. Without `rpc` it connects to `ACCORD_AMQP_URI` when it starts and closes the connection when it stops."""
    client = None if rpc is not None else Rpc(os.environ["ACCORD_AMQP_URI"])
    caller: Caller = rpc if rpc is not None else client  # type: ignore[assignment]

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if client is not None:
            await client.start()
        try:
            yield
        finally:
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
    identities = Identities(caller)
    app.state.identities = identities
    app.state.rpc = Noticing(caller, identities)
    app.state.readiness = health.Readiness(caller)
    description = to_json(describe(ROUTES, VERSION))

    async def openapi(request: Request) -> Response:
        return Response(description, media_type="application/json", headers={"Cache-Control": "max-age=300"})

    app.router.routes.extend(health.ROUTES)
    app.router.routes.append(Route(f"{PREFIX}/openapi.json", openapi))
    app.router.routes.extend(starlette_routes(ROUTES))
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_middleware(Envelope, https=os.environ.get("ACCORD_URL", "").startswith("https://"))
    _install_pages(app)
    return app


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


def _install_pages(app: FastAPI) -> None:
    try:
        pages: Any = importlib.import_module("services.gateway.pages")
        install = pages.install
    except (ImportError, AttributeError):
        _log.warning("the gateway serves no pages")
        return
    install(app)

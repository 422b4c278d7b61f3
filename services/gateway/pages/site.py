"""All pages in one router, and what goes with them: static files, the page for unknown addresses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from services.gateway.pages import (
    accepting,
    api_keys,
    auditing,
    deciding,
    directory,
    editing,
    entering,
    environments,
    home,
    importing,
    logos,
    mailed_links,
    managing,
    me,
    modifying,
    notifying,
    offering,
    partnerships,
    profile,
    reviewing,
    settings,
    timeline,
    users,
)
from services.gateway.pages.desk import BY_SCRIPT, Desk, LoginNeeded, redirect
from services.gateway.pages.rendering import STATIC, release
from services.gateway.pages.rooms import Door, visitor
from services.gateway.rpc import ServiceFailure
from shared.errors import NotFound, Refusal


class Elsewhere(Door):
    """An unknown address: whoever is logged in keeps the way around."""

    async def enter(self, desk: Desk) -> None:
        with contextlib.suppress(LoginNeeded, Refusal, ServiceFailure):
            desk.visitor = await visitor(desk)


elsewhere = APIRouter(include_in_schema=False, route_class=Elsewhere)


@elsewhere.get("/{path:path}")
async def nothing_here(request: Request, path: str) -> Response:
    """Whatever no other route knows."""
    raise NotFound()


class Static(StaticFiles):
    """`/static/<release>/<file>`: kept for ever when it is this release's; a page of another one gets what there is, and asks again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        mark, _, name = path.partition("/")
        response = await super().get_response(name, scope)
        ours = mark == release()
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if ours else "no-cache"
        return response


PARTS = (
    entering.outside,
    entering.inside,
    mailed_links.pages,
    home.pages,
    importing.pages,
    directory.pages,
    offering.pages,
    partnerships.pages,
    accepting.pages,
    editing.pages,
    timeline.pages,
    modifying.pages,
    reviewing.pages,
    managing.pages,
    logos.pages,
    deciding.pages,
    notifying.pages,
    profile.pages,
    users.pages,
    environments.pages,
    settings.pages,
    auditing.pages,
    me.pages,
    api_keys.pages,
)
# Forms that stand on another page than the nearest above the address they are sent to.
STANDS_ON = {
    "/partnerships": "/partnerships/new",
    "/partnerships/{partnership_id}/modifications": "/partnerships/{partnership_id}/contacts",
    "/partnerships/{partnership_id}/owner": "/partnerships/{partnership_id}/managers",
    "/profile/logo/removal": "/profile",
}


def form_addresses() -> dict[str, tuple[str, type[APIRoute]]]:
    """Addresses that only take forms, each with the page that its form stands on, and the kind of its route."""
    routes = [route for part in PARTS for route in part.routes if isinstance(route, APIRoute)]
    readable = {route.path for route in routes if "GET" in (route.methods or ())}

    def page_of(path: str) -> str:
        above = path.rpartition("/")[0] or "/"
        return STANDS_ON.get(path) or (above if above in readable else page_of(above))

    return {route.path: (page_of(route.path), type(route)) for route in routes if route.path not in readable}


def lead(page: str) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """An endpoint that leads to `page`, with what its own address names."""

    async def leading(request: Request) -> Response:
        # A script that asks what became of the page it is on: there the refused form stands, which nobody is to be led away from.
        if BY_SCRIPT in request.headers:
            raise NotFound()
        return redirect(request, page.format(**{name: quote(v, safe="") for name, v in request.path_params.items()}))

    return leading


def router() -> APIRouter:
    """Every page. The order matters: `/contacts/import` and `/partnerships/new` stand before `/…/{id}`, and `…/{decision}` after its sisters.

    An address that only takes forms is opened by whoever loads the answer to one again, or finds it in the browser's history: it leads to
    the page of its form.
    """
    every = APIRouter()
    for path, (page, kind) in form_addresses().items():
        every.add_api_route(path, lead(page), methods=["GET"], include_in_schema=False, route_class_override=kind)
    for part in PARTS:
        every.include_router(part)
    return every


def mount(app: FastAPI) -> None:
    """Add the pages, the static files and the page for unknown addresses. Call it after all other routes."""
    app.mount("/static", Static(directory=STATIC), name="static")
    app.include_router(router())
    app.include_router(elsewhere)

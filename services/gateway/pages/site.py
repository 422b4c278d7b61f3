"""All pages in one router, and what goes with them: static files, the page for unknown addresses."""

from __future__ import annotations

import contextlib

from fastapi import APIRouter, FastAPI
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
from services.gateway.pages.desk import Desk, LoginNeeded
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


def router() -> APIRouter:
    """Every page. The order matters: `/contacts/import` and `/partnerships/new` stand before `/…/{id}`, and `…/{decision}` after its sisters."""
    every = APIRouter()
    for part in (
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
    ):
        every.include_router(part)
    return every


def mount(app: FastAPI) -> None:
    """Add the pages, the static files and the page for unknown addresses. Call it after all other routes."""
    app.mount("/static", Static(directory=STATIC), name="static")
    app.include_router(router())
    app.include_router(elsewhere)

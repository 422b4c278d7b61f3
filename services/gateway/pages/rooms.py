"""The two kinds of routes of the pages: rooms, which need a login, and doors, which do not. Nothing else makes a page.

Both check the token of every form before the page's own code runs, and both answer in HTML when something is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from services.gateway import identity
from services.gateway.body import LIMIT, SECONDS
from services.gateway.pages import csrf
from services.gateway.pages.desk import Desk, LoginNeeded, Visitor, to_login
from services.gateway.pages.failures import FormExpired, failed
from services.gateway.problems import BY_STATUS, InternalError, RequestTimeout, TooLarge
from services.gateway.rpc import SPENT, Spent
from shared.errors import NotAuthenticated, Refusal

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def visitor(desk: Desk) -> Visitor:
    """Who the session cookie belongs to. Raises LoginNeeded, Unavailable, and Forbidden on the host of another business."""
    who = await identity.from_cookie(desk.request)
    if who is None:
        raise LoginNeeded
    return Visitor(who)


def takes_file(handler: Handler) -> Handler:
    """A form that may bring one file, below `@pages.post`; all others refuse files."""
    handler.takes_file = True  # type: ignore[attr-defined]
    return handler


class Door(APIRoute):
    """A page for anybody; who is logged in is not asked."""

    async def enter(self, desk: Desk) -> None:
        """Nobody has to be known here."""

    async def check(self, desk: Desk) -> None:
        """Raises FormExpired when a form did not come from a page of this visit."""
        request = desk.request
        if request.method in {"GET", "HEAD"}:
            return
        length = request.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LIMIT:
            raise TooLarge("A form may hold at most 1 MiB.")
        files = int(getattr(self.endpoint, "takes_file", False))
        try:
            async with asyncio.timeout(SECONDS):
                form = await request.form(max_files=files, max_fields=20_000)
        except TimeoutError:
            raise RequestTimeout("The form did not arrive in time.") from None
        given: Any = request.headers.get(csrf.HEADER, form.get(csrf.FIELD))
        request.state.form_is_ours = desk.form_is_ours(given)
        if not request.state.form_is_ours and not self.forgiving:
            raise FormExpired

    # The login and the registration show themselves again, filled in and with a new token, rather than a dead end.
    forgiving = True

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            desk = request.state.desk = Desk(request)
            try:
                await self.enter(desk)
                await self.check(desk)
                return await handle(request)
            except (LoginNeeded, NotAuthenticated):
                return to_login(request)
            except Refusal as refusal:
                request.scope["accord.code"] = refusal.code
                return await failed(desk, refusal)
            except HTTPException as error:
                return await failed(desk, BY_STATUS.get(error.status_code, InternalError)())
            except ClientDisconnect:
                raise
            except Exception:
                # Here and not in the application's handler, which answers in JSON.
                _log.exception("the page %s %s failed", request.method, request.url.path)
                return await failed(desk, InternalError())
            finally:
                desk.leave()

        return handler


class Room(Door):
    """A page for somebody who is logged in."""

    forgiving = False

    async def enter(self, desk: Desk) -> None:
        # Only for those who are logged in: how long a login takes is nobody else's to study.
        desk.spent = Spent()
        SPENT.set(desk.spent)
        desk.visitor = await visitor(desk)
        desk.request.scope["accord.who"] = (desk.visitor.tenant, desk.visitor.id)
        if desk.request.method == "GET" and "text/html" in desk.request.headers.get("accept", ""):
            desk.count_unread()


def rooms() -> APIRouter:
    """Routes that need a login."""
    return APIRouter(include_in_schema=False, route_class=Room)


def doors() -> APIRouter:
    """Routes that do not."""
    return APIRouter(include_in_schema=False, route_class=Door)


def desk_of(request: Request) -> Desk:
    """The desk of this request."""
    desk: Desk = request.state.desk
    return desk

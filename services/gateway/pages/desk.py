"""One person's visit to one page: who they are, what they may ask the services, and how a page gets back to them."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import tzinfo
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.gateway import identity
from services.gateway.identity import Identity
from services.gateway.pages import csrf, rendering, words
from services.gateway.pages.forms import Form
from services.gateway.rpc import COMMAND, READ, Caller, ServiceFailure, Spent
from shared.errors import Refusal

SESSION = identity.COOKIE
NOTE = "accord_note"
# Our scripts send this header; they cannot see where a redirect leads, and following it would use up what the next page has to say.
BY_SCRIPT = "x-accord-script"
GO = "X-Accord-Go"
STATUS = "X-Accord-Status"
ZONE = "accord_zone"

Json = Any


class LoginNeeded(Exception):
    """Nobody is logged in here."""


class Visitor:
    """Who is logged in: an identity with the questions that pages ask about it."""

    def __init__(self, who: Identity) -> None:
        self.token, self.tenant, self.company, self.user = who.token, who.tenant, who.company, who.user
        self.session_id, self.permissions = who.session_id, who.permissions

    @property
    def id(self) -> str:
        return str(self.user["id"])

    @property
    def role(self) -> str:
        return str(self.user.get("role", "member"))

    @property
    def runs_partnerships(self) -> bool:
        """Whether this person may send and answer offers."""
        return self.role in {"admin", "partnerships"}

    @property
    def runs_business(self) -> bool:
        """Whether this person manages users, environments and the profile."""
        return self.role == "admin"


def secure() -> bool:
    """Whether cookies are for https only: they are when Accord's address is."""
    return os.environ.get("ACCORD_URL", "").startswith("https://")


def safe_next(path: Any) -> str:
    """`path` when it is an address on this host to come back to, else home. Never another host: `//host`, `/\\host`, schemes."""
    if not isinstance(path, str) or not path.startswith("/") or path.startswith(("//", "/\\")):
        return "/"
    if any(ord(c) < 33 or c == "\\" for c in path) or urlsplit(path).path in {"/login", "/logout", "/register"}:
        return "/"
    return path


class Desk:
    """The page's side of one request."""

    def __init__(self, request: Request, visitor: Visitor | None = None) -> None:
        self.request = request
        self.visitor = visitor
        self.host_tenant = identity.host_tenant(request)
        # Milliseconds since 1970: what changes from now on may be missing on the page.
        self.as_of = int(time.time() * 1000)
        self.unread: int | None = None
        self._counting: asyncio.Task[None] | None = None
        self.spent: Spent | None = None
        self._form_cookie: str | None = None

    # — services —

    async def call(self, service: str, method: str, *, deadline: float = READ, **body: Any) -> Json:
        """Ask a service without naming a person (register, log in)."""
        rpc: Caller = self.request.app.state.rpc
        return await rpc.call(service, method, deadline, **body)

    async def ask(self, service: str, method: str, **body: Any) -> Json:
        """Read something as this person."""
        return await self.call(service, method, tenant=self.person.tenant, actor=self.person.id, **body)

    async def do(self, service: str, method: str, **body: Any) -> Json:
        """Command something as this person."""
        return await self.call(
            service, method, deadline=COMMAND, tenant=self.person.tenant, actor=self.person.id, **body
        )

    async def perhaps(self, service: str, method: str, **body: Any) -> Json | None:
        """Read something the page can do without: None when it is refused, away or broken."""
        try:
            return await self.ask(service, method, **body)
        except (Refusal, ServiceFailure):
            return None

    @property
    def person(self) -> Visitor:
        if self.visitor is None:
            raise LoginNeeded
        return self.visitor

    # — forms —

    @property
    def csrf_token(self) -> str:
        if self.visitor:
            return csrf.token(self.visitor.token)
        if self._form_cookie is None:
            self._form_cookie = self.request.cookies.get(csrf.FORM_COOKIE) or csrf.new_cookie()
        return csrf.token(self._form_cookie)

    def form_is_ours(self, given: object) -> bool:
        """Whether the token that came with a form belongs to this visit."""
        cookie = self.visitor.token if self.visitor else self.request.cookies.get(csrf.FORM_COOKIE, "")
        return csrf.same_site(self.request) and csrf.fits(cookie, given)

    # — answers —

    @property
    def zone(self) -> tzinfo:
        """The zone a person has chosen; UTC, which everybody begins with, stands for that of the browser, which its script tells."""
        chosen = self.visitor.user.get("time_zone") if self.visitor else None
        return words.zone(self.request.cookies.get(ZONE) if chosen in {None, "", "UTC"} else chosen)

    @property
    def path(self) -> str:
        return self.request.url.path

    @property
    def here(self) -> str:
        """This page's path and query, to come back to."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    @property
    def by_script(self) -> bool:
        """Whether a script of ours asks, and shows the answer where it stands."""
        return BY_SCRIPT in self.request.headers

    async def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """The page as a response. The bell is best effort: a page never fails for want of it."""
        if self.visitor and self.unread is None:
            await (self._counting or self._count_unread())
        # What the last act has to say is for the page one is led to, not for a script that asks in between.
        noted = NOTE in self.request.cookies and not self.by_script
        note = words.note(self.request.cookies[NOTE]) if noted else None
        began = time.perf_counter()
        html = rendering.render(template, self.zone, desk=self, visitor=self.visitor, note=note, **values)
        response = HTMLResponse(html, 200 if self.by_script else status)
        if self.by_script and status != 200:
            # Its words are shown where it was asked for; the browser's console would report it as a failure of the site.
            response.headers[STATUS] = str(status)
        response.headers["Cache-Control"] = "no-store"
        if isinstance(form := values.get("form"), Form) and form.retry_after is not None:
            response.headers["Retry-After"] = str(form.retry_after)
        if self.spent is not None:
            response.headers["Server-Timing"] = timing(self.spent, began, time.perf_counter())
        if noted:
            response.delete_cookie(NOTE)
        if self._form_cookie and self.request.cookies.get(csrf.FORM_COOKIE) != self._form_cookie:
            self.set_cookie(response, csrf.FORM_COOKIE, self._form_cookie)
        return response

    def count_unread(self) -> None:
        """Begin to count for the bell, while the page asks for what it shows. Whoever begins says `leave` in the end."""
        self._counting = asyncio.create_task(self._count_unread(), name="bell")

    def leave(self) -> None:
        """The request is answered: nobody waits for the bell any more."""
        if self._counting is not None:
            self._counting.cancel()

    async def _count_unread(self) -> None:
        found = await self.perhaps("notifications", "list_notifications", unread=True, limit=1)
        self.unread = found["unread_count"] if found else 0

    def go(self, path: str, note: str = "") -> Response:
        """Redirect after a post; `note` is a word of `words.NOTES` that the next page says, with its numbers."""
        response = redirect(self.request, path)
        if note:
            self.set_cookie(response, NOTE, note, max_age=60)
        return response

    def set_cookie(self, response: Response, name: str, value: str, max_age: int | None = None) -> None:
        response.set_cookie(name, value, max_age=max_age, path="/", httponly=True, samesite="lax", secure=secure())


def timing(spent: Spent, began: float, ended: float) -> str:
    """Where the time of a page went, in milliseconds, as browsers and `make bench` read it; four figures and nothing else.

    `rpc` is the wait for services, with what was asked at the same time counted once; `rpc-sum` is each call by itself.
    """
    figures = {"rpc": spent.wall, "rpc-sum": spent.sum, "render": ended - began, "total": ended - spent.started}
    return ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in figures.items())


def redirect(request: Request, path: str) -> Response:
    """To `path`: a redirect for a browser, 204 with the header `X-Accord-Go` for a script of ours."""
    if BY_SCRIPT in request.headers:
        return Response(status_code=204, headers={GO: path})
    return RedirectResponse(path, 303)


def to_login(request: Request) -> Response:
    """The redirect to the login page, which leads back here; a form that was sent leads back to its page, not to its address."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method != "GET":
        origin = urlsplit(request.headers.get("referer", ""))
        here = origin.path if origin.netloc == request.headers.get("host") else "/"
    path = safe_next(here)
    return redirect(request, "/login" + (f"?next={quote(path, safe='/')}" if path != "/" else ""))

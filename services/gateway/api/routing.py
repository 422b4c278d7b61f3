"""What all JSON endpoints do: find out who asks, read the request, ask the one service that owns the matter, answer.

A `Route` is one endpoint as data. It serves the request and writes its part of the OpenAPI description.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from services.gateway import body as bodies
from services.gateway import identity
from services.gateway.identity import Identity
from services.gateway.problems import problem, to_json
from services.gateway.rpc import COMMAND, READ, Caller
from shared.errors import NotFound, Refusal, ValidationError
from shared.ids import is_id

PREFIX = "/api/v1"
Filling = Callable[[Request, Identity | None], Mapping[str, Any]]


def asking_session(request: Request, who: Identity | None) -> Mapping[str, Any]:
    """For `Route.filling`: the session that asks, which stays when others end."""
    return {"session_id": who.session_id} if who else {}


@dataclass(frozen=True, kw_only=True)
class Route:
    """One endpoint: `method` and `path` (its parameters are named as the RPC names them) become `service.rpc`.

    `body`, `query` and `result` are models for the description; of `query` the kinds of the parameters are read too.
    `status` is that of success, `location` the address of what was created, with fields of the result and ids of the path in braces.
    `filling` gives keyword arguments that only the gateway knows; `fills` names what of that kind a body may not set.
    `lacks` says what the answer to a repetition with the same Idempotency-Key lacks of the first one.
    `operation` is its name in the description, when it is not that of the RPC; `media_type` what it answers with.
    `scope` is what an API key needs for it: a scope, `ANY_KEY`, or `NO_KEY`, which is also what holds for one that says nothing.
    `codes` are the refusals worth naming beside those every endpoint may give.
    """

    method: str
    path: str
    service: str
    rpc: str
    summary: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    result: type[BaseModel] | None = None
    status: int = 200
    location: str | None = None
    scope: str = ""
    anonymous: bool = False
    repeatable: bool = True
    lacks: str = ""
    operation: str = ""
    media_type: str = "application/json"
    filling: Filling | None = None
    fills: frozenset[str] = frozenset()
    codes: Sequence[str] = ()
    after: Callable[[Response, Identity | None], None] | None = None

    @property
    def reads(self) -> bool:
        """Whether this only reads."""
        return self.method == "GET"

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The names of the ids in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @cached_property
    def reserved(self) -> frozenset[str]:
        """What a body may not set."""
        always = bodies.RESERVED_ANONYMOUS if self.anonymous else bodies.RESERVED
        return always | self.fills | set(self.ids)

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """The known query parameters and their kinds."""
        if self.query is None:
            return {}
        return {name: part.get("type", "string") for name, part in self.query.model_json_schema()["properties"].items()}

    async def serve(self, request: Request) -> Response:
        """Answer a request. Refusals become problem documents here; nothing of them is logged but their code."""
        request.scope["accord.route"] = self.path
        try:
            return await self._answer(request)
        except Refusal as refusal:
            request.scope["accord.code"] = refusal.code
            return problem(refusal)

    async def _answer(self, request: Request) -> Response:
        began = time.monotonic()
        who = None if self.anonymous else await identity.from_request(request)
        # One deadline for the request, however many are asked; the time a body takes to arrive is the client's.
        left = max(0.2, (READ if self.reads else COMMAND) - (time.monotonic() - began))
        if who is not None:
            request.scope["accord.who"] = (who.tenant, who.actor)
        raw = b"" if self.reads else await bodies.read(request)
        if not all(is_id(value) for value in request.path_params.values()):
            raise NotFound()
        if who is not None:
            identity.check_host(request, who)
            identity.check_csrf(request, who)
            identity.check_scope(who, self.scope or identity.NO_KEY)
        form = self._form(request, who, raw)
        try:
            result = await self._ask(request, form, left)
        except ValidationError as refusal:
            raise form.translate(refusal) from None
        if self.reads:
            form.refuse_faults()
        response = self._respond(result, request.path_params)
        if self.after is not None:
            self.after(response, who)
        return response

    def _form(self, request: Request, who: Identity | None, raw: bytes) -> bodies.Form:
        form = bodies.Form()
        bodies.add_query(form, request, self.parameters)
        if not self.reads:
            bodies.add_body(form, raw, self.reserved)
            bodies.add_headers(form, request, who.session_id if who else "", repeatable=self.repeatable)
        form.kwargs.update(request.path_params)
        if self.filling is not None:
            form.kwargs.update(self.filling(request, who))
        if who is not None:
            form.kwargs.update(tenant=who.tenant, actor=who.actor)
        return form

    async def _ask(self, request: Request, form: bodies.Form, deadline: float) -> Any:
        rpc: Caller = request.app.state.rpc
        ask = rpc.call if self.location else rpc.call_raw
        return await ask(self.service, self.rpc, deadline, **form.kwargs)

    def _respond(self, result: Any, ids: Mapping[str, str]) -> Response:
        if self.status in {202, 204}:
            return Response(status_code=self.status)
        if self.location is None:
            return Response(result, self.status, media_type="application/json")
        headers = {"Location": PREFIX + self.location.format_map({**_Flat(result), **ids})}
        return Response(to_json(result), self.status, headers, "application/json")


class _Flat(dict[str, Any]):
    """The fields of a result for `Route.location`; `user.id` is written `user_id`."""

    def __init__(self, result: Any) -> None:
        super().__init__(result)
        for name, value in list(self.items()):
            if isinstance(value, dict):
                self.update({f"{name}_{key}": below for key, below in value.items()})


@dataclass(frozen=True)
class _Path:
    """All methods of one path, so that a wrong one is answered with 405 and the right ones."""

    by_method: dict[str, Route] = field(default_factory=dict)

    async def __call__(self, request: Request) -> Response:
        return await self.by_method["GET" if request.method == "HEAD" else request.method].serve(request)


def starlette_routes(routes: Sequence[Route]) -> list[StarletteRoute]:
    """The routes for the application, one for each path, in the order of their first appearance."""
    paths: dict[str, _Path] = {}
    for route in routes:
        paths.setdefault(route.path, _Path()).by_method[route.method] = route
    return [
        StarletteRoute(path, _endpoint(both), methods=list(both.by_method), name=path) for path, both in paths.items()
    ]


def _endpoint(path: _Path) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return await path(request)

    return endpoint

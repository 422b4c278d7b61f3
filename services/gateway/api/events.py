"""What has changed, told as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import body as bodies
from services.gateway import identity
from services.gateway.api.routing import Route
from services.gateway.live import EventStream


class Change(BaseModel):
    """The data of an event `changed`: what to read again."""

    part: Literal["partnership", "contacts", "managers", "history", "notifications", "directory", "business", "all"] = (
        Field(description="`all`: something may have been missed.")
    )
    partnership_id: str | None = Field(description="The partnership it is about; null for any, or for none.")


class Since(BaseModel):
    """What the stream begins with."""

    since: int | SkipJsonSchema[None] = Field(
        None,
        ge=0,
        le=10**15,
        description="Milliseconds since 1970: what has changed since then is told first. A page tells it in `data-as-of`.",
    )


@dataclass(frozen=True, kw_only=True)
class Stream(Route):
    """An endpoint whose answer goes on (BX-10)."""

    media_type: str = "text/event-stream"

    async def _answer(self, request: Request) -> Response:
        who = await identity.from_request(request)
        request.scope["accord.who"] = (who.tenant, who.actor)
        identity.check_host(request, who)
        identity.check_scope(who, self.scope)
        form = bodies.Form()
        bodies.add_query(form, request, self.parameters)
        since = form.kwargs.get("since")
        if since is not None and not (isinstance(since, int) and 0 <= since <= 10**15):
            form.blame("query.since", "since", "Give milliseconds since 1970, as a whole number.")
        form.refuse_faults()
        return EventStream(request.app.state.live, who, self.scope, None if since is None else since / 1000)


ROUTES = (
    Stream(
        method="GET",
        path="/events",
        service="gateway",
        rpc="follow_changes",
        scope="partnerships:read",
        query=Since,
        summary="What changes, as server-sent events `changed`; at most 20 streams a person, the newest count",
        result=Change,
    ),
)

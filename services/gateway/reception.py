"""The RPC client as endpoints and pages see it: it adds what only the gateway knows, so that neither has to think of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from services.gateway.identity import Identities
from services.gateway.limits import Turns
from services.gateway.rpc import Caller

# The network address of the client whose request is being served.
ADDRESS: ContextVar[str] = ContextVar("address", default="")
# What its program calls itself.
AGENT: ContextVar[str] = ContextVar("agent", default="")

_READS = ("get_", "list_", "authenticate")
# These change nothing that is kept of anybody here.
_OTHERS = ("open_session", "register_tenant")
_HASHING = frozenset(
    {"open_session", "register_tenant", "change_password", "create_user", "reset_password", "request_email_change"}
)


class Reception:
    """A `Caller` that tells accounts where a command comes from, limits how many log in at once, and makes `identities` forget a tenant of which
    something in accounts was changed."""

    def __init__(self, rpc: Caller, identities: Identities) -> None:
        self._rpc, self._identities = rpc, identities
        # Accounts hashes two at a time; what waits there waits in one line, and here whoever comes from elsewhere is next.
        self._hashing = Turns(at_once=6, each=4, waiting=600, seconds=5)

    async def call(self, service: str, method: str, deadline: float, /, **kwargs: Any) -> Any:
        async with self._turn(service, method):
            with self._received(service, method, kwargs):
                return await self._rpc.call(service, method, deadline, **kwargs)

    async def call_raw(self, service: str, method: str, deadline: float, /, **kwargs: Any) -> bytes:
        async with self._turn(service, method):
            with self._received(service, method, kwargs):
                return await self._rpc.call_raw(service, method, deadline, **kwargs)

    async def answers(self, service: str) -> bool:
        return await self._rpc.answers(service)

    def _turn(self, service: str, method: str) -> contextlib.AbstractAsyncContextManager[None]:
        """What hashes a password waits here for its turn, where waiting costs nobody anything."""
        if service == "accounts" and method in _HASHING:
            return self._hashing.turn(ADDRESS.get())
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def _received(self, service: str, method: str, kwargs: dict[str, Any]) -> Iterator[None]:
        if service != "accounts" or method.startswith(_READS):
            yield
            return
        kwargs["client"] = {"address": ADDRESS.get(), "agent": AGENT.get()}
        if method in _OTHERS:
            yield
        else:
            try:
                yield
            finally:
                # Also when it failed: after a deadline nobody knows what came of it.
                self._identities.forget(str(kwargs.get("tenant", "")))

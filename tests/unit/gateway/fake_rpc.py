"""Services that answer from a table, in place of the RPC client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared.errors import NotAuthenticated, NotFound
from shared.ids import new_id

ADA = {"id": new_id(), "name": "Ada", "email": "ada@kazenor.example", "role": "admin", "active": True}
TOKEN = "accord_kazenor_token"
SESSION = new_id()


class FakeRpc:
    """`answers[("offers", "send_offer")]` is a value, a refusal to raise, or a function of the keyword arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.deadlines: list[float] = []
        self.clients: list[dict[str, str]] = []
        self.alive = {"accounts", "offers", "contacts", "managers", "history", "notifications"}
        self.tables: dict[tuple[str, str], Any] = {
            ("accounts", "authenticate"): self.authenticate,
            ("contacts", "get_overview"): self.overview,
        }
        self.tokens = {TOKEN: "kazenor"}

    def authenticate(self, token: str) -> Any:
        if token not in self.tokens:
            raise NotAuthenticated()
        return {
            "tenant": self.tokens[token],
            "session_id": SESSION,
            "user": ADA,
            "company": "Kazenor",
            "permissions": ["users"],
        }

    def as_role(self, role: str) -> None:
        """Ada has this role from now on."""
        self.on("accounts", "authenticate", lambda token: {**self.authenticate(token), "user": {**ADA, "role": role}})

    def overview(self, **kwargs: Any) -> Any:
        """The first page of both lists, as the tests have put them there."""
        return {
            "assignments": self._answer("contacts", "list_assignments", limit=200, **kwargs),
            "modifications": self._answer("contacts", "list_modifications", limit=50, **kwargs),
        }

    def on(self, service: str, method: str, answer: Any) -> None:
        self.tables[service, method] = answer

    async def call(self, service: str, method: str, deadline: float, /, **kwargs: Any) -> Any:
        if "client" in kwargs:
            # Where it comes from is told with every command of accounts; what is asked is told apart from it.
            self.clients.append(kwargs.pop("client"))
        self.calls.append((service, method, kwargs))
        self.deadlines.append(deadline)
        return self._answer(service, method, **kwargs)

    def _answer(self, service: str, method: str, **kwargs: Any) -> Any:
        answer = self.tables.get((service, method), NotFound())
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(**kwargs)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def call_raw(self, service: str, method: str, deadline: float, /, **kwargs: Any) -> bytes:
        return json.dumps(await self.call(service, method, deadline, **kwargs)).encode()

    async def answers(self, service: str) -> bool:
        return service in self.alive

    def asked(self, service: str, method: str) -> list[dict[str, Any]]:
        """The keyword arguments of each call of this method."""
        return [kwargs for s, m, kwargs in self.calls if (s, m) == (service, method)]

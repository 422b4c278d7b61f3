"""One accounts service without network, broker and nameko, on any database; the time stands still until a test moves it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from services.accounts import handlers
from services.accounts.commands import CreateUser, RegisterTenant
from services.accounts.domain import attempts
from services.accounts.domain.sessions import Token
from services.accounts.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.bus.records import Tables
from shared.bus.session import Session
from shared.bus.storage import Database
from shared.calls import Call, Client
from shared.contracts.messages import Message
from shared.errors import NotAuthenticated
from shared.ids import new_id


class Accounts:
    """`ask` is an RPC without its network; passwords count as hashed when they start with `hash:`."""

    def __init__(self, database: Database | None = None) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.database: Any = database or MemoryDatabase()
        self.records = Session(self.database, "accounts", Tables(TABLES), clock=lambda: self.now, pause=lambda _: None)

    def pass_time(self, **much: float) -> None:
        self.now += timedelta(**much)

    def call(
        self,
        actor: str,
        tenant: str = "kazenor",
        *,
        if_match: str | None = None,
        client: Client = Client(),  # noqa: B008
        path: dict[str, str] | None = None,
        **body: Any,
    ) -> Call:
        return Call("method", tenant, actor, path or {}, body, None, if_match, client)

    def ask(self, handler: Any, call: Call, *args: Any) -> Any:
        return self.records.run(handler, call, *args)

    def look(self, handler: Any, call: Call, *args: Any) -> Any:
        return self.records.read(handler, call, *args)

    def register(
        self, tenant: str = "kazenor", email: str = "ada@kazenor.example", company: str = "Kazenor"
    ) -> dict[str, Any]:
        body = {"tenant": tenant, "company": company, "name": "Ada", "email": email, "password": "correct horse"}
        call = Call("register_tenant", tenant, "system", {}, body)
        return self.ask(handlers.registering.register_tenant, call, call.read(RegisterTenant), "hash:correct horse")

    def add(self, admin: str, email: str, role: str = "member", tenant: str = "kazenor", **more: Any) -> dict[str, Any]:
        call = self.call(admin, tenant, name=email.split("@")[0].title(), email=email, role=role, **more)
        return self.ask(handlers.users.create_user, call, call.read(CreateUser), "hash:another one")

    def log_in(
        self,
        email: str,
        password: str = "correct horse",
        tenant: str = "kazenor",
        client: Client = Client(),  # noqa: B008
    ) -> Token:
        """As service.py does it, with passwords compared as text."""
        call, key = self.call("system", tenant, client=client), attempts.account_key(tenant, email)
        found = self.look(handlers.logging_in.find_login, call, handlers.logging_in.login_email(email), key, 10)
        handlers.logging_in.ensure_no_wait(found.wait)
        if found.password_hash != f"hash:{password}":
            self.ask(handlers.logging_in.note_failed_login, call, found, "login.failed")
            raise NotAuthenticated(handlers.logging_in.WRONG_LOGIN)
        token = Token(tenant, new_id(), "0" * 64)
        self.ask(handlers.logging_in.open_session, call, found, token)
        return token

    def said(self, *types: type[Message]) -> list[dict[str, Any]]:
        """The data of the facts of these types, in the order in which they were stated."""
        names = {t.type for t in types}
        return [json.loads(row.body)["data"] for row in self.database.outbox if row.type in names]

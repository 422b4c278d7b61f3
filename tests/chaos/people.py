"""Businesses as a good client of the API sees them: each command has a key and is repeated with it until it is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import httpx

from tests.chaos.pace import Pace
from tests.support.stack import PASSWORD

T = TypeVar("T")
Json = dict[str, Any]

PATIENCE = 420.0
"""Seconds after which something is stuck: the longest pause between two sendings of a message is five minutes."""


class Stuck(Exception):
    """What should have come did not."""


@dataclass
class Log:
    """What the clients met, and what should not be."""

    met: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass
class Answer:
    status: int
    body: Any
    repeated: bool
    """It was asked more than once, so what refuses the last asking may be what the first did."""

    @property
    def done(self) -> bool:
        return self.status < 300


class Gateway:
    """The way to the API."""

    def __init__(self, url: str, log: Log, pace: Pace) -> None:
        self.log, self.pace = log, pace
        # A connection each time: after a kill of the gateway a kept one would only tell that it is dead.
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=50)
        self.http = httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=12, limits=limits)

    async def command(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "",
        key: str = "",
        allowed: Collection[str] = (),
    ) -> Answer:
        """Do one command and count it as `kind`. A refusal whose code is not `allowed` is a problem. Raises Stuck."""
        await self.pace.ticket()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if method == "POST" and key:
            headers["Idempotency-Key"] = key
        loop = asyncio.get_running_loop()
        end, tries = loop.time() + PATIENCE, 0
        while True:
            tries += 1
            try:
                answer = await self.http.request(method, path, json=body, headers=headers)
            except httpx.HTTPError:
                self.log.met["connections lost in the middle of a command"] += 1
            else:
                if answer.status_code == 503:
                    self.log.met["answered 503"] += 1
                elif answer.status_code == 429:
                    # Logins take turns, and while accounts is away theirs does not come: the answer says when to try again.
                    self.log.met["answered 429"] += 1
                elif answer.status_code >= 500:
                    self.log.problems.append(f"broken: {method} {path}: {answer.status_code} {answer.text[:300]}")
                else:
                    break
            if loop.time() > end:
                raise Stuck(f"{method} {path} is not answered after {tries} tries")
            await asyncio.sleep(min(0.1 * tries, 1.0))
        found = Answer(answer.status_code, answer.json() if answer.content else None, tries > 1)
        self.log.commands[kind] += 1
        if tries > 1:
            self.log.met["commands repeated with their key"] += 1
        if not found.done:
            code = (found.body or {}).get("code", "")
            if code in allowed:
                self.log.met["refused because the other side was first"] += 1
            elif not (found.repeated and method == "DELETE"):
                self.log.problems.append(f"refused: {method} {path}: {found.status} {answer.text[:300]}")
        return found

    async def look(self, path: str, token: str) -> Any:
        """The answer to a GET; None while something is away or nothing is there."""
        try:
            answer = await self.http.get(path, headers={"Authorization": f"Bearer {token}"})
        except httpx.HTTPError:
            return None
        if answer.status_code >= 500 and answer.status_code != 503:
            self.log.problems.append(f"broken: GET {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json() if answer.status_code == 200 else None


async def until(look: Callable[[], Awaitable[T]], what: str, seconds: float = PATIENCE) -> T:
    """The first true value of what is looked at, again and again. Raises Stuck."""
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + seconds, 0.02
    while not (value := await look()):
        if loop.time() > end:
            raise Stuck(f"not so within {seconds:g} s: {what}")
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.5)
    return value


class Business:
    """A business and its admin; `bea` looks after partnerships too, `people` may be lent."""

    def __init__(self, gateway: Gateway, tenant: str) -> None:
        self.gateway, self.tenant = gateway, tenant
        self.email = f"admin@{tenant}.example"
        self.token = self.admin = self.bea = ""
        self.people: list[str] = []
        self.phone = ""
        self.company = f"Company {tenant}"
        self.keys = 0

    async def register(self, people: int) -> None:
        """Come to be, with so many people."""
        body = {
            "tenant": self.tenant, "company": self.company, "name": "Ada", "email": self.email, "password": PASSWORD,
        }  # fmt: skip
        # Nobody is logged in yet, so no key is kept: a name that is taken on the second try was taken by the first.
        made = await self.gateway.command("register", "POST", "/tenants", body, allowed={"tenant_taken"})
        if not made.done and not made.repeated:
            raise Stuck(f"{self.tenant} is not registered")
        session = await self.gateway.command(
            "log in", "POST", "/sessions", {"tenant": self.tenant, "email": self.email, "password": PASSWORD}
        )
        if not session.done:
            raise Stuck(
                f"{self.tenant} cannot log in: {session.status} {session.body}; it was registered with {made.status} {made.body}"
            )
        self.token, self.admin = session.body["token"], session.body["user"]["id"]
        items = [
            {"name": f"Person {n}", "email": f"person{n}@{self.tenant}.example", "phone": "+46 8 1", "title": "Welder"}
            for n in range(people)
        ]
        imported = await self.do("import people", "POST", "/contacts/import", {"items": items})
        self.people = [row["contact_id"] for row in imported.body["items"]]
        body = {"name": "Bea", "email": f"bea@{self.tenant}.example", "role": "partnerships", "password": PASSWORD}
        self.bea = str((await self.do("make a user", "POST", "/users", body)).body["id"])

    async def do(self, kind: str, method: str, path: str, body: Any = None, *, allowed: Collection[str] = ()) -> Answer:
        """A command of the admin's; see `Gateway.command`."""
        self.keys += 1
        key = str(UUID(int=self.keys))
        body = {} if body is None and method == "POST" else body
        return await self.gateway.command(kind, method, path, body, token=self.token, key=key, allowed=allowed)

    async def look(self, path: str) -> Any:
        """The answer to a GET, None for none."""
        return await self.gateway.look(path, self.token)

    async def all(self, path: str) -> list[Json]:
        """All items of a list. Raises Stuck when it cannot be read for long."""
        found: list[Json] = []
        cursor = ""
        while True:
            whole = f"{path}{'&' if '?' in path else '?'}limit=200{cursor}"
            page = await until(lambda p=whole: self.look(p), f"GET {whole}")  # type: ignore[misc]
            found += page["items"]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

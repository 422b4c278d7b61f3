"""Browsers that listen to a gateway in memory, and a bus that tells it what changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from services.gateway.app import create_app
from services.gateway.live import Live
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, FakeRpc

HELLO = "retry: 2000\nevent: hello\ndata: {}\n\n"
ALL = ("all", None)
# What the tests tell everybody, to know that all before it has come.
MARK = ("directory", None)


async def until(condition: Callable[[], Any], what: str = "") -> None:
    try:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"Not so within 10 s: {what or condition}") from None


class Browser:
    """One open stream, as a browser sees it."""

    def __init__(self, app: Any, token: str, host: str = "localhost", method: str = "GET", query: str = "") -> None:
        self.app, self.start, self.written, self.over = app, {}, b"", False  # type: ignore[var-annotated]
        self._leaving = asyncio.Event()
        # Whoever takes nothing lets the server wait.
        self.taking = asyncio.Event()
        self.taking.set()
        headers = [
            (b"host", host.encode()),
            (b"authorization", f"Bearer {token}".encode()),
            (b"accept-encoding", b"gzip"),
        ]
        self.scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": "/api/v1/events", "root_path": "",
            "raw_path": b"/api/v1/events", "query_string": query.encode(), "headers": headers, "client": ("127.0.0.1", 1),
            "server": ("localhost", 80),
        }  # fmt: skip
        self.served = asyncio.create_task(self.app(self.scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._leaving.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.start = {"status": message["status"], "headers": dict(message["headers"])}
            return
        await self.taking.wait()
        self.written += message["body"]
        self.over = not message.get("more_body", False)

    @property
    def text(self) -> str:
        return self.written.decode()

    @property
    def heard(self) -> list[tuple[str, str | None]]:
        """The changes that came, as (part, partnership_id)."""
        blocks = [block.split("\n") for block in self.text.split("\n\n")]
        data = [json.loads(block[1].removeprefix("data: ")) for block in blocks if block[0] == "event: changed"]
        return [(one["part"], one["partnership_id"]) for one in data]

    async def leave(self) -> None:
        self._leaving.set()
        async with asyncio.timeout(10):
            await self.served


class House:
    """An application whose services answer from a table, and who is logged in there."""

    def __init__(self) -> None:
        self.rpc = FakeRpc()
        self.people: dict[str, dict[str, Any]] = {}
        self.rpc.on("accounts", "authenticate", self._authenticate)
        self.app = create_app(self.rpc)
        self.live: Live = self.app.state.live
        self.browsers: list[Browser] = []

    def person(self, tenant: str = "kazenor", role: str = "admin", id: str = "") -> str:
        """The token of somebody new."""
        token = f"token{len(self.people)}"
        self.people[token] = {
            "tenant": tenant,
            "session_id": new_id(),
            "company": tenant,
            "user": {**ADA, "id": id or new_id(), "role": role},
        }
        return token

    def id(self, token: str) -> str:
        return str(self.people[token]["user"]["id"])

    def _authenticate(self, token: str) -> Any:
        return self.people.get(token) or self.rpc.authenticate(token)

    async def open(self, token: str, **more: str) -> Browser:
        """A stream that has said hello."""
        browser = Browser(self.app, token, **more)
        self.browsers.append(browser)
        await until(lambda: HELLO in browser.text, "hello")
        return browser

    def tell(self, tenant: str, *changes: tuple[str, str]) -> None:
        self.live.hear(tenant, json.dumps(changes).encode())

    async def settled(self, *browsers: Browser) -> None:
        """Return once all that was told before has been written."""
        marks = [(browser, browser.heard.count(MARK)) for browser in browsers or self.browsers]
        for tenant in {one["tenant"] for one in self.people.values()}:
            self.tell(tenant, ("directory", ""))
        for browser, before in marks:
            await until(lambda b=browser, n=before: b.heard.count(MARK) > n, "the mark")  # type: ignore[misc]


@asynccontextmanager
async def living() -> AsyncIterator[House]:
    house = House()
    try:
        yield house
    finally:
        for browser in house.browsers:
            await browser.leave()
        assert not list(house.live._all()), "a stream was left behind"


def play(scenario: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with living() as house:
            await scenario(house)

    asyncio.run(run())


def seen(browser: Browser) -> list[tuple[str, str | None]]:
    """What was heard, without the marks of the tests."""
    return [change for change in browser.heard if change != MARK]

"""A small client of the JSON API. Standard library only."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class Refused(Exception):
    """The API said no: `status`, `code` and what it said."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.code, self.problem = status, problem.get("code", ""), problem
        fields = "; ".join(f"{error['field']}: {error['message']}" for error in problem.get("errors") or [])
        super().__init__(
            f"{status} {self.code}: {problem.get('detail') or problem.get('title')}{f' ({fields})' if fields else ''}"
        )


@dataclass(frozen=True)
class Api:
    """The API at `base` (`http://127.0.0.1:8080`), as whoever `token` stands for."""

    base: str
    token: str | None = None

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET. Raises Refused."""
        words = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", f"{path}?{urllib.parse.urlencode(words, doseq=True)}" if words else path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a POST, which is repeated with the same key when a part of Accord is away for a moment. Raises Refused."""
        return self._ask("POST", path, body)

    def login(self, tenant: str, email: str, password: str) -> Api:
        """The same API for this person. Raises Refused."""
        token = self.post("/sessions", {"tenant": tenant, "email": email, "password": password})["token"]
        return Api(self.base, token)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(f"{self.base}/api/v1{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
            request.add_header("Idempotency-Key", str(uuid.uuid4()))
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        # Never through a proxy: this is the loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        end = time.monotonic() + 20
        while True:
            try:
                with opener.open(request, timeout=15) as answer:
                    content = answer.read()
                    return json.loads(content) if content else None
            except urllib.error.HTTPError as error:
                if error.code == 503 and time.monotonic() < end:
                    time.sleep(0.5)
                    continue
                try:
                    problem = json.loads(error.read())
                except ValueError:
                    problem = {"title": error.reason}
                raise Refused(error.code, problem) from None


def until(condition: Callable[[], T | None], seconds: float = 20.0) -> T | None:
    """The first value of `condition` that is not None, or None after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value is not None or time.monotonic() > end:
            return value
        time.sleep(0.1)

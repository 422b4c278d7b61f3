"""One request as somebody: through the JSON API with a token or a cookie, or as a form of a page."""

from __future__ import annotations

from typing import Any

import httpx

from services.gateway.identity import COOKIE
from services.gateway.pages import csrf
from tests.security.matrix import Case
from tests.support.stack import Business, Stack

Headers = dict[str, str]


class Asking:
    """Asks one route. `host` is the tenant whose address is asked, the asker's own unless given; redirects are not followed."""

    def __init__(self, stack: Stack, route: str) -> None:
        self.stack = stack
        self.method, self.path = route.split(" ", 1)
        self._http = httpx.Client(base_url=stack.url, timeout=20)

    def close(self) -> None:
        self._http.close()

    def send(self, path: str, headers: Headers, **content: Any) -> httpx.Response:
        """The answer, with its body read; of a stream of events only its beginning."""
        for _ in range(10):
            # What an earlier answer set is nobody's but theirs.
            self._http.cookies.clear()
            with self._http.stream(self.method, path, headers=headers, **content) as answer:
                if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                    answer.read()
            if answer.status_code != 503:
                break
        return answer

    def host(self, tenant: str) -> Headers:
        return {"Host": f"{tenant}.localhost:{self.stack.port}"}


class Api(Asking):
    """The JSON API."""

    prefix = "/api/v1"

    def address(self, case: Case) -> str:
        return self.prefix + self.path.format(**case.path) + (f"?{case.query}" if case.query else "")

    def by_token(self, case: Case, token: str, host: str | None = None, **more: str) -> httpx.Response:
        """With a bearer's token, none for ''; at the plain address unless a tenant's is named."""
        headers = {
            **({"Authorization": f"Bearer {token}"} if token else {}),
            **(self.host(host) if host else {}),
            **more,
        }
        return self._ask(case, headers)

    def by_cookie(self, case: Case, who: Business, **more: str) -> httpx.Response:
        """As a script on a page of theirs; `more` are headers."""
        return self._ask(case, {"Cookie": f"{COOKIE}={who.token}", **self.host(who.tenant), **more})

    def _ask(self, case: Case, headers: Headers) -> httpx.Response:
        return self.send(self.address(case), headers, json=case.body)


class Pages(Asking):
    """The pages, as a browser asks for them."""

    def ask(
        self, case: Case, who: Business | None, host: str, *, token: str | None = None, **more: str
    ) -> httpx.Response:
        """With `token` as the form's token: the right one unless given, none for ''. `more` are headers."""
        headers = {**self.host(host), **more}
        form = dict(case.body or {})
        if who is not None:
            headers["Cookie"] = f"{COOKIE}={who.token}"
            token = csrf.token(who.token) if token is None else token
        if token:
            form[csrf.FIELD] = token
        path = self.path.format(**case.path) + (f"?{case.query}" if case.query else "")
        if self.method == "GET":
            return self.send(path, headers)
        return self.send(path, headers, data=form, files=case.files)

"""Sessions as an attacker tries them, through the pages as a browser sends them: planted before a login, replayed after its end (promise S3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from services.gateway.identity import COOKIE
from services.gateway.pages.csrf import FIELD
from tests.security.town import Town
from tests.support.stack import PASSWORD, Business


class Browser:
    """The cookies of one browser on the host of a business. Follows no redirect."""

    def __init__(self, of: Business) -> None:
        self.of = of
        self.host = f"{of.tenant}.localhost"
        self._http = httpx.Client(
            base_url=of.stack.url,
            headers={"Host": f"{of.tenant}.localhost:{of.stack.port}", "Accept": "text/html"},
            timeout=15,
        )
        self.cookies: dict[str, str] = {}

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> httpx.Response:
        """One request with the cookies there are; those that come with the answer are kept."""
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._http.request(method, path, data=form, headers={"Cookie": jar} if jar else {})
        self._http.cookies.clear()
        for said in answer.headers.get_list("set-cookie"):
            name, value = said.split(";")[0].split("=", 1)
            if "Max-Age=0" in said:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')
        return answer

    def send(self, path: str, page: str, **form: str) -> httpx.Response:
        """A form of `page`, with the token that stands on it."""
        shown = self.ask("GET", page).text
        found = re.search(rf'name="{FIELD}" value="([^"]+)"', shown)
        assert found is not None, f"{page} holds no form"
        return self.ask("POST", path, {**form, FIELD: found[1]})

    def log_in(self) -> str:
        """The session that a login brings."""
        answer = self.send("/login", "/login", email=self.of.email, password=PASSWORD, tenant=self.of.tenant)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text[:500]
        return self.cookies[COOKIE]

    def is_inside(self) -> bool:
        answer = self.ask("GET", "/")
        assert answer.status_code in {200, 303, 403}, answer.text[:500]
        return answer.status_code == 200


@pytest.fixture
def browser() -> Iterator[Callable[[Business], Browser]]:
    made: list[Browser] = []

    def make(of: Business) -> Browser:
        made.append(Browser(of))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_session_planted_before_a_login_is_not_the_one_after_it(
    town: Town, browser: Callable[[Business], Browser]
) -> None:
    invented = re.sub(r"[^_]{4}$", "AAAA", town.owner.token)
    for planted in (invented, town.stranger.token, "x"):
        victim = browser(town.owner)
        victim.cookies[COOKIE] = planted
        assert not victim.is_inside()
        assert victim.log_in() != planted
        assert victim.is_inside()
        thief = browser(town.owner)
        thief.cookies[COOKIE] = planted
        assert not thief.is_inside(), "what was planted opens nothing after the victim's login, either"


def test_two_logins_are_two_sessions(town: Town, browser: Callable[[Business], Browser]) -> None:
    assert browser(town.owner).log_in() != browser(town.owner).log_in()


def test_a_session_is_worth_nothing_after_its_logout_wherever_it_is_shown(
    town: Town, browser: Callable[[Business], Browser]
) -> None:
    victim, thief = browser(town.owner), browser(town.owner)
    thief.cookies[COOKIE] = stolen = victim.log_in()
    assert thief.is_inside()
    answer = victim.send("/logout", "/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert COOKIE not in victim.cookies
    # From the next request on, though the gateway keeps what it knows of a session for a second.
    assert not thief.is_inside()
    assert thief.ask("POST", "/contacts", {"name": "Thief", FIELD: "x"}).status_code in {303, 403}
    bearer = httpx.get(f"{town.stack.url}/api/v1/me", headers={"Authorization": f"Bearer {stolen}"})
    assert bearer.status_code == 401
    assert victim.log_in() != stolen
    assert not thief.is_inside()

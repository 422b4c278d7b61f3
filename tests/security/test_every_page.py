"""Promise S1 over the pages, and CSRF over every form: each × own, partner, stranger, anonymous, disabled, lower roles, other sites.

The list is held against the router: a page without a line fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from services.gateway.app import create_app
from services.gateway.pages import csrf
from services.gateway.pages.deciding import DECISIONS
from tests.security.asking import Pages
from tests.security.matrix import SUCCESS, Case
from tests.security.page_lines import DOORS, LINES
from tests.security.town import Town
from tests.support.stack import Business
from tests.unit.gateway.fake_rpc import FakeRpc


def pages() -> set[str]:
    """Every page and form there is, each decision by itself."""
    found = set()
    for route in iter_route_contexts(create_app(FakeRpc()).routes):
        if not getattr(route.endpoint, "__module__", "").startswith("services.gateway.pages."):
            continue
        for method in set(route.methods or ()) - {"HEAD"}:
            decided = DECISIONS if "{decision}" in str(route.path) else [""]
            found |= {f"{method} {route.path}".replace("{decision}", decision) for decision in decided}
    return found


def test_every_page_has_a_line() -> None:
    assert pages() - LINES.keys() - DOORS == set(), "Give each of these a line in tests/security/page_lines.py"
    assert (LINES.keys() | DOORS) - pages() == set()


@pytest.fixture
def asked(town: Town, request: pytest.FixtureRequest) -> Iterator[Pages]:
    asking = Pages(town.stack, request.node.callspec.params["route"])
    yield asking
    asking.close()


def shown(answer: httpx.Response, status: int, who: str) -> None:
    what = re.findall('<title>(.*?)</title>|class="error"[^>]*>(.*?)<', answer.text)
    assert answer.status_code == status, f"{who}: {answer.status_code} {answer.headers.get('location')} {what}"


def to_the_login(answer: httpx.Response, who: str) -> None:
    shown(answer, 303, who)
    assert answer.headers["location"].startswith("/login"), who


def told(answer: httpx.Response) -> str:
    """A page but for the parts that differ each time: the token of its form, when it was made, the ids in the address that was asked, what is
    unread by now.
    """
    text = re.sub(r'name="csrf_token" value="[^"]*"', "", answer.text)
    text = re.sub(r' data-as-of="[0-9]+"', "", text)
    text = re.sub(r'content="[A-Za-z0-9_-]{60,}"', "", text)
    text = re.sub(r'<span class="badge">.*?unread</span></span>', "", text)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)


def another_business(asked: Pages, case: Case, town: Town, who: Business, status: int | None, name: str) -> None:
    """At its own address, and at the owner's."""
    if status is not None:
        answer = asked.ask(case, who, who.tenant)
        shown(answer, status, name)
        # The partner knows the company and whoever acted for it.
        known = ["Owner of It All", town.owner.email, "Mats Manager"] if who is town.stranger else []
        for private in ("Mia Member", "Dora Disabled", *known):
            assert (private in answer.text) is False, f"{name} reads {private!r}"
        if status == 404:
            nothing = asked.ask(case.of_nothing, who, who.tenant)
            assert told(answer) == told(nothing), f"{name} learns what there is"
    elsewhere = asked.ask(case, who, town.owner.tenant)
    shown(elsewhere, 403, f"{name} at the owner's address")
    nothing = asked.ask(case.of_nothing, who, town.owner.tenant)
    assert told(elsewhere) == told(nothing), f"{name} learns what there is"


def another_sites_form(asked: Pages, case: Case, town: Town, who: Business) -> None:
    right = csrf.token(who.token)
    attempts = {
        "no token": ("", {}),
        "a wrong token": ("x" * len(right), {}),
        "the token of another business's session": (csrf.token(town.stranger.token), {}),
        "the token of another session of theirs": (csrf.token(town.second.token), {}),
        "another site's form": (right, {"Sec-Fetch-Site": "cross-site"}),
        "another business's form": (right, {"Sec-Fetch-Site": "same-site"}),
        "another origin": (right, {"Origin": "https://evil.example"}),
        "no origin": (right, {"Origin": "null"}),
    }
    for name, (token, headers) in attempts.items():
        shown(asked.ask(case, who, who.tenant, token=token, **headers), 403, name)


@pytest.mark.parametrize("route", LINES)
def test_a_page_is_for_whoever_may_and_nobody_else(town: Town, asked: Pages, route: str) -> None:
    line, reads = LINES[route], route.startswith("GET ")
    case = line.make(town)
    who, partner = line.whoever_may(case, town), case.partner or town.lasting.partner

    to_the_login(asked.ask(case, None, town.owner.tenant), "nobody")
    to_the_login(asked.ask(case, town.disabled, town.owner.tenant), "somebody disabled")
    another_business(asked, case, town, town.stranger, line.stranger, "a stranger")
    if line.partner in SUCCESS and not reads and case.partner:
        # It is done to the partner's own record, and heard of at the owner's: not with the things the owner is to use.
        other = line.make(town)
        another_business(asked, other, town, other.partner or partner, line.partner, "the partner")
    else:
        another_business(asked, case, town, partner, line.partner, "the partner")
    for name in ("member", "manager", "partnerships"):
        status, colleague = getattr(line, name), getattr(town, name)
        if case.owner is None and line.asks(name, route):
            # Who succeeds uses it up.
            mine = line.make(town) if status in SUCCESS and not reads else case
            shown(asked.ask(mine, colleague, town.owner.tenant), status, name)
    if not reads:
        another_sites_form(asked, case, town, who)
    answer = asked.ask(case, who, who.tenant, **({} if reads else {"Sec-Fetch-Site": "same-origin"}))
    shown(answer, line.own, "whoever may")
    assert not (line.own == 303 and answer.headers["location"].startswith("/login") and route != "POST /logout")

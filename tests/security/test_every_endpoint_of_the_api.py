"""Promise S1 over the JSON API: every route × own, partner, stranger, anonymous, disabled, lower roles, and a page of another site.

The list is held against the gateway's: a route without a line fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from services.gateway.api import ROUTES
from services.gateway.pages import csrf
from tests.security.api_lines import ANONYMOUS, LINES
from tests.security.asking import Api
from tests.security.matrix import SUCCESS, Case
from tests.security.town import Town
from tests.support.stack import Business


def test_every_route_of_the_api_has_a_line() -> None:
    there = {f"{route.method} {route.path}" for route in ROUTES if not route.anonymous}
    anonymous = {f"{route.method} {route.path}" for route in ROUTES if route.anonymous}
    assert there - LINES.keys() == set(), "Give each of these a line in tests/security/api_lines.py"
    assert LINES.keys() - there == set()
    assert anonymous == ANONYMOUS


@pytest.fixture
def api(town: Town, request: pytest.FixtureRequest) -> Iterator[Api]:
    asking = Api(town.stack, request.node.callspec.params["route"])
    yield asking
    asking.close()


def refused(answer: httpx.Response, status: int, who: str, town: Town) -> None:
    """The answer is this refusal, and says nothing of the owner's."""
    assert answer.status_code == status, f"{who}: {answer.status_code} {answer.text}"
    if status not in SUCCESS:
        assert answer.headers["content-type"] == "application/problem+json", who
    for private in (town.owner.tenant, town.owner.email, "Owner of It All", "Mats Manager"):
        assert private not in answer.text, f"{who} reads {private!r}"


def same(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether two answers tell the same."""
    return (one.status_code, one.text) == (other.status_code, other.text)


def strangers(api: Api, case: Case, town: Town, status: int | None, who: Business | None, name: str) -> None:
    """Another business: at its own address, at the plain one, and at the owner's."""
    if who is None:
        return
    nowhere = case.of_nothing
    if status is not None:
        answer = api.by_token(case, who.token, who.tenant)
        if who is case.partner and status in SUCCESS and answer.status_code in SUCCESS:
            return  # its own record, under the id both sides use
        refused(answer, status, name, town)
        refused(api.by_token(case, who.token), status, f"{name} at the plain address", town)
        if status == 404:
            assert same(answer, api.by_token(nowhere, who.token, who.tenant)), f"{name} learns what there is"
    # The host is looked at first: what is asked for there makes no difference.
    elsewhere = api.by_token(case, who.token, town.owner.tenant)
    assert elsewhere.status_code == 403, f"{name} at the owner's address: {elsewhere.text}"
    assert same(elsewhere, api.by_token(nowhere, who.token, town.owner.tenant)), f"{name} learns what there is"


def another_sites_page(api: Api, case: Case, who: Business, town: Town) -> None:
    """A browser sends the cookie by itself; without the token of a page of ours it is worth nothing."""
    right, theirs = csrf.token(who.token), csrf.token(town.stranger.token)
    attempts = {
        "no token": {},
        "a wrong token": {"X-CSRF-Token": "x" * len(right)},
        "the token of another business's session": {"X-CSRF-Token": theirs},
        "the token of another session of theirs": {"X-CSRF-Token": csrf.token(town.second.token)},
        "another site's page": {"X-CSRF-Token": right, "Sec-Fetch-Site": "cross-site"},
        "another business's page": {"X-CSRF-Token": right, "Sec-Fetch-Site": "same-site"},
        "another origin": {"X-CSRF-Token": right, "Origin": "https://evil.example"},
        "no origin": {"X-CSRF-Token": right, "Origin": "null"},
    }
    for name, headers in attempts.items():
        answer = api.by_cookie(case, who, **headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), f"{name}: {answer.text}"


@pytest.mark.parametrize("route", LINES)
def test_a_route_answers_whoever_may_and_nobody_else(town: Town, api: Api, route: str) -> None:
    line, reads = LINES[route], route.startswith("GET ")
    case = line.make(town)
    who = line.whoever_may(case, town)
    partner = case.partner or town.lasting.partner

    for name, token in (("nobody", ""), ("a made-up token", "accord_x"), ("somebody disabled", town.disabled.token)):
        answer = api.by_token(case, token)
        refused(answer, 401, name, town)
        assert same(answer, api.by_token(case.of_nothing, token)), name
    strangers(api, case, town, line.stranger, town.stranger, "a stranger")
    # What the partner does to its own record is heard of at the owner's: not with the things the owner is to use.
    theirs = line.make(town) if line.partner in SUCCESS and not reads and case.partner else case
    strangers(api, theirs, town, line.partner, theirs.partner or partner, "the partner")
    for name in ("member", "manager", "partnerships"):
        status = getattr(line, name)
        if case.owner is None and line.asks(name, route):
            # Who succeeds uses it up.
            mine = line.make(town) if status in SUCCESS and not reads else case
            answer = api.by_token(mine, getattr(town, name).token, town.owner.tenant)
            assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
    if not reads:
        another_sites_page(api, case, who, town)
        answer = api.by_cookie(case, who, **{"X-CSRF-Token": csrf.token(who.token), "Sec-Fetch-Site": "same-origin"})
    else:
        answer = api.by_cookie(case, who)
        assert answer.status_code == line.own, answer.text
        answer = api.by_token(case, who.token, who.tenant)
    assert answer.status_code == line.own, f"whoever may: {answer.status_code} {answer.text}"


def test_an_answer_to_another_business_names_nothing_of_ours(town: Town) -> None:
    """Lists are each reader's own, also while the address, the query or the body names somebody else."""
    for route, line in LINES.items():
        if line.stranger is None and route.startswith("GET ") and route != "GET /events":
            api = Api(town.stack, route)
            refused(api.by_token(Case(), town.stranger.token), line.own, route, town)
            answer = api.by_token(Case(query=f"tenant={town.owner.tenant}&actor={town.owner.user['id']}"), town.stranger.token)  # fmt: skip
            refused(answer, 422, route, town)
            api.close()

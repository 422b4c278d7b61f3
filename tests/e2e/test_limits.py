"""What nobody may do too often, on the whole stack: the services count, so that it holds through whichever gateway somebody comes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from deploy.local.paths import ROOT
from tests.support.processes import is_ready
from tests.support.servers import free_port, until
from tests.support.stack import PASSWORD, UNDELIVERABLE_OFFERS, Stack, patiently

DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def both(stack: Stack) -> Iterator[list[str]]:
    """The addresses of the API of the stack's gateway and of another one beside it."""
    port = free_port()
    environment = {**os.environ, **stack.env, "PORT": str(port)}
    gateway = subprocess.Popen([sys.executable, "-m", "services.gateway"], cwd=ROOT, env=environment)
    try:
        until(lambda: is_ready(port), 60, "the second gateway answers")
        yield [f"{stack.url}/api/v1", f"http://127.0.0.1:{port}/api/v1"]
    finally:
        gateway.kill()
        gateway.wait()


def test_wrong_passwords_count_together_through_whichever_gateway_they_come(stack: Stack, both: list[str]) -> None:
    someone = stack.register("guessed")
    body = {"tenant": someone.tenant, "email": someone.email}
    with httpx.Client(timeout=15) as http:
        for n in range(10):
            wrong = patiently(http, "POST", f"{both[n % 2]}/sessions", {**body, "password": f"wrong {n}"})
            assert wrong.status_code == 401, wrong.text
        for gateway in both:
            right = patiently(http, "POST", f"{gateway}/sessions", {**body, "password": PASSWORD})
            assert (right.status_code, right.json()["code"]) == (429, "rate_limited")
            assert 0 < int(right.headers["Retry-After"]) <= 15 * 60


def test_who_tries_out_who_has_a_login_where_soon_may_not_send_more_offers(stack: Stack, both: list[str]) -> None:
    curious = stack.register("curious")
    contact = curious.contact("Mia")

    def offer(gateway: str, number: int) -> httpx.Response:
        body = {
            "customer_tenant": f"nobody-{number}",
            "customer_email": "ada@nobody.example",
            "message": "Is anybody there?",
            "contact_ids": [contact],
            "manager_ids": [],
        }
        return patiently(curious.http, "POST", f"{gateway}/partnerships", body)

    for n in range(UNDELIVERABLE_OFFERS):
        sent = offer(both[n % 2], n)
        assert sent.status_code == 201, sent.text
    until(
        lambda: curious.get("/partnerships/counts")["by_status"].get("undeliverable") == UNDELIVERABLE_OFFERS,
        30,
        "all of them have come back",
    )
    for gateway in both:
        refused = offer(gateway, UNDELIVERABLE_OFFERS)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert refused.json()["detail"].startswith(f"{UNDELIVERABLE_OFFERS} offers of your business found nobody")
        assert DAY - 300 < int(refused.headers["Retry-After"]) <= DAY
    assert curious.get("/settings")["limits"]["undeliverable_offers_per_day"] == UNDELIVERABLE_OFFERS

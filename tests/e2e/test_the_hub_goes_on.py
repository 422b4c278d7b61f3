"""While many log in at once (Argon2), no process of those who serve them stands still (promise R8)."""

from __future__ import annotations

import os
import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import httpx

from deploy.local import programs
from tests.support.stack import PASSWORD, Business, Stack

LOGINS = 200 if os.environ.get("ACCORD_CHAOS") == "1" else 40
AT_ONCE = 10


def stalls(stack: Stack, process: str) -> float:
    with urllib.request.urlopen(stack.env[programs.health_variable(process)] + "/metrics", timeout=10) as answer:
        found = re.search(rf'^accord_hub_stalls_total{{process="{process}"}} (\S+)', answer.read().decode(), re.M)
    assert found, process
    return float(found[1])


def log_in(who: Business) -> int:
    body = {"tenant": who.tenant, "email": who.email, "password": PASSWORD}
    return httpx.post(f"{who.stack.url}/api/v1/sessions", json=body, timeout=60).status_code


def test_logins_stop_nobodys_hub(stack: Stack) -> None:
    who = stack.register()
    for _ in range(3):
        before = {process: stalls(stack, process) for process in ("accounts", "gateway")}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(lambda _: log_in(who), range(LOGINS)))
        assert 201 in found and set(found) <= {201, 503}
        after = {process: stalls(stack, process) for process in before}
        if after == before:
            return
        # This machine may do other things too; what it can do at best, it must be able to do.
    raise AssertionError(f"They stood still for over 100 ms: {before} became {after}")

"""A running stack without its broker, without its database, without one of its services (promises R6 and R7).

`ACCORD_CHAOS=1` takes the minutes and the number of restarts that the promises name.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import httpx
import pytest

from tests.outages.load import Load, pids
from tests.support.servers import until
from tests.support.stack import Business, Stack

THOROUGH = os.environ.get("ACCORD_CHAOS") == "1"
AWAY_S = 60 if THOROUGH else 6
RESTARTS = 20 if THOROUGH else 4
DRAINED_WITHIN = 30
SLOW = 1.5
"""What a bound is multiplied with, since this machine may do other things too."""
AT_ONCE = 1.0


def timed(ask: Callable[[], httpx.Response]) -> tuple[int, float]:
    """Status and seconds of an answer."""
    began = time.monotonic()
    answer = ask()
    return answer.status_code, time.monotonic() - began


def assert_refused_at_once(who: Business, stack: Stack) -> None:
    """A command, a read and a page are 503 at once; the page is one for people."""
    assert who.http.get("/partnerships").status_code == 503
    assert timed(lambda: who.http.get("/partnerships"))[1] < AT_ONCE
    status, seconds = timed(lambda: who.http.post("/contacts", json={"name": "X", "email": "x@x.example"}))
    assert status == 503 and seconds < AT_ONCE
    page = httpx.get(f"{stack.url}/login", headers={"Host": f"{who.tenant}.localhost:{stack.port}"})
    assert page.status_code == 200, "what needs nobody works"
    cookie = {"accord_session": who.token}
    page = httpx.get(f"{stack.url}/", headers={"Host": f"{who.tenant}.localhost:{stack.port}"}, cookies=cookie)
    assert page.status_code == 503 and "text/html" in page.headers["content-type"]
    assert httpx.get(f"{stack.url}/api/v1/openapi.json").status_code == 200
    assert httpx.get(f"{stack.url}/healthz").status_code == 200
    assert httpx.get(f"{stack.url}/readyz").status_code == 503


def sits(stack: Stack) -> bool:
    return httpx.get(f"{stack.url}/readyz").status_code == 200


def test_a_service_that_is_away_is_said_at_once_and_it_is_used_again_as_soon_as_it_is_back(stack: Stack) -> None:
    who = stack.register()
    before = stack.pids["offers"]
    stack.supervisor.stopProcess("accord:offers")
    try:
        until(lambda: who.http.get("/partnerships").status_code == 503, 10)
        assert timed(lambda: who.http.get("/partnerships"))[1] < AT_ONCE
        assert who.http.get("/contacts").status_code == 200, "the others go on"
    finally:
        stack.supervisor.startProcess("accord:offers")
    until(lambda: who.http.get("/partnerships").status_code == 200, 60)
    until(lambda: stack.pids.get("offers") not in {None, before}, 10)
    until(lambda: sits(stack), 30)


@pytest.mark.parametrize("how", ["stopped", "alarm"])
def test_the_broker_is_away(how: str, stack: Stack, load: Load) -> None:
    others = pids(stack)
    load.start()
    until(lambda: len(load.asked) > 8, 30)
    broker = stack.pids["broker"]
    if how == "stopped":
        stack.supervisor.stopProcess("servers:broker")
    else:
        stack.broker_control("set_vm_memory_high_watermark", "0")
    try:
        until(lambda: load.last == 503, 10, "commands are refused")
        assert_refused_at_once(load.sender, stack)
        gone = time.monotonic()
        until(lambda: time.monotonic() - gone > AWAY_S, AWAY_S + 5)
        assert_refused_at_once(load.sender, stack)
    finally:
        if how == "stopped":
            stack.supervisor.startProcess("servers:broker")
            until(lambda: stack.pids.get("broker") not in {None, broker}, 30)
        else:
            stack.broker_control("set_vm_memory_high_watermark", "0.4")
    until(lambda: load.last == 201, DRAINED_WITHIN * SLOW, "commands are answered again")
    back = time.monotonic()
    load.stop()
    assert {asked.status for asked in load.asked} <= {201, 503}
    assert any(asked.status == 503 for asked in load.asked)
    assert load.slowest(503) < 5 * SLOW
    load.settle()
    load.assert_whole(DRAINED_WITHIN * SLOW - (time.monotonic() - back))
    until(lambda: sits(stack), 30)
    assert pids(stack) == others, "no process has ended"


def test_the_database_is_restarted_again_and_again(stack: Stack, load: Load) -> None:
    others = pids(stack)
    load.start()
    until(lambda: len(load.asked) > 8, 30)
    for _ in range(RESTARTS):
        before = stack.pids["postgres"]
        os.kill(before, signal.SIGQUIT)  # immediate: no goodbye to anybody, recovery at the start
        until(lambda before=before: stack.pids.get("postgres") not in {None, before}, 30)  # type: ignore[misc]
        seen = len(load.asked)
        until(lambda seen=seen: any(asked.status == 201 for asked in load.asked[seen:]), 60, "commands are answered")  # type: ignore[misc]
    load.stop()
    assert {asked.status for asked in load.asked} <= {201, 503}
    assert load.slowest(503) < 2 * SLOW, "503 within two seconds"
    load.settle()
    load.assert_whole(DRAINED_WITHIN * SLOW)
    until(lambda: sits(stack), 30)
    assert pids(stack) == others, "no process has ended"

"""A process says whether it is alive, ready, and what it has done."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from shared import health
from tests.support.servers import free_port

ROOT = Path(__file__).parents[3]


def away() -> str | None:
    raise ConnectionError("nobody there")


def test_alive_is_whoever_answers() -> None:
    assert health.respond("/healthz", {"database": away}).status == 200


def test_ready_is_who_passes_every_check() -> None:
    answer = health.respond("/readyz?verbose", {"broker": lambda: None, "database": lambda: None})
    assert answer.status == 200
    assert json.loads(answer.body) == {"status": "ready", "checks": {"broker": "ok", "database": "ok"}}


def test_not_ready_says_why_in_a_sentence_each() -> None:
    answer = health.respond("/readyz", {"a": lambda: None, "b": lambda: "It is away.", "c": away})
    assert answer.status == 503
    assert json.loads(answer.body) == {
        "status": "not ready",
        "checks": {"a": "ok", "b": "It is away.", "c": "ConnectionError: nobody there"},
    }


def test_the_metrics_of_the_contract_are_there() -> None:
    health.MESSAGES_HANDLED.labels("offers", "offer.sent").inc()
    health.MESSAGES_FAILED.labels("offers", "offer.sent").inc()
    health.MESSAGE_AGE.labels("offers").observe(0.1)
    health.RPC_SECONDS.labels("offers", "get_partnership", "ok").observe(0.1)
    for gauge in (health.OUTBOX_LAG, health.PARKED, health.DEAD):
        gauge.labels("offers").set(0)
    answer = health.respond("/metrics", {})
    text = answer.body.decode()
    assert answer.status == 200
    assert dict(answer.headers)["Content-Type"].startswith("text/plain")
    for name in (
        "accord_messages_handled_total", "accord_messages_failed_total", "accord_message_age_seconds_bucket",
        "accord_outbox_lag_seconds", "accord_parked", "accord_dead", "accord_rpc_seconds_bucket",
    ):  # fmt: skip
        assert f"\n{name}{{" in text


def test_a_registry_of_its_own_can_be_asked() -> None:
    registry = CollectorRegistry()
    Gauge("just_this", "help", registry=registry).set(3)
    assert b"just_this 3.0" in health.respond("/metrics", {}, registry).body


def test_anything_else_is_not_found() -> None:
    assert health.respond("/", {}).status == 404


@pytest.mark.parametrize(
    ("request_line", "status", "has_body"),
    [
        ("GET /readyz HTTP/1.1", 503, True),
        ("HEAD /readyz HTTP/1.1", 503, False),
        ("POST /readyz HTTP/1.1", 405, True),
        ("GET /nothing HTTP/1.0", 404, True),
        ("nonsense", 400, True),
    ],
)
def test_an_asyncio_process_answers_by_http(request_line: str, status: int, has_body: bool) -> None:
    async def ask() -> bytes:
        port = free_port()
        server = await health.serve_async(port, {"database": away})
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{request_line}\r\nHost: x\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        server.close()
        return answer

    head, _, body = asyncio.run(ask()).partition(b"\r\n\r\n")
    assert head.split(b" ", 2)[1] == str(status).encode()
    assert bool(body) is has_body
    if has_body:
        assert f"Content-Length: {len(body)}".encode() in head


def test_a_nameko_process_answers_by_http_from_a_green_thread() -> None:
    code = """if True:
        import eventlet
        eventlet.monkey_patch()
        import sys, urllib.request
        from shared import health
        port = int(sys.argv[1])
        server = health.serve_wsgi(port, {"broker": lambda: None})
        with eventlet.Timeout(5):
            print(urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").read().decode())
        server.kill()
    """
    command = [sys.executable, "-W", "ignore", "-c", code, str(free_port())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert '"status": "ready"' in done.stdout, done.stderr


def test_an_asyncio_process_gets_no_eventlet_by_it() -> None:
    code = "import sys, shared.health; print('eventlet' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

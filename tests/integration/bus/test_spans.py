"""Spans leave for a collector when one is named; one that is away, or that hangs, holds nobody up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.gateway.rpc import Rpc
from shared import traces
from shared.traces import Trace
from tests.integration.bus.test_inbox import stream
from tests.support.processes import running
from tests.support.saying import Mouth
from tests.support.servers import RabbitServer, until

OURS = Trace("a" * 32, "b" * 16, "01")


@contextlib.contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """A collector of the test's own: its address, and the spans it got so far, each with its resource's service."""
    spans: list[Any] = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            for of in request.resource_spans:
                service = next(a.value.string_value for a in of.resource.attributes if a.key == "service.name")
                spans.extend((service, span) for scope in of.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", spans
    finally:
        server.shutdown()
        server.server_close()


def call(uri: str) -> Any:
    """What the sample answers to a call as the gateway makes it, within `OURS`."""

    async def scenario() -> Any:
        rpc = Rpc(uri)
        await rpc.start(patience=10)
        try:
            with traces.within(OURS):
                return await rpc.call("offers", "echo", 30, tenant="kazenor", actor="system", word="hello")
        finally:
            await rpc.stop()

    return asyncio.run(scenario())


@pytest.fixture
def serving(sample_environment: dict[str, str], sample_database: Any, broker: RabbitServer) -> Callable[[str], Any]:
    """`with serving(endpoint)`: the sample service, told to send its spans there."""
    broker.empty()
    named = {"OTEL_BSP_SCHEDULE_DELAY": "100"}

    def start(endpoint: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        return running(
            {**sample_environment, **named, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
            "shared.bus.run",
            "tests.integration.bus.sample_service",
        )

    return start


def test_calls_and_messages_are_spans_of_their_traces(
    serving: Callable[[str], Any], sample_environment: dict[str, str]
) -> None:
    with collector() as (endpoint, spans), serving(endpoint):
        assert call(sample_environment["ACCORD_AMQP_URI"]) == {"word": "hello"}
        [message] = stream("hello")
        Mouth(sample_environment).publish(json.dumps({**json.loads(message.body), "traceparent": OURS.traceparent}))
        until(lambda: {span.name for _, span in spans} >= {"offers.echo", "sample.word_said"}, 30, "both arrive")
        service, called = next((s, span) for s, span in spans if span.name == "offers.echo")
        assert service == "offers"
        assert called.trace_id.hex() == OURS.id and len(called.parent_span_id) == 8
        assert called.end_time_unix_nano > called.start_time_unix_nano
        _, handled = next((s, span) for s, span in spans if span.name == "sample.word_said")
        assert handled.trace_id.hex() != OURS.id, "another business's trace is not joined"
        assert [link.trace_id.hex() for link in handled.links] == [OURS.id]


@pytest.mark.parametrize("how", ["away", "hangs"])
def test_a_collector_that_is_away_or_hangs_holds_nobody_up(
    how: str, serving: Callable[[str], Any], sample_environment: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        if how == "away":
            deaf.close()
        with serving(f"http://127.0.0.1:{port}") as process:
            for _ in range(3):
                assert call(sample_environment["ACCORD_AMQP_URI"]) == {"word": "hello"}
            began = time.monotonic()
            process.terminate()
            assert process.wait(30) == 0
            assert time.monotonic() - began < 10

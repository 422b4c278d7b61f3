"""A service of nameko as it comes, to talk to."""

from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import sys  # noqa: E402

from nameko.containers import ServiceContainer  # noqa: E402
from nameko.rpc import rpc  # noqa: E402

from shared.errors import TooSoon  # noqa: E402


class Stock:
    name = "stock"

    @rpc
    def echo(self, **body):  # type: ignore[no-untyped-def]
        return body

    @rpc
    def refuse(self):  # type: ignore[no-untyped-def]
        raise TooSoon("Wait.", retry_at="2030-01-01T00:00:00Z", errors=[{"field": "a", "message": "b"}])

    @rpc
    def break_(self):  # type: ignore[no-untyped-def]
        raise RuntimeError("a defect")

    @rpc
    def sleep(self, seconds):  # type: ignore[no-untyped-def]
        eventlet.sleep(seconds)
        return "done"


if __name__ == "__main__":
    Stock.name = sys.argv[2]
    container = ServiceContainer(Stock, config={"AMQP_URI": sys.argv[1]})
    container.start()
    print("started", flush=True)
    container.wait()

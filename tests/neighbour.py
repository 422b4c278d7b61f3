"""`python -m tests.neighbour services.stand_in`: runs a stand-in for a service, a nameko class with RPC methods and nothing else."""

# ruff: noqa: E402
from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import sys

from nameko.runners import ServiceRunner

from shared import health, settings
from shared.bus import serialization
from shared.bus.run import service_class


def main(module: str) -> None:
    """Run the one service class of `module` until killed."""
    serialization.register()
    runner = ServiceRunner(
        {"AMQP_URI": settings.amqp_uri(), "serializer": serialization.NAME, "ACCEPT": [serialization.NAME]}
    )
    runner.add_service(service_class(module))
    runner.start()
    port = settings.health_port()
    if port is not None:
        health.serve_wsgi(port, {})
    runner.wait()


if __name__ == "__main__":
    main(sys.argv[1])

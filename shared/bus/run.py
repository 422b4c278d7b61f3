"""Runs one service: `python -m shared.bus.run services.offers.service`. Patches before anything else is imported (fact N11)."""

# ruff: noqa: E402
from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import gc
import importlib
import inspect
import logging
import os
import signal
import sys
from types import FrameType
from typing import Any

import psycopg.waiting
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR
from nameko.runners import ServiceRunner

from shared import health, logs, settings, spans, watchdog
from shared.bus import careful_amqp, crash, serialization
from shared.bus.consumer import BatchConsumer, assert_patched
from shared.bus.green_wait import green_wait
from shared.bus.rpc import CarefulQueueConsumer

log = logging.getLogger(__name__)
STOP_WITHIN = 5.0
"""Seconds for a graceful stop; whatever still runs then is cut off, which the inbox and the outbox survive."""
MAX_WORKERS = 20


def service_class(module: str) -> type[Any]:
    """The one class of a `service.py` that has entrypoints. Raises LookupError when there is none or more than one."""
    found = [
        cls
        for _, cls in inspect.getmembers(importlib.import_module(module), inspect.isclass)
        if any(hasattr(member, ENTRYPOINT_EXTENSIONS_ATTR) for _, member in inspect.getmembers(cls, inspect.isfunction))
    ]
    if len(found) != 1:
        raise LookupError(f"{module} has {len(found)} classes with entrypoints instead of one")
    return found[0]


def config(cls: type[Any]) -> dict[str, Any]:
    """nameko's configuration. A service whose requests wait long (for a hash, not for the database) says how many may: `workers`."""
    return {
        "AMQP_URI": settings.amqp_uri(),
        "max_workers": getattr(cls, "workers", MAX_WORKERS),
        "serializer": serialization.NAME,
        "ACCEPT": [serialization.NAME],
        "HEARTBEAT": 10,
    }


def main(module: str) -> int:
    """Run the service of `module` until a TERM or INT."""
    cls = service_class(module)
    name: str = cls.name
    logs.set_up(name)
    crash.watch(name)
    spans.start(name)
    # Refusals are answers, not errors; nameko would log each with a traceback.
    logging.getLogger("nameko.containers").setLevel(logging.ERROR)
    assert_patched()
    psycopg.waiting.wait = green_wait
    serialization.register()
    careful_amqp.patch()
    runner = ServiceRunner(config(cls))
    runner.add_service(cls)
    container = runner.service_map[name]

    def stop(*_: Any) -> None:
        eventlet.spawn_after(STOP_WITHIN, _cut_off, container)
        eventlet.spawn(_stop, runner)

    def on_signal(signum: int, frame: FrameType | None) -> None:
        eventlet.hubs.get_hub().schedule_call_global(0, stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    port = settings.health_port()
    if port is not None:
        health.serve_wsgi(port, _checks(container))
    log.info("%s starts", name)
    # What was imported stays for ever: looking through it at each collection costs more than all the rest of it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    watchdog.watch_hub(name)
    runner.start()
    runner.wait()
    log.info("%s has stopped", name)
    return 0


def _stop(runner: Any) -> None:
    try:
        runner.stop()
    finally:
        spans.stop()
        os._exit(0)


def _cut_off(container: Any) -> None:
    calls = sorted({context.entrypoint.method_name for context in list(container._worker_threads)})
    threads = sorted({str(name) for name in container._managed_threads.values()})
    log.warning("not stopped within %.0f s: cut off", STOP_WITHIN, extra={"calls": calls, "threads": threads})
    os._exit(0)


def _checks(container: Any) -> dict[str, Any]:
    """Readiness: the queues are consumed and the database answers."""

    def broker() -> str | None:
        feeds = [f for e in container.extensions if isinstance(e, BatchConsumer) for f in e.feeds]
        away = [feed.queue for feed in feeds if not feed.connected or feed.stuck]
        away += ["calls" for e in container.extensions if isinstance(e, CarefulQueueConsumer) and not e.consuming]
        return f"not consuming {', '.join(away)}" if away or not feeds else None

    def database() -> str | None:
        for dependency in container.dependencies:
            session = getattr(dependency, "session", None)
            if session is not None:
                session.database.ping()
        return None

    return {"broker": broker, "database": database}


if __name__ == "__main__":
    try:
        status = main(sys.argv[1])
    except settings.MissingSetting as error:
        print(error, file=sys.stderr)
        status = 1
    sys.exit(status)

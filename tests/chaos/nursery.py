"""Keeps processes of Accord alive, each forked from a parent that has imported its code already: what dies is back in a tenth of a second.

`python -m tests.chaos.nursery services CONFIG` forks services (with eventlet's patches), `… plain CONFIG` forks relays and whatever else knows no
eventlet. CONFIG is a file of JSON: a list of `{"name", "module", "arguments", "environment", "log", "once"}`. A process runs the `main` of its module,
as `python -m module` would. Each end is told in a line `name pid status`; then the process is forked anew, unless it was to run once. The nursery ends,
and with it all its processes, when its standard input does.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and sys.argv[1] == "services":
    import eventlet

    eventlet.monkey_patch()

import ctypes
import importlib
import json
import os
import signal
import traceback
from pathlib import Path
from typing import Any

IMPORTED = {
    "services": [
        "shared.bus.run",
        *(f"services.{s}.service" for s in ("accounts", "offers", "contacts", "managers", "history", "notifications")),
    ],
    "plain": ["shared.bus.relay", "shared.bus.prepare"],
}


def unpatched(name: str) -> Any:
    """A module of the standard library as it was before eventlet: the parent waits without a hub, so that no child inherits one."""
    if "eventlet" in sys.modules:
        import eventlet

        return eventlet.patcher.original(name)
    return importlib.import_module(name)


def live(order: dict[str, Any]) -> None:
    """Be the process of this order, to its end."""
    status = 70
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(order["environment"])
        module = importlib.import_module(order["module"])
        arguments = order["arguments"]
        # shared.bus.run takes the name of a module, the others the list of their arguments.
        status = module.main(arguments[0]) if order["module"] == "shared.bus.run" else module.main(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def handlers() -> dict[str, list[str]]:
    """By service: what it does something about when it hears it, as crash points call that (`peer:offer.sent`)."""
    from shared.bus.entrypoints import On
    from shared.bus.run import service_class

    found = {}
    for module in IMPORTED["services"][1:]:
        cls = service_class(module)
        entrypoints = [e for member in vars(cls).values() for e in getattr(member, "nameko_entrypoints", ())]
        models = [e.model for e in entrypoints if isinstance(e, On) and hasattr(e.model, "kind")]
        found[cls.name] = sorted(f"{model.kind}:{model.type}" for model in models)
    return found


def main(kind: str, config: Path) -> None:
    plain_os, select = unpatched("os"), unpatched("select")
    for module in IMPORTED[kind]:
        importlib.import_module(module)
    if kind == "services":
        print(f"handlers {json.dumps(handlers())}", flush=True)
    orders = json.loads(config.read_text())
    running: dict[int, dict[str, Any]] = {}

    def fork(order: dict[str, Any]) -> None:
        pid = plain_os.fork()
        if not pid:
            live(order)
        running[pid] = order

    for order in orders:
        fork(order)
    print("nursery 0 0", flush=True)
    ended = False
    while not ended:
        # Also with nothing to read it is time to look at the children again.
        ended = bool(select.select([0], [], [], 0.01)[0]) and not plain_os.read(0, 1)
        while running:
            pid, status = plain_os.waitpid(-1, plain_os.WNOHANG)
            if not pid:
                break
            order = running.pop(pid)
            print(f"{order['name']} {pid} {plain_os.waitstatus_to_exitcode(status)}", flush=True)
            if not order.get("once"):
                fork(order)
    for pid in running:
        plain_os.kill(pid, signal.SIGKILL)
    for pid in running:
        plain_os.waitpid(pid, 0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

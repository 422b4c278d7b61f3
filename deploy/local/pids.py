"""An event listener of the supervisor that keeps `.run/pids` true: one `name pid` a line, rewritten whenever something starts or ends."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any
from xmlrpc.client import Fault

from deploy.local.paths import RUN, write_private

HIDDEN = frozenset({"epmd", "pids"})
"""What only helps the others to run."""


def write(processes: Iterable[Mapping[str, Any]]) -> None:
    """Write the pids of these processes, as `getAllProcessInfo` tells of them."""
    lines = [f"{p['name']} {p['pid']}\n" for p in processes if p["pid"] and p["name"] not in HIDDEN]
    write_private(RUN / "pids", "".join(sorted(lines)), 0o644)


def main() -> None:
    from supervisor import childutils

    supervisor = childutils.getRPCInterface(os.environ).supervisor
    # While it shuts down it answers nothing; then there is nothing to keep true either.
    with contextlib.suppress(Fault, OSError, ValueError):
        while True:
            write(supervisor.getAllProcessInfo())
            childutils.listener.wait(sys.stdin, sys.stdout)
            childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main()

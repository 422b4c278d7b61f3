"""Free loopback ports. Standard library only."""

from __future__ import annotations

import os
import random
import socket

# Below the range from which systems take the local port of outgoing connections: a process that is restarted must find its
# port free, not borrowed for a moment by some connection of another one.
_FROM, _TO = 20000, 30000
PART = "ACCORD_PORTS_PART"
"""Names the part of them that is ours, `0/2` for the first half: whoever starts several stacks at the same time keeps them apart by it."""
_handed_out: set[int] = set()


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port nobody listens on; never the same one twice in one process."""
    choose = random.SystemRandom()
    part, of = map(int, os.environ.get(PART, "0/1").split("/"))
    size = (_TO - _FROM) // of
    for _ in range(2000):
        port = _FROM + part * size + choose.randrange(size)
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
    raise OSError(f"There is no free port between {_FROM} and {_TO} on 127.0.0.1.")


def answers(port: int, host: str = "127.0.0.1", seconds: float = 1.0) -> bool:
    """Whether somebody accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False

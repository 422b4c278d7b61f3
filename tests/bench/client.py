"""A small HTTP client for the bench: one kept connection, little work of its own, the same for baseline and product."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


class Client:
    """One kept connection to a server on loopback. Not to be shared between threads."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None, timeout: float = 30) -> None:
        self.port, self.timeout = port, timeout
        self.headers = "".join(f"{k}: {v}\r\n" for k, v in (headers or {}).items())
        self._socket: socket.socket | None = None
        self._rest = b""

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of the answer. The connection is opened when needed; OSError when it breaks."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), self.timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        content = b"" if body is None else json.dumps(body).encode()
        more = "".join(f"{k}: {v}\r\n" for k, v in (headers or {}).items())
        kind = "" if body is None else "Content-Type: application/json\r\n"
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n{self.headers}{more}{kind}"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        try:
            self._socket.sendall(head.encode() + content)
            return self._answer(self._socket)
        except BaseException:
            self.close()
            raise

    def _answer(self, connection: socket.socket) -> tuple[int, bytes]:
        data = self._rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += (more := connection.recv(65536))
            if not more:
                raise ConnectionError("The server closed the connection.")
        lines = data[:end].decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        status, length = int(lines[0].split()[1]), int(headers.get("content-length", 0))
        if "chunked" in headers.get("transfer-encoding", ""):
            raise NotImplementedError("The bench reads answers with a Content-Length only.")
        data = data[end + 4 :]
        while len(data) < length:
            data += (more := connection.recv(65536))
            if not more:
                raise ConnectionError("The server closed the connection.")
        self._rest = data[length:]
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status, data[:length]

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The JSON of a successful answer; RuntimeError for any other."""
        status, content = self.request(method, path, body, headers)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {content[:500].decode(errors='replace')}")
        return json.loads(content) if content else None


Take = Callable[[], int | None]


def in_flight(workers: int, count: int, worker: Callable[[int, Take], None]) -> float:
    """Run `count` jobs with `workers` threads; the seconds it took. `worker(n, take)` calls `take()` for its next job until None."""
    lock, left = threading.Lock(), iter(range(count))
    failures: list[BaseException] = []

    def take() -> int | None:
        with lock:
            return None if failures else next(left, None)

    def run(number: int) -> None:
        try:
            worker(number, take)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(workers)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - start
    if failures:
        raise failures[0]
    return took

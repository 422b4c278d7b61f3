"""Whether what was started answers, and what it said last when it does not."""

from __future__ import annotations

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from deploy.local import checks, running
from deploy.local.paths import RUN, Trouble
from deploy.local.virtualenv import last_line

_START_WITHIN = 180.0
"""Seconds until everything must answer: two slow cores start seventeen interpreters in about thirty."""


def answering(urls: Mapping[str, str]) -> dict[str, bool]:
    """Which of these processes say that they are ready."""
    # Never through a proxy: this is the loopback.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ready(url: str) -> bool:
        try:
            with direct.open(f"{url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError, urllib.error.HTTPError):
            return False

    if not urls:
        return {}
    with ThreadPoolExecutor(len(urls)) as pool:
        return dict(zip(urls, pool.map(ready, urls.values()), strict=True))


def wait_until_all_answer(urls: Mapping[str, str]) -> None:
    """Return when every process says that it is ready. Raises Trouble early for one that keeps ending."""
    end, seen = time.monotonic() + _START_WITHIN, dict[str, set[int]]()
    waiting = dict(urls)
    while waiting:
        waiting = {name: waiting[name] for name, well in answering(waiting).items() if not well}
        if not waiting:
            return
        if not running.supervisor_pid():
            raise Trouble("Accord was stopped while it started.")
        checks.still_room()
        for process in running.supervisor().getAllProcessInfo():
            tried = seen.setdefault(process["name"], set())
            tried.add(process["pid"])
            if process["name"] in waiting and len(tried - {0}) > 4:
                raise Trouble(f"{process['name']} keeps ending: {last_words(process['name'])}")
        if time.monotonic() > end:
            names = ", ".join(sorted(waiting))
            raise Trouble(
                f"Not ready after {_START_WITHIN:.0f} seconds: {names}; .run/log/{min(waiting)}.log says more."
            )
        time.sleep(0.5)


@contextlib.contextmanager
def last_words_of(name: str, own: Container[str]) -> Iterator[None]:
    """When it does not answer, and is a server of ours, what it said last."""
    try:
        yield
    except Trouble as trouble:
        raise Trouble(f"{trouble} It said last: {last_words(name)}") if name in own else trouble from None


def last_words(name: str) -> str:
    try:
        return f"{last_line((RUN / 'log' / f'{name}.log').read_text(errors='replace')[-20000:])} (.run/log/{name}.log)"
    except OSError:
        return f"see .run/log/{name}.log"

"""The pages: how long each takes to answer, where that time goes, and how many bytes it is; with many partnerships on the home page."""

from __future__ import annotations

import http.client
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from services.gateway.identity import COOKIE
from tests.bench import measure
from tests.bench.home import fill
from tests.bench.stack import Business, Stack
from tests.browser.pages import PAGES, Visit, url
from tests.browser.scene import Scene, play
from tests.support import stack as client

GOAL_MS = 50.0
PARTNERSHIPS = 1000
ROUND = 5
_FIGURE = re.compile(r"([a-z-]+);dur=([0-9.]+)")


@dataclass
class Page:
    """One page and its figures: seconds on the client's clock, milliseconds as the gateway says where they went."""

    visit: Visit
    times: list[float] = field(default_factory=list)
    went: dict[str, list[float]] = field(default_factory=dict)
    bytes: int = 0

    def ms(self, share: float = 0.5) -> float:
        return measure.percentile(self.times, share) * 1000

    def part(self, name: str) -> float | None:
        """The median of a part in milliseconds; None for a page that does not tell."""
        return measure.percentile(self.went[name]) if name in self.went else None

    def cells(self) -> list[str]:

        def share(name: str) -> str:
            """The median, and which part of all the time it is."""
            found, total = self.part(name), sum(self.went.get("total", ()))
            return "" if found is None or not total else f"{found:.1f} ms {100 * sum(self.went[name]) / total:3.0f} %"

        return [
            self.visit.name,
            f"{self.ms():.1f} ms",
            f"{self.ms(0.95):.1f} ms",
            share("rpc"),
            "" if (each := self.part("rpc-sum")) is None else f"{each:.1f} ms",
            share("render"),
            measure.grouped(self.bytes),
            "met" if self.ms() <= GOAL_MS else f"missed by {self.ms() - GOAL_MS:.0f} ms",
        ]


class Pages:
    """A business with something of everything going on, and many partnerships besides."""

    def __init__(self, stack: Stack) -> None:
        at = client.Stack(Path(stack.machine.folder))
        at.port, at.url = stack.port, f"http://127.0.0.1:{stack.port}"
        self.scene: Scene = play(at)
        stack.settle()
        ada = self.scene.ada
        self.count = fill(stack, Business(ada.tenant, ada.email, {}, []), PARTNERSHIPS)
        visits = [visit for route in PAGES.values() for visit in route if visit.status == 200]
        self.pages = [Page(visit) for visit in visits]
        self._connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=30)

    def close(self) -> None:
        self._connection.close()

    def turn(self, times: int = ROUND) -> None:
        """Ask for each page some times; the first answer only warms up."""
        for page in self.pages:
            for n in range(times + 1):
                self._ask(page, warm=n == 0)

    def _ask(self, page: Page, *, warm: bool) -> None:
        address = urlsplit(url(self.scene, page.visit))
        headers = {"Host": address.netloc, "Accept": "text/html", "Accept-Encoding": "gzip"}
        if page.visit.who != "nobody":
            headers["Cookie"] = f"{COOKIE}={getattr(self.scene, page.visit.who).token}"
        start = time.perf_counter()
        self._connection.request("GET", f"{address.path}?{address.query}", headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - start
        if answer.status != 200:
            raise RuntimeError(f"{page.visit.name}: {answer.status}")
        if warm:
            return
        page.times.append(took)
        head = sum(len(name) + len(value) + 4 for name, value in answer.getheaders())
        page.bytes = len(body) + head
        for name, value in _FIGURE.findall(answer.getheader("Server-Timing") or ""):
            page.went.setdefault(name, []).append(float(value))

    def rows(self) -> list[list[str]]:
        """The rows of the table below its head, the slowest page first."""
        slowest_first = sorted((page for page in self.pages if page.times), key=lambda page: -page.ms())
        head = [
            f"page ({measure.grouped(self.count)} partnerships)", "median", "p95", "waits for services", "sum of calls",
            "rendering", "bytes", f"goal: median ≤ {GOAL_MS:.0f} ms",
        ]  # fmt: skip
        return [head, *(page.cells() for page in slowest_first)]

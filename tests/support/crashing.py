"""Arms crash points (shared/bus/crash.py) of running processes, and knows which were hit.

crashes = Crashes(folder)                       # an empty folder; every process is started with `crashes.environment`
crashes.arm("offers", "message.commit.before", about="peer:offer.accepted")
until(lambda: crashes.hit("offers", "message.commit.before"))
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from shared.bus import crash


class Hit(NamedTuple):
    """A process that ended at a point, with these messages or this command at hand."""

    process: str
    point: str
    pid: int
    about: str | None
    at_hand: tuple[str, ...]


class Crashes:
    """The crash points of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with to end at the points armed here."""
        return {crash.FOLDER: str(self.folder)}

    def arm(self, process: str, point: str, *, about: str | None = None, nth: int = 1, stays: bool = False) -> None:
        """Have the process with this name (`offers`, `offers-relay`) end at the `nth` time it passes the point with `about` at hand;
        with `stays` each process that comes after it, too, until `disarm`."""
        if point not in crash.POINTS:
            raise ValueError(f"There is no crash point {point!r}; there are {', '.join(crash.POINTS)}.")
        order: dict[str, Any] = {"nth": nth} | ({"about": about} if about else {}) | ({"stays": True} if stays else {})
        # Whole or not at all: a process may look at any moment.
        written = self.folder / f".{process}.{point}"
        written.write_text(json.dumps(order))
        written.rename(self.folder / f"{process}.{point}")

    def armed(self) -> list[str]:
        """`<process>.<point>` of what was not hit yet."""
        return sorted(p.name for p in self.folder.iterdir() if ".hit-" not in p.name and not p.name.startswith("."))

    def disarm(self, *names: str) -> list[str]:
        """Take these back, or all that was not hit; answers what that was."""
        left = sorted(set(self.armed()) & set(names)) if names else self.armed()
        for name in left:
            (self.folder / name).unlink(missing_ok=True)
        return left

    def hits(self) -> list[Hit]:
        """Every crash so far."""
        found = []
        for path in sorted(self.folder.glob("*.hit-*"), key=lambda p: p.stat().st_mtime_ns):
            name, pid = path.name.split(".hit-")
            process, point = name.split(".", 1)
            said = json.loads(path.read_text() or "{}")
            found.append(Hit(process, point, int(pid), said.get("about"), tuple(said.get("at_hand", ()))))
        return found

    def hit(self, process: str, point: str) -> int:
        """How often a process ended at a point."""
        return self.counts()[process, point]

    def counts(self) -> Counter[tuple[str, str]]:
        """How often which process ended at which point."""
        return Counter((hit.process, hit.point) for hit in self.hits())

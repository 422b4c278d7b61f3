"""Crash points: named places in the bus at which a process ends as by `kill -9`, when a test has armed them (promise R2).

`ACCORD_CRASH` names a folder; without it every point is one comparison. A process that passes the point `message.commit.before` looks there
for a file called after itself and the point, `offers.message.commit.before`. If there is one, the file is renamed to `….hit-<pid>`, so that one
process dies of it once, and its successor does not; then the process kills itself. The file may be empty, or hold JSON:
`{"about": "peer:offer.accepted", "nth": 2}` waits for the second time that the point is passed with that message or command at hand;
with `"stays": true` the file is left, and kills the successors, too.
In the renamed file stands what was at hand: the proof that this message met this crash.

A point is called after the path on which it lies (`doing`), its step, and the side of it: see `POINTS`.
"""

from __future__ import annotations

import contextvars
import json
import os
import signal
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

FOLDER: Final = "ACCORD_CRASH"

STEPS: Final = {
    # A service that is asked to do something.
    "command": ("dedupe", "effect", "outbox", "commit", "answer", "acknowledge"),
    # A service that hears messages, and what it keeps of one that failed or came again.
    "message": ("dedupe", "effect", "outbox", "commit", "acknowledge"),
    "note": ("commit",),
    # A relay that says them, and the receipts.
    "relay": ("publish", "confirm", "mark"),
    "receipt": ("publish", "confirm"),
}
"""By path: the steps, each of which has a point before and one after it."""
POINTS: Final = tuple(
    f"{path}.{step}.{side}" for path, steps in STEPS.items() for step in steps for side in ("before", "after")
)

_folder: Path | None = None
_process = ""
_passed: Counter[str] = Counter()
_doing: contextvars.ContextVar[tuple[str, frozenset[str]]] = contextvars.ContextVar("doing", default=("", frozenset()))


def watch(process: str) -> None:
    """Let this process end at points armed for `process`, if the environment names a folder. Called once, when it starts."""
    global _folder, _process
    named = os.environ.get(FOLDER, "").strip()
    _folder, _process = (Path(named) if named else None), process


def doing(path: str, about: Iterable[str] = ()) -> None:
    """Say on which path this thread or task is now, and what it has at hand: `peer:offer.sent` for a message, the method for a command."""
    if _folder is not None:
        _doing.set((path, frozenset(about)))


def point(step: str) -> None:
    """A place to die at: `commit.before` of whatever is being done."""
    if _folder is not None:
        _look(_folder, step)


def _look(folder: Path, step: str) -> None:
    path, about = _doing.get()
    name = f"{_process}.{path}.{step}"
    armed = folder / name
    try:
        text = armed.read_text()
        order = json.loads(text) if text else {}
        if order.get("about") not in {None, *about}:
            return
        _passed[text] += 1
        if _passed[text] < order.get("nth", 1):
            return
        hit = folder / f"{name}.hit-{os.getpid()}"
        if not order.get("stays"):
            armed.rename(hit)
    except FileNotFoundError:
        return
    hit.write_text(json.dumps({**order, "at_hand": sorted(about)}))
    os.kill(os.getpid(), signal.SIGKILL)

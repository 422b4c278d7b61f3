"""`python -m tests.exploration [NAME ...]`: what `make explore` calls. Everything that `make test` explores, and the large scenarios."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from functools import partial

from tests.exploration import scenarios
from tests.exploration.inboxes import Listening, Talking
from tests.exploration.search import Found
from tests.exploration.world import World

MOST = 50_000_000
"""More states than this are not explored; it is said then, and counts as a failure."""


def inboxes() -> dict[str, Callable[[], Found]]:
    """The explorations of the real inbox, by name."""
    found: dict[str, Callable[[], Found]] = {}
    for kind in ("peer", "fact"):
        found[f"inbox: 4 {kind}s"] = Listening(("a", 4), kind=kind).explore
        found[f"inbox: 2 streams of 3 {kind}s"] = Listening(("a", 3), ("b", 3), kind=kind).explore
        found[f"inbox: 3 {kind}s, 2 crashed, 1 failed"] = Listening(("a", 3), kind=kind, crashes=2, chokes=1).explore
    found["inbox: 2 and 1 words, 2 answered"] = Talking((2, 1), 2).explore
    found["inbox: 3 and 1 words"] = Talking((3, 1), None).explore
    return found


def main() -> int:
    """Explore all, or those whose name contains one of the arguments; 1 when a state was bad."""
    parser = argparse.ArgumentParser(prog="make explore")
    parser.add_argument("names", nargs="*", help="parts of the names of scenarios")
    chosen = parser.parse_args().names
    explorations = inboxes()
    for scenario in (*scenarios.SMALL, *scenarios.LARGE):
        explorations[f"rules: {scenario.name}"] = partial(lambda one: World(one).explore(MOST), scenario)
    logging.disable(logging.CRITICAL)
    total, bad = 0, False
    for name, explore in explorations.items():
        if chosen and not any(part in name for part in chosen):
            continue
        found = explore()
        total += found.states
        print(f"{name:<40} {found.figures}", flush=True)
        if found.wrong is not None:
            print("\n  ".join([f"BAD: {found.wrong}", *found.trace]), flush=True)
        if found.full:
            print(f"Not finished: there are more than {MOST:,} states.", flush=True)
        bad = bad or found.full or found.wrong is not None
    print(f"{total:,} states, {'some of them bad' if bad else 'none of them bad'}.")
    return 1 if bad or not total else 0


if __name__ == "__main__":
    sys.exit(main())

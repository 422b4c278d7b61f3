"""`python -m tests.simulation [--seed N | --seeds N [--first N]] [--steps N]`: what `make simulate` calls."""

from __future__ import annotations

import argparse
import os
import sys

from tests.simulation.running import campaign, play

SHOWN = 10


def main() -> int:
    """Play one seed and print its trace, or many and print what they met; 1 when a seed failed or a situation never came up."""
    parser = argparse.ArgumentParser(prog="make simulate")
    parser.add_argument("--seed", type=int, help="play this one, and print its trace")
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--steps", type=int, default=100)
    chosen = parser.parse_args()
    if chosen.seed is not None:
        played = play(chosen.seed, chosen.steps)
        print("\n".join(played.trace))
        print("\n".join(played.problems) if played.problems else "Nothing wrong.")
        return 1 if played.problems else 0
    found = campaign(
        range(chosen.first, chosen.first + chosen.seeds), chosen.steps, processes=os.cpu_count() or 1, say=print
    )
    for failed in found.failed[:SHOWN]:
        print(f"\n{failed}\n")
    print(found.table())
    if found.never:
        print(f"Never came up, so nothing is proved about it: {', '.join(found.never)}.")
    return 1 if found.failed or found.never else 0


if __name__ == "__main__":
    sys.exit(main())

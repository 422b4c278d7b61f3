"""`python -m tests.chaos --seed 7 --commands 1000 --kills 20 --pairs 20`: what `make chaos` calls."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time

from tests.chaos.running import run


def main() -> int:
    asked = argparse.ArgumentParser(
        prog="make chaos",
        description="Businesses at work while everything is killed, paused and cut off; then both sides are compared.",
    )
    asked.add_argument("--seed", type=int, default=random.randrange(10_000), help="what happens follows from it")
    asked.add_argument("--commands", type=int, default=10_000)
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--pairs", type=int, default=20)
    words = asked.parse_args()
    again = f"make chaos SEED={words.seed} COMMANDS={words.commands} KILLS={words.kills} PAIRS={words.pairs}"
    began = time.monotonic()
    print(f"{again}\n", flush=True)
    result = asyncio.run(
        run(
            seed=words.seed,
            commands=words.commands,
            kills=words.kills,
            pairs=words.pairs,
            say=lambda s: print(s, flush=True),
        )
    )
    print(result)
    print(
        f"\n{'Nothing was lost, nothing doubled, nothing diverged' if result.well else 'It FAILED'}, after {time.monotonic() - began:.0f} s."
    )
    if not result.well:
        print(f"The same plan again: {again}")
    return 0 if result.well else 1


if __name__ == "__main__":
    sys.exit(main())

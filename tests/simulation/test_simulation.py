"""The production services keep the protocol, whatever the two sides do at the same moment and whatever happens to the messages (R4)."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.running import campaign, play

SEEDS, STEPS = 1_000, 100
FAILED_BEFORE = Path(__file__).with_name("failing_seeds.txt")
TRACE = "import sys; from tests.simulation.running import play; print('\\n'.join(play(int(sys.argv[1]), 100).trace))"


def failed_before() -> Iterator[tuple[int, int, str]]:
    for line in FAILED_BEFORE.read_text().splitlines():
        if line and not line.startswith("#"):
            seed, steps, what = line.split(maxsplit=2)
            yield int(seed), int(steps), what


def test_no_seed_diverges_and_every_interesting_situation_comes_up(capsys: pytest.CaptureFixture[str]) -> None:
    found = campaign(range(SEEDS), STEPS, processes=min(2, os.cpu_count() or 1))
    print(found.table())
    with capsys.disabled():
        print(f"\n{found.table().splitlines()[0]}; each of the situations came up" if not found.never else "", end=" ")
    assert not found.failed, "\n\n".join(str(failed) for failed in found.failed[:3])
    assert not found.never, f"never came up: {found.never}"


@pytest.mark.parametrize(("seed", "steps", "what"), list(failed_before()))
def test_a_seed_that_once_failed_does_not_fail_again(seed: int, steps: int, what: str) -> None:
    played = play(seed, steps)
    assert not played.problems, f"{what}\n{played}"


@pytest.mark.parametrize("seed", [4, 11])
def test_a_seed_gives_the_same_trace_again_in_this_process_and_in_a_fresh_one(seed: int) -> None:
    trace = "\n".join(play(seed, STEPS).trace)
    assert "\n".join(play(seed, STEPS).trace) == trace
    for hashes in ("1", "2"):
        fresh = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", TRACE, str(seed)],
            env={**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": os.getcwd()},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.rstrip("\n")
        assert hashlib.sha256(fresh.encode()).hexdigest() == hashlib.sha256(trace.encode()).hexdigest()


def test_two_seeds_give_two_traces() -> None:
    assert play(4, STEPS).trace != play(5, STEPS).trace

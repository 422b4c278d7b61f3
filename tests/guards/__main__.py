"""`make mutants`: takes each safety guard out of a copy of the project and shows that the tests named for it turn red.

First the tests run on the copy as it is: on it they must be green, or a red one would prove nothing. A guard whose removal no test
notices, or whose removal only keeps a test from being collected, fails the run. `ARGS='session key'` chooses guards by words of their names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from deploy.local.paths import ROOT, VENV
from tests.guards.mutants import MUTANTS, Mutant

AT_ONCE = 2
SECONDS = 600
GREEN, RED = 0, 1
"""pytest's exit statuses; any other means that it did not come to a verdict."""


@contextmanager
def copy_of_the_project() -> Iterator[Path]:
    """A folder with the project's files, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    with tempfile.TemporaryDirectory(prefix="accord-mutants-") as folder:
        # PostgreSQL's user passes through when we are root.
        Path(folder).chmod(0o755)
        copy = Path(folder) / "project"
        for name in listed.stdout.decode().split("\0"):
            if name and (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, copy / name)
        (copy / ".venv").symlink_to(VENV)
        yield copy


def verdict(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """pytest's exit status for `tests` in `folder`, and the end of what it printed; -1 when it took too long."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"no verdict within {SECONDS} s"
    return done.returncode, (done.stdout + done.stderr)[-2000:]


def without(mutant: Mutant) -> tuple[Mutant, int, str, float]:
    """What the tests of a guard say without it."""
    began = time.monotonic()
    with copy_of_the_project() as folder:
        file = folder / mutant.file
        text = file.read_text()
        if text.count(mutant.before) != 1:
            return mutant, -1, f"{mutant.file} does not have its text once", 0.0
        file.write_text(text.replace(mutant.before, mutant.after))
        status, output = verdict(folder, mutant.tests)
    return mutant, status, output, time.monotonic() - began


def main(words: Sequence[str]) -> int:
    """The command line; the exit status."""
    chosen = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    if not chosen:
        print("No guard has such a name.", file=sys.stderr)
        return 1
    bad = 0
    with copy_of_the_project() as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        # Each set of tests once, on the project as it is.
        suites = sorted({mutant.tests for mutant in chosen})
        for tests, (status, output) in zip(suites, pool.map(lambda tests: verdict(folder, tests), suites), strict=True):
            if status != GREEN:
                bad += 1
                print(f"not green to begin with: {' '.join(tests)}\n{output}", flush=True)
        if bad:
            return 1
        print(f"{len(suites)} sets of tests are green with all guards in place.", flush=True)
        for mutant, status, output, seconds in pool.map(without, chosen):
            word = {RED: "noticed", GREEN: "NOT NOTICED"}.get(status, "NO VERDICT")
            bad += status != RED
            print(f"{word:<12} {seconds:5.0f} s  {mutant.name}", flush=True)
            if status not in {RED, GREEN}:
                print(output, flush=True)
    print(f"{len(chosen)} guards removed, {bad} of them without a test that turned red.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`--profile`: where the product's time goes, with py-spy, which samples a running process from outside."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Profiler:
    """Samples processes while figures are taken, when switched on; writes one text a process below `folder`."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        beside = Path(sys.executable).parent / "py-spy"
        self.program = str(beside) if beside.exists() else shutil.which("py-spy")
        if folder is not None:
            if self.program is None:
                raise RuntimeError("--profile needs py-spy: pip install py-spy.")
            folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def watch(self, name: str, *pids: int, rate: int = 250, native: bool = False) -> Iterator[None]:
        """Sample these processes for the time of the block."""
        if self.folder is None or self.program is None:
            yield
            return
        started: list[tuple[Path, subprocess.Popen[bytes]]] = []
        for pid in pids:
            out = self.folder / f"{name}-{pid}.raw"
            more = ["--native"] if native else []
            command = [
                self.program,
                "record",
                "--pid",
                str(pid),
                "--rate",
                str(rate),
                "--format",
                "raw",
                "--output",
                str(out),
                "--idle",
                *more,
            ]
            started.append((out, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)))
        time.sleep(0.3)
        try:
            yield
        finally:
            for out, sampler in started:
                with suppress(ProcessLookupError):
                    sampler.send_signal(signal.SIGINT)  # it writes what it has
                sampler.wait(30)
                if out.exists():
                    out.with_suffix(".txt").write_text(summary(out.read_text()))


def summary(raw: str, top: int = 45) -> str:
    """The functions in which the samples of a raw profile ended, and those they passed through, as shares."""
    ended: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    total = 0
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames, n = stack.split(";"), int(count)
        total += n
        ended[_function(frames[-1])] += n
        passed.update(dict.fromkeys({_function(frame) for frame in frames}, n))
    lines = [f"{total} samples"]
    for title, counted in (("ended in", ended), ("passed through", passed)):
        lines.append(f"\n{title}")
        lines += [f"{100 * n / max(1, total):5.1f} %  {name}" for name, n in counted.most_common(top)]
    return os.linesep.join(lines) + os.linesep


def _function(frame: str) -> str:
    """`name (file:line)` without the line."""
    return frame.rsplit(":", 1)[0] + ")" if frame.endswith(")") and ":" in frame else frame

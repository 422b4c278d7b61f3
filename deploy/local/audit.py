"""`make audit`: whether what is installed is what the locks pin, and whether advisories are known against it.

What it can tell without a network: each package of the lock is installed in exactly that version, nothing else is, every line of the lock is
pinned and carries hashes (pip refuses whatever fits none of them when it installs), each installed file is still what was installed, and
the packages fit together. What it cannot: whether somebody has found a weakness in one of them. That is asked of pip-audit, when it is
installed, and said plainly when it is not. Nor does it look at PostgreSQL, RabbitMQ or Python itself: their packagers do.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from deploy.local.paths import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")
# What `python -m venv` brings, and what `make lock` installs to write the locks; nothing of Accord imports them.
TOOLS = frozenset({"pip", "setuptools", "wheel", "uv"})


def pinned(text: str, name: str) -> tuple[dict[str, str], list[str]]:
    """Package → version of a lock, as far as they are for this Python; and what is wrong with its lines. `name` is the lock's."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    for block in re.split(r"\n(?=[^\s#])", text.strip()):
        lines = [line.strip().rstrip("\\").strip() for line in block.splitlines()]
        try:
            wanted = Requirement(lines[0])
        except InvalidRequirement:
            wrong.append(f"{name}: {lines[0]!r} is no requirement")
            continue
        versions = [one.version for one in wanted.specifier if one.operator == "==" and "*" not in one.version]
        if len(wanted.specifier) != 1 or not versions or wanted.url:
            wrong.append(f"{name}: {wanted.name} is not pinned to one version")
            continue
        if not any(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in lines[1:]):
            wrong.append(f"{name}: {wanted.name} has no hash")
        if wanted.marker is None or wanted.marker.evaluate():
            found[str(canonicalize_name(wanted.name))] = versions[0]
    return found, wrong


def differences(wanted: dict[str, str], installed: dict[str, str]) -> list[str]:
    """What is installed otherwise than the lock says."""
    wrong = [
        f"{name} is installed as {installed.get(name, 'nothing')}, and the lock says {version}"
        for name, version in sorted(wanted.items())
        if installed.get(name) != version
    ]
    return wrong + [f"{name} {installed[name]} is installed, and in no lock" for name in sorted(installed.keys() - wanted.keys() - TOOLS)]  # fmt: skip


def altered(packages: Iterable[Distribution]) -> list[str]:
    """Files that are no longer what was installed, by the digests pip noted then."""
    wrong = []
    for package in packages:
        for file in package.files or ():
            if file.hash is None or file.hash.mode != "sha256":
                continue
            path = Path(str(file.locate()))
            digest = hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") != file.hash.value:
                wrong.append(f"{package.metadata['Name']}: {file} is {'not what was installed' if digest else 'gone'}")
    return wrong


def advisories() -> tuple[list[str], str]:
    """What pip-audit found, and a sentence about having asked."""
    tool = shutil.which("pip-audit")
    if tool is None:
        return [], (
            "Advisories were NOT asked for: pip-audit is not installed. With a network: pipx run pip-audit --require-hashes "
            "--disable-pip -r requirements.lock"
        )
    done = subprocess.run(
        [tool, "--require-hashes", "--disable-pip", "-r", str(ROOT / LOCKS[0])],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return [f"pip-audit: {done.stdout.strip() or done.stderr.strip()}"], "pip-audit has looked for advisories."
    return [], "pip-audit knows of no advisory against requirements.lock."


def run() -> int:
    """Look at everything; say it. 0 when nothing is wrong."""
    wanted: dict[str, str] = {}
    wrong: list[str] = []
    for name in LOCKS:
        found, faults = pinned((ROOT / name).read_text(), name)
        wrong += faults
        wrong += [
            f"{p} is {v} in {name} and {wanted[p]} in {LOCKS[0]}" for p, v in found.items() if wanted.get(p, v) != v
        ]
        wanted |= found
    packages = list(distributions(path=[str(path) for path in Path(sys.prefix).glob("lib/python*/site-packages")]))
    installed = {str(canonicalize_name(package.metadata["Name"])): package.version for package in packages}
    wrong += differences(wanted, installed) + altered(packages)
    fits = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    wrong += fits.stdout.splitlines() if fits.returncode else []
    known, said = advisories()
    wrong += known
    for line in wrong:
        print(line)
    files = sum(len(package.files or ()) for package in packages)
    print(
        f"{len(wanted)} packages are pinned with hashes; {len(installed)} packages with {files} files were looked at."
    )
    print(said)
    print(f"{len(wrong)} things are wrong." if wrong else "What is installed is what the locks say.")
    return 1 if wrong else 0

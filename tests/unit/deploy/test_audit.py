"""What the audit of the packages finds wrong."""

from __future__ import annotations

import base64
import hashlib
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from deploy.local import audit
from deploy.local.paths import ROOT

HASH = "    --hash=sha256:" + "0" * 64


@pytest.mark.parametrize("lock", audit.LOCKS)
def test_each_line_of_the_locks_is_pinned_with_a_hash(lock: str) -> None:
    found, wrong = audit.pinned((ROOT / lock).read_text(), lock)
    assert wrong == []
    assert found["nameko"]


@pytest.mark.parametrize(
    "text",
    [
        f"nameko>=2 \\\n{HASH}",
        f"nameko \\\n{HASH}",
        f"nameko==2.* \\\n{HASH}",
        "nameko==2.14.1",
        "nameko==2.14.1 \\\n    --hash=md5:0",
        f"nameko @ https://elsewhere.example/nameko.whl \\\n{HASH}",
        f"-e . \\\n{HASH}",
    ],
)
def test_a_line_that_is_not_pinned_is_found(text: str) -> None:
    assert len(audit.pinned(f"{text}\n", "a.lock")[1]) == 1


def test_what_is_for_another_python_is_not_wanted_here() -> None:
    assert audit.pinned(f"old==1 ; python_version < '3' \\\n{HASH}\nnew==2 \\\n{HASH}\n", "a.lock") == (
        {"new": "2"},
        [],
    )


def test_another_version_a_missing_and_a_further_package_are_found() -> None:
    wrong = audit.differences({"one": "1", "two": "2", "three": "3"}, {"one": "1", "two": "3", "four": "4", "pip": "9"})
    assert len(wrong) == 3


def test_a_file_that_was_changed_or_removed_is_found(tmp_path: Path) -> None:
    info = tmp_path / "thing-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1\n")
    (tmp_path / "thing.py").write_text("pass\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"pass\n").digest()).decode().rstrip("=")
    (info / "RECORD").write_text(f"thing.py,sha256={digest},5\nthing-1.dist-info/RECORD,,\n")
    assert audit.altered([Distribution.at(info)]) == []
    (tmp_path / "thing.py").write_text("import os\n")
    assert len(audit.altered([Distribution.at(info)])) == 1
    (tmp_path / "thing.py").unlink()
    assert len(audit.altered([Distribution.at(info)])) == 1

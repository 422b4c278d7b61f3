from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.paths import ROOT
from shared.bus import crash
from tests.support.crashing import Crashes

LIFE = """
import sys
from shared.bus import crash
crash.watch("offers")
for method in sys.argv[1:]:
    crash.doing("command", [method])
    crash.point("commit.before")
    print(method, flush=True)
"""


def live(environment: dict[str, str], *methods: str) -> tuple[int, list[str]]:
    """How a process ended that passed the point with each of these commands at hand, and which it survived."""
    ended = subprocess.run(
        [sys.executable, "-c", LIFE, *methods],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert not ended.stderr, ended.stderr
    return ended.returncode, ended.stdout.split()


@pytest.fixture
def crashes(tmp_path: Path) -> Crashes:
    return Crashes(tmp_path / "crashes")


def test_an_armed_point_ends_one_process_as_by_kill_9_and_spares_its_successor(crashes: Crashes) -> None:
    crashes.arm("offers", "command.commit.before")
    assert live(crashes.environment, "send_offer", "accept_offer") == (-signal.SIGKILL, [])
    assert live(crashes.environment, "send_offer", "accept_offer") == (0, ["send_offer", "accept_offer"])
    assert crashes.hit("offers", "command.commit.before") == 1
    assert crashes.hits()[0].at_hand == ("send_offer",)


def test_a_point_that_stays_ends_the_successors_too(crashes: Crashes) -> None:
    crashes.arm("offers", "command.commit.before", about="accept_offer", stays=True)
    for _ in range(2):
        assert live(crashes.environment, "send_offer", "accept_offer") == (-signal.SIGKILL, ["send_offer"])
    crashes.disarm()
    assert live(crashes.environment, "accept_offer") == (0, ["accept_offer"])
    assert crashes.hit("offers", "command.commit.before") == 2


def test_a_point_can_wait_for_what_is_at_hand_and_how_often(crashes: Crashes) -> None:
    crashes.arm("offers", "command.commit.before", about="accept_offer", nth=2)
    commands = ["accept_offer", "send_offer", "accept_offer"]
    assert live(crashes.environment, *commands) == (-signal.SIGKILL, ["accept_offer", "send_offer"])


def test_another_process_and_another_point_are_spared(crashes: Crashes) -> None:
    crashes.arm("contacts", "command.commit.before")
    crashes.arm("offers", "command.commit.after")
    crashes.arm("offers", "message.commit.before")
    assert live(crashes.environment, "send_offer") == (0, ["send_offer"])
    assert len(crashes.disarm()) == 3
    assert crashes.armed() == []


def test_without_the_setting_a_point_is_nothing(crashes: Crashes) -> None:
    crashes.arm("offers", "command.commit.before")
    assert live({crash.FOLDER: ""}, "send_offer") == (0, ["send_offer"])


def test_a_point_that_does_not_exist_cannot_be_armed(crashes: Crashes) -> None:
    with pytest.raises(ValueError, match="There is no crash point"):
        crashes.arm("offers", "command.commit.meanwhile")

"""The browser of the system (Debian: chromium-headless-shell, or chromium). A missing browser is a failure, never a skip."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from deploy.local.checks import BROWSERS

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser. While it runs, nothing else in this process can run an event loop."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "Chromium is needed (Debian: apt install chromium-headless-shell)."
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        try:
            yield running
        finally:
            running.close()

"""What the gateway reads from its environment."""

from __future__ import annotations

import os


def port() -> int:
    """The port of pages, API and health: `PORT`, 8080 unless set."""
    return int(os.environ.get("PORT") or 8080)


def registrations_per_minute() -> int:
    """How many businesses one address may register in a minute: `ACCORD_REGISTRATIONS_PER_MINUTE`, 120 unless set."""
    return int(os.environ.get("ACCORD_REGISTRATIONS_PER_MINUTE") or 120)


def trusted_proxies() -> str:
    """Whose `X-Forwarded-For` is believed: `ACCORD_TRUSTED_PROXIES`, addresses separated by commas, nobody unless set."""
    return os.environ.get("ACCORD_TRUSTED_PROXIES", "")

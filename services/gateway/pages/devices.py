"""What a program that logged in is, in two words, from what it calls itself: enough to tell one's phone from one's laptop."""

from __future__ import annotations

# The first that stands in it counts: Edge and Opera say that they are Chrome, and Chrome that it is Safari.
_PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "A Python program"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device(agent: str) -> str:
    """`Firefox on Windows`, `Chrome on Android`, `curl`; the first word of what is not known; empty when nothing is."""
    program = next((name for mark, name in _PROGRAMS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or system or agent.split("/")[0].split(" ")[0][:40]


def place(address: str, agent: str) -> str:
    """Where something came from: `Firefox on Windows · 192.0.2.7`."""
    return " · ".join(part for part in (device(agent), address) if part)

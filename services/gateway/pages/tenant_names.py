"""Which business an address or a host means."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LABEL = re.compile(r"[a-z0-9-]+")


def from_host(host: str, base: str) -> str | None:
    """The tenant a `Host` header names: `kazenor` of `kazenor.localhost:8080` when Accord lives at `localhost`; else None."""
    name = host.rsplit(":", 1)[0].lower().rstrip(".") if not host.startswith("[") else ""
    if not base or not name.endswith("." + base.lower()):
        return None
    label = name[: -len(base) - 1]
    return label if _LABEL.fullmatch(label) and label != "www" else None


def from_typed(text: str) -> str:
    """What somebody typed or pasted as a tenant name, reduced to it (OE-03).

    `https://kazenor.accord.example/contacts` and `kazenor.accord.example:8080` become `kazenor`; what is no address comes back
    trimmed and in lower case, so that a mistake is refused with the field's own sentence.
    """
    name = text.strip().lower()
    if "@" in name or not re.search(r"[./:]", name):
        return name
    try:
        host = urlsplit(name if "://" in name else "//" + name.lstrip("/")).hostname or name
    except ValueError:
        return name
    labels = [label for label in host.split(".") if label and label != "www"]
    return labels[0] if labels else name

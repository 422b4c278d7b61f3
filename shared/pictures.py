"""Pictures that travel as data: URLs: what kind one really is. A name or a claimed type can lie; the first bytes tell."""

from __future__ import annotations

import base64
import binascii
import re

_CLAIMED = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]+={0,2})")


def kind(content: bytes) -> str | None:
    """`png`, `jpeg`, `gif` or `webp`, by the signature it begins with; None for anything else. SVG is none: it can carry scripts."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return None


def of_url(url: str) -> tuple[str, bytes] | None:
    """The kind and the bytes of a picture in a data: URL; None for another URL, and for one whose content is not what it claims."""
    claimed = _CLAIMED.fullmatch(url)
    if claimed is None:
        return None
    try:
        content = base64.b64decode(claimed[2], validate=True)
    except binascii.Error:
        return None
    return (claimed[1], content) if kind(content) == claimed[1] else None


def to_url(content: bytes) -> str | None:
    """A picture as a data: URL; None for what is no picture."""
    found = kind(content)
    return f"data:image/{found};base64,{base64.b64encode(content).decode()}" if found else None

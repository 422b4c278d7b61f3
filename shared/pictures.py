"""Pictures that travel as data: URLs: what kind one really is. A name or a claimed type can lie; the first bytes tell."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Literal

MOST_PIXELS = 4096
"""On either side. A few bytes can claim a picture that fills the memory of whoever looks at it."""
# How a frame of a JPEG begins: C0 to CF but for DHT, JPG and DAC.
_FRAMES = frozenset(bytes([marker]) for marker in range(0xC0, 0xD0)) - {b"\xc4", b"\xc8", b"\xcc"}
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


def sides(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, as the head of a picture claims them; None when it claims nothing. Whoever shows it makes room for that many."""
    found = kind(content)
    if found == "png" and content[12:16] == b"IHDR":
        return _numbers(content, 16, 4, "big")
    if found == "gif":
        return _numbers(content, 6, 2, "little")
    if found == "webp" and content[12:16] == b"VP8X":
        width, height = _numbers(content, 24, 3, "little")
        return width + 1, height + 1
    if found == "jpeg":
        return _of_jpeg(content)
    return None


def _numbers(content: bytes, at: int, size: int, order: Literal["big", "little"]) -> tuple[int, int]:
    return (
        int.from_bytes(content[at : at + size], order),
        int.from_bytes(content[at + size : at + 2 * size], order),
    )


def _of_jpeg(content: bytes) -> tuple[int, int] | None:
    at = 2
    while content[at : at + 1] == b"\xff":
        marker, length = content[at + 1 : at + 2], int.from_bytes(content[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            height, width = _numbers(content, at + 5, 2, "big")
            return width, height
        at += 2 + length
    return None


def of_url(url: str) -> tuple[str, bytes] | None:
    """The kind and the bytes of a picture in a data: URL; None for another URL, for one whose content is not what it claims, and for one
    that claims more than `MOST_PIXELS`."""
    claimed = _CLAIMED.fullmatch(url)
    if claimed is None:
        return None
    try:
        content = base64.b64decode(claimed[2], validate=True)
    except binascii.Error:
        return None
    if kind(content) != claimed[1] or max(sides(content) or (0,)) > MOST_PIXELS:
        return None
    return claimed[1], content


def to_url(content: bytes) -> str | None:
    """A picture as a data: URL; None for what is no picture."""
    found = kind(content)
    return f"data:image/{found};base64,{base64.b64encode(content).decode()}" if found else None

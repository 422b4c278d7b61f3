"""Ids: UUIDv7, as text everywhere, so that they sort by the time they were made."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

import uuid_utils

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_id() -> str:
    """A new UUIDv7 as lower-case text."""
    return str(uuid_utils.uuid7())


def is_id(value: object) -> bool:
    """Whether `value` is a UUID in its canonical lower-case text form."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def derived_id(at: datetime, *parts: str) -> str:
    """The UUIDv7 of something that happened at `at` (aware) and is told apart by `parts`: the same id each time it is asked for.

    For what a message makes: handling it again, or in a simulation, makes nothing new.
    """
    milliseconds = max(0, int(at.timestamp() * 1000)) & (2**48 - 1)
    random = int.from_bytes(hashlib.sha256("\x00".join(parts).encode()).digest()[:16])
    value = milliseconds << 80 | 7 << 76 | (random >> 64 & 0xFFF) << 64 | 2 << 62 | random & (2**62 - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

"""Plain JSON for RPC. kombu's own `json` gives objects with the keys `__type__` and `__value__` a meaning of their own (fact N2)."""

from __future__ import annotations

import json
from typing import Any

from kombu.serialization import registry

NAME = "json"
CONTENT_TYPE = "application/json"


def encode(value: Any) -> str:
    """`value` as JSON text. Raises TypeError for what JSON does not know."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def decode(body: str | bytes) -> Any:
    """The value of a JSON text; objects stay objects, whatever their keys. Raises ValueError."""
    return json.loads(body)


def register() -> None:
    """Make `application/json` plain JSON in this process. Stock nameko clients understand it."""
    registry.register(NAME, encode, decode, content_type=CONTENT_TYPE, content_encoding="utf-8")

"""How an operator sees things: tables that fit the terminal, details, JSON. What a tenant wrote cannot steer the terminal."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Row = Mapping[str, Any]
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
SHOWN = 20_000
"""Characters of a body that are shown unless all are asked for."""
CELL = 40
"""Characters of a cell of a table, so that a long one hides no column behind it: an id fits. JSON has all of it."""


def safe(text: str, *, lines: bool = False) -> str:
    """The text with everything a terminal would obey, or that hides or turns other text, written as an escape."""
    return "".join(
        c
        if (lines and c in "\n\t") or unicodedata.category(c) not in _UNSAFE
        else f"\\x{ord(c):02x}"
        if ord(c) < 256
        else f"\\u{ord(c):04x}"
        for c in text
    )


def body(raw: bytes | str, *, whole: bool = False) -> str:
    """A message's body for reading: laid out when it is JSON; bytes that are no text as escapes; cut unless `whole`."""
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "backslashreplace")
    try:
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        pass
    if not whole and len(text) > SHOWN:
        text = f"{text[:SHOWN]}\n… {len(text) - SHOWN} characters more (--whole shows them)"
    return safe(text, lines=True)


def since(value: datetime | None, at: datetime | None = None) -> str:
    """How long ago, in one unit: `3 min`."""
    if value is None:
        return ""
    seconds = max(0.0, ((at or datetime.now(UTC)) - value).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, datetime):
        return since(value)
    if isinstance(value, float):
        return f"{value:.1f}"
    return safe(str(value))


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: max(size - 1, 1)] + "…"


def table(rows: Sequence[Row], columns: Mapping[str, str], *, width: int | None = None) -> str:
    """Rows under the titles of `columns` (title → key). The last column is cut where the terminal ends, the others where they get long."""
    width = width or shutil.get_terminal_size((160, 40)).columns
    cells = [list(columns), *([_cell(row.get(key)) for key in columns.values()] for row in rows)]
    cells = [[*(_cut(text, CELL) for text in line[:-1]), line[-1]] for line in cells]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = []
    for cell in cells:
        line = "  ".join(text.ljust(size) for text, size in zip(cell, widths, strict=True)).rstrip()
        lines.append(_cut(line, width))
    return "\n".join(lines)


def details(row: Row) -> str:
    """One thing, a line a property; a `body` stands below."""
    shown = {key: value for key, value in row.items() if key != "body" and value not in (None, "")}
    size = max((len(key) for key in shown), default=0)
    lines = [
        f"{key.replace('_', ' ').ljust(size)}  {value.isoformat() if isinstance(value, datetime) else _cell(value)}"
        for key, value in shown.items()
    ]
    return "\n".join(lines) + (f"\n\n{row['body']}" if row.get("body") else "")


def as_json(value: Any) -> str:
    """The same for a script. ASCII only, so nothing in it can steer a terminal either."""
    return json.dumps(value, indent=1, default=lambda v: v.isoformat() if isinstance(v, datetime) else str(v))

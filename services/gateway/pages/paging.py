"""Lists that are longer than a page: how many are asked for at once, and where the rest of them is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

MOST = 200


def at_once(asked: Mapping[str, str], usual: int) -> int:
    """`limit` of an address: as many as a script has shown already, when it asks what became of them. At least a page."""
    said = asked.get("limit", "")
    return min(max(int(said), usual), MOST) if said.isascii() and said.isdigit() and len(said) < 6 else usual


def paging(
    path: str, kept: Mapping[str, str], asked: Mapping[str, str], found: Mapping[str, Any], *, more: int = 0
) -> dict[str, Any]:
    """For the macro `pager`: the address of the `first` page, of the `next` if there is one, and whether this is a later one (`paged`).

    `kept` are the filters that both keep; of the next there are `more` than usual, where that is said.
    """
    onwards = {**kept, "cursor": str(found.get("next") or ""), "limit": str(more or "")}
    return {
        "first": address(path, kept),
        "next": address(path, onwards) if found.get("next") else None,
        "paged": bool(asked.get("cursor")),
    }


def address(path: str, query: Mapping[str, str]) -> str:
    """`path` with what is said in `query`; what is empty is not."""
    said = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{said}" if said else path

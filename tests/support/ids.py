"""Ids that are the same in each process: what tests are named after must be, when several processes share them."""

from __future__ import annotations

from datetime import UTC, datetime

from shared.ids import derived_id


def id_of(name: str) -> str:
    """The id of what a test calls by this name."""
    return derived_id(datetime(2026, 3, 2, 9, tzinfo=UTC), name)

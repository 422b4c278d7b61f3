"""Times are aware, and written in one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared import clock


def test_now_is_aware_and_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_a_time_is_written_in_utc_with_z() -> None:
    assert clock.iso(datetime(2024, 2, 29, 12, 0, tzinfo=UTC)) == "2024-02-29T12:00:00Z"
    tokyo = timezone(timedelta(hours=9))
    assert clock.iso(datetime(2024, 1, 1, 0, 0, 0, 5, tzinfo=tokyo)) == "2023-12-31T15:00:00.000005Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        clock.iso(datetime(2024, 1, 1))

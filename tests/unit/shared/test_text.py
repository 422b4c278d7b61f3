"""What people type is kept in one form: composed, trimmed, without control characters."""

from __future__ import annotations

import pytest

from shared.text import clean


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Zoë\t ", "Zoë"),
        ("Zoe\u0308", "Zoë"),
        ("Zoe\x01\u0308", "Zoë"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\x00 a\x07b \x7f", "ab"),
        ("\ud800a", "a"),
        ("👩‍💻", "👩‍💻"),
        (" \u00a0\u2003", ""),
    ],
)
def test_text_with_line_breaks(typed: str, kept: str) -> None:
    assert clean(typed, breaks=True) == kept


def test_a_line_has_no_breaks() -> None:
    assert clean(" a\r\nb\tc\n", breaks=False) == "a b c"


@pytest.mark.parametrize("value", [None, 1, True, ["a"], {"__type__": "datetime", "__value__": "2026-01-01"}])
def test_what_is_no_text_is_left_to_be_refused(value: object) -> None:
    assert clean(value, breaks=True) is value

"""What a tenant wrote is shown, and steers no terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.ops import showing


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße, 你好", "Grüße, 你好"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb", "a\\x0ab"),
        ("\u202eevil", "\\u202eevil"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_would_obey_is_written_as_an_escape(text: str, shown: str) -> None:
    assert showing.safe(text) == shown
    assert showing.safe(text).encode()


def test_a_body_is_laid_out_when_it_is_json_and_readable_when_it_is_not() -> None:
    # As JSON would write it anyway: an escape.
    assert showing.body(b'{"a": "\\u001b[31m\\u202e"}') == '{\n  "a": "\\u001b[31m\\u202e"\n}'
    assert showing.body(b"\xff\x00") == "\\xff\\x00"
    assert showing.body(b"[" * 100_000).startswith("[[[")


def test_a_long_body_is_cut_unless_all_of_it_is_asked_for() -> None:
    assert "100 characters more" in showing.body("x" * (showing.SHOWN + 100))
    assert len(showing.body("x" * (showing.SHOWN + 100), whole=True)) == showing.SHOWN + 100


def test_a_table_lines_up_and_ends_where_the_terminal_does() -> None:
    at = datetime.now(UTC) - timedelta(hours=3)
    lines = showing.table(
        [{"a": "x", "b": at, "c": "y" * 99}], {"A": "a", "FOR": "b", "WHY": "c"}, width=30
    ).splitlines()
    assert lines[0] == "A  FOR  WHY"
    assert lines[1].startswith("x  3 h  yyy") and len(lines[1]) == 30 and lines[1].endswith("…")


def test_a_long_cell_hides_no_column_behind_it() -> None:
    head, row = showing.table(
        [{"a": "x" * 5_000, "b": "me", "c": "why"}], {"A": "a", "B": "b", "C": "c"}, width=160
    ).splitlines()
    assert row.endswith("x…  me  why") and len(row) < 80
    assert head.split() == ["A", "B", "C"]


def test_json_for_scripts_is_plain_ascii() -> None:
    assert "\x1b" not in showing.as_json({"a": "\x1b"}) and showing.as_json({"é": 1}).isascii()

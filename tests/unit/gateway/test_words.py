"""How names and times are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.pages.words import NOTES, ago, day, exact, hue, initials, listed, moment, note, plural, zone

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
VIENNA = zone("Europe/Vienna")


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Northwind Traders", "NT"),
        ("Kazenor", "KA"),
        ("Oyelaran & Sons", "OS"),
        ("élan vital", "ÉV"),
        ("x", "X"),
        ("…", "?"),
        ("", "?"),
        ("3M", "3M"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert initials(name) == letters


def test_a_name_always_has_the_same_colour() -> None:
    assert hue("northwind") == hue("northwind")
    assert {hue(f"tenant-{n}") for n in range(200)} == set(range(12))


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(seconds=-20), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(hours=20), "yesterday"),
        (timedelta(days=4), "4 days ago"),
        (timedelta(days=20), "12 Feb"),
        (timedelta(days=400), "28 Jan 2025"),
        (timedelta(days=-20), "24 Mar"),
    ],
)
def test_how_long_ago(before: timedelta, text: str) -> None:
    assert ago(NOW - before, VIENNA, NOW) == text


def test_days_are_those_of_the_reader() -> None:
    late = datetime(2026, 3, 3, 23, 30, tzinfo=UTC)
    assert day(late, VIENNA, NOW) == "Today"
    assert day(late, zone("UTC"), NOW) == "Yesterday"
    assert day(late - timedelta(days=3), VIENNA, NOW) == "Sunday 1 March"
    assert exact(late, VIENNA) == "Wednesday 4 March 2026, 00:30 CET"


@pytest.mark.parametrize("name", ["Nowhere/Else", "", None, "../etc/passwd", "/etc/passwd"])
def test_an_unknown_zone_is_utc(name: str | None) -> None:
    assert str(zone(name)) == "UTC"


@pytest.mark.parametrize("value", [None, "", "soon", 7, "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_none(value: object) -> None:
    assert moment(value) is None


def test_numbers_and_lists_read_as_words() -> None:
    assert [plural(n, "contact") for n in (0, 1, 2)] == ["0 contacts", "1 contact", "2 contacts"]
    assert [listed(["A", "B", "C"][:n]) for n in range(4)] == ["", "A", "A and B", "A, B and C"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("removed", NOTES["removed"]),
        ("contacts-imported.3.1", "Contacts added: 3, changed: 1."),
        ("contacts-imported", None),
        ("contacts-imported.3.<b>", None),
        ("removed.3", None),
        ("", None),
    ],
)
def test_what_a_cookie_may_say_is_one_of_our_sentences(said: str, sentence: str | None) -> None:
    assert note(said) == sentence

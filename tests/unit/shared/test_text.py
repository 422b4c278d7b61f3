"""What people type is kept in one form: composed, trimmed, without control characters."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.text import Email, clean, fold


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


@pytest.mark.parametrize("address", ["Ada@Kazenor.Example", "ghost@nowhere.invalid", "ada@mail.local", "a@b.onion"])
def test_an_address_of_any_domain_is_one(address: str) -> None:
    assert TypeAdapter(Email).validate_python(address) == address.lower()


@pytest.mark.parametrize("text", ["ada", "ada@", "@kazenor.example", "ada@localhost", "ada@a..b", "a b@c.example"])
def test_what_is_no_address_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValidationError, match=r"like name@example\.com"):
        TypeAdapter(Email).validate_python(text)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Tomás Özgür", "tomas ozgur"),
        ("Straße", "strasse"),
        ("Łukasz Sørensen Æther", "lukasz sorensen aether"),
        ("İstanbul ılık", "istanbul ilik"),
        ("ÉMILE e\u0301mile", "emile emile"),
        # Marks that make another letter of it stay.
        ("한국 हिन्दी", "한국 हिन्दी"),
    ],
)
def test_search_knows_no_case_and_no_accents(typed: str, found: str) -> None:
    assert fold(typed) == found
    assert fold(found) == found

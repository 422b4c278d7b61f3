"""The kinds of text people type: normalised (NFC), trimmed, without control characters, lengths in code points."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from shared.ids import is_id

# A house has mail at `.local`, and whoever types `.invalid` has written an address that nobody has: neither is for us to refuse.
SPECIAL_USE_DOMAIN_NAMES.clear()

RESERVED_TENANTS = frozenset({"www", "api", "admin", "shared", "system", "static", "accord"})
# Cc: control; Cs: lone surrogates, which no database and no mail can carry.
_UNWANTED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# What turns the direction of all that follows it, also of words that are ours.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_TENANT = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])")


def clean(value: Any, *, breaks: bool) -> Any:
    """NFC, trimmed, without control characters; line breaks stay when `breaks`. What is not text passes unchanged."""
    if not isinstance(value, str):
        return value
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    if not breaks:
        value = value.replace("\n", " ").replace("\t", " ")
    # Last, as what stood between a letter and its accent is gone now.
    return unicodedata.normalize("NFC", _UNWANTED.sub("", value)).strip()


def _line(value: Any) -> Any:
    return clean(value, breaks=False)


def _text(value: Any) -> Any:
    return clean(value, breaks=True)


def _email(value: str) -> str:
    try:
        found = validate_email(value, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueError("Enter an e-mail address like name@example.com.") from error
    return found.normalized.lower()


def _tenant(value: str) -> str:
    if not _TENANT.fullmatch(value) or "xn--" in value or value in RESERVED_TENANTS or not 2 <= len(value) <= 63:
        raise ValueError(
            "Use 2 to 63 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen."
        )
    return value


def _id(value: str) -> str:
    if not is_id(value):
        raise ValueError("This is not an id.")
    return value


def _password(value: str) -> str:
    if not 10 <= len(value) <= 200:
        raise ValueError("Use 10 to 200 characters.")
    return value


# Letters that are no other letter with a mark, and are typed as one.
_TYPED_AS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ı": "i", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th"})
_MARKS = re.compile("[\u0300-\u036f]")


def fold(value: str) -> str:
    """What search compares and lists are sorted by: without case and without accents, `Ünal` as `unal`."""
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFD", value).casefold())
    return unicodedata.normalize("NFC", _MARKS.sub("", decomposed)).translate(_TYPED_AS)


def _cut(value: Any, most: int, *, breaks: bool) -> Any:
    # Cut before as well: however long it is, cleaning it takes no time worth mentioning.
    return clean(value[: 4 * most], breaks=breaks)[:most].strip() if isinstance(value, str) else value


def cut_line(value: Any, most: int) -> str:
    """One line of at most so many characters, cleaned; empty for what is not text."""
    return _TURNING.sub("", _cut(value, most, breaks=False)) if isinstance(value, str) else ""


def _heard_line(value: Any) -> Any:
    return _TURNING.sub("", _cut(value, 254, breaks=False)) if isinstance(value, str) else value


def _heard_name(value: Any) -> Any:
    value = _heard_line(value)
    return (
        "Somebody" if isinstance(value, str) and not any(c.isprintable() and not c.isspace() for c in value) else value
    )


def _heard_text(value: Any) -> Any:
    return _cut(value, 500, breaks=True)


Name = Annotated[str, BeforeValidator(_line), StringConstraints(min_length=1, max_length=200)]
Short = Annotated[str, BeforeValidator(_line), StringConstraints(max_length=200)]
Reason = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1, max_length=500)]
Comment = Annotated[str, BeforeValidator(_text), StringConstraints(max_length=500)]
Email = Annotated[str, BeforeValidator(_line), StringConstraints(min_length=1, max_length=254), AfterValidator(_email)]
TenantName = Annotated[str, BeforeValidator(_line), AfterValidator(_tenant)]
Id = Annotated[str, AfterValidator(_id)]
Password = Annotated[str, AfterValidator(_password)]

# What another business wrote: never refused, but cleaned and cut, so that it can be stored, found and shown like our own.
HeardLine = Annotated[str, BeforeValidator(_heard_line)]
HeardName = Annotated[str, BeforeValidator(_heard_name)]
HeardText = Annotated[str, BeforeValidator(_heard_text)]

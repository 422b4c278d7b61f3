"""CSV as people exchange it with their spreadsheet programs: written so that each of them reads it, read however they wrote it (BX-15)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MEDIA_TYPE = "text/csv; charset=utf-8"
# Without it Excel takes UTF-8 for the code page of its country.
BOM = "\ufeff"
DELIMITERS = (",", ";", "\t")

# A cell that begins so is run as a formula by whatever opens the file; an apostrophe before it makes it text.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


class Unreadable(Exception):
    """A file that nothing can be taken from. The message is a sentence or two for whoever chose it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row: the number of the line it begins on, its cells by column (those that are not empty), and whether it has more of them than columns."""

    number: int
    cells: Mapping[str, str]
    surplus: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was read: the rows, the headings of columns that mean nothing here, and whether the text was guessed to be Windows-1252."""

    lines: Sequence[Line]
    ignored: Sequence[str] = ()
    guessed: bool = False


def guarded(cell: str) -> str:
    """The cell as text for a spreadsheet program, whatever it begins with."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def written(rows: Iterable[Sequence[str]]) -> str:
    """The rows as RFC 4180 has them, safe to open."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([guarded(cell) for cell in row] for row in rows)
    return text.getvalue()


def decoded(raw: bytes) -> tuple[str, bool]:
    """The text of a file, and whether its encoding was guessed. Raises Unreadable for what is no text."""
    if raw.startswith(b"PK\x03\x04"):
        raise Unreadable("This is a workbook, not a CSV file. Save it as CSV first.")
    try:
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return raw.decode("utf-16"), False
        text, guessed = raw.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        # Each byte is some character of it, but for five that nobody types.
        text, guessed = raw.decode("cp1252", "replace"), True
    if "\0" in text:
        raise Unreadable("This is not a text file. Save it as CSV first.")
    return text, guessed


def read(raw: bytes, columns: Mapping[str, Iterable[str]], required: Sequence[str]) -> Sheet:
    """The rows of a CSV file whose first line names its columns, in any order and case.

    `columns` are the names a heading may have, by the column it means; `required` those without which nothing can be read.
    Raises Unreadable.
    """
    text, guessed = decoded(raw)
    text = text.removeprefix(BOM)
    if not text.strip():
        raise Unreadable("There is nothing in it.")
    meanings = {_heading(name): column for column, names in columns.items() for name in names}
    takes = [_taken_apart(text, delimiter) for delimiter in DELIMITERS]
    # The more headings are known, the better the delimiter fits.
    records, broken = max(takes, key=lambda take: sum(_heading(cell) in meanings for cell in take[0][0][1]))
    (_, first), *rest = records
    found = [meanings.get(_heading(cell)) for cell in first]
    for column in required:
        if column not in found:
            example = ",".join(next(iter(names)) for names in columns.values())
            raise Unreadable(f"The first line must name the columns, like this: {example}")
    for column in columns:
        if found.count(column) > 1:
            raise Unreadable(f"Two columns are headed like “{next(iter(columns[column]))}”. Keep one of them.")
    if broken:
        raise Unreadable(
            f"The quotation marks from line {broken} on do not fit together. Inside a quoted cell, write them twice."
        )
    lines = []
    for number, cells in rest:
        named = {
            column: unguarded(cell.strip())
            for column, cell in zip(found, cells, strict=False)
            if column and cell.strip()
        }
        surplus = any(cell.strip() for cell in cells[len(found) :])
        if named or surplus:
            lines.append(Line(number, named, surplus))
    ignored = [cell.strip() for cell, column in zip(first, found, strict=True) if column is None and cell.strip()]
    return Sheet(lines, ignored, guessed)


def _heading(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name).casefold()


def _taken_apart(text: str, delimiter: str) -> tuple[list[tuple[int, list[str]]], int | None]:
    """The lines that are not blank, each with its number (at least one); and the number of the line from which on they cannot be told apart."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[tuple[int, list[str]]] = []
    begins, broken = 1, None
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error:
        broken = begins
    return found or [(1, [""])], broken

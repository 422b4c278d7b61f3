"""CSV files: read however somebody's spreadsheet program wrote them, written so that none of them runs what is in a cell."""

from __future__ import annotations

import csv
import io

import pytest

from services.gateway import sheets
from services.gateway.sheets import Sheet, Unreadable

COLUMNS = {"name": ("Name", "Full name"), "email": ("E-mail", "mail"), "phone": ("Phone",)}


def read(text: str | bytes) -> Sheet:
    return sheets.read(text if isinstance(text, bytes) else text.encode(), COLUMNS, ("name", "email"))


def cells(text: str | bytes) -> list[dict[str, str]]:
    return [dict(line.cells) for line in read(text).lines]


def why(text: str | bytes) -> str:
    with pytest.raises(Unreadable) as refused:
        read(text)
    return str(refused.value)


RAVI = {"name": "Ravi Iyer", "email": "ravi@x.example"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found_out(delimiter: str, ending: str) -> None:
    lines = [delimiter.join(row) for row in (("Name", "E-mail", "Phone"), ("Ravi Iyer", "ravi@x.example", "1,2;3"))]
    quoted = ending.join(lines).replace("1,2;3", '"1,2;3"')
    assert cells(quoted) == [{**RAVI, "phone": "1,2;3"}]


@pytest.mark.parametrize(
    "heading", ["E-Mail,Full Name", "mail,NAME", "EMAIL , name", "e mail,full_name", "Department,email,name"]
)
def test_columns_come_in_any_order_and_case(heading: str) -> None:
    row = "ravi@x.example,Ravi Iyer"
    assert cells(f"{heading}\n{'Sales,' if heading.startswith('Dep') else ''}{row}") == [RAVI]


def test_columns_that_mean_nothing_here_are_named() -> None:
    assert read("Department,Name,E-mail,,Fax\nSales,Ravi,r@x.example,,1").ignored == ["Department", "Fax"]


def test_each_row_has_the_number_of_the_line_it_begins_on() -> None:
    text = '\nName,E-mail\n\n"Ravi\nIyer",r@x.example\n,,\nCleo,c@x.example\n'
    assert [(line.number, line.cells["name"]) for line in read(text).lines] == [(4, "Ravi\nIyer"), (7, "Cleo")]


def test_an_empty_cell_is_not_there_and_one_too_many_is_noticed() -> None:
    (line,) = read("Name,E-mail,Phone\nRavi, ,").lines
    assert (dict(line.cells), line.surplus) == ({"name": "Ravi"}, False)
    (line,) = read("Name,E-mail\nIyer,Ravi,r@x.example").lines
    assert line.surplus
    (line,) = read("Name,E-mail\nRavi,r@x.example,,").lines
    assert not line.surplus


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_found_out(encoding: str) -> None:
    sheet = read("Name,E-mail\nJosé Müller,j@x.example".encode(encoding))
    assert sheet.lines[0].cells["name"] == "José Müller"
    assert sheet.guessed is (encoding == "cp1252")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is nothing in it."),
        ("\ufeff \r\n", "There is nothing in it."),
        (",,\n;;", "first line must name the columns"),
        ("Ravi,ravi@x.example\n", "first line must name the columns"),
        ("Name\nRavi", "first line must name the columns"),
        ("Name,E-mail,mail\nRavi,a@x.example,b@x.example", "Two columns are headed like “E-mail”"),
        ('Name,E-mail\nRavi,r@x.example\n"Cleo,c@x.example\nDora,d@x.example', "quotation marks from line 3 on"),
        ('Name;E-mail\n"Ravi"x;r@x.example', "quotation marks from line 2 on"),
        (b"PK\x03\x04 and so on", "a workbook, not a CSV file"),
        (b"\x89PNG\x00\x01", "not a text file"),
        (b"\xff\xfeN", "not a text file"),
    ],
)
def test_what_cannot_be_read_says_why(text: str | bytes, words: str) -> None:
    if text == b"\xff\xfeN":
        text += b"\x00\x00"
    assert words in why(text)


DANGEROUS = ["=1+1", "+46 8 1", "-2", "@SUM(A1)", "\tx", "\rx", "＝1", "'=1", "''+1"]


@pytest.mark.parametrize("cell", DANGEROUS)
def test_no_cell_is_a_formula_and_all_come_back_as_they_were(cell: str) -> None:
    assert sheets.guarded(cell) == f"'{cell}"
    assert sheets.unguarded(sheets.guarded(cell)) == cell


@pytest.mark.parametrize("cell", ["", "Ravi", "'tis", "1-2", "a=b", "''", "O'Neill"])
def test_other_cells_stay(cell: str) -> None:
    assert sheets.guarded(cell) == sheets.unguarded(cell) == cell


def test_what_is_written_is_read_by_anybody() -> None:
    rows = [("Name", "E-mail"), ('Ravi "R", Iyer', "r@x.example"), ("two\nlines", "=x")]
    text = sheets.written(rows)
    assert text.count("\r\n") == 3
    assert text.startswith('Name,E-mail\r\n"Ravi ""R"", Iyer",r@x.example\r\n')
    assert list(csv.reader(io.StringIO(text, newline="")))[2] == ["two\nlines", "'=x"]
    assert [line.cells["email"] for line in read(text).lines] == ["r@x.example", "=x"]

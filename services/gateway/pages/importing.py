"""Importing contacts from a CSV file: what will happen is shown before it does (BX-15)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import sheets
from services.gateway.exporting import CONTACT_COLUMNS, attachment, contacts_file, heading
from services.gateway.pages.desk import Desk
from services.gateway.pages.directory import writers
from services.gateway.pages.forms import KEY, Form
from services.gateway.pages.rooms import desk_of, rooms, takes_file
from services.gateway.sheets import Line, Unreadable
from shared.errors import ChangedMeanwhile, ValidationError

pages = rooms()

FIELDS = {"file": "File", "text": "Rows"}
HEADINGS = {
    "name": ("Name", "Full name"),
    "email": ("E-mail", "Mail", "E-mail address", "Mail address"),
    "title": ("Title", "Job title"),
    "phone": ("Phone", "Phone number", "Telephone"),
}
MOST = 1000
# The good rows travel back in a form, which holds 1 MiB.
MOST_TEXT = 950_000
SURPLUS = "There are more cells than columns. Put quotation marks around a cell that holds a comma or a semicolon."

# The outcomes as they stand on the page, mistakes first; (title, what to say when there is one, when there are several).
SECTIONS = {
    "wrong": ("With mistakes", "with a mistake", "with mistakes"),
    "changed": ("Changed", "changed", "changed"),
    "new": ("New", "new", "new"),
    "unchanged": ("As they are", "as it is", "as they are"),
}

Row = tuple[int, Mapping[str, str]]
"""The line it stands on, and its cells by field."""


# — choosing a file —


async def _choosing(desk: Desk, form: Form) -> Response:
    return await desk.page("contacts_import.html", form=form, most=MOST, columns=list(CONTACT_COLUMNS.values()))


@pages.get("/contacts/import")
async def choose(request: Request) -> Response:
    return await _choosing(writers(desk_of(request)), Form(FIELDS))


@pages.get("/contacts/import/template")
async def template(request: Request) -> Response:
    """A file with the first line and nobody in it."""
    return attachment(heading(), "contacts")


@pages.get("/contacts/export")
async def export(request: Request) -> Response:
    desk = desk_of(request)

    async def page(**more: Any) -> Any:
        return await desk.ask("contacts", "list_contacts", **more)

    return await contacts_file(page, desk.person.tenant)


@pages.post("/contacts/import")
@takes_file
async def show(request: Request) -> Response:
    """What the rows of a file, or those that were pasted, would do."""
    desk, data = writers(desk_of(request)), await request.form()
    form = Form(FIELDS, {"text": data.get("text", "")})
    field, raw = await _brought(data)
    if not raw:
        form.refuse("file", "Choose a file that is not empty, or paste the rows below.")
        return await _choosing(desk, form)
    try:
        sheet = sheets.read(raw, HEADINGS, ("name", "email"))
        _fits(sheet.lines)
    except Unreadable as why:
        form.refuse(field, str(why))
        return await _choosing(desk, form)
    return await _preview(desk, sheet.lines, ignored=sheet.ignored, guessed=sheet.guessed)


async def _brought(data: FormData) -> tuple[str, bytes]:
    """The field that was used, and what it holds: a file goes before what was pasted."""
    file, text = data.get("file"), data.get("text")
    if isinstance(file, UploadFile) and file.filename:
        return "file", await file.read()
    return "text", (text if isinstance(text, str) else "").strip().encode()


def _fits(lines: Sequence[Line]) -> None:
    if not lines:
        raise Unreadable("There is nobody in it: each person stands on a line of their own below the first.")
    if len(lines) > MOST:
        raise Unreadable(f"There are {len(lines)} people in it. At most {MOST} fit in one import: split it.")
    if len(_carried([(line.number, line.cells) for line in lines]).encode()) > MOST_TEXT:
        raise Unreadable("There is too much text in it for one import: split it.")


# — what would happen —


async def _preview(
    desk: Desk, lines: Sequence[Line], *, ignored: Sequence[str] = (), guessed: bool = False, late: bool = False
) -> Response:
    """The page of outcomes. `late`: the rows had been shown before, and something else would happen now."""
    asked = [line for line in lines if not line.surplus]
    told: list[Any] = []
    version = 0
    if asked:
        items = [dict(line.cells) for line in asked]
        found = await desk.do("contacts", "import_contacts", items=items, preview=True)
        told, version = found["items"], found["version"]
    shown = [_shown(asked, row) for row in told]
    shown += [_person(line, "wrong", [SURPLUS]) for line in lines if line.surplus]
    shown.sort(key=lambda row: row["line"])
    sections = [
        {"name": name, "title": title, "rows": rows}
        for name, (title, _, _) in SECTIONS.items()
        if (rows := [row for row in shown if row["section"] == name])
    ]
    good = [(line.number, line.cells) for line, row in zip(asked, told, strict=True) if row["outcome"] in SECTIONS]
    numbers = {name: sum(row["section"] == name for row in shown) for name in SECTIONS}
    return await desk.page(
        "contacts_import_preview.html",
        form=Form({}),
        sections=sections,
        summary=_summary(numbers),
        wrong=numbers["wrong"],
        number=numbers["new"] + numbers["changed"],
        rows=_carried(good),
        version=version,
        ignored=ignored,
        guessed=guessed,
        late=late,
    )


def _shown(asked: Sequence[Line], row: Mapping[str, Any]) -> dict[str, Any]:
    line, outcome = asked[row["row"]], row["outcome"]
    sentences = [_sentence(error) for error in row["errors"]]
    if row["same_as"] is not None:
        sentences.append(f"The same e-mail stands on line {asked[row['same_as']].number} already.")
    changes = [{"label": CONTACT_COLUMNS.get(change["field"], change["field"]), **change} for change in row["changes"]]
    return _person(line, outcome if outcome in SECTIONS else "wrong", sentences, changes)


def _person(line: Line, section: str, sentences: Sequence[str], changes: Sequence[Any] = ()) -> dict[str, Any]:
    return {
        "line": line.number,
        "section": section,
        **{field: line.cells.get(field, "") for field in CONTACT_COLUMNS},
        "sentences": sentences,
        "changes": changes,
    }


def _sentence(error: Mapping[str, Any]) -> str:
    """What is wrong with a cell, beginning with the name of its column."""
    label, message = CONTACT_COLUMNS.get(error["field"], error["field"]), str(error["message"])
    return f"{label}: {'There is none.' if message == 'This field is required.' else message}"


def _summary(numbers: Mapping[str, int]) -> str:
    """`12 new, 3 changed, 40 as they are, 2 with mistakes`: what will happen comes first."""
    order = ("new", "changed", "unchanged", "wrong")
    return ", ".join(
        f"{number} {SECTIONS[name][1 if number == 1 else 2]}" for name in order if (number := numbers[name])
    )


# — doing it —


def _carried(rows: Sequence[Row]) -> str:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def _back(text: Any) -> list[Row]:
    """The rows of `_carried`; none when that is not what it is."""
    try:
        rows = json.loads(text) if isinstance(text, str) else []
        return [(int(line), {str(field): str(cell) for field, cell in cells.items()}) for line, cells in rows]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return []


@pages.get("/contacts/import/confirmation")
async def again(request: Request) -> Response:
    """Whoever comes back here, after a login for example, begins anew."""
    return desk_of(request).go("/contacts/import")


@pages.post("/contacts/import/confirmation")
async def confirm(request: Request) -> Response:
    """Do what was shown, and nothing else: should the directory have changed since, it is shown anew."""
    desk, data = writers(desk_of(request)), await request.form()
    form, rows = Form.sent({}, data), _back(data.get("rows"))
    if not rows:
        return desk.go("/contacts/import")
    try:
        done = await desk.do(
            "contacts",
            "import_contacts",
            items=[dict(cells) for _, cells in rows],
            if_match=form.value("version"),
            **{KEY: form.key},
        )
    except (ChangedMeanwhile, ValidationError):
        return await _preview(desk, [Line(number, cells) for number, cells in rows], late=True)
    counts = done["counts"]
    return desk.go("/contacts", f"contacts-imported.{counts.get('new', 0)}.{counts.get('changed', 0)}")

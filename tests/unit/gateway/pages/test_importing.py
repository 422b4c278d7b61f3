"""Importing contacts on the pages: choosing, seeing what will happen, doing it; and taking them out again."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.pages import csrf, importing
from shared.errors import ChangedMeanwhile, Forbidden, Unavailable
from tests.unit.gateway.fake_rpc import ADA, TOKEN, FakeRpc
from tests.unit.gateway.pages.story import CONTACT, send, whole

Json = dict[str, Any]
FILE = "Name;E-mail;Phone;Room\nRavi Iyer;ravi@x.example;+46 1;12\nCleo Sand;cleo@x.example;;\nDora;dora@x.example;;;too many\n;nobody@x.example;;\nRavi;ravi@x.example;;\n"
CONFIRMATION = "/contacts/import/confirmation"


def row(number: int, outcome: str, **more: Any) -> Json:
    return {"row": number, "outcome": outcome, "contact_id": None, "changes": [], "errors": [], "same_as": None, **more}


SHOWN = {
    "items": [
        row(0, "new"),
        row(1, "changed", changes=[{"field": "title", "before": "Engineer", "after": "Lead <b>"}]),
        row(2, "invalid", errors=[{"field": "name", "message": "This field is required."}]),
        row(3, "double", same_as=0),
    ],
    "counts": {"new": 1, "changed": 1, "unchanged": 0, "invalid": 1, "double": 1},
    "version": 4711,
}


def upload(client: TestClient, content: str | bytes, **fields: str) -> Any:
    """Send the form as a page of this session would."""
    raw = content if isinstance(content, bytes) else content.encode()
    data = {csrf.FIELD: csrf.token(TOKEN), **fields}
    return client.post("/contacts/import", data=data, files={"file": ("people.csv", raw, "text/csv")})


def hidden(answer: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
    assert found is not None
    return html.unescape(found[1])


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def test_the_form_says_what_a_file_looks_like(ada: TestClient) -> None:
    answer = ada.get("/contacts/import")
    whole(answer)
    assert "Name,E-mail,Title,Phone" in answer.text
    assert 'href="/contacts/import/template"' in answer.text
    assert "At most 1000 people and 1 MiB." in answer.text


def test_what_will_happen_is_shown_mistakes_first_with_their_lines(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "import_contacts", SHOWN)
    answer = upload(ada, FILE)
    whole(answer)
    shown = text(answer)
    assert "1 new, 1 changed, 3 with mistakes" in shown
    assert shown.index("With mistakes 3") < shown.index("Changed 1") < shown.index("New 1")
    assert shown.index("Line 4") < shown.index("Line 5") < shown.index("Line 6") < shown.index("Line 2")
    for words in (
        "Line 5 No name nobody@x.example Name: There is none.",
        "Line 6 Ravi ravi@x.example The same e-mail stands on line 2 already.",
        "Line 4 Dora dora@x.example There are more cells than columns.",
        "Line 3 Cleo Sand cleo@x.example Title: was Engineer will be Lead <b>",
        "Left out, as contacts have no such column: Room.",
        "Import 2 contacts",
        "3 rows with mistakes stay out.",
    ):
        assert words in shown
    (asked,) = rpc.asked("contacts", "import_contacts")
    assert asked == {
        "tenant": "kazenor",
        "actor": ADA["id"],
        "preview": True,
        "items": [
            {"name": "Ravi Iyer", "email": "ravi@x.example", "phone": "+46 1"},
            {"name": "Cleo Sand", "email": "cleo@x.example"},
            {"email": "nobody@x.example"},
            {"name": "Ravi", "email": "ravi@x.example"},
        ],
    }


def test_only_the_good_rows_are_done_and_only_as_they_were_shown(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "import_contacts", SHOWN)
    shown = upload(ada, FILE)
    fields = {name: hidden(shown, name) for name in ("rows", "version", "idempotency_key")}
    answer = send(ada, CONFIRMATION, **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/contacts")
    assert "Contacts added: 1, changed: 1." in ada.get("/contacts").text
    asked = rpc.asked("contacts", "import_contacts")[-1]
    assert asked == {
        "tenant": "kazenor",
        "actor": ADA["id"],
        "items": [
            {"name": "Ravi Iyer", "email": "ravi@x.example", "phone": "+46 1"},
            {"name": "Cleo Sand", "email": "cleo@x.example"},
        ],
        "if_match": "4711",
        "idempotency_key": fields["idempotency_key"],
    }


def test_a_directory_that_changed_meanwhile_is_shown_anew_with_the_same_lines(ada: TestClient, rpc: FakeRpc) -> None:
    def changed(preview: bool = False, items: Sequence[Json] = (), **_: Any) -> Any:
        if not preview:
            return ChangedMeanwhile()
        return {"items": [row(n, "unchanged") for n in range(len(items))], "counts": {}, "version": 2}

    rpc.on("contacts", "import_contacts", changed)
    rows = json.dumps([[2, {"name": "Ravi", "email": "r@x.example"}], [9, {"name": "Cleo", "email": "c@x.example"}]])
    answer = send(ada, CONFIRMATION, rows=rows, version="1")
    whole(answer)
    shown = text(answer)
    for words in ("Your directory has changed since", "2 as they are", "Line 9 Cleo", "like this already"):
        assert words in shown
    assert "Import 2" not in shown


def test_a_service_that_is_away_does_not_pretend(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "import_contacts", Unavailable())
    assert upload(ada, FILE).status_code == 503
    rows = json.dumps([[2, {"name": "Ravi", "email": "r@x.example"}]])
    assert send(ada, CONFIRMATION, rows=rows, version="1").status_code == 503


def test_rows_may_be_pasted(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "import_contacts", {"items": [row(0, "unchanged")], "counts": {}, "version": 1})
    for fields in ({"text": "e-mail\tname\nr@x.example\tRavi"}, {"text": "e-mail\r\n"}):
        send(ada, "/contacts/import", **fields)
    (asked,) = rpc.asked("contacts", "import_contacts")
    assert asked["items"] == [{"name": "Ravi", "email": "r@x.example"}]


def test_an_old_encoding_is_remarked_upon(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "import_contacts", {"items": [row(0, "new")], "counts": {}, "version": 1})
    answer = upload(ada, "Name,E-mail\nJosé,j@x.example".encode("cp1252"))
    assert "José" in answer.text
    assert "was read as Windows-1252" in answer.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Choose a file that is not empty, or paste the rows below."),
        ("Ravi,r@x.example", "The first line must name the columns, like this: Name,E-mail,Title,Phone"),
        ("Name,E-mail\n\n", "There is nobody in it"),
        ("Name,E-mail\n" + "Ravi,r@x.example\n" * 1001, "There are 1001 people in it. At most 1000 fit in one import"),
        ("Name,E-mail\n" + f"{'ü' * 100_000},r@x.example\n" * 5, "There is too much text in it"),
        (b"PK\x03\x04", "This is a workbook"),
    ],
)
def test_a_file_with_nothing_usable_says_what_to_do(
    content: str | bytes, words: str, ada: TestClient, rpc: FakeRpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "MOST_TEXT", 500_000)
    answer = upload(ada, content)
    whole(answer)
    assert words in text(answer)
    assert '<p class="sample">Name,E-mail,Title,Phone</p>' in answer.text
    assert rpc.asked("contacts", "import_contacts") == []


def test_what_was_pasted_stays_beside_what_is_wrong_with_it(ada: TestClient) -> None:
    answer = send(ada, "/contacts/import", text="Ravi,r@x.example")
    assert "Ravi,r@x.example</textarea>" in answer.text
    assert 'id="text-error"' in answer.text


def test_with_mistakes_alone_there_is_nothing_to_import(ada: TestClient, rpc: FakeRpc) -> None:
    answer = upload(ada, "Name,E-mail\nRavi,r@x.example,more")
    whole(answer)
    assert rpc.asked("contacts", "import_contacts") == []
    assert 'class="button primary"' not in answer.text
    assert "Nothing can be imported before the mistakes are corrected in the file." in answer.text


@pytest.mark.parametrize("rows", ["", "{", "[1]", "[[1]]", '[["x", {}]]', "[[1, 2]]", "[" * 2000])
def test_rows_that_are_none_lead_back(rows: str, ada: TestClient, rpc: FakeRpc) -> None:
    answer = send(ada, CONFIRMATION, rows=rows, version="1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/contacts/import")
    assert rpc.asked("contacts", "import_contacts") == []


def test_whoever_comes_back_to_the_confirmation_begins_anew(ada: TestClient) -> None:
    assert ada.get(CONFIRMATION).headers["location"] == "/contacts/import"


@pytest.mark.parametrize("role", ["admin", "partnerships", "member"])
def test_members_export_and_do_not_import(role: str, ada: TestClient, rpc: FakeRpc) -> None:
    rpc.as_role(role)
    rpc.on("contacts", "import_contacts", Forbidden())
    status = 403 if role == "member" else 200
    assert ada.get("/contacts/import").status_code == status
    assert send(ada, "/contacts/import", text="").status_code == status
    page = ada.get("/contacts").text
    assert ('href="/contacts/import"' in page, 'href="/contacts/export"' in page) == (role != "member", True)
    if role == "member":
        assert send(ada, CONFIRMATION, rows="[]").status_code == 403


def test_an_export_is_what_an_import_reads(ada: TestClient, rpc: FakeRpc) -> None:
    people = [{**CONTACT, "phone": "+46 8 1"}, {**CONTACT, "name": 'Ravi "R", Iyer', "title": "=1+1"}]
    rpc.on("contacts", "list_contacts", {"items": people, "next": None})
    answer = ada.get("/contacts/export")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "'=1+1" in answer.text
    rpc.on("contacts", "import_contacts", {"items": [row(0, "unchanged"), row(1, "double", same_as=0)], "version": 1})
    upload(ada, answer.content)
    (asked,) = rpc.asked("contacts", "import_contacts")
    fields = ("name", "email", "title", "phone")
    assert asked["items"] == [{f: p[f] for f in fields if p[f]} for p in people]


def test_the_template_is_the_first_line_alone(ada: TestClient) -> None:
    answer = ada.get("/contacts/import/template")
    assert answer.content.decode() == "\ufeffName,E-mail,Title,Phone\r\n"
    assert answer.headers["content-disposition"] == 'attachment; filename="contacts.csv"'
    assert "There is nobody in it" in upload(ada, answer.content).text

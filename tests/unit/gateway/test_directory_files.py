"""Importing and exporting contacts over the API."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from services.gateway.api import ROUTES
from shared.errors import ChangedMeanwhile, Forbidden, Unavailable, ValidationError
from shared.ids import new_id
from tests.unit.gateway.fake_rpc import ADA, FakeRpc

EXPORT = "/api/v1/contacts/export"


def contact(name: str, **more: Any) -> dict[str, Any]:
    return {"id": new_id(), "name": name, "email": f"{name.lower()}@x.example", "phone": "", "title": "", **more}


def test_an_import_asks_contacts_with_its_rows_and_the_version_that_was_shown(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "import_contacts", {"items": [], "counts": {}, "version": 7})
    body = {"items": [{"name": "Ravi", "email": "r@x.example"}], "preview": False}
    answer = ada.post("/api/v1/contacts/import", json=body, headers={"If-Match": '"7"', "Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["version"]) == (200, 7)
    (asked,) = rpc.asked("contacts", "import_contacts")
    assert len(asked.pop("idempotency_key")) == 64
    assert asked == {"tenant": "kazenor", "actor": ADA["id"], "if_match": "7", **body}


def test_a_refused_import_names_its_rows(ada: TestClient, rpc: FakeRpc) -> None:
    rpc.on("contacts", "import_contacts", ValidationError.of(("items.3.email", "This field is required.")))
    answer = ada.post("/api/v1/contacts/import", json={"items": [{}]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "items.3.email")
    rpc.on("contacts", "import_contacts", ChangedMeanwhile())
    assert ada.post("/api/v1/contacts/import", json={}).status_code == 412


def test_an_export_is_a_file_of_all_pages(ada: TestClient, rpc: FakeRpc) -> None:
    def pages(cursor: str = "", **_: Any) -> dict[str, Any]:
        if cursor:
            return {"items": [contact("Zoë, the last", phone="+46 8 1")], "next": None}
        return {"items": [contact("Ada", title='The "boss"')], "next": "more"}

    rpc.on("contacts", "list_contacts", pages)
    answer = ada.get(EXPORT)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="contacts-kazenor-20')
    assert answer.headers["content-disposition"].endswith('.csv"')
    assert answer.content.decode("utf-8").split("\r\n") == [
        "\ufeffName,E-mail,Title,Phone",
        'Ada,ada@x.example,"The ""boss""",',
        '"Zoë, the last","zoë, the last@x.example",,\'+46 8 1',
        "",
    ]
    first, second = rpc.asked("contacts", "list_contacts")
    assert first == {"tenant": "kazenor", "actor": ADA["id"], "limit": 200}
    assert second == {**first, "cursor": "more"}


def test_an_export_that_is_refused_is_a_problem_document(ada: TestClient, rpc: FakeRpc) -> None:
    for refusal, status in ((Forbidden(), 403), (Unavailable(), 503)):
        rpc.on("contacts", "list_contacts", refusal)
        answer = ada.get(EXPORT)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_an_export_takes_no_parameters(ada: TestClient, rpc: FakeRpc) -> None:
    def strict(**asked: Any) -> dict[str, Any]:
        if "query.q" in asked:
            raise ValidationError.of(("query.q", "This field is not known here."))
        return {"items": [], "next": None}

    rpc.on("contacts", "list_contacts", strict)
    answer = ada.get(f"{EXPORT}?q=x")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "q")


def test_half_of_a_directory_is_never_taken_for_all_of_it(ada: TestClient, rpc: FakeRpc) -> None:
    def pages(cursor: str = "", **_: Any) -> Any:
        return Unavailable() if cursor else {"items": [contact("Ada")], "next": "more"}

    rpc.on("contacts", "list_contacts", pages)
    assert ada.get(EXPORT).status_code == 503


def test_the_description_tells_of_both(anybody: TestClient) -> None:
    paths = anybody.get("/api/v1/openapi.json").json()["paths"]
    export = paths["/api/v1/contacts/export"]["get"]
    assert export["operationId"] == "export_contacts"
    assert export["responses"]["200"]["content"] == {"text/csv": {"schema": {"type": "string"}}}
    imported = paths["/api/v1/contacts/import"]["post"]
    assert any(parameter["name"] == "If-Match" for parameter in imported["parameters"])


def test_neither_is_taken_for_a_contact() -> None:
    paths = [route.path for route in ROUTES]
    assert max(paths.index("/contacts/import"), paths.index("/contacts/export")) < paths.index("/contacts/{contact_id}")

"""docs/features.md is true: each page and endpoint that a row names is one the gateway has, and each test is there."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from fastapi.routing import iter_route_contexts

from deploy.local.paths import ROOT
from services.gateway.api import ROUTES
from services.gateway.api.routing import PREFIX
from services.gateway.app import create_app
from services.gateway.pages.deciding import DECISIONS
from tests.unit.gateway.fake_rpc import FakeRpc

_CODE = re.compile(r"`([^`]+)`")
_ADDRESS = re.compile(r"(?:(?P<methods>[A-Z]+(?:, [A-Z]+)*) )?(?P<path>…?/\S*)")

Served = set[tuple[str, str]]


@dataclass(frozen=True)
class Row:
    """A line of the table; what stands in backticks in its columns."""

    name: str
    pages: list[str]
    endpoints: list[str]
    tests: list[str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    lines = (ROOT / "docs" / "features.md").read_text().splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert table[0] == ["row", "what there is now", "page", "endpoint", "test"]
    return [Row(name, *map(_CODE.findall, (page, endpoint, test))) for name, _, page, endpoint, test in table[1:]]


@pytest.fixture(scope="module")
def served() -> Served:
    """Method and address of all that the gateway answers: the pages, each decision by its name, and the API."""
    pages = {
        (m, str(route.path)) for route in iter_route_contexts(create_app(FakeRpc()).routes) for m in route.methods or ()
    }
    pages |= {(method, path.replace("{decision}", name)) for method, path in pages for name in DECISIONS}
    api = {(route.method, PREFIX + route.path) for route in ROUTES}
    return {(method, _bare(path)) for method, path in pages | api | {("GET", f"{PREFIX}/openapi.json")}}


def _bare(path: str) -> str:
    """Without query and anchor, and with `{}` for each part that varies."""
    return re.sub(r"\{[^}]*\}", "{}", re.sub(r"[?#].*", "", path))


def _answers(served: Served, method: str, path: str) -> bool:
    """Whether something is there; an `…` stands for a beginning that the row names in full elsewhere."""
    path = _bare(path)
    return any(m == method and (p.endswith(path[1:]) if path[0] == "…" else p == path) for m, p in served)


def test_the_pages_it_names_are_there(rows: list[Row], served: Served) -> None:
    named = [(row.name, page) for row in rows for page in row.pages if page[0] != "#"]
    assert [one for one in named if not _answers(served, "GET", one[1])] == []


def test_the_endpoints_it_names_are_there(rows: list[Row], served: Served) -> None:
    wrong = []
    for row in rows:
        for code in row.endpoints:
            address = _ADDRESS.fullmatch(code)
            if address is None:  # a header, or a field of an answer
                continue
            path = address["path"]
            if not path.startswith(("…", PREFIX)):
                path = PREFIX + path
            methods = (address["methods"] or "GET").split(", ")
            wrong += [(row.name, f"{method} {path}") for method in methods if not _answers(served, method, path)]
    assert wrong == []


def test_the_tests_it_names_are_there(rows: list[Row]) -> None:
    """A folder counts when tests are in it."""
    assert [row.name for row in rows if not row.tests] == []
    named = {test for row in rows for test in row.tests}
    folders = {test for test in named if test.endswith("/") and any((ROOT / test).rglob("test_*.py"))}
    assert {test for test in named - folders if not (ROOT / test).is_file()} == set()

"""The OpenAPI description tells of every endpoint that serves, and refers to nothing that is missing."""

from __future__ import annotations

import json
import re

from starlette.testclient import TestClient

from services.gateway.api import ROUTES


def test_every_endpoint_is_described(anybody: TestClient) -> None:
    described = anybody.get("/api/v1/openapi.json").json()
    operations = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert operations == {(route.method, "/api/v1" + route.path) for route in ROUTES}
    names = [item["operationId"] for path in described["paths"].values() for item in path.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere(anybody: TestClient) -> None:
    described = anybody.get("/api/v1/openapi.json").json()
    for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(described)):
        assert name in described["components"]["schemas"]


def test_a_repetition_says_what_it_lacks(anybody: TestClient) -> None:
    paths = anybody.get("/api/v1/openapi.json").json()["paths"]

    def told(path: str) -> str:
        parameters = paths[f"/api/v1{path}"]["post"]["parameters"]
        return str(next(p["description"] for p in parameters if p["name"] == "Idempotency-Key"))

    assert "`key` is null" in told("/api-keys")
    assert told("/contacts").endswith("does nothing twice.")


def test_every_operation_names_its_problems(anybody: TestClient) -> None:
    for path, item in anybody.get("/api/v1/openapi.json").json()["paths"].items():
        for operation in item.values():
            assert "application/problem+json" in operation["responses"]["503"]["content"], path
            assert "422" in operation["responses"]

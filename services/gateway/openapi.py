"""The OpenAPI description, written from the same routes that serve."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from services.gateway.api import schemas
from services.gateway.api.routing import PREFIX, Route
from services.gateway.identity import ANY_KEY, NO_KEY
from services.gateway.problems import MEDIA_TYPE, STATUSES

_REF = "#/components/schemas/{model}"
_ALWAYS = ("unavailable", "internal_error")
_PEOPLE: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": [], "csrf": []}]
_PERSONAL = ("not_authenticated", "forbidden")


def describe(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of these routes."""
    models: dict[Any, Literal["validation", "serialization"]] = {schemas.basics.Problem: "serialization"}
    for route in routes:
        if route.body:
            models[route.body] = "validation"
        if route.result:
            models[route.result] = "serialization"
    _, definitions = models_json_schema(list(models.items()), ref_template=_REF)
    components = definitions["$defs"]
    for route in routes:
        # A field of a change that is left out stays as it is; a default would say otherwise.
        if route.body and route.method == "PATCH":
            for part in components[route.body.__name__]["properties"].values():
                part.pop("default", None)
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Accord",
            "version": version,
            "summary": "Partnerships between businesses, seen from the side of whoever asks.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [*_PEOPLE, {"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a session."},
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "accord_<tenant>_<id>_key<secret><checksum>",
                    "description": "An API key. An operation names the scope that it needs; one that names none takes any key.",
                },
                "cookie": {"type": "apiKey", "in": "cookie", "name": "accord_session"},
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-CSRF-Token",
                    "description": "With a cookie, for whatever changes something.",
                },
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation or route.rpc,
        "summary": route.summary,
        "tags": [route.path.split("/")[1]],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.anonymous:
        operation["security"] = []
    elif route.scope == NO_KEY:
        operation["security"] = _PEOPLE
    elif route.scope != ANY_KEY:
        operation["security"] = [*_PEOPLE, {"apiKey": [route.scope]}]
    if route.body:
        operation["requestBody"] = {
            "required": bool(route.body.model_fields),
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=route.body.__name__)}}},
        }
    return operation


_REPEATED = "A repetition with the same key and body gives the first answer again and does nothing twice."


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in route.ids
    ]
    if route.query:
        for name, part in route.query.model_json_schema()["properties"].items():
            schema = {key: value for key, value in part.items() if key not in {"title", "description", "default"}}
            if name in {"limit", "sort"}:
                schema["default"] = part["default"]
            parameter = {"name": name, "in": "query", "required": False, "schema": schema}
            if "description" in part:
                parameter["description"] = part["description"]
            found.append(parameter)
    if route.method == "POST" and route.repeatable:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255},
                "description": f"{_REPEATED} {route.lacks}".strip(),
            }
        )
    if "changed_meanwhile" in route.codes:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
                "description": "The version that was looked at, in quotes.",
            }
        )
    return found


def _responses(route: Route) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(route.status).phrase}
    if route.result:
        success["content"] = {"application/json": {"schema": {"$ref": _REF.format(model=route.result.__name__)}}}
    elif route.media_type != "application/json":
        success["content"] = {route.media_type: {"schema": {"type": "string"}}}
    if route.location:
        success["headers"] = {"Location": {"schema": {"type": "string"}}}
    found = {str(route.status): success}
    codes: dict[int, list[str]] = {}
    for code in _codes(route):
        codes.setdefault(STATUSES[code][0], []).append(code)
    for status in sorted(codes):
        answer: dict[str, Any] = {
            "description": f"{HTTPStatus(status).phrase}: " + ", ".join(f"`{code}`" for code in codes[status]),
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
        if status in {429, 503}:
            answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
        if status == 401:
            answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
        found[str(status)] = answer
    return found


def _codes(route: Route) -> list[str]:
    codes = [] if route.anonymous else list(_PERSONAL)
    if route.ids:
        codes.append("not_found")
    if not route.reads:
        codes += ["too_large", "unsupported_media_type"]
    codes.append("validation_error")
    if route.method == "POST" and route.repeatable:
        codes.append("idempotency_key_reused")
    return list(dict.fromkeys([*codes, *route.codes, *_ALWAYS]))

"""From an HTTP request to the keyword arguments of an RPC, without judging them: the service does that, in the right order.

401, 413 and 415 are found here; 404, 403 and 422 by the service, in this order. What only the gateway can see to be wrong (a query
parameter nobody knows, a key that is too long, a body that would overwrite the caller) is therefore handed on under a name no service
knows (`body.tenant`, `query.page`), which the service refuses when it is the form's turn; `Form.translate` then gives the error its
real name.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from starlette.requests import Request

from services.gateway.problems import RequestTimeout, TooLarge, UnsupportedMediaType
from shared.errors import FieldError, ValidationError

LIMIT = 1024 * 1024
SECONDS = 30.0
LONGEST_KEY = 255
DEEPEST = 32
"""Levels of lists and objects in a body."""
NOT_AN_OBJECT = "The body must be a JSON object."
# What a body may not set, on whatever endpoint: who asks, and what comes from a header.
RESERVED = frozenset({"tenant", "actor", "client", "idempotency_key", "if_match", "body", "self"})
RESERVED_ANONYMOUS = RESERVED - {"tenant", "actor"}

_INTEGER = re.compile(r"-?[0-9]{1,15}")
_VERSION = re.compile(r'"([!#-~]{0,100})"')


@dataclass(slots=True)
class Form:
    """The keyword arguments for a service, and what is wrong with some of them, by their name there."""

    kwargs: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, FieldError | str] = field(default_factory=dict)

    def blame(self, name: str, public: str, message: str | None = None) -> None:
        """Hand on `name`, which no service knows; it is to be refused as `public`, with `message` or the service's own sentence."""
        self.kwargs[name] = None
        self.faults[name] = public if message is None else FieldError(field=public, message=message)

    def translate(self, refusal: ValidationError) -> ValidationError:
        """The service's refusal with the names the client knows."""
        if not self.faults:
            return refusal
        errors = [self._public(error) for error in refusal.info["errors"]]
        return ValidationError(refusal.detail, {**refusal.info, "errors": errors})

    def _public(self, error: FieldError) -> FieldError:
        fault = self.faults.get(error["field"])
        if fault is None:
            return error
        return FieldError(field=fault, message=error["message"]) if isinstance(fault, str) else fault

    def refuse_faults(self) -> None:
        """Raises ValidationError when something is wrong that the service did not look at."""
        if self.faults:
            raise ValidationError(
                None,
                errors=[
                    FieldError(field=fault, message="This field is not known here.")
                    if isinstance(fault, str)
                    else fault
                    for fault in self.faults.values()
                ],
            )


async def read(request: Request) -> bytes:
    """The body. Raises TooLarge as soon as it is, UnsupportedMediaType when there is one that is not JSON, RequestTimeout."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > LIMIT:
        raise TooLarge()
    if length == "0" or (not length and "transfer-encoding" not in request.headers):
        return b""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if (
        media_type.strip().lower() != "application/json"
        or request.headers.get("content-encoding", "identity") != "identity"
    ):
        raise UnsupportedMediaType()
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMediaType("Send the body as application/json in UTF-8.")
    found, size = [], 0
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > LIMIT:
                    raise TooLarge()
                found.append(chunk)
    except TimeoutError:
        raise RequestTimeout() from None
    return b"".join(found)


def add_body(form: Form, raw: bytes, reserved: Collection[str]) -> None:
    """The fields of a JSON object; `reserved` names cannot get through."""
    if not raw.strip(b" \t\r\n"):
        return
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        body = None
    if _too_deep(body):
        body = None
    if b"\\ud" in raw.lower():
        body = _without_surrogates(body)
    if not isinstance(body, dict):
        form.kwargs["body"] = NOT_AN_OBJECT
        form.faults["body"] = FieldError(field="body", message=NOT_AN_OBJECT)
        return
    for name, value in body.items():
        if name in reserved:
            form.blame(f"body.{name}", name)
        else:
            form.kwargs[name] = value


def _too_deep(value: Any) -> bool:
    """Whether lists and objects are nested deeper than anything of ours: further on, each step into them costs a stack frame."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def _without_surrogates(value: Any) -> Any:
    """Lone surrogates are no text: they fall out of values, and make a name one that nobody knows."""
    if isinstance(value, str):
        return value.encode("utf-8", "ignore").decode()
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {name.encode("utf-8", "replace").decode(): _without_surrogates(item) for name, item in value.items()}
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number without end is no JSON")
    return number


def add_query(form: Form, request: Request, known: Mapping[str, str]) -> None:
    """The query parameters; `known` maps their names to `string`, `integer`, `boolean` or `array`.

    Text that does not look like its kind is handed on as it is, for the service to refuse. An empty one (`?cursor=`) is as good as none.
    """
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if value or name not in known:
            given.setdefault(name, []).append(value)
    for name, values in given.items():
        kind = known.get(name)
        if kind is None:
            form.blame(f"query.{name}", name, "This parameter is not known here.")
        elif kind == "array":
            form.kwargs[name] = values
        elif len(values) > 1:
            form.blame(f"query.{name}", name, "Give this parameter once.")
        else:
            form.kwargs[name] = _typed(kind, values[0])


def _typed(kind: str, value: str) -> Any:
    if kind == "integer" and _INTEGER.fullmatch(value):
        return int(value)
    if kind == "boolean" and value in {"true", "false"}:
        return value == "true"
    return value


def add_headers(form: Form, request: Request, credential: str, *, repeatable: bool) -> None:
    """`Idempotency-Key` of a POST, as a digest over credential, path and key (not handed on unless `repeatable`); `If-Match`."""
    key = request.headers.get("idempotency-key")
    if key is not None and request.method == "POST":
        if not 1 <= len(key) <= LONGEST_KEY:
            form.blame("header.Idempotency-Key", "Idempotency-Key", f"A key has 1 to {LONGEST_KEY} characters.")
        elif repeatable:
            form.kwargs["idempotency_key"] = sha256(f"{credential}\0{request.url.path}\0{key}".encode()).hexdigest()
    wanted = request.headers.get("if-match")
    if wanted is not None and wanted.strip() != "*":
        version = _VERSION.fullmatch(wanted.strip())
        if version:
            form.kwargs["if_match"] = version[1]
        else:
            form.blame("header.If-Match", "If-Match", 'Write the version in quotes, like "7".')

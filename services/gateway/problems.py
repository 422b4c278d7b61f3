"""From refusals to RFC 9457 problem documents: the one table of codes, statuses and titles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any

from starlette.responses import Response

from shared.errors import Refusal

MEDIA_TYPE = "application/problem+json"

STATUSES: Mapping[str, tuple[int, str]] = {
    "bad_request": (400, "Bad request"),
    "not_authenticated": (401, "Not logged in"),
    "forbidden": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "request_timeout": (408, "The request took too long"),
    "wrong_state": (409, "Not in this state"),
    "partnership_exists": (409, "Partnership exists"),
    "tenant_taken": (409, "Tenant name taken"),
    "email_taken": (409, "E-mail taken"),
    "role_in_use": (409, "Role in use"),
    "contact_in_use": (409, "Contact in use"),
    "contact_has_pending_change": (409, "Contact has a pending change"),
    "last_admin": (409, "Last admin"),
    "last_manager": (409, "Last manager"),
    "too_many": (409, "Too many"),
    "too_soon": (409, "Too soon"),
    "changed_meanwhile": (412, "Changed meanwhile"),
    "too_large": (413, "Too large"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "validation_error": (422, "Some fields need another value"),
    "idempotency_key_reused": (422, "Idempotency-Key used before"),
    "rate_limited": (429, "Too many requests"),
    "internal_error": (500, "Something broke"),
    "unavailable": (503, "Unavailable for a moment"),
}
# A code that is not in the table comes from a service that is newer than this gateway: the rule said no.
OTHER = (409, "Not possible now")
# Seconds to wait when a refusal does not say it itself.
RETRY_AFTER = {"rate_limited": 60, "unavailable": 1}
_OWN = frozenset({"type", "title", "status", "detail", "code", "errors"})


class TooLarge(Refusal):
    code = "too_large"
    sentence = "The body is larger than 1 MiB."


class UnsupportedMediaType(Refusal):
    code = "unsupported_media_type"
    sentence = "Send the body as application/json."


class RequestTimeout(Refusal):
    code = "request_timeout"
    sentence = "The body did not arrive in time."


class MethodNotAllowed(Refusal):
    code = "method_not_allowed"
    sentence = "This address does not answer this method."


class BadRequest(Refusal):
    code = "bad_request"
    sentence = "The request cannot be understood."


class InternalError(Refusal):
    code = "internal_error"
    sentence = "Something broke on our side. It has been noted."


# What the framework refuses by itself.
BY_STATUS: Mapping[int, type[Refusal]] = {
    400: BadRequest,
    401: next(cls for cls in Refusal.__subclasses__() if cls.code == "not_authenticated"),
    403: next(cls for cls in Refusal.__subclasses__() if cls.code == "forbidden"),
    404: next(cls for cls in Refusal.__subclasses__() if cls.code == "not_found"),
    405: MethodNotAllowed,
    408: RequestTimeout,
    413: TooLarge,
    415: UnsupportedMediaType,
}


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    return STATUSES.get(refusal.code, OTHER)[0]


def document(refusal: Refusal) -> dict[str, Any]:
    """The problem document: `{type, title, status, detail, code, errors}` and what else the refusal carries (`retry_at`)."""
    status, title = STATUSES.get(refusal.code, OTHER)
    more = {key: value for key, value in refusal.info.items() if key not in _OWN}
    return {
        "type": f"/problems/{refusal.code}",
        "title": title,
        "status": status,
        "detail": refusal.detail,
        "code": refusal.code,
        "errors": refusal.info.get("errors", []),
        **more,
    }


def retry_after(refusal: Refusal, now: datetime) -> int | None:
    """Whole seconds until a repetition makes sense, for 429 and 503; else None."""
    if refusal.code not in RETRY_AFTER:
        return None
    seconds = refusal.info.get("retry_after")
    if isinstance(seconds, int | float) and seconds >= 0:
        return max(1, ceil(seconds))
    try:
        return max(1, ceil((datetime.fromisoformat(refusal.info["retry_at"]) - now).total_seconds()))
    except (KeyError, TypeError, ValueError):
        return RETRY_AFTER[refusal.code]


def problem(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """The response to a refusal, with `WWW-Authenticate` for 401 and `Retry-After` for 429 and 503."""
    response = Response(to_json(document(refusal)), status_of(refusal), headers, MEDIA_TYPE)
    if refusal.code == "not_authenticated":
        response.headers["WWW-Authenticate"] = 'Bearer realm="accord"'
    seconds = retry_after(refusal, datetime.now(UTC))
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8. Lone surrogates, which UTF-8 cannot carry, stay escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")

"""What Accord says no with. One class a code of the public contract; the gateway maps codes to HTTP in one table.

A refusal carries a sentence for people (`detail`) and, where fields are at fault, one entry a field. It crosses RPC as
`exc_type` (the class name), `args[0]` (the sentence) and `args[1]` (`{"code", "errors", …}`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypedDict


class FieldError(TypedDict):
    """One field at fault: `field` is dotted (`items.0.roles`), `message` a sentence."""

    field: str
    message: str


class Refusal(Exception):
    """A request that is answered with no. `code` is the one of the public contract."""

    code: ClassVar[str] = "refused"
    sentence: ClassVar[str] = "This cannot be done."

    def __init__(self, detail: str | None = None, info: dict[str, Any] | None = None, /, **more: Any) -> None:
        self.detail = detail or self.sentence
        self.info: dict[str, Any] = {**(info or {}), **more}
        self.info["code"] = self.code
        self.info.setdefault("errors", [])
        super().__init__(self.detail, self.info)

    def __str__(self) -> str:
        return self.detail


class NotAuthenticated(Refusal):
    code = "not_authenticated"
    sentence = "Log in first: the credential is missing, wrong, expired or revoked."


class NotFound(Refusal):
    code = "not_found"
    sentence = "There is nothing here, or it is not yours to see."


class Forbidden(Refusal):
    code = "forbidden"
    sentence = "Your role does not allow this."


class ValidationError(Refusal):
    code = "validation_error"
    sentence = "Some fields need another value."

    @classmethod
    def of(cls, *errors: tuple[str, str]) -> ValidationError:
        """A refusal that names each field at fault with its sentence."""
        return cls(None, errors=[FieldError(field=field, message=message) for field, message in errors])


class IdempotencyKeyReused(Refusal):
    code = "idempotency_key_reused"
    sentence = "This Idempotency-Key was used for another request. Use a new key."


class WrongState(Refusal):
    code = "wrong_state"
    sentence = "The partnership is not in a state that allows this."


class PartnershipExists(Refusal):
    code = "partnership_exists"
    sentence = "There is already a live partnership or open offer with this business."


class ContactHasPendingChange(Refusal):
    code = "contact_has_pending_change"
    sentence = "A proposal of yours about this contact still waits for an answer. Withdraw it first, or wait."


class LastManager(Refusal):
    code = "last_manager"
    sentence = "Somebody must look after the partnership: add another manager before you remove the last one."


class TenantTaken(Refusal):
    code = "tenant_taken"
    sentence = "This tenant name is taken. Names are never given out twice."


class EmailTaken(Refusal):
    code = "email_taken"
    sentence = "Somebody in this business has this e-mail already."


class RoleInUse(Refusal):
    code = "role_in_use"
    sentence = "Somebody holds this role. Take it away from them first."


class ContactInUse(Refusal):
    code = "contact_in_use"
    sentence = "This contact is part of a partnership, or has a login, and cannot be deleted."


class LastAdmin(Refusal):
    code = "last_admin"
    sentence = "A business needs at least one active admin."


class TooMany(Refusal):
    code = "too_many"
    sentence = "There are as many of these as there may be."


class ChangedMeanwhile(Refusal):
    code = "changed_meanwhile"
    sentence = "Somebody changed this in the meantime. Load it again."


class RateLimited(Refusal):
    code = "rate_limited"
    sentence = "Too many requests. Try again later."


class TooSoon(Refusal):
    code = "too_soon"
    sentence = "It is too soon for this."


class Unavailable(Refusal):
    code = "unavailable"
    sentence = "A part of Accord is away for a moment. Nothing was half done: repeat the request with the same key."


def _all(cls: type[Refusal]) -> list[type[Refusal]]:
    return [cls, *(below for child in cls.__subclasses__() for below in _all(child))]


def refusal(name: str, detail: str | None, info: dict[str, Any] | None) -> Refusal | None:
    """The refusal that crossed RPC under the class name `name`, or None when it is not one of ours."""
    for cls in _all(Refusal):
        if cls.__name__ == name:
            known = {key: value for key, value in (info or {}).items() if key != "code"}
            return cls(detail, known)
    return None


def field_errors(pairs: Sequence[tuple[str, str]]) -> list[FieldError]:
    """The wire shape of (field, message) pairs."""
    return [FieldError(field=field, message=message) for field, message in pairs]

"""A request as it comes over RPC: who asks, about what, and the body; parsed in the order in which refusals are looked for.

The keyword arguments of an RPC are `tenant`, `actor`, the ids of the path, the fields of the body, `idempotency_key`, and `client`: the
network `address` and the user `agent` it comes from, where the gateway says so.
`Call.read` turns the body into a command and refuses it with one entry a field.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared import settings
from shared.errors import NotFound, ValidationError
from shared.ids import is_id
from shared.text import Id, cut_line

SYSTEM = "system"
LONGEST_CURSOR = 8000
"""A cursor quotes what a list is sorted by: a name and an e-mail of the greatest length, in letters of four bytes, have room in it."""


class Body(BaseModel):
    """The body of a request. Unknown fields are an error; nothing is coerced from another JSON type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Empty(Body):
    """A request without a body."""


class Paged(Body):
    """`limit` (1 to 200) and `cursor` (what `next` of the page before said) of every list."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=LONGEST_CURSOR)


def no_doubles(values: list[Any]) -> list[Any]:
    """The list as it is; ValueError when something stands in it twice."""
    seen = [json.dumps(v, default=str, sort_keys=True) for v in values]
    if len(set(seen)) != len(seen):
        raise ValueError("The same entry stands here twice.")
    return values


LONGEST_LIST = 200
Ids = Annotated[list[Id], Field(max_length=LONGEST_LIST), AfterValidator(no_doubles)]
B = TypeVar("B", bound=BaseModel)

# The fingerprint is stored: a fast hash over a password, without a key, would let whoever holds a dump try passwords out.
_SECRETS = frozenset({"password", "old", "new", "token"})

_TENANT = re.compile(r"[a-z0-9-]{1,63}")
_SENTENCES = {
    "missing": "This field is required.",
    "extra_forbidden": "This field is not known here.",
    "string_type": "This must be text.",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "int_type": "This must be a whole number.",
    "bool_type": "This must be true or false.",
    "model_attributes_type": "This must be an object.",
}


def _sentence(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind in {"too_short", "too_long"} and isinstance(error.get("input"), str):
        kind = f"string_{kind}"
    if kind == "string_too_short":
        return (
            "This must not be empty."
            if context["min_length"] == 1
            else f"Use at least {context['min_length']} characters."
        )
    if kind == "string_too_long":
        return f"Use at most {context['max_length']} characters."
    if kind == "too_long":
        return f"At most {context['max_length']} entries fit here."
    if kind == "too_short":
        return "Choose at least one." if context["min_length"] == 1 else f"Choose at least {context['min_length']}."
    if kind in {"literal_error", "enum"}:
        return f"This must be one of {context['expected']}."
    if kind == "value_error":
        return str(context["error"])
    return str(error["msg"]) + "."


def refuse(error: pydantic.ValidationError) -> ValidationError:
    """The refusal for what pydantic found, with dotted fields and a sentence each."""
    return ValidationError.of(
        *[(".".join(str(p) for p in e["loc"]), _sentence(e)) for e in error.errors(include_url=False)]
    )


def read_body(body: Mapping[str, Any], model: type[B]) -> B:
    """A body, or an item of a list in one, as `model`. Raises ValidationError with one entry a field."""
    try:
        return model.model_validate(dict(body))
    except pydantic.ValidationError as error:
        raise refuse(error) from error


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from, as far as the gateway knows: a network address and what the program calls itself; else empty.

    Only for people to read and for limits: whoever asks may have made up both.
    """

    address: str = ""
    agent: str = ""

    @classmethod
    def of(cls, given: object) -> Client:
        """What `client` of an RPC says, cleaned and cut to size; nothing of it is ever refused."""
        known = given if isinstance(given, Mapping) else {}
        return cls(*(cut_line(known.get(name), most) for name, most in (("address", 100), ("agent", 300))))


@dataclass(frozen=True)
class Call:
    """One request: `method` of the service, by `actor` of `tenant`, on what `ids` name, with `body` unparsed. `began`: when, by the clock of
    this process that never goes back."""

    method: str
    tenant: str
    actor: str
    ids: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    if_match: str | None = None
    client: Client = Client()
    began: float = field(default_factory=time.monotonic, compare=False)

    @classmethod
    def of(cls, method: str, request: Mapping[str, Any], ids: Sequence[str] = (), *, anonymous: bool = False) -> Call:
        """Parse RPC keyword arguments. Raises NotFound for a malformed id of the path, ValidationError for a malformed caller.

        With `anonymous` there is no caller: `tenant` and `actor`, if given, are fields of the body.
        """
        rest = dict(request)
        key, if_match = rest.pop("idempotency_key", None), rest.pop("if_match", None)
        client = Client.of(rest.pop("client", None))
        tenant, actor = ("", "") if anonymous else (rest.pop("tenant", None), rest.pop("actor", None))
        if not anonymous and (not isinstance(tenant, str) or not tenant or not isinstance(actor, str) or not actor):
            raise ValidationError.of(("tenant", "An RPC names the tenant and the actor."))
        if not anonymous and not _TENANT.fullmatch(tenant):
            # Row-level security is told the tenants as one list: a comma would name another one.
            raise NotFound()
        if key is not None and not (isinstance(key, str) and 0 < len(key) <= 255 and key.isprintable()):
            raise ValidationError.of(("Idempotency-Key", "A key has 1 to 255 printable characters."))
        path = {}
        for name in ids:
            path[name] = value = rest.pop(name, None)
            if not is_id(value):
                raise NotFound()
        return cls(method, tenant, actor, path, rest, key, if_match, client)

    def read(self, model: type[B]) -> B:
        """The body as `model`. Raises ValidationError with one entry a field."""
        if "body" in self.body and "body" not in model.model_fields:
            # The gateway hands on what was not a JSON object under this name, so that 404 and 403 come before 422.
            raise ValidationError.of(("body", str(self.body["body"])))
        return read_body(self.body, model)

    @property
    def fingerprint(self) -> str:
        """What a repeated request must have in common with the first: ids and body."""
        body = {name: value for name, value in self.body.items() if name not in _SECRETS}
        secrets = {name: value for name, value in self.body.items() if name in _SECRETS}
        text = json.dumps([sorted(self.ids.items()), body, _blinded(secrets)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _blinded(secrets: Mapping[str, Any]) -> str:
    """What tells secrets apart for whoever has the key of this installation, which no dump holds; nothing where there is no key."""
    key = settings.optional("ACCORD_LINK_KEY", "")
    if not secrets or not key:
        return ""
    text = json.dumps(secrets, sort_keys=True, default=str)
    return hmac.new(key.encode(), b"fingerprint " + text.encode(), hashlib.sha256).hexdigest()
